//! Secrets, each bound to the one place that it may go to.

use colophon_core::capability::{AllowedAddress, SecretUse, WebAddress};
use http::{HeaderName, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

/// A secret that is put into one field of requests to one service.
pub struct WebSecret {
    address: AllowedAddress,
    field: HeaderName,
    /// The secret with what stands before it.
    value: Zeroizing<String>,
}

/// A text cannot be the value of a field, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a secret is one line of 1 to 4096 visible characters of ASCII")]
pub struct InvalidSecret;

impl WebSecret {
    /// A secret as its file holds it, bound to its place; the end of its line does not belong to
    /// it.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn new(text: Zeroizing<String>, bound: &SecretUse) -> Result<Self, InvalidSecret> {
        let line = text.trim_end_matches(['\r', '\n']);
        let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let fits = |text: &str| text.len() <= 4096 && text.bytes().all(visible);
        if line.is_empty() || !fits(line) || !fits(&bound.prefix) {
            return Err(InvalidSecret);
        }
        let field = HeaderName::from_bytes(bound.field.as_str().as_bytes());
        Ok(Self {
            address: bound.address.clone(),
            field: field.map_err(|_| InvalidSecret)?,
            value: Zeroizing::new([bound.prefix.as_str(), line].concat()),
        })
    }

    /// Whether it may go along with a request to this address.
    pub(super) fn goes_to(&self, address: &WebAddress) -> bool {
        self.address.allows(address)
    }

    pub(super) fn field(&self) -> &HeaderName {
        &self.field
    }

    pub(super) fn value(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
