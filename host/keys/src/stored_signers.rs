//! Signers made of the key material that a host keeps encrypted in its database.

use std::sync::Arc;

use colophon_core::center::{UploadKey, as_licensor};
use colophon_core::ports::{SignerFactory, SignerUnusable};
use colophon_receipt::CenterId;
use colophon_title::license::ReadyLicensor;
use colophon_title::trust::CertificateRole;
use colophon_title::{Signer, SignerRole};

use crate::AwsLc;
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
        center: &CenterId,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<ReadyLicensor<'static>, SignerUnusable> {
        let role = CertificateRole::Licensor;
        let signer = leaf(role, pkcs8, chain)?.licensor();
        let signer = Arc::new(signer.ok_or_else(|| other_role(role))?);
        let object = as_licensor(center).map_err(|error| unusable(role, error))?;
        ReadyLicensor::new(&AwsLc, object, signer).map_err(|error| unusable(role, error))
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
    Leaf::from_der(pkcs8, chain).map_err(|error| unusable(role, error))
}

fn unusable(
    role: CertificateRole,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SignerUnusable {
    let source = error.into();
    SignerUnusable { role, source }
}

fn other_role(role: CertificateRole) -> SignerUnusable {
    unusable(role, "its certificate is for another role")
}
