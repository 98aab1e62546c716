//! The seam to a key management service: master keys that only ever lie about wrapped.

use std::num::NonZeroU8;

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32};

use super::{InvalidMasterKey, MasterKey, MasterKeys};
use crate::AwsLc;

const PREFIX: &str = "wk_";
const LABEL: &[u8] = b"colophon/wrap/1";

/// A service that keeps a key of its own and wraps other keys under it.
pub trait KeyWrapping: Send + Sync {
    /// Wraps `key`.
    ///
    /// # Errors
    ///
    /// [`KeyWrappingFailed`] if the service cannot do so now.
    fn wrap(&self, key: &Key32) -> Result<Vec<u8>, KeyWrappingFailed>;

    /// Reverses [`KeyWrapping::wrap`].
    ///
    /// # Errors
    ///
    /// [`KeyWrappingFailed`] if the service cannot do so now, or did not wrap this.
    fn unwrap(&self, wrapped: &[u8]) -> Result<Key32, KeyWrappingFailed>;
}

/// A key could not be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
#[error("the keeper of the wrapping key refused")]
pub struct KeyWrappingFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why wrapped master keys were not taken.
#[derive(Debug, thiserror::Error)]
pub enum WrappedKeysRefused {
    /// The text does not hold wrapped master keys.
    #[error("the wrapped master keys cannot be read")]
    Text(#[source] InvalidMasterKey),
    /// The service did not unwrap one of them.
    #[error("master key {number} could not be unwrapped")]
    Unwrap {
        /// The key's number.
        number: NonZeroU8,
        /// What the service said.
        #[source]
        cause: KeyWrappingFailed,
    },
}

impl MasterKeys {
    /// The text form with each key wrapped by `keeper`; it need not be kept secret.
    ///
    /// # Errors
    ///
    /// [`KeyWrappingFailed`] if `keeper` fails.
    pub fn to_wrapped_text(&self, keeper: &dyn KeyWrapping) -> Result<String, KeyWrappingFailed> {
        let mut text = String::new();
        for key in self.iter() {
            let wrapped = Base64UrlUnpadded::encode_string(&keeper.wrap(key.key())?);
            text.push_str(&format!("{PREFIX}{}.{wrapped}\n", key.number()));
        }
        Ok(text)
    }

    /// Reads keys that `keeper` wrapped.
    ///
    /// # Errors
    ///
    /// [`WrappedKeysRefused`] if the text is wrong or `keeper` fails.
    pub fn parse_wrapped(
        text: &str,
        keeper: &dyn KeyWrapping,
    ) -> Result<MasterKeys, WrappedKeysRefused> {
        let mut keys: Option<MasterKeys> = None;
        for line in text.lines() {
            let (number, wrapped) = parse_line(line).map_err(WrappedKeysRefused::Text)?;
            let unwrapped = keeper.unwrap(&wrapped);
            let key = unwrapped.map_err(|cause| WrappedKeysRefused::Unwrap { number, cause })?;
            let key = MasterKey::new(number, key);
            match &mut keys {
                Some(keys) => keys.push(key).map_err(WrappedKeysRefused::Text)?,
                None => keys = Some(MasterKeys::of(key)),
            }
        }
        keys.ok_or(WrappedKeysRefused::Text(InvalidMasterKey::Missing))
    }
}

fn parse_line(line: &str) -> Result<(NonZeroU8, Vec<u8>), InvalidMasterKey> {
    let (name, wrapped) = line.split_once('.').ok_or(InvalidMasterKey::Form)?;
    let number = name.strip_prefix(PREFIX).ok_or(InvalidMasterKey::Form)?;
    let number = number.parse().map_err(|_| InvalidMasterKey::Form)?;
    let wrapped = Base64UrlUnpadded::decode_vec(wrapped).map_err(|_| InvalidMasterKey::Form)?;
    Ok((number, wrapped))
}

/// One master key as the keeper of others, by AES key wrap.
impl KeyWrapping for MasterKey {
    fn wrap(&self, key: &Key32) -> Result<Vec<u8>, KeyWrappingFailed> {
        let wrapping = AwsLc.hkdf_sha256(self.key(), None, LABEL);
        Ok(AwsLc.wrap_key(&wrapping, key).to_vec())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<Key32, KeyWrappingFailed> {
        let wrapping = AwsLc.hkdf_sha256(self.key(), None, LABEL);
        let wrapped = wrapped
            .try_into()
            .map_err(|error| KeyWrappingFailed(Box::new(error)))?;
        AwsLc
            .unwrap_key(&wrapping, wrapped)
            .map_err(|error| KeyWrappingFailed(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    fn keeper(byte: u8) -> MasterKey {
        MasterKey::new(NonZeroU8::MIN, Key32::new([byte; 32]))
    }

    #[test]
    fn wrapped_keys_come_back() {
        let mut keys = MasterKeys::generate(&mut SystemRandom);
        keys.rotate(&mut SystemRandom).expect("a key");
        let text = keys.to_wrapped_text(&keeper(7)).expect("a text");
        let read = MasterKeys::parse_wrapped(&text, &keeper(7)).expect("keys");
        assert_eq!(*read.to_text(), *keys.to_text());
    }

    #[test]
    fn another_keeper_does_not_unwrap_them() {
        let keys = MasterKeys::generate(&mut SystemRandom);
        let text = keys.to_wrapped_text(&keeper(7)).expect("a text");
        let refused = MasterKeys::parse_wrapped(&text, &keeper(8));
        assert!(matches!(refused, Err(WrappedKeysRefused::Unwrap { .. })));
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in [
            "",
            "wk_1",
            "wk_0.AAAA",
            "mk_1.AAAA",
            "wk_1.A",
            "wk_1.AAAA=",
            "wk_1.AAAA",
        ] {
            assert!(
                MasterKeys::parse_wrapped(text, &keeper(7)).is_err(),
                "{text}"
            );
        }
    }
}
