//! Signers made of the key material that a host keeps encrypted in its database.

use std::sync::Arc;

use colophon_core::center::UploadKey;
use colophon_core::ports::{SignerFactory, SignerUnusable};
use colophon_title::license::LicenseSigner;
use colophon_title::trust::CertificateRole;
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
        let certified = CertificateRole::from(role);
        match leaf(certified, pkcs8, chain)?.signer() {
            Some(signer) if signer.role() == role => Ok(Arc::new(signer)),
            Some(_) | None => Err(other_role(certified)),
        }
    }

    fn licensor(
        &self,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Arc<dyn LicenseSigner>, SignerUnusable> {
        let role = CertificateRole::Licensor;
        let signer = leaf(role, pkcs8, chain)?.licensor();
        Ok(Arc::new(signer.ok_or_else(|| other_role(role))?))
    }

    fn upload_key(
        &self,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Arc<dyn UploadKey>, SignerUnusable> {
        let role = CertificateRole::Center;
        let key = leaf(role, pkcs8, chain)?.center_key();
        Ok(Arc::new(key.ok_or_else(|| other_role(role))?))
    }
}

fn leaf(role: CertificateRole, pkcs8: &[u8], chain: &[Vec<u8>]) -> Result<Leaf, SignerUnusable> {
    Leaf::from_der(pkcs8, chain).map_err(|error| SignerUnusable {
        role,
        source: error.into(),
    })
}

fn other_role(role: CertificateRole) -> SignerUnusable {
    SignerUnusable {
        role,
        source: "its certificate is for another role".into(),
    }
}
