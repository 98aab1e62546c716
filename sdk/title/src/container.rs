//! The container: a ZIP archive that can be written in one way only.
//!
//! Every byte outside the stored entries follows from their names, methods, sizes and
//! checksums. So reading is writing again and comparing: whatever another archiver could have
//! put anywhere else (comments, extra fields, gaps, other flags, a second directory) makes
//! the file differ, and it is refused. What is in the entries is not looked at here.

mod layout;
mod read;
mod write;

use std::fmt;

pub(crate) use layout::LOCAL_HEADER_LENGTH;
pub use read::{ContainerRefused, Directory};
pub use write::{ContainerWriter, EntryWriter};
pub(crate) use write::{DirectoryHead, TailWriter};

use crate::EntryPath;

/// How an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflated (RFC 1951).
    Deflated,
}

impl Method {
    /// The number ZIP knows the method by.
    #[must_use]
    pub fn as_number(self) -> u16 {
        match self {
            Method::Stored => 0,
            Method::Deflated => 8,
        }
    }

    /// The method of a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Method> {
        match number {
            0 => Some(Method::Stored),
            8 => Some(Method::Deflated),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_number())
    }
}

/// What the directory says of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// The path.
    pub path: EntryPath,
    /// How it is stored.
    pub method: Method,
    /// The checksum of the bytes before storing.
    pub crc32: u32,
    /// Length as stored, in bytes.
    pub stored: u64,
    /// Length before storing, in bytes.
    pub size: u64,
    /// Where its header begins in the file.
    pub offset: u64,
}

impl EntryRecord {
    /// Where its stored bytes begin in the file.
    #[must_use]
    pub fn data_offset(&self) -> u64 {
        self.offset
            .saturating_add(layout::local_header_length(self))
    }

    /// Where the next entry, or the directory, begins in the file.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.data_offset().saturating_add(self.stored)
    }
}
