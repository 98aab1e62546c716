//! From a text in TOML to values that can be relied on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use colophon_core::capability::{AllowedAddress, FieldName, Name};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::heads::{TableHead, first_table, line_at, table_around, with_line_first};
use super::{KvTerms, SomeLimits};

/// The longest manifest or grant that is read.
const PAPER_BYTES_MAX: usize = 64 << 10;

/// Of what both papers hold in lists.
pub(super) const ENTRIES_MAX: usize = 64;

/// Why a manifest or a grant is none.
#[derive(Debug, Error)]
pub enum PaperRefused {
    /// Longer than anybody writes.
    #[error("it has {bytes} bytes, more than the {PAPER_BYTES_MAX} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nothing stands in it.
    #[error("it is empty: no key stands in it")]
    Empty,
    /// Not TOML, or with a key that is unknown, missing or of another type. The source says where.
    #[error("it is not as its format has it")]
    Malformed(#[source] toml::de::Error),
    /// A key that belongs to the paper itself stands below the head of a table.
    #[error("{place}")]
    Misplaced {
        /// Which key that is, and where it belongs.
        place: Box<Misplaced>,
        /// Where it stands.
        #[source]
        cause: toml::de::Error,
    },
    /// A value that cannot be.
    #[error("{place}: {problem}")]
    Value {
        /// The key, with the tables it stands in.
        place: String,
        /// What is wrong with its value.
        problem: String,
    },
}

/// A key of the paper itself in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The key.
    pub key: &'static str,
    /// The table that it stands in.
    pub table: TableHead,
    /// Where it belongs.
    pub mend: Mend,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, table, mend } = self;
        write!(
            f,
            "{key} stands in {table}, and belongs to no table; {mend}"
        )
    }
}

/// How a key comes out of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// It goes above the first of them.
    Above(TableHead),
    /// It is a table itself.
    OwnTable {
        /// The key.
        key: &'static str,
        /// The first of the tables.
        first: TableHead,
    },
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(first) => write!(f, "put its line above {first}"),
            Self::OwnTable { key, first } => write!(
                f,
                "make it a table of its own, [{key}], or put its line above {first}"
            ),
        }
    }
}

/// The keys of a paper itself.
pub(super) struct Keys {
    /// Those that have a value.
    pub(super) plain: &'static [&'static str],
    /// Those that are tables.
    pub(super) tables: &'static [&'static str],
}

/// A refused value, with where it stands.
pub(super) fn refused(place: impl Display, problem: impl Display) -> PaperRefused {
    PaperRefused::Value {
        place: place.to_string(),
        problem: problem.to_string(),
    }
}

/// Reads a paper.
pub(super) fn read<T: DeserializeOwned>(text: &str, keys: &Keys) -> Result<T, PaperRefused> {
    if text.len() > PAPER_BYTES_MAX {
        return Err(PaperRefused::TooLarge { bytes: text.len() });
    }
    toml::from_str(text).map_err(|cause| match misplaced::<T>(text, &cause, keys) {
        Some(place) => PaperRefused::Misplaced {
            place: Box::new(place),
            cause,
        },
        None if is_empty(text) => PaperRefused::Empty,
        None => PaperRefused::Malformed(cause),
    })
}

/// Whether nothing stands in a paper but remarks.
fn is_empty(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| table.is_empty())
}

/// The key in whose line something is wrong, where it is one of the paper itself and stands in a table:
/// the table does not know it, or takes it for a value of its own, as `[config]` does. There names are free,
/// and only what the paper would take from its own place is misplaced.
fn misplaced<T: DeserializeOwned>(
    text: &str,
    cause: &toml::de::Error,
    keys: &Keys,
) -> Option<Misplaced> {
    let at = cause.span()?.start;
    let line = line_at(text, at)?;
    let named = match line.strip_prefix('[') {
        // `[limits.kv]`: only what the table above does not know.
        Some(head) => {
            let (_, below) = head.trim_end_matches(']').split_once('.')?;
            // The reader has no type for it, only the text; a test watches it.
            let unknown = format!("unknown field `{below}`");
            cause.message().contains(&unknown).then_some(below)?
        }
        None => {
            let key = line.split(['=', '.']).next()?.trim();
            let is_known = !cause.message().contains("unknown field");
            if is_known && !is_taken_first::<T>(text, at) {
                return None;
            }
            key
        }
    };
    let found = |list: &[&'static str]| list.iter().find(|key| **key == named).copied();
    let table = table_around(text, at)?;
    let first = first_table(text)?;
    let (key, mend) = match found(keys.tables) {
        Some(key) => (key, Mend::OwnTable { key, first }),
        None => (found(keys.plain)?, Mend::Above(first)),
    };
    Some(Misplaced { key, table, mend })
}

/// Whether a paper takes the line that a byte of it stands in, were that its first.
fn is_taken_first<T: DeserializeOwned>(text: &str, at: usize) -> bool {
    let Some((paper, line)) = with_line_first(text, at) else {
        return false;
    };
    match toml::from_str::<T>(&paper) {
        Ok(_) => true,
        // It may stand there already.
        Err(other) if other.message().contains("duplicate key") => false,
        Err(other) => other.span().is_some_and(|span| span.start > line),
    }
}

pub(super) fn name(place: impl Display, text: &str) -> Result<Name, PaperRefused> {
    Name::parse(text).map_err(|problem| refused(place, format!("\"{text}\" is no name: {problem}")))
}

/// What addresses begin with.
pub(super) fn address(place: impl Display, text: &str) -> Result<AllowedAddress, PaperRefused> {
    let address = AllowedAddress::parse(text);
    address.map_err(|problem| refused(place, format!("\"{text}\": {problem}")))
}

/// A field that a plug-in may set.
pub(super) fn field(place: impl Display, text: &str) -> Result<FieldName, PaperRefused> {
    FieldName::parse(text).map_err(|problem| refused(place, format!("\"{text}\": {problem}")))
}

/// No more entries than anybody needs.
pub(super) fn counted(place: &str, count: usize, most: usize) -> Result<(), PaperRefused> {
    if count > most {
        return Err(refused(place, format!("{count} entries, more than {most}")));
    }
    Ok(())
}

/// Names of which each stands there once.
pub(super) fn names(place: &str, texts: &[String]) -> Result<BTreeSet<Name>, PaperRefused> {
    counted(place, texts.len(), ENTRIES_MAX)?;
    let mut names = BTreeSet::new();
    for text in texts {
        if !names.insert(name(place, text)?) {
            return Err(refused(place, format!("\"{text}\" stands there twice")));
        }
    }
    Ok(names)
}

/// A table whose keys are names.
pub(super) fn named<From, To>(
    place: &str,
    table: BTreeMap<String, From>,
    convert: impl Fn(String, From) -> Result<To, PaperRefused>,
) -> Result<BTreeMap<Name, To>, PaperRefused> {
    counted(place, table.len(), ENTRIES_MAX)?;
    let entries = table.into_iter().map(|(key, value)| {
        let key = name(place, &key)?;
        let converted = convert(format!("{place}.{key}"), value)?;
        Ok((key, converted))
    });
    entries.collect()
}

/// A list whose entries are parsed one by one.
pub(super) fn parsed<T, E: Display>(
    place: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, PaperRefused> {
    counted(place, texts.len(), ENTRIES_MAX)?;
    let entries = texts.iter().map(|text| {
        parse(text).map_err(|problem| refused(place, format!("\"{text}\": {problem}")))
    });
    entries.collect()
}

/// A whole number with a unit, as `64KiB`, within bounds.
pub(super) fn bytes(place: &str, text: &str, most: u64) -> Result<u64, PaperRefused> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)];
    let found = units.into_iter().find_map(|(unit, size)| {
        let digits = text.strip_suffix(unit)?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = plain.then(|| digits.parse().ok())??;
        number.checked_mul(size)
    });
    match found {
        Some(bytes) if (1..=most).contains(&bytes) => Ok(bytes),
        Some(_) => Err(refused(
            place,
            format!("\"{text}\" is not within 1B and {}", shown(most)),
        )),
        None => Err(refused(
            place,
            format!("\"{text}\" is no size; write a whole number with B, KiB or MiB, as \"64KiB\""),
        )),
    }
}

/// A number of bytes in the largest unit that it is a whole number of.
pub(super) fn shown(bytes: u64) -> String {
    match bytes {
        whole if whole % (1 << 20) == 0 => format!("{}MiB", whole >> 20),
        whole if whole % (1 << 10) == 0 => format!("{}KiB", whole >> 10),
        bytes => format!("{bytes}B"),
    }
}

pub(super) fn within<T: PartialOrd + Display + Copy>(
    place: &str,
    number: T,
    least: T,
    most: T,
) -> Result<T, PaperRefused> {
    if number < least || number > most {
        return Err(refused(
            place,
            format!("{number} is not within {least} and {most}"),
        ));
    }
    Ok(number)
}

/// `[kv]`, in both papers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KvShape {
    quota: String,
    #[serde(default = "yes")]
    write: bool,
}

fn yes() -> bool {
    true
}

const QUOTA_BYTES_MAX: u64 = 64 << 20;

impl KvShape {
    pub(super) fn read(self) -> Result<KvTerms, PaperRefused> {
        Ok(KvTerms {
            quota_bytes: bytes("kv.quota", &self.quota, QUOTA_BYTES_MAX)?,
            write: self.write,
        })
    }
}

/// `[limits]`, in both papers.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsShape {
    memory: Option<String>,
    time_ms: Option<u64>,
    host_call_ms: Option<u64>,
    fuel: Option<u64>,
    host_calls: Option<u32>,
}

/// The pool's places have no more.
pub(crate) const MEMORY_BYTES_MAX: u64 = 256 << 20;
pub(crate) const TIME_MS_MAX: u64 = 10_000;
pub(crate) const FUEL_MAX: u64 = 100_000_000_000;
pub(crate) const HOST_CALLS_MAX: u32 = 1024;

impl LimitsShape {
    pub(super) fn read(self) -> Result<SomeLimits, PaperRefused> {
        fn some<T: Copy>(
            given: Option<T>,
            check: impl Fn(T) -> Result<T, PaperRefused>,
        ) -> Result<Option<T>, PaperRefused> {
            given.map(check).transpose()
        }
        let memory = self
            .memory
            .map(|text| bytes("limits.memory", &text, MEMORY_BYTES_MAX));
        let memory_bytes = memory.transpose()?;
        Ok(SomeLimits {
            memory_bytes: memory_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            time_ms: some(self.time_ms, |ms| {
                within("limits.time_ms", ms, 10, TIME_MS_MAX)
            })?,
            host_call_ms: some(self.host_call_ms, |ms| {
                within("limits.host_call_ms", ms, 1, TIME_MS_MAX)
            })?,
            fuel: some(self.fuel, |fuel| {
                within("limits.fuel", fuel, 10_000, FUEL_MAX)
            })?,
            host_calls: some(self.host_calls, |calls| {
                within("limits.host_calls", calls, 0, HOST_CALLS_MAX)
            })?,
        })
    }
}
