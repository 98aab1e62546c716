//! Signers made of the key material that a host keeps encrypted in its database.

use std::sync::Arc;

use colophon_core::ports::{SignerFactory, SignerUnusable};
use colophon_title::{Signer, SignerRole};

use crate::authority::Leaf;

/// Makes signers of stored private keys and certificates.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoredSigners;

impl SignerFactory for StoredSigners {
    fn signer(
        &self,
        role: SignerRole,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Arc<dyn Signer>, SignerUnusable> {
        let unusable = |source| SignerUnusable { role, source };
        let leaf = Leaf::from_der(pkcs8, chain).map_err(|error| unusable(error.into()))?;
        match leaf.signer() {
            Some(signer) if signer.role() == role => Ok(Arc::new(signer)),
            Some(_) | None => Err(unusable("its certificate is for another role".into())),
        }
    }
}
