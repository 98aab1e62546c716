//! The tail: the entries that differ from copy to copy.

use std::io::{Read, Seek};

use crate::container::{EntryRecord, Method};
use crate::content::{read_stored, unpack};
use crate::xml::Caps;
use crate::{EntryPath, Form, TitleRefused, names};

/// What follows the prefix, in one of the permitted combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TailEntries {
    /// `signatures.xml`, unchecked.
    pub(crate) signatures: Option<Vec<u8>>,
    pub(crate) kind: TailKind,
}

/// Whose tail it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TailKind {
    /// A file at rest.
    AtRest,
    /// A copy that carries its key in a seal.
    Sealed {
        /// `bookplate.xml`, unchecked; at level 3.
        bookplate: Option<Vec<u8>>,
        seal: [u8; 40],
        /// `rights.xml`, unchecked.
        license: Option<Vec<u8>>,
    },
    /// A copy whose key is in its license.
    Licensed {
        /// `bookplate.xml`, unchecked.
        bookplate: Vec<u8>,
        /// `rights.xml`, unchecked.
        license: Vec<u8>,
    },
}

impl TailEntries {
    /// Reads the entries after the prefix, which must be exactly one of the permitted tails.
    pub(crate) fn read<R: Read + Seek>(
        reader: &mut R,
        entries: &[EntryRecord],
        form: Form,
    ) -> Result<TailEntries, TitleRefused> {
        let (signatures, rest) = match entries {
            [first, rest @ ..] if first.path.as_str() == names::SIGNATURES => (Some(first), rest),
            all => (None, all),
        };
        let mut tail = Tail { reader, rest };
        let kind = match form {
            _ if rest.is_empty() => TailKind::AtRest,
            Form::Sealed => {
                let bookplate = tail.optional(names::BOOKPLATE)?;
                let seal = tail.seal()?;
                let license = tail.optional(names::RIGHTS)?;
                seal.map(|seal| TailKind::Sealed {
                    bookplate,
                    seal,
                    license,
                })
                .ok_or_else(|| not_permitted(rest, form))?
            }
            Form::Licensed => {
                let bookplate = tail.optional(names::BOOKPLATE)?;
                let license = tail.optional(names::RIGHTS)?;
                match (bookplate, license) {
                    (Some(bookplate), Some(license)) => TailKind::Licensed { bookplate, license },
                    (_, None) | (None, _) => return Err(not_permitted(rest, form)),
                }
            }
        };
        if !tail.rest.is_empty() {
            return Err(not_permitted(rest, form));
        }
        let signatures = signatures
            .map(|entry| read_small(reader, entry))
            .transpose()?;
        Ok(TailEntries { signatures, kind })
    }
}

/// Entries that are taken from the front.
struct Tail<'t, R> {
    reader: &'t mut R,
    rest: &'t [EntryRecord],
}

impl<R: Read + Seek> Tail<'_, R> {
    /// The next entry's content, if it is the one of this name.
    fn optional(&mut self, name: &str) -> Result<Option<Vec<u8>>, TitleRefused> {
        match self.rest {
            [first, rest @ ..] if first.path.as_str() == name => {
                self.rest = rest;
                read_small(self.reader, first).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn seal(&mut self) -> Result<Option<[u8; 40]>, TitleRefused> {
        let Some(bytes) = self.optional(names::SEAL)? else {
            return Ok(None);
        };
        let facts = |_| TitleRefused::Facts {
            path: EntryPath::fixed(names::SEAL),
        };
        <[u8; 40]>::try_from(bytes).map(Some).map_err(facts)
    }
}

/// Names the first entry that has no place in a tail of this form, or else the last one,
/// which lacks its companion or comes out of turn.
fn not_permitted(rest: &[EntryRecord], form: Form) -> TitleRefused {
    let permitted: &[&str] = match form {
        Form::Sealed => &[names::BOOKPLATE, names::SEAL, names::RIGHTS],
        Form::Licensed => &[names::BOOKPLATE, names::RIGHTS],
    };
    let stranger = rest
        .iter()
        .find(|entry| !permitted.contains(&entry.path.as_str()));
    match stranger.or(rest.last()) {
        Some(entry) => TitleRefused::Tail {
            path: entry.path.clone(),
        },
        None => TitleRefused::NoKey,
    }
}

/// A tail entry is stored and small.
fn read_small<R: Read + Seek>(
    reader: &mut R,
    entry: &EntryRecord,
) -> Result<Vec<u8>, TitleRefused> {
    if entry.method != Method::Stored {
        return Err(TitleRefused::Facts {
            path: entry.path.clone(),
        });
    }
    let bytes_max = Caps::DOCUMENT.bytes_max as u64;
    unpack(entry, read_stored(reader, entry, bytes_max)?, bytes_max)
}
