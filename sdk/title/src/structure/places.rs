//! Where the entries of the prefix stand.

use std::ops::Range;

use crate::container::EntryRecord;
use crate::content::{Digested, PrefixEntry, PrefixGroup};
use crate::protection::Protection;
use crate::validation::Validation;
use crate::{EntryPath, MediaType, names};

/// Where an entry stands in the list, and what its digest is over.
#[derive(Clone, Debug)]
pub(super) struct Place {
    entry: usize,
    group: usize,
    digested: DigestedPlace,
}

/// Whose stored bytes are digested for an entry, by their places.
#[derive(Clone, Debug)]
enum DigestedPlace {
    Entries(Range<usize>),
    List(usize),
}

impl Place {
    /// The places of all listed entries, in the order of the file.
    pub(super) fn all(validation: &Validation) -> impl Iterator<Item = Place> {
        let mut first = 0;
        let groups = validation.groups().enumerate();
        groups.flat_map(move |(group, listed)| {
            let entries = first..first + listed.entries.len();
            first = entries.end;
            // Of a segmented entry and the list behind it, the list alone is digested.
            let segmented = match listed.entries {
                [entry, _] if entry.protection == Protection::Segments => Some(entries.start),
                _ => None,
            };
            let digested = segmented.map_or(entries.start, |entry| entry + 1)..entries.end;
            entries.map(move |entry| Place {
                entry,
                group,
                digested: if segmented == Some(entry) {
                    DigestedPlace::List(digested.start)
                } else {
                    DigestedPlace::Entries(digested.clone())
                },
            })
        })
    }

    /// The entry at this place of a list, and of the records that are known to be those listed.
    pub(super) fn entry<'s>(
        &self,
        records: &'s [EntryRecord],
        validation: &'s Validation,
    ) -> Option<PrefixEntry<'s>> {
        let digested = match &self.digested {
            DigestedPlace::Entries(places) => Digested::Entries(records.get(places.clone())?),
            DigestedPlace::List(place) => Digested::List(records.get(*place)?),
        };
        Some(PrefixEntry {
            record: records.get(self.entry)?,
            listed: validation.entries.get(self.entry)?,
            group: PrefixGroup {
                number: self.group,
                digested,
                sha256: validation.digests.get(self.group)?,
            },
        })
    }
}

/// The entries of the publication, found once for a file. Looking one up takes as many comparisons
/// as the number of entries has binary digits.
pub(super) struct PublicationIndex {
    places: Vec<Place>,
    /// Numbers of `places`, in the order of their paths.
    by_path: Vec<usize>,
}

impl PublicationIndex {
    pub(super) fn new(validation: &Validation, media_type: &MediaType) -> PublicationIndex {
        // The container.xml of anything but an EPUB was made when it was sealed.
        let brought = |path: &EntryPath| media_type.is_epub() || path.as_str() != names::CONTAINER;
        let of_publication = |place: &Place| {
            let path = path(validation, place);
            path.is_some_and(|path| !names::is_reserved(path) && brought(path))
        };
        let places: Vec<Place> = Place::all(validation).filter(of_publication).collect();
        let mut by_path: Vec<usize> = (0..places.len()).collect();
        by_path.sort_unstable_by_key(|number| {
            let place = places.get(*number);
            place.and_then(|place| path(validation, place))
        });
        PublicationIndex { places, by_path }
    }

    /// Where the publication's entries stand, in the order of the file.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where the publication's entry of this path stands.
    pub(super) fn find(&self, validation: &Validation, wanted: &EntryPath) -> Option<&Place> {
        let place = |number: &usize| self.places.get(*number);
        let found = self.by_path.binary_search_by(|number| {
            let path = place(number).and_then(|place| path(validation, place));
            path.cmp(&Some(wanted))
        });
        self.by_path.get(found.ok()?).and_then(place)
    }
}

fn path<'v>(validation: &'v Validation, place: &Place) -> Option<&'v EntryPath> {
    validation.entries.get(place.entry).map(|entry| &entry.path)
}
