//! The upload form as it arrives.

use super::header::{CertificateHash, parse_header};
use crate::sealed::{Malformed, Sealed};

/// The longest upload form, in bytes of its compact form.
pub const FORM_BYTES_MAX: usize = 16 * 1024;

/// An upload form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedForm(pub(super) Sealed);

impl SealedForm {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not built like an upload form.
    pub fn parse(compact: &str) -> Result<SealedForm, Malformed> {
        Sealed::parse(compact, FORM_BYTES_MAX, parse_header).map(SealedForm)
    }

    /// The certificate this form says it is sealed to. It alone chooses the key.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.0.kid
    }
}

impl std::fmt::Display for SealedForm {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_strangest_texts_are_refused_without_harm() {
        for text in [
            "....".to_owned(),
            ".".repeat(FORM_BYTES_MAX),
            "A".repeat(FORM_BYTES_MAX),
            format!("{}.A.A.A.A", "W".repeat(16_000)),
            "é".repeat(FORM_BYTES_MAX / 2),
        ] {
            assert!(SealedForm::parse(&text).is_err());
        }
        assert_eq!(
            SealedForm::parse(&"A".repeat(FORM_BYTES_MAX + 1)),
            Err(Malformed::TooLong(FORM_BYTES_MAX))
        );
    }
}
