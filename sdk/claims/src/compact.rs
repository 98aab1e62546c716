//! The compact forms of JOSE: parts of base64url with points between (RFC 7515, RFC 7516).
//!
//! A form splits a text, decodes one part after the other and stops at the first that is wrong;
//! so each says for itself in which order it looks.

use crate::base64url;

/// A part of a compact form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The protected header, of sealed and of signed forms.
    Header,
    /// The encrypted content encryption key.
    EncryptedKey,
    /// The initialization vector.
    Iv,
    /// The encrypted claims.
    Ciphertext,
    /// The authentication tag.
    Tag,
    /// The signed claims.
    Payload,
    /// The signature.
    Signature,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::EncryptedKey => "encrypted key",
            Part::Iv => "initialization vector",
            Part::Ciphertext => "ciphertext",
            Part::Tag => "tag",
            Part::Payload => "payload",
            Part::Signature => "signature",
        })
    }
}

/// A part is not canonical base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is not canonical base64url without padding")]
pub struct NotBase64url(pub Part);

impl Part {
    /// Decodes this part.
    ///
    /// # Errors
    ///
    /// [`NotBase64url`] if its text is not the one text of some bytes.
    pub fn decode(self, text: &str) -> Result<Vec<u8>, NotBase64url> {
        base64url::decode(text).ok_or(NotBase64url(self))
    }
}

/// The `N` parts of a compact form: 5 of a sealed one, 3 of a signed one. None if there are fewer
/// or more. Parts can be empty.
///
/// A signed form is read with the same pieces as a sealed one:
///
/// ```
/// use colophon_claims::{CenterId, Members, Part, base64url, read_header, split, write_header};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let header = base64url::encode(write_header(&[("alg", "ES256"), ("typ", "note+jwt")]).as_bytes());
/// let payload = base64url::encode(br#"{"v":1,"aud":"main"}"#);
/// let note = format!("{header}.{payload}.{}", base64url::encode(&[7; 64]));
///
/// let [header, payload, signature] = split(&note).ok_or("not three parts")?;
/// let read = read_header(&Part::Header.decode(header)?, &["alg", "typ"])?;
/// assert_eq!(read, ["ES256", "note+jwt"]);
/// let signature = Part::Signature.decode(signature)?; // over all of `note` before the last point
/// assert_eq!(signature.len(), 64);
/// let mut claims = Members::parse(&Part::Payload.decode(payload)?, &["v", "aud"])?;
/// assert_eq!(claims.required(Members::text::<CenterId>, "aud")?.as_str(), "main");
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn split<const N: usize>(compact: &str) -> Option<[&str; N]> {
    let mut texts = compact.split('.');
    let mut parts = [""; N];
    for part in &mut parts {
        *part = texts.next()?;
    }
    texts.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(compact: &str, expected: Option<[&str; N]>) {
        assert_eq!(split(compact), expected, "{compact:?}");
    }

    #[test]
    fn a_form_has_its_number_of_parts() {
        check("a.b.c", Some(["a", "b", "c"]));
        check("..", Some(["", "", ""]));
        check::<3>("", None);
        check::<3>("a.b", None);
        check::<3>("a.b.c.", None);
        check::<3>("a.b.c.d.e", None);
        check("a..c.d.e", Some(["a", "", "c", "d", "e"]));
        check::<5>("a.b.c", None);
        check::<5>("....", Some([""; 5]));
        check::<5>(&".".repeat(100_000), None);
        check::<5>("a\u{FF0E}b.c.d.e", None);
    }

    #[test]
    fn a_refusal_names_the_part() {
        assert_eq!(Part::Payload.decode("e30"), Ok(b"{}".to_vec()));
        assert_eq!(Part::Payload.decode(""), Ok(Vec::new()));
        let refused = Part::Signature.decode("e30=").expect_err("padding");
        assert_eq!(refused, NotBase64url(Part::Signature));
        assert_eq!(
            refused.to_string(),
            "the signature is not canonical base64url without padding"
        );
    }
}
