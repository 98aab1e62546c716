//! The tail: the entries that differ from copy to copy.

use std::io::{Read, Seek};

use crate::container::{EntryRecord, Method};
use crate::content::{read_stored, unpack};
use crate::xml::Caps;
use crate::{Form, TitleRefused, names};

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
    },
    /// A copy whose key is in its license.
    Licensed,
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
        let paths: Vec<&str> = rest.iter().map(|entry| entry.path.as_str()).collect();
        let kind = match (form, paths.as_slice(), rest) {
            (_, [], _) => TailKind::AtRest,
            (Form::Sealed, [names::SEAL], [seal]) => TailKind::Sealed {
                bookplate: None,
                seal: read_seal(reader, seal)?,
            },
            (Form::Sealed, [names::BOOKPLATE, names::SEAL], [bookplate, seal]) => {
                TailKind::Sealed {
                    bookplate: Some(read_small(reader, bookplate)?),
                    seal: read_seal(reader, seal)?,
                }
            }
            (Form::Licensed, [names::BOOKPLATE, names::RIGHTS], _) => TailKind::Licensed,
            _ => return Err(not_permitted(rest, form)),
        };
        let signatures = signatures
            .map(|entry| read_small(reader, entry))
            .transpose()?;
        Ok(TailEntries { signatures, kind })
    }
}

/// Names the first entry that has no place in a tail of this form, or else the last one,
/// which lacks its companion or comes out of turn.
fn not_permitted(rest: &[EntryRecord], form: Form) -> TitleRefused {
    let permitted: &[&str] = match form {
        Form::Sealed => &[names::BOOKPLATE, names::SEAL],
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

fn read_seal<R: Read + Seek>(
    reader: &mut R,
    entry: &EntryRecord,
) -> Result<[u8; 40], TitleRefused> {
    let bytes = read_small(reader, entry)?;
    let facts = |_| TitleRefused::Facts {
        path: entry.path.clone(),
    };
    <[u8; 40]>::try_from(bytes).map_err(facts)
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
