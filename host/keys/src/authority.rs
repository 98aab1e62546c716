//! The certificate authority: who may sign what, for how long, and who no longer.

mod center_key;
mod issuer;
mod leaf;
mod revocation;
mod shop_key;

use colophon_crypto::Randomness;
use colophon_title::trust::CertificateRole;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use zeroize::Zeroizing;

use crate::pem::{certificates_from_pem, pem_text};
use crate::{KeyKind, PrivateKey, PrivateKeyError};

pub use center_key::CenterKey;
pub use leaf::{Leaf, LeafError, LeafLicensor, LeafSigner};
pub use revocation::{Revocation, serial_number};
pub use shop_key::{ShopKey, ShopKeyError};

use issuer::{IssuerCertificate, SubjectKey};
use revocation::since_1970;

/// Why the authority did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The private key cannot be used.
    #[error("the authority's private key cannot be used")]
    Key(#[source] PrivateKeyError),
    /// The certificate is not that of an authority, or cannot be read.
    #[error("not the certificate of an authority")]
    Certificate,
    /// The certificate is for another key.
    #[error("the authority's key and certificate do not belong together")]
    KeyAndCertificate,
    /// The subject of the authority's certificate is written in a way that cannot be repeated
    /// as the issuer of another.
    #[error("the authority's name cannot be written into certificates")]
    Name,
    /// A public key to be certified is outside the profile.
    #[error("the public key is neither RSA of 2048 to 4096 bits nor on P-256")]
    SubjectKey,
    /// Only a root makes authorities: one below another would be believed by nobody.
    #[error("only a root authority makes authorities")]
    NotRoot,
    /// A validity that ends before it begins, or a time before 1970 or after 9999.
    #[error("the validity is empty or out of range")]
    Validity,
    /// The certificate or list could not be made.
    #[error("the certificate could not be made")]
    Issue(#[source] rcgen::Error),
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The common name.
    pub common_name: String,
    /// The organization.
    pub organization: Option<String>,
}

/// From when until when a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from_unix_s: i64,
    /// The last second.
    pub until_unix_s: i64,
}

/// A key that issues certificates, with its own certificate.
pub struct Authority {
    key: PrivateKey,
    certificate: IssuerCertificate,
}

impl Authority {
    /// Makes a root: a fresh key with a certificate that it signs itself.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn create_root(
        subject: &Subject,
        kind: KeyKind,
        validity: Validity,
        random: &mut dyn Randomness,
    ) -> Result<Authority, AuthorityError> {
        let key = PrivateKey::generate(kind).map_err(AuthorityError::Key)?;
        let mut params = params(subject, validity, random)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let certificate = params.self_signed(&key).map_err(AuthorityError::Issue)?;
        Authority::new(key, certificate.der().to_vec())
    }

    /// Makes an authority under this root: a fresh key that may issue certificates for one role
    /// and nothing else. Whoever steals it can do no more than that.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn issue_authority(
        &self,
        role: CertificateRole,
        subject: &Subject,
        kind: KeyKind,
        validity: Validity,
        random: &mut dyn Randomness,
    ) -> Result<Authority, AuthorityError> {
        if !self.certificate.is_self_issued {
            return Err(AuthorityError::NotRoot);
        }
        let key = PrivateKey::generate(kind).map_err(AuthorityError::Key)?;
        let subject_key = SubjectKey::parse(key.public_spki_der())?;
        let mut params = params(subject, validity, random)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.extended_key_usages = vec![usage(role)];
        Authority::new(key, self.sign(params, &subject_key)?)
    }

    /// Takes over a key in PKCS#8 PEM and its certificate in PEM.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`] if either cannot be used or they do not belong together.
    pub fn from_pem(key_pem: &str, certificate_pem: &str) -> Result<Authority, AuthorityError> {
        let key = PrivateKey::from_pem(key_pem).map_err(AuthorityError::Key)?;
        let certificates =
            certificates_from_pem(certificate_pem).map_err(|_| AuthorityError::Certificate)?;
        let certificate = certificates
            .into_iter()
            .next()
            .ok_or(AuthorityError::Certificate)?;
        Authority::new(key, certificate)
    }

    fn new(key: PrivateKey, certificate_der: Vec<u8>) -> Result<Authority, AuthorityError> {
        let certificate = IssuerCertificate::parse(certificate_der)?;
        if certificate.spki_der != key.public_spki_der() {
            return Err(AuthorityError::KeyAndCertificate);
        }
        Ok(Authority { key, certificate })
    }

    /// The authority's own certificate in DER; of a root, this is what others trust.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate.der
    }

    /// The authority's own certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem_text("CERTIFICATE", &self.certificate.der)
    }

    /// The private key in PKCS#8 PEM, wiped from memory when dropped.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pem()
    }

    /// Certifies somebody's public key (DER of its `SubjectPublicKeyInfo`) for one role, and
    /// gives the certificate in DER. The key of an activation certificate and that of a center's
    /// decrypt, all others sign.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn certify(
        &self,
        role: CertificateRole,
        subject: &Subject,
        public_spki_der: &[u8],
        validity: Validity,
        random: &mut dyn Randomness,
    ) -> Result<Vec<u8>, AuthorityError> {
        let subject_key = SubjectKey::parse(public_spki_der)?;
        let mut params = params(subject, validity, random)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![if role.signs() {
            KeyUsagePurpose::DigitalSignature
        } else {
            KeyUsagePurpose::KeyEncipherment
        }];
        params.extended_key_usages = vec![usage(role)];
        self.sign(params, &subject_key)
    }

    fn sign(
        &self,
        params: CertificateParams,
        subject_key: &SubjectKey,
    ) -> Result<Vec<u8>, AuthorityError> {
        let certificate = params
            .signed_by(subject_key, &self.certificate.issuer(&self.key))
            .map_err(AuthorityError::Issue)?;
        self.certificate.check_issued(certificate.der())?;
        Ok(certificate.der().to_vec())
    }

    /// Makes a fresh key and certifies it for one role.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn issue(
        &self,
        role: CertificateRole,
        subject: &Subject,
        kind: KeyKind,
        validity: Validity,
        random: &mut dyn Randomness,
    ) -> Result<Leaf, AuthorityError> {
        let key = PrivateKey::generate(kind).map_err(AuthorityError::Key)?;
        let certificate = self.certify(role, subject, key.public_spki_der(), validity, random)?;
        let mut chain = vec![certificate];
        if !self.certificate.is_self_issued {
            chain.push(self.certificate.der.clone());
        }
        Ok(Leaf::of(role, key, chain))
    }
}

fn params(
    subject: &Subject,
    validity: Validity,
    random: &mut dyn Randomness,
) -> Result<CertificateParams, AuthorityError> {
    if validity.from_unix_s >= validity.until_unix_s {
        return Err(AuthorityError::Validity);
    }
    let mut name = DistinguishedName::new();
    if let Some(organization) = &subject.organization {
        name.push(DnType::OrganizationName, organization.as_str());
    }
    name.push(DnType::CommonName, subject.common_name.as_str());
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970(validity.from_unix_s)?;
    params.not_after = epoch + since_1970(validity.until_unix_s)?;
    params.serial_number = Some(random_serial(random));
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn usage(role: CertificateRole) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(role.extended_key_usage().to_vec())
}

/// 16 random bytes, of which the first is made neither zero nor negative, so that the number
/// has the same length in every encoding.
fn random_serial(random: &mut dyn Randomness) -> SerialNumber {
    let mut serial = [0; 16];
    random.fill(&mut serial);
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    SerialNumber::from_slice(&serial)
}
