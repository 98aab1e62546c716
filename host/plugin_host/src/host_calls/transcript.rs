//! What was asked of the host and answered, by how much it was.
//!
//! What crosses the boundary is counted in one encoding: a byte for the arm of a variant, eight for a
//! number, a length before a text or a list. It changes only with the contract.
//!
//! Where a decision is recorded, what crossed the boundary is kept as well; where one is replayed, it
//! comes from the record.

use std::time::Instant;

use colophon_core::plugin::HostCall;

use crate::bindings::common;
use crate::record::{Call, RecordedCall, Replied};
use crate::state::CallState;

/// What was told so far, by its length.
#[derive(Default)]
pub(crate) struct Told {
    bytes: u64,
}

impl Told {
    pub(crate) fn arm(&mut self, _: u8) {
        self.count(1);
    }

    pub(crate) fn number(&mut self, _: u64) {
        self.count(8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.count(bytes.len() as u64);
    }

    fn count(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// A value of the contract.
pub(crate) trait Tell {
    fn tell(&self, told: &mut Told);
}

impl Tell for () {
    fn tell(&self, _: &mut Told) {}
}

impl Tell for bool {
    fn tell(&self, told: &mut Told) {
        told.arm(u8::from(*self));
    }
}

impl Tell for u8 {
    fn tell(&self, told: &mut Told) {
        told.arm(*self);
    }
}

impl Tell for u64 {
    fn tell(&self, told: &mut Told) {
        told.number(*self);
    }
}

impl Tell for str {
    fn tell(&self, told: &mut Told) {
        told.bytes(self.as_bytes());
    }
}

impl Tell for String {
    fn tell(&self, told: &mut Told) {
        told.bytes(self.as_bytes());
    }
}

/// Bytes are told as a whole, not one by one.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Tell for Bytes<'_> {
    fn tell(&self, told: &mut Told) {
        told.bytes(self.0);
    }
}

impl<T: Tell> Tell for [T] {
    fn tell(&self, told: &mut Told) {
        told.number(self.len() as u64);
        for item in self {
            item.tell(told);
        }
    }
}

impl<T: Tell> Tell for Vec<T> {
    fn tell(&self, told: &mut Told) {
        self.as_slice().tell(told);
    }
}

impl<T: Tell> Tell for Option<T> {
    fn tell(&self, told: &mut Told) {
        told.arm(u8::from(self.is_some()));
        if let Some(some) = self {
            some.tell(told);
        }
    }
}

impl<T: Tell, E: Tell> Tell for Result<T, E> {
    fn tell(&self, told: &mut Told) {
        told.arm(u8::from(self.is_err()));
        match self {
            Ok(given) => given.tell(told),
            Err(error) => error.tell(told),
        }
    }
}

impl<T: Tell + ?Sized> Tell for &T {
    fn tell(&self, told: &mut Told) {
        (**self).tell(told);
    }
}

impl<A: Tell, B: Tell> Tell for (A, B) {
    fn tell(&self, told: &mut Told) {
        self.0.tell(told);
        self.1.tell(told);
    }
}

impl<A: Tell, B: Tell, C: Tell> Tell for (A, B, C) {
    fn tell(&self, told: &mut Told) {
        self.0.tell(told);
        self.1.tell(told);
        self.2.tell(told);
    }
}

impl Tell for common::Book {
    fn tell(&self, told: &mut Told) {
        let common::Book { id_type, id } = self;
        (id_type, id).tell(told);
    }
}

impl Tell for common::Location {
    fn tell(&self, told: &mut Told) {
        let common::Location {
            root,
            path,
            sha256,
            size,
            extra,
        } = self;
        (root, path).tell(told);
        (sha256.as_deref().map(Bytes), size, extra).tell(told);
    }
}

/// A call under way, of which the question is known.
pub(crate) struct Asked {
    function: &'static str,
    bytes: u64,
    /// What is asked itself, where it is recorded or looked up.
    call: Option<Call>,
    begun: Instant,
}

impl CallState {
    /// Begins a call.
    pub(crate) fn asked(
        &self,
        function: &'static str,
        input: &impl Tell,
        call: impl FnOnce() -> Call,
    ) -> Asked {
        Asked {
            function,
            bytes: bytes_of(input),
            call: self.is_heard().then(call),
            begun: Instant::now(),
        }
    }

    /// The answer to a call, where a decision is replayed.
    ///
    /// # Errors
    /// The call is none that was recorded, which ends the guest.
    pub(crate) fn replayed<Answer: Replied>(
        &mut self,
        asked: &Asked,
    ) -> wasmtime::Result<Option<Answer>> {
        let (Some(replay), Some(call)) = (&mut self.replay, &asked.call) else {
            return Ok(None);
        };
        let Some(recorded) = replay.answer(call)? else {
            return Ok(None);
        };
        self.host_failed |= recorded.host_failed;
        // A record is not read whose answers are none to its questions.
        Ok(Answer::of(&recorded.reply))
    }

    /// Keeps a call, where the decision is recorded.
    pub(crate) fn keep(&mut self, asked: &mut Asked, answer: &impl Replied) {
        let host_failed = self.host_failed;
        if let (Some(heard), Some(call)) = (&mut self.heard, asked.call.take()) {
            heard.keep(|| RecordedCall {
                call,
                reply: answer.reply(),
                host_failed,
            });
        }
    }

    /// Notes a call that was answered, by what is told of the answer and the answer itself.
    pub(crate) fn note(&mut self, mut asked: Asked, told: &impl Tell, answer: &impl Replied) {
        self.keep(&mut asked, answer);
        let took = asked.begun.elapsed().as_micros();
        self.transcript.push(HostCall {
            function: asked.function,
            bytes: asked.bytes.saturating_add(bytes_of(told)),
            took_us: u64::try_from(took).unwrap_or(u64::MAX),
        });
    }
}

fn bytes_of(value: &impl Tell) -> u64 {
    let mut told = Told::default();
    value.tell(&mut told);
    told.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_as_they_are_told() {
        // The arm of the option, eight bytes of length, and the text.
        assert_eq!(bytes_of(&Some("abc".to_owned())), 1 + 8 + 3);
        assert_eq!(bytes_of(&7_u64), 8);
        assert_eq!(bytes_of(&()), 0);
        assert_eq!(bytes_of(&true), 1);
        let texts = vec!["a".to_owned(), "bc".to_owned()];
        assert_eq!(bytes_of(&texts), 8 + (8 + 1) + (8 + 2));
        let failed = Err::<String, _>(("ab".to_owned(), Bytes(b"cde")));
        assert_eq!(bytes_of(&failed), 1 + (8 + 2) + (8 + 3));
    }
}
