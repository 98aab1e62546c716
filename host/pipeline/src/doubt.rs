//! Whether the logging database refuses some records, or refuses everything.
//!
//! A rule in that database may refuse every record, until somebody mends it; then none of them is to
//! blame, and all wait as where it does not answer. So a record counts as refused for what is in it
//! only where the database has taken another one at the same time or later.

use std::collections::HashMap;

use colophon_core::id::EventId;
use colophon_core::ports::{RecordRefused, Service, Unavailable};
use thiserror::Error;

use crate::halving::Refused;

/// Records in doubt at most. Beyond that it begins anew, and they are in doubt for longer.
const RECORDS_MAX: usize = 8192;

/// What is known of records that were refused while nothing was taken.
#[derive(Default)]
pub(crate) struct Doubt {
    /// How often records were taken.
    taken: u64,
    /// How often they had been when a record was refused first.
    refused: HashMap<EventId, u64>,
}

/// The logging database takes nothing.
#[derive(Debug, Error)]
#[error("it takes none of the records that it is handed: {0}")]
struct TakesNothing(RecordRefused);

impl Doubt {
    /// Takes note of what came of records: how many were taken, and which were refused. It fails
    /// where those may have been refused for no fault of theirs.
    pub(crate) fn note(&mut self, taken: usize, refused: &Refused) -> Result<(), Unavailable> {
        if taken > 0 {
            self.taken = self.taken.wrapping_add(1);
            for event in refused.keys() {
                self.refused.remove(event);
            }
            return Ok(());
        }
        let Some(reason) = refused.values().next() else {
            return Ok(());
        };
        if self.refused.len().saturating_add(refused.len()) > RECORDS_MAX {
            self.refused.clear();
        }
        let (now, mut in_doubt) = (self.taken, false);
        for event in refused.keys() {
            in_doubt |= *self.refused.entry(*event).or_insert(now) == now;
        }
        if in_doubt {
            let nothing = TakesNothing(reason.clone());
            return Err(Unavailable::new(Service::LoggingDatabase, nothing));
        }
        for event in refused.keys() {
            self.refused.remove(event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(numbers: std::ops::Range<u8>) -> Refused {
        let reason = RecordRefused {
            reason: "code 7".to_owned(),
        };
        numbers
            .map(|number| (EventId::from_bytes([number; 16]), reason.clone()))
            .collect()
    }

    #[test]
    fn what_is_refused_is_to_blame_where_something_is_taken_with_it_or_after_it() {
        let mut doubt = Doubt::default();
        assert!(doubt.note(1, &refused(0..5)).is_ok());
        // Nothing is taken, however often it is tried.
        for _ in 0..3 {
            assert!(doubt.note(0, &refused(5..9)).is_err());
        }
        assert!(doubt.note(7, &refused(0..0)).is_ok());
        // One came only now.
        assert!(doubt.note(0, &refused(5..10)).is_err());
        assert!(doubt.note(0, &refused(5..9)).is_ok());
        assert!(doubt.note(0, &refused(9..10)).is_err());
        assert!(doubt.note(1, &refused(9..10)).is_ok());
        assert!(doubt.note(0, &refused(0..0)).is_ok());
    }

    #[test]
    fn what_is_in_doubt_is_bounded() {
        let mut doubt = Doubt::default();
        let reason = RecordRefused {
            reason: "code 7".to_owned(),
        };
        for number in 0..2 * RECORDS_MAX as u64 {
            let mut event = [0; 16];
            event[..8].copy_from_slice(&number.to_be_bytes());
            let one = [(EventId::from_bytes(event), reason.clone())];
            assert!(doubt.note(0, &one.into_iter().collect()).is_err());
        }
        assert!(doubt.refused.len() <= RECORDS_MAX);
    }
}
