//! Certificates for tests: an authority, its intermediates, and signers with keys in memory.

use colophon_crypto::SignatureAlgorithm;
use colophon_title::signature::{Signer, SignerRole, SigningFailed};
use colophon_title::trust::{CertificateRole, TrustRoots};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    RsaKeySize, SerialNumber, SigningKey, date_time_ymd,
};

pub(crate) use SignatureAlgorithm::{EcdsaP256Sha256, RsaPkcs1Sha256};

/// 2026-01-02T03:04:05Z, inside the validity of every certificate that does not say otherwise.
pub(crate) const ISSUED_AT: i64 = 1_767_323_045;

/// An authority with the certificates between its root and what it issues.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    issuers: Vec<Vec<u8>>,
}

/// What a certificate is to say.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) name: &'static str,
    pub(crate) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(crate) key_usages: Vec<KeyUsagePurpose>,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
}

impl Wanted {
    pub(crate) fn of(role: CertificateRole) -> Wanted {
        Wanted {
            algorithm: EcdsaP256Sha256,
            name: "Signer",
            usages: vec![usage(role)],
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            years: (2020, 2040),
            serial: 7,
        }
    }
}

pub(crate) fn usage(role: CertificateRole) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(role.extended_key_usage().to_vec())
}

pub(crate) fn key(algorithm: SignatureAlgorithm) -> KeyPair {
    match algorithm {
        RsaPkcs1Sha256 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
        EcdsaP256Sha256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
    }
    .unwrap()
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    params
}

impl Authority {
    pub(crate) fn root(name: &str, algorithm: SignatureAlgorithm) -> Authority {
        let issuer = CertifiedIssuer::self_signed(authority_params(name), key(algorithm)).unwrap();
        Authority {
            issuer,
            issuers: Vec::new(),
        }
    }

    pub(crate) fn intermediate(
        &self,
        name: &str,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Authority {
        let mut params = authority_params(name);
        params.extended_key_usages = usages;
        params.serial_number = Some(SerialNumber::from(99));
        let issuer =
            CertifiedIssuer::signed_by(params, key(EcdsaP256Sha256), &self.issuer).unwrap();
        let mut issuers = vec![issuer.der().to_vec()];
        issuers.extend_from_slice(&self.issuers);
        Authority { issuer, issuers }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// The certificate of an intermediate authority, as its signers pass it on.
    pub(crate) fn chain_to_root(&self) -> Vec<u8> {
        self.issuers[0].clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn roots(&self) -> TrustRoots {
        let mut roots = TrustRoots::new();
        roots.add_roots(&self.der()).unwrap();
        roots
    }

    pub(crate) fn certificate(&self, wanted: &Wanted, key: &KeyPair) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, wanted.name);
        params.extended_key_usages = wanted.usages.clone();
        params.key_usages = wanted.key_usages.clone();
        params.not_before = date_time_ymd(wanted.years.0, 1, 1);
        params.not_after = date_time_ymd(wanted.years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    /// A signer in a role, with a certificate for just that.
    pub(crate) fn signer(&self, role: SignerRole, algorithm: SignatureAlgorithm) -> TestSigner {
        self.signer_with(
            role,
            &Wanted {
                algorithm,
                ..Wanted::of(certificate_role(role))
            },
        )
    }

    /// A signer who claims a role, with whatever certificate.
    pub(crate) fn signer_with(&self, role: SignerRole, wanted: &Wanted) -> TestSigner {
        let key = key(wanted.algorithm);
        let mut chain = vec![self.certificate(wanted, &key)];
        chain.extend_from_slice(&self.issuers);
        TestSigner {
            role,
            algorithm: wanted.algorithm,
            chain,
            key,
        }
    }

    /// A list by which this authority revokes certificates it issued.
    pub(crate) fn revocation_list(&self, number: u64, serials: &[u64]) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 6, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 6, 1),
            next_update: date_time_ymd(2026, 6, 2),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

pub(crate) fn certificate_role(role: SignerRole) -> CertificateRole {
    match role {
        SignerRole::Tool => CertificateRole::Tool,
        SignerRole::Owner => CertificateRole::Owner,
        SignerRole::Provider => CertificateRole::Provider,
    }
}

/// A signer whose key is in memory.
pub(crate) struct TestSigner {
    pub(crate) role: SignerRole,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: KeyPair,
}

impl Signer for TestSigner {
    fn role(&self) -> SignerRole {
        self.role
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        Ok(sign_raw(&self.key, self.algorithm, message))
    }
}

/// Signs as a [`Signer`] does: ECDSA raw, in low-S form and the same every time.
pub(crate) fn sign_raw(key: &KeyPair, algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        RsaPkcs1Sha256 => key.sign(message).unwrap(),
        EcdsaP256Sha256 => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_der(key.serialized_der()).unwrap();
            let signature: p256::ecdsa::Signature = key.sign(message);
            signature
                .normalize_s()
                .unwrap_or(signature)
                .to_bytes()
                .to_vec()
        }
    }
}
