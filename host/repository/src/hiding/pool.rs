//! Random bytes among which some are not.

use std::ops::Range;

use crate::dice::Dice;

/// The room a template has for them (`sdk/repository`, `own_key`).
pub(crate) const POOL_BYTES: usize = 16 << 10;

const WORD_BYTES: usize = 8;

/// The bytes that generated code reads.
pub(crate) struct Pool {
    bytes: Vec<u8>,
    read: Vec<Range<usize>>,
}

impl Pool {
    pub(crate) fn new(dice: &mut Dice<'_>) -> Pool {
        Pool {
            bytes: dice.bytes(POOL_BYTES),
            read: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The word at a place.
    pub(crate) fn word(&self, place: usize) -> u64 {
        let word = self.bytes.get(place..).and_then(<[u8]>::first_chunk);
        word.copied().map_or(0, u64::from_le_bytes)
    }

    /// Any place, whose word then stays what it is.
    pub(crate) fn any_place(&mut self, dice: &mut Dice<'_>) -> usize {
        let place = dice.below(POOL_BYTES - WORD_BYTES);
        self.read.push(place..place + WORD_BYTES);
        place
    }

    /// Puts a word at some place that nothing reads yet; none if it finds no such place.
    pub(crate) fn place(&mut self, dice: &mut Dice<'_>, word: u64) -> Option<usize> {
        for _ in 0..16 {
            let place = dice.below(POOL_BYTES - WORD_BYTES);
            let room = place..place + WORD_BYTES;
            let overlaps = |read: &Range<usize>| read.start < room.end && room.start < read.end;
            if !self.read.iter().any(overlaps) {
                self.bytes
                    .get_mut(room.clone())?
                    .copy_from_slice(&word.to_le_bytes());
                self.read.push(room);
                return Some(place);
            }
        }
        None
    }
}
