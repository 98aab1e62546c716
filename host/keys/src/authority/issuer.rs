//! What stands in a certificate that issues others, and in a public key to be certified.

use colophon_crypto::PublicKey;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, Issuer, KeyIdMethod, KeyUsagePurpose,
};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode, Encode, Tag, Tagged};
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::AuthorityError;
use crate::PrivateKey;

/// An authority's certificate with what is repeated in the certificates it issues.
pub(super) struct IssuerCertificate {
    pub(super) der: Vec<u8>,
    pub(super) spki_der: Vec<u8>,
    pub(super) is_self_issued: bool,
    pub(super) key_id: KeyIdMethod,
    subject_der: Vec<u8>,
    name: DistinguishedName,
}

impl IssuerCertificate {
    pub(super) fn parse(der: Vec<u8>) -> Result<IssuerCertificate, AuthorityError> {
        let unreadable = |_| AuthorityError::Certificate;
        let certificate = Certificate::from_der(&der).map_err(unreadable)?;
        let body = certificate.tbs_certificate;
        let constraints = body.get::<BasicConstraints>().map_err(unreadable)?;
        if !constraints.is_some_and(|(_, constraints)| constraints.ca) {
            return Err(AuthorityError::Certificate);
        }
        let key_id = match body.get::<SubjectKeyIdentifier>().map_err(unreadable)? {
            Some((_, id)) => KeyIdMethod::PreSpecified(id.0.as_bytes().to_vec()),
            None => KeyIdMethod::Sha256,
        };
        Ok(IssuerCertificate {
            spki_der: body.subject_public_key_info.to_der().map_err(unreadable)?,
            is_self_issued: body.issuer == body.subject,
            subject_der: body.subject.to_der().map_err(unreadable)?,
            name: repeat(&body.subject)?,
            key_id,
            der,
        })
    }

    /// This certificate's holder as the issuer of others.
    pub(super) fn issuer<'k>(&self, key: &'k PrivateKey) -> Issuer<'static, &'k PrivateKey> {
        let mut params = CertificateParams::default();
        params.distinguished_name = self.name.clone();
        params.key_identifier_method = self.key_id.clone();
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Issuer::new(params, key)
    }

    /// Verifiers compare names as bytes, so the issuer written must be the subject read.
    pub(super) fn check_issued(&self, issued_der: &[u8]) -> Result<(), AuthorityError> {
        let issued = Certificate::from_der(issued_der).map_err(|_| AuthorityError::Certificate)?;
        let issuer_der = issued.tbs_certificate.issuer.to_der();
        if issuer_der.is_ok_and(|der| der == self.subject_der) {
            Ok(())
        } else {
            Err(AuthorityError::Name)
        }
    }
}

/// A name as `rcgen` writes it, for the two kinds of strings that are in use.
fn repeat(name: &Name) -> Result<DistinguishedName, AuthorityError> {
    let mut repeated = DistinguishedName::new();
    for attribute in name.0.iter().flat_map(|part| part.0.iter()) {
        let arcs: Vec<u64> = attribute.oid.arcs().map(u64::from).collect();
        repeated.push(DnType::from_oid(&arcs), string_value(&attribute.value)?);
    }
    Ok(repeated)
}

fn string_value(value: &Any) -> Result<DnValue, AuthorityError> {
    let unwritable = |_| AuthorityError::Name;
    if value.tag() == Tag::Utf8String {
        let text = value.decode_as::<Utf8StringRef<'_>>().map_err(unwritable)?;
        return Ok(DnValue::Utf8String(text.as_str().to_owned()));
    }
    let text = value
        .decode_as::<PrintableStringRef<'_>>()
        .map_err(unwritable)?;
    let text = text.as_str().try_into().map_err(|_| AuthorityError::Name)?;
    Ok(DnValue::PrintableString(text))
}

/// Somebody's public key, as `rcgen` certifies it.
pub(super) struct SubjectKey {
    public: Vec<u8>,
    algorithm: &'static rcgen::SignatureAlgorithm,
}

impl SubjectKey {
    pub(super) fn parse(spki_der: &[u8]) -> Result<SubjectKey, AuthorityError> {
        let key = PublicKey::parse(spki_der).map_err(|_| AuthorityError::SubjectKey)?;
        let spki = SubjectPublicKeyInfoRef::try_from(spki_der);
        let spki = spki.map_err(|_| AuthorityError::SubjectKey)?;
        Ok(SubjectKey {
            public: spki.subject_public_key.raw_bytes().to_vec(),
            algorithm: match key {
                PublicKey::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
                PublicKey::P256(_) => &rcgen::PKCS_ECDSA_P256_SHA256,
            },
        })
    }
}

impl rcgen::PublicKeyData for SubjectKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.algorithm
    }
}
