//! Groups: entries that stand one behind the other and share one digest in `validation.xml`.
//!
//! A digest is 32 bytes that nothing compresses. With one for each entry, a book of many small
//! chapters grew more by its digests than by anything else.

use std::mem;

use colophon_crypto::{Engine, Sha256Stream};

use crate::container::LOCAL_HEADER_LENGTH;
use crate::names;
use crate::protection::Protection;
use crate::validation::ListedEntry;

/// How many bytes of the file a group of several entries takes at most, their headers included.
/// So much is read to check one of them, and no more is held in memory.
pub(crate) const GROUP_BYTES_MAX: u64 = 1 << 16;

/// Tells, entry by entry, where a group begins. A list of entries has one division only.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    /// How many bytes of the file the group has room for.
    room: u64,
    /// Whether the next entry is the list of digests of the one before it.
    list_follows: bool,
}

impl Grouping {
    /// Whether the next entry begins a group.
    ///
    /// What is read before anything is decrypted shares no group with the content, so that
    /// opening a title reads none of it; and a segmented entry shares one with its list of
    /// digests alone.
    pub(crate) fn begins_with(&mut self, entry: &ListedEntry) -> bool {
        if self.list_follows {
            self.list_follows = false;
            return false;
        }
        let bytes = bytes_in_file(entry);
        let segmented = entry.protection == Protection::Segments;
        let begins = segmented || entry.path.as_str() == names::ENCRYPTION || bytes > self.room;
        let room = if begins { GROUP_BYTES_MAX } else { self.room };
        let ends = segmented || entry.path.as_str() == names::CONTAINER;
        self.room = if ends { 0 } else { room.saturating_sub(bytes) };
        self.list_follows = segmented;
        begins
    }
}

/// Length of an entry and the header in front of it. An entry that needs a ZIP64 field is too
/// large for company anyway.
fn bytes_in_file(entry: &ListedEntry) -> u64 {
    let path = entry.path.as_str().len() as u64;
    entry.stored.saturating_add(LOCAL_HEADER_LENGTH + path)
}

/// The groups of a list of entries, in order.
pub(crate) fn groups(entries: &[ListedEntry]) -> impl Iterator<Item = &[ListedEntry]> {
    let mut grouping = Grouping::default();
    if let Some(first) = entries.first() {
        grouping.begins_with(first);
    }
    entries.chunk_by(move |_, next| !grouping.begins_with(next))
}

/// Computes the digests of groups while their entries are written.
pub(crate) struct GroupDigests<'e> {
    engine: &'e dyn Engine,
    grouping: Grouping,
    open: Option<Box<dyn Sha256Stream>>,
    closed: Vec<[u8; 32]>,
}

impl<'e> GroupDigests<'e> {
    pub(crate) fn new(engine: &'e dyn Engine) -> GroupDigests<'e> {
        GroupDigests {
            engine,
            grouping: Grouping::default(),
            open: None,
            closed: Vec::new(),
        }
    }

    /// Begins the next entry, whose stored bytes [`GroupDigests::update`] takes; it takes none
    /// of a segmented entry.
    pub(crate) fn begin(&mut self, entry: &ListedEntry) {
        if self.grouping.begins_with(entry) {
            let before = self.open.replace(self.engine.sha256());
            self.closed.extend(before.map(|open| open.finish()));
        }
    }

    pub(crate) fn update(&mut self, stored: &[u8]) {
        if let Some(open) = &mut self.open {
            open.update(stored);
        }
    }

    /// Ends the last group and gives the digests of all, in order.
    pub(crate) fn close(&mut self) -> Vec<[u8; 32]> {
        let last = self.open.take();
        self.closed.extend(last.map(|open| open.finish()));
        mem::take(&mut self.closed)
    }
}
