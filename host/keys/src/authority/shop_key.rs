//! The key by which a retailer is told who somebody is.

use colophon_activation::{CertificateHash, FormKey, ShopId};
use colophon_crypto::{Key32, Mismatch};
use colophon_title::trust::{CertificateRole, EndCertificate};

use super::{Leaf, LeafError};
use crate::AwsLc;

/// A retailer's private key, with the shop that its certificate names.
pub struct ShopKey {
    leaf: Leaf,
    certificate: CertificateHash,
    shop: ShopId,
}

/// Why a key and a certificate are not those of a shop.
#[derive(Debug, thiserror::Error)]
pub enum ShopKeyError {
    /// They cannot be read, or do not belong together.
    #[error("the retailer's key and certificate cannot be used")]
    Leaf(#[from] LeafError),
    /// The certificate is for something else, or does not say which shop it is of.
    #[error("the certificate is not that of a retailer")]
    NoShop,
}

impl ShopKey {
    /// The key of a certificate, both in PEM.
    ///
    /// # Errors
    ///
    /// [`ShopKeyError`], see its variants.
    pub fn from_pem(key_pem: &str, chain_pem: &str) -> Result<ShopKey, ShopKeyError> {
        let leaf = Leaf::from_pem(key_pem, chain_pem)?;
        let own = leaf.chain().first().map(Vec::as_slice).unwrap_or_default();
        let named = EndCertificate::parse(own).map_err(|_| ShopKeyError::NoShop)?;
        let is_shop = named.role == CertificateRole::Retailer;
        let holder = named.holder().filter(|_| is_shop);
        let shop = holder.and_then(|holder| holder.parse().ok());
        Ok(ShopKey {
            certificate: CertificateHash::of(&AwsLc, own),
            shop: shop.ok_or(ShopKeyError::NoShop)?,
            leaf,
        })
    }

    /// Which shop it is.
    #[must_use]
    pub fn id(&self) -> &ShopId {
        &self.shop
    }
}

impl FormKey for ShopKey {
    fn certificate(&self) -> CertificateHash {
        self.certificate
    }

    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
        let decrypted = self.leaf.decrypt(encrypted)?;
        Key32::from_slice(&decrypted).ok_or(Mismatch)
    }
}
