//! Which activation packages are believed: those that an activation authority under a trusted root
//! has signed, byte for byte, and no others.

#![cfg(test)]

use colophon_activation::{
    ActivationPackage, CertificateChain, CertificateHash, ContentHash, FactSalt, MachineId,
    Statement, StatementSigner, UnixSeconds,
};
use colophon_crypto::{Portable, SignatureAlgorithm};
use colophon_reader::repository::{Activated, ActivationRefused};
use colophon_title::TrustRoots;
use colophon_title::trust::CertificateRole;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

/// 2026-01-02T03:04:05Z.
const ISSUED_AT: i64 = 1_767_323_045;

const PERSONA: &str = "ada@people.example";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key")
}

fn usage(role: CertificateRole) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(role.extended_key_usage().to_vec())
}

fn params(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name, 2045);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A root, and an activation authority under it.
struct Platform {
    root: Issuer,
    authority: Issuer,
}

impl Platform {
    fn new() -> Platform {
        Platform::with_authority_for(CertificateRole::Activation)
    }

    fn with_authority_for(role: CertificateRole) -> Platform {
        let root = Issuer::self_signed(authority_params("Platform"), key()).expect("a root");
        let mut params = authority_params("Activation authority");
        params.extended_key_usages = vec![usage(role)];
        params.serial_number = Some(SerialNumber::from(99));
        let authority = Issuer::signed_by(params, key(), &root).expect("an authority");
        Platform { root, authority }
    }

    fn roots(&self) -> TrustRoots {
        let mut roots = TrustRoots::new();
        roots.add_roots(self.root.der()).expect("a root");
        roots
    }

    /// A list by which the root revokes its authority.
    fn revocation_list(&self) -> Vec<u8> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 6, 1),
            next_update: date_time_ymd(2026, 6, 2),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(99),
                revocation_time: date_time_ymd(2026, 6, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.root).expect("a list").der().to_vec()
    }

    fn certificate(&self, name: &str, role: CertificateRole, until: i32) -> Vec<u8> {
        let mut params = params(name, until);
        params.extended_key_usages = vec![usage(role)];
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        let signed = params.signed_by(&key(), &self.authority);
        signed.expect("a certificate").der().to_vec()
    }

    fn package(&self, certificate: &[u8], issued_at: i64) -> ActivationPackage {
        let (sealed_key, module) = (b"a sealed key".to_vec(), b"a module".to_vec());
        let statement = Statement {
            persona: PERSONA.parse().expect("a persona"),
            machine: MachineId::from_bytes([5; 16]),
            salt: FactSalt::from_bytes([6; 16]),
            certificate: CertificateHash::of(&Portable, certificate),
            module: ContentHash::of(&Portable, &module),
            sealed_key: ContentHash::of(&Portable, &sealed_key),
            issued_at: UnixSeconds::new(issued_at),
        };
        let chain = vec![certificate.to_vec(), self.authority.der().to_vec()];
        let statement = statement.sign(&Portable, &AuthorityKey(&self.authority));
        ActivationPackage {
            statement: statement.expect("a signed statement"),
            certificates: CertificateChain::new(chain).expect("a chain"),
            sealed_key,
            module,
        }
    }

    fn usual(&self) -> ActivationPackage {
        let certificate = self.certificate(PERSONA, CertificateRole::Activation, 2040);
        self.package(&certificate, ISSUED_AT)
    }
}

struct AuthorityKey<'p>(&'p Issuer);

impl StatementSigner for AuthorityKey<'_> {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn certificate_der(&self) -> &[u8] {
        self.0.der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let key = self.0.key().serialized_der();
        let key =
            p256::ecdsa::SigningKey::from_pkcs8_der(key).map_err(|error| error.to_string())?;
        let signature: p256::ecdsa::Signature = key.sign(message);
        let signature = signature.normalize_s().unwrap_or(signature);
        Ok(signature.to_bytes().to_vec())
    }
}

fn outcome(package: ActivationPackage, roots: &TrustRoots) -> &'static str {
    let verified = Activated::verify(&Portable, package, roots);
    verified.map_or_else(|refused| refused.reason(), |_| "believed")
}

#[test]
fn a_package_by_an_authority_under_a_trusted_root_is_believed() {
    let platform = Platform::new();
    let json = platform.usual().to_json();
    let package = ActivationPackage::parse(&json).expect("a package");
    assert_eq!(package.to_json(), json);
    let activated = Activated::verify(&Portable, package, &platform.roots()).expect("believed");
    assert_eq!(activated.persona().as_str(), PERSONA);
    assert_eq!(activated.machine(), &MachineId::from_bytes([5; 16]));
    assert_eq!(activated.salt(), &FactSalt::from_bytes([6; 16]));
    assert_eq!(activated.issued_at_unix_s(), ISSUED_AT);
}

#[test]
fn no_byte_of_what_was_handed_over_can_be_changed() {
    let platform = Platform::new();
    let (roots, usual) = (platform.roots(), platform.usual());
    let changes: [fn(&mut ActivationPackage, usize) -> bool; 2] = [
        |package, at| package.module.get_mut(at).map(|byte| *byte ^= 1).is_some(),
        |package, at| {
            package
                .sealed_key
                .get_mut(at)
                .map(|byte| *byte ^= 1)
                .is_some()
        },
    ];
    for change in changes {
        let mut at = 0;
        let mut package = usual.clone();
        while change(&mut package, at) {
            assert_eq!(outcome(package, &roots), "changed");
            package = usual.clone();
            at += 1;
        }
        assert!(at > 5);
    }
    let statement = usual.statement.to_string();
    for at in 0..statement.len() {
        let mut changed = statement.clone().into_bytes();
        changed[at] ^= 1;
        let changed = String::from_utf8(changed).expect("ASCII");
        let Ok(changed) = colophon_activation::SignedStatement::parse(&changed) else {
            continue;
        };
        let package = ActivationPackage {
            statement: changed,
            ..usual.clone()
        };
        assert_ne!(
            outcome(package, &roots),
            "believed",
            "byte {at} of the statement"
        );
    }
}

#[test]
fn others_are_not_believed() {
    let platform = Platform::new();
    let roots = platform.roots();
    assert_eq!(
        outcome(platform.usual(), &TrustRoots::new()),
        "certificate-untrusted"
    );
    assert_eq!(
        outcome(Platform::new().usual(), &roots),
        "certificate-untrusted"
    );

    let of_another = platform.certificate("eve@people.example", CertificateRole::Activation, 2040);
    assert_eq!(
        outcome(platform.package(&of_another, ISSUED_AT), &roots),
        "other-persona"
    );
    let ended = platform.certificate(PERSONA, CertificateRole::Activation, 2025);
    assert_eq!(
        outcome(platform.package(&ended, ISSUED_AT), &roots),
        "certificate-time"
    );
    let licensor = platform.certificate(PERSONA, CertificateRole::Licensor, 2040);
    assert_eq!(
        outcome(platform.package(&licensor, ISSUED_AT), &roots),
        "certificate-role"
    );

    let mut revoked = platform.roots();
    revoked
        .add_revocation_lists(&platform.revocation_list())
        .expect("a list");
    assert_eq!(outcome(platform.usual(), &revoked), "certificate-revoked");

    // Somebody who may certify licensors certifies a persona.
    let licensing = Platform::with_authority_for(CertificateRole::Licensor);
    assert_ne!(outcome(licensing.usual(), &licensing.roots()), "believed");
}

#[test]
fn a_statement_by_another_authority_under_the_same_root_is_refused() {
    let platform = Platform::new();
    let mut params = authority_params("Another activation authority");
    params.extended_key_usages = vec![usage(CertificateRole::Activation)];
    let other = Platform {
        authority: Issuer::signed_by(params, key(), &platform.root).expect("an authority"),
        root: Issuer::self_signed(authority_params("Nobody"), key()).expect("a root"),
    };
    let usual = platform.usual();
    let of_other = other.package(usual.certificates.own(), ISSUED_AT);
    // Its statement with the right chain, and the right statement with its chain.
    let package = ActivationPackage {
        statement: of_other.statement.clone(),
        ..usual.clone()
    };
    assert_eq!(outcome(package, &platform.roots()), "other-authority");
    assert_eq!(outcome(of_other, &platform.roots()), "certificate-links");
    let package = ActivationPackage {
        certificates: CertificateChain::new(vec![usual.certificates.own().to_vec()])
            .expect("a chain"),
        ..usual
    };
    let refused = Activated::verify(&Portable, package, &platform.roots()).err();
    assert!(matches!(refused, Some(ActivationRefused::Package(_))));
}
