//! An authority for everything, an activation authority under it, and what it hands over.

use colophon_activation::{
    ActivationPackage, CertificateChain, CertificateHash, ContentHash, FactSalt, MachineId,
    PersonaId, Statement, StatementSigner, UnixSeconds,
};
use colophon_crypto::{Portable, SignatureAlgorithm};
use colophon_title::TrustRoots;
use colophon_title::trust::CertificateRole;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// 2026-01-02T03:04:05Z.
pub(crate) const ISSUED_AT: i64 = 1_767_323_045;

pub(crate) const PERSONA: &str = "ada@people.example";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A root, and an activation authority under it.
pub(crate) struct Platform {
    root: Issuer,
    authority: Issuer,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// What an end certificate of this name is for.
fn end_params(name: &str, role: CertificateRole) -> CertificateParams {
    let mut params = params(name);
    let usage = role.extended_key_usage().to_vec();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(usage)];
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    params
}

impl Platform {
    pub(crate) fn new() -> Platform {
        let root = Issuer::self_signed(authority_params("Platform"), key()).unwrap();
        let params = authority_params("Activation authority");
        let authority = Issuer::signed_by(params, key(), &root).unwrap();
        Platform { root, authority }
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub(crate) fn roots(&self) -> TrustRoots {
        let mut roots = TrustRoots::new();
        roots.add_roots(self.root.der()).unwrap();
        roots
    }

    /// The certificate of a key under the root, in PEM.
    pub(crate) fn certificate(&self, name: &str, role: CertificateRole, key: &KeyPair) -> String {
        let params = end_params(name, role);
        params.signed_by(key, &self.root).unwrap().pem()
    }

    /// A package for a persona, whose facts are salted so.
    pub(crate) fn package(&self, persona: &PersonaId, salt: FactSalt) -> ActivationPackage {
        let params = end_params(persona.as_str(), CertificateRole::Activation);
        let certificate = params.signed_by(&key(), &self.authority).unwrap();
        let (sealed_key, module) = (b"a sealed key".to_vec(), b"a module".to_vec());
        let statement = Statement {
            persona: persona.clone(),
            machine: MachineId::from_bytes([5; 16]),
            salt,
            certificate: CertificateHash::of(&Portable, certificate.der()),
            module: ContentHash::of(&Portable, &module),
            sealed_key: ContentHash::of(&Portable, &sealed_key),
            issued_at: UnixSeconds::new(ISSUED_AT),
        };
        let chain = [certificate.der(), self.authority.der()].map(|der| der.to_vec());
        ActivationPackage {
            statement: statement.sign(&Portable, self).unwrap(),
            certificates: CertificateChain::new(chain.to_vec()).unwrap(),
            sealed_key,
            module,
        }
    }
}

impl StatementSigner for Platform {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn certificate_der(&self) -> &[u8] {
        self.authority.der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let key = self.authority.key().serialized_der();
        let key =
            p256::ecdsa::SigningKey::from_pkcs8_der(key).map_err(|error| error.to_string())?;
        let signature: p256::ecdsa::Signature = key.sign(message);
        let signature = signature.normalize_s().unwrap_or(signature);
        Ok(signature.to_bytes().to_vec())
    }
}
