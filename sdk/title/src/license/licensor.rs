//! A licensor that is ready to sign.

use std::sync::Arc;

use colophon_crypto::{Engine, Verifier};

use super::chain;
use super::envelope::{SignatureForm, Unsigned};
use super::shapes::ShapesRead;
use super::{
    Delegation, LICENSE_BYTES_MAX, License, LicenseSigner, LicenseSigningFailed, Licensor, Object,
    SignedLicense,
};
use crate::trust::{
    CERTIFICATE_BYTES_MAX, CHAIN_LENGTH_MAX, CertificateRole, EndCertificate, validity,
};

/// A licensor whose certificates were read and found to be those of a licensor: what every license
/// of it has in common is worked out once. Whether the certificates are believed is for
/// [`TrustRoots`](crate::TrustRoots) to say, each time.
pub struct ReadyLicensor<'s> {
    signer: Arc<dyn LicenseSigner + 's>,
    named: Licensor,
    certificate: EndCertificate,
    valid_from_unix_s: i64,
    verifier: Box<dyn Verifier>,
    form: SignatureForm,
    shapes: ShapesRead,
}

impl<'s> ReadyLicensor<'s> {
    /// Makes the holder of a key ready, under an id and a name of its own choice.
    ///
    /// # Errors
    ///
    /// [`LicenseSigningFailed::Certificates`] if the certificates are none, too many, or not
    /// those of a licensor; [`LicenseSigningFailed::KeyAndCertificate`] if they are for a key that
    /// does not sign by the signer's algorithm.
    pub fn new(
        engine: &dyn Engine,
        object: Object,
        signer: Arc<dyn LicenseSigner + 's>,
    ) -> Result<ReadyLicensor<'s>, LicenseSigningFailed> {
        let unusable = |_| LicenseSigningFailed::Certificates;
        let chain = signer.chain();
        let in_bounds = chain.len() <= CHAIN_LENGTH_MAX
            && chain
                .iter()
                .all(|certificate| certificate.len() <= CERTIFICATE_BYTES_MAX);
        let own = chain.first().filter(|_| in_bounds);
        let own = own.ok_or(LicenseSigningFailed::Certificates)?;
        let certificate = EndCertificate::parse(own).map_err(unusable)?;
        if certificate.role != CertificateRole::Licensor {
            return Err(LicenseSigningFailed::Certificates);
        }
        let (valid_from_unix_s, _) = validity(own).map_err(unusable)?;
        let algorithm = signer.algorithm();
        let verifier = engine.verifier(algorithm, &certificate.public_key_spki_der);
        let form = SignatureForm::new(algorithm, chain);
        Ok(ReadyLicensor {
            named: Licensor::of(engine, object, signer.as_ref()),
            certificate,
            valid_from_unix_s,
            verifier: verifier.map_err(|_| LicenseSigningFailed::KeyAndCertificate)?,
            form: form.ok_or(LicenseSigningFailed::Form)?,
            shapes: ShapesRead::default(),
            signer,
        })
    }

    /// What its licenses say of it.
    #[must_use]
    pub fn named(&self) -> &Licensor {
        &self.named
    }

    /// The certificates in DER: the licensor's own first, then its issuers, the root left out.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        self.signer.chain()
    }

    /// The first second in which the licensor's own certificate is valid, since 1970.
    #[must_use]
    pub fn valid_from_unix_s(&self) -> i64 {
        self.valid_from_unix_s
    }

    /// Signs a license of this licensor. It is checked before, and its signature is verified
    /// before it is given out. Equal arguments give equal bytes.
    ///
    /// # Errors
    ///
    /// [`LicenseSigningFailed`], see its variants.
    pub fn sign(
        &self,
        engine: &dyn Engine,
        license: &License,
    ) -> Result<SignedLicense, LicenseSigningFailed> {
        self.check(license)?;
        chain::check_before_signing(license, &self.certificate)
            .map_err(LicenseSigningFailed::Delegation)?;
        self.sign_checked(engine, license)
    }

    /// The same for a license by leave of a delegation that was read before, or of none.
    pub(super) fn sign_under(
        &self,
        engine: &dyn Engine,
        license: &License,
        delegation: Option<&Delegation>,
    ) -> Result<SignedLicense, LicenseSigningFailed> {
        self.check(license)?;
        chain::check_under(license, &self.certificate, delegation)
            .map_err(LicenseSigningFailed::Delegation)?;
        self.sign_checked(engine, license)
    }

    fn check(&self, license: &License) -> Result<(), LicenseSigningFailed> {
        license.check()?;
        match license.licensor == self.named {
            true => Ok(()),
            false => Err(LicenseSigningFailed::Certificates),
        }
    }

    fn sign_checked(
        &self,
        engine: &dyn Engine,
        license: &License,
    ) -> Result<SignedLicense, LicenseSigningFailed> {
        let unsigned = Unsigned::of(license, &self.shapes).ok_or(LicenseSigningFailed::Form)?;
        let digest = engine.digest(&[unsigned.octets()]);
        let signed = self.form.signed_octets(&digest);
        let value = self
            .signer
            .sign(&signed)
            .map_err(LicenseSigningFailed::Key)?;
        // A key that does not fit its certificate is found here, not by the buyer; so is a fault
        // while signing, which could give an RSA key away.
        self.verifier
            .verify(&signed, &value)
            .map_err(|_| LicenseSigningFailed::KeyAndCertificate)?;
        let document = unsigned.with_signature(&self.form, &digest, &value);
        if document.len() > LICENSE_BYTES_MAX {
            return Err(LicenseSigningFailed::Form);
        }
        Ok(SignedLicense { document })
    }
}
