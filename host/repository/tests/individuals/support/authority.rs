//! An authority of somebody's own making, and what it takes to license a copy once more under it.

use colophon_crypto::Portable;
use colophon_title::license::{self, License, Licensor as LicensorName};
use colophon_title::trust::{CertificateRole, TrustRoots};
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

use super::shop::Licensor;

/// The number of every licensor's certificate.
const SERIAL: u64 = 7;

/// The name of the license in a title file.
const LICENSE: &[u8] = b"META-INF/rights.xml";

/// The lengths of what stands before names, and of the end of a file (APPNOTE 4.3.7, 4.3.12 and
/// 4.3.16).
const LOCAL_HEADER: usize = 30;
const LISTED_HEADER: usize = 46;
const END_RECORD: usize = 22;

/// An authority whose root nobody knows but those it is handed to.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a root");
        Authority { issuer }
    }

    pub(crate) fn root(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    pub(crate) fn licensor(&self) -> Licensor {
        let usage = CertificateRole::Licensor.extended_key_usage().to_vec();
        let mut params = params("A licensor");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(usage)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(SerialNumber::from(SERIAL));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Licensor {
            chain: vec![certificate.der().to_vec()],
            key: p256::ecdsa::SigningKey::from_pkcs8_der(key.serialized_der()).expect("a key"),
        }
    }

    /// A list by which it revokes its licensors.
    pub(crate) fn revocation_list(&self) -> Vec<u8> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, 2, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(SERIAL),
                revocation_time: date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").der().to_vec()
    }
}

/// A copy with another license in the place of its own: what that says, changed, and signed by
/// somebody else. Nothing is needed for it but the copy: the wrapped content key is taken out of
/// the license as it is.
pub(crate) fn relicensed(
    file: &[u8],
    roots: &[Vec<u8>],
    change: impl FnOnce(&mut License),
    licensor: &Licensor,
) -> Vec<u8> {
    let end = file.len() - END_RECORD;
    let directory = number(file, end + 16);
    // The license is the last entry, and is listed last.
    let listed = end - LICENSE.len() - LISTED_HEADER;
    assert_eq!(&file[end - LICENSE.len()..end], LICENSE);
    let local = number(file, listed + 42);
    let content = local + LOCAL_HEADER + LICENSE.len();

    let mut believed = TrustRoots::new();
    for root in roots {
        believed.add_roots(root).expect("a root");
    }
    let report = license::verify(&Portable, &file[content..directory], &believed);
    let mut license = report.expect("a genuine license").license;
    change(&mut license);
    license.licensor = LicensorName::of(&Portable, license.licensor.object.clone(), licensor);
    let signed = license::sign(&Portable, &license, licensor).expect("a license");

    let document = signed.document();
    let sizes = [crc32fast::hash(document), length(document.len())];
    let mut out = file[..content].to_vec();
    put(&mut out, local + 14, &[sizes[0], sizes[1], sizes[1]]);
    out.extend_from_slice(document);
    let moved = out.len();
    out.extend_from_slice(&file[directory..]);
    let listed = moved + listed - directory;
    put(&mut out, listed + 16, &[sizes[0], sizes[1], sizes[1]]);
    let end = out.len() - END_RECORD;
    put(&mut out, end + 16, &[length(moved)]);
    out
}

fn number(file: &[u8], at: usize) -> usize {
    let bytes = file[at..at + 4].try_into().expect("four bytes");
    usize::try_from(u32::from_le_bytes(bytes)).expect("a number")
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a length")
}

fn put(file: &mut [u8], at: usize, numbers: &[u32]) {
    for (place, number) in file[at..].chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}
