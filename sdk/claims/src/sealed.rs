//! The last three parts of a sealed form, which `A256GCM` gives: initialization vector,
//! ciphertext and tag.

use colophon_crypto::{Engine, Key32, Mismatch};

use crate::base64url;
use crate::compact::{NotBase64url, Part};

/// Claims as they travel: well-formed, but nobody knows yet whether they are genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedClaims {
    iv: [u8; 12],
    ciphertext: Vec<u8>,
    tag: [u8; 16],
}

/// Why three parts are no sealed claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSealedClaims {
    /// A part is not canonical base64url without padding.
    #[error(transparent)]
    Base64(#[from] NotBase64url),
    /// The initialization vector is not 12 bytes long.
    #[error("the initialization vector is not 12 bytes long")]
    IvLength,
    /// The tag is not 16 bytes long.
    #[error("the tag is not 16 bytes long")]
    TagLength,
}

impl SealedClaims {
    /// Seals claims under a key and a header, the header as it stands in the compact form.
    ///
    /// The initialization vector must never repeat under one key.
    #[must_use]
    pub fn seal(
        engine: &dyn Engine,
        key: &Key32,
        iv: [u8; 12],
        header: &str,
        claims: Vec<u8>,
    ) -> SealedClaims {
        let mut ciphertext = claims;
        let cipher = engine.aes256_gcm(key);
        let tag = cipher.seal(&iv, header.as_bytes(), &mut ciphertext);
        SealedClaims {
            iv,
            ciphertext,
            tag,
        }
    }

    /// Decodes the three parts, from left to right.
    ///
    /// # Errors
    ///
    /// [`InvalidSealedClaims`] for the first that is wrong.
    pub fn decode(
        iv: &str,
        ciphertext: &str,
        tag: &str,
    ) -> Result<SealedClaims, InvalidSealedClaims> {
        let iv = Part::Iv.decode(iv)?;
        let iv = iv.try_into().map_err(|_| InvalidSealedClaims::IvLength)?;
        let ciphertext = Part::Ciphertext.decode(ciphertext)?;
        let tag = Part::Tag.decode(tag)?;
        let tag = tag.try_into().map_err(|_| InvalidSealedClaims::TagLength)?;
        Ok(SealedClaims {
            iv,
            ciphertext,
            tag,
        })
    }

    /// Opens the claims under a key and a header, the header as it stands in the compact form.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if they were not sealed under both, or were changed since.
    pub fn open(
        &self,
        engine: &dyn Engine,
        key: &Key32,
        header: &str,
    ) -> Result<Vec<u8>, Mismatch> {
        let mut claims = self.ciphertext.clone();
        let cipher = engine.aes256_gcm(key);
        cipher.open(&self.iv, header.as_bytes(), &mut claims, &self.tag)?;
        Ok(claims)
    }
}

impl std::fmt::Display for SealedClaims {
    /// Writes the three parts with points between.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encode = base64url::encode;
        let (iv, ciphertext, tag) = (
            encode(&self.iv),
            encode(&self.ciphertext),
            encode(&self.tag),
        );
        write!(f, "{iv}.{ciphertext}.{tag}")
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    const IV: &str = "AAAAAAAAAAAAAAAA";
    const TAG: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn key() -> Key32 {
        Key32::new([7; 32])
    }

    fn sealed() -> SealedClaims {
        SealedClaims::seal(&Portable, &key(), [1; 12], "aGVhZGVy", b"claims".to_vec())
    }

    #[test]
    fn what_is_sealed_opens_after_its_way_through_text() {
        let text = sealed().to_string();
        let [iv, ciphertext, tag] = crate::split(&text).expect("three parts");
        let decoded = SealedClaims::decode(iv, ciphertext, tag).expect("sealed claims");
        assert_eq!(decoded, sealed());
        let opened = decoded.open(&Portable, &key(), "aGVhZGVy");
        assert_eq!(opened, Ok(b"claims".to_vec()));
    }

    #[test]
    fn every_part_and_the_header_are_bound() {
        let refused = |sealed: SealedClaims, header: &str| {
            assert_eq!(sealed.open(&Portable, &key(), header), Err(Mismatch));
        };
        refused(sealed(), "aGVhZGVX");
        refused(sealed(), "");
        let mut changed = sealed();
        changed.iv[0] ^= 1;
        refused(changed, "aGVhZGVy");
        let mut changed = sealed();
        changed.ciphertext[5] ^= 0x80;
        refused(changed, "aGVhZGVy");
        let mut changed = sealed();
        changed.ciphertext.pop();
        refused(changed, "aGVhZGVy");
        let mut changed = sealed();
        changed.tag[15] ^= 1;
        refused(changed, "aGVhZGVy");
        let other_key = Key32::new([8; 32]);
        let opened = sealed().open(&Portable, &other_key, "aGVhZGVy");
        assert_eq!(opened, Err(Mismatch));
    }

    #[track_caller]
    fn check(iv: &str, ciphertext: &str, tag: &str, expected: InvalidSealedClaims) {
        assert_eq!(SealedClaims::decode(iv, ciphertext, tag), Err(expected));
    }

    #[test]
    fn the_first_part_that_is_wrong_is_named() {
        let base64 = |part| InvalidSealedClaims::Base64(NotBase64url(part));
        assert!(SealedClaims::decode(IV, "", TAG).is_ok());
        check("!", "!", "!", base64(Part::Iv));
        check("", "!", "!", InvalidSealedClaims::IvLength);
        check("AAAAAAAAAAAAAAAAAA", "", TAG, InvalidSealedClaims::IvLength);
        check(IV, "!", "!", base64(Part::Ciphertext));
        check(IV, "A", TAG, base64(Part::Ciphertext));
        check(IV, "", "AAAAAAAAAAAAAAAAAAAAAB", base64(Part::Tag));
        check(IV, "", "", InvalidSealedClaims::TagLength);
        check(IV, "", IV, InvalidSealedClaims::TagLength);
    }
}
