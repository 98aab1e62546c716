//! A shop with one book, an authority with signers, and a buyer with a reader.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use colophon_crypto::{Engine, Key32, Portable, Randomness, SignatureAlgorithm};
use colophon_title::source::{Limits, Source};
use colophon_title::trust::CertificateRole;
use colophon_title::{
    ContentKey, CopyId, CopyTerms, EntryPath, Form, Level, MediaType, Metadata, SealTerms, Signer,
    SignerRole, SignerRoles, SigningFailed, StoredTitle, VersionId, VersionSalt, personalize, seal,
};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber,
    date_time_ymd,
};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// 2026-01-02T03:04:05Z.
const ISSUED_AT: i64 = 1_767_323_045;

pub(crate) const OWNER: &str = "Ishmael Ölund";

const CONTAINER: &str = r#"<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"#;

const PACKAGE: &str = r#"<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:isbn:9780000000019</dc:identifier><dc:title>The Whale</dc:title>
<dc:creator>Herman M.</dc:creator><dc:language>en</dc:language>
<dc:rights>© 1851 Herman M.</dc:rights>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/z%C3%BC%20zwei.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/></manifest>
<spine><itemref idref="one"/><itemref idref="two"/></spine></package>"#;

const NAVIGATION: &str = r##"<?xml version="1.0"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<head><title>Contents</title></head><body><nav epub:type="toc"><ol>
<li><a href="text/one.xhtml">Loomings</a><ol><li><a href="text/one.xhtml#later">Later</a></li></ol></li>
<li><a href="text/z%C3%BC%20zwei.xhtml">The Carpet-Bag</a></li></ol></nav></body></html>"##;

const ONE: &str = r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head>
<title>One</title></head><body><h1>Loomings</h1><p>Call me <em>Ishmael</em>.</p></body></html>"#;

const TWO: &str = r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head>
<title>Two</title></head><body><h1>The Carpet-Bag</h1><p>I stuffed a shirt or two.</p></body></html>"#;

/// The book's files, `mimetype` left out.
pub(crate) const BOOK: [(&str, &str); 6] = [
    ("META-INF/container.xml", CONTAINER),
    ("EPUB/package.opf", PACKAGE),
    ("EPUB/nav.xhtml", NAVIGATION),
    ("EPUB/text/one.xhtml", ONE),
    ("EPUB/text/zü zwei.xhtml", TWO),
    (
        "EPUB/cover.png",
        "\u{89}PNG\r\n\u{1a}\n is how pictures begin",
    ),
];

/// A folder with a shop, a reader's library and a reader's settings.
pub(crate) struct Shop {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// What is bought.
#[derive(Default)]
pub(crate) struct Order {
    pub(crate) owner: Option<&'static str>,
    pub(crate) demanded: &'static [SignerRole],
    pub(crate) signed: &'static [SignerRole],
}

impl Shop {
    pub(crate) fn new() -> Shop {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2045, 1, 1);
        let authority = CertifiedIssuer::self_signed(params, key()).unwrap();
        Shop {
            folder: TempDir::new().unwrap(),
            authority,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority's certificate as a file.
    pub(crate) fn root(&self) -> PathBuf {
        let path = self.path("root.pem");
        fs::write(&path, self.authority.pem()).unwrap();
        path
    }

    /// A list by the authority of nothing revoked, to be replaced in this year, as a file.
    pub(crate) fn revocation_list(&self, next_year: i32) -> PathBuf {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(next_year - 1, 1, 1),
            next_update: date_time_ymd(next_year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.path(&format!("until-{next_year}.crl"));
        let list = list.signed_by(&self.authority).unwrap();
        fs::write(&path, list.der()).unwrap();
        path
    }

    /// The book as it is sold in the clear.
    pub(crate) fn clear_book(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, epub()).unwrap();
        path
    }

    /// A sealed copy of the book: at level 3 for an owner, else at level 2.
    pub(crate) fn book(&self, name: &str, order: &Order) -> PathBuf {
        self.copy(epub(), &MediaType::epub(), "whale.epub", name, order)
    }

    /// A sealed copy of any file.
    pub(crate) fn copy(
        &self,
        content: Vec<u8>,
        media_type: &MediaType,
        source_name: &str,
        name: &str,
        order: &Order,
    ) -> PathBuf {
        let limits = Limits::default();
        let mut source =
            Source::inspect(Cursor::new(content), media_type, source_name, &limits).unwrap();
        let signers: Vec<TestSigner> = order.signed.iter().map(|role| self.signer(*role)).collect();
        let signers: Vec<&dyn Signer> =
            signers.iter().map(|signer| signer as &dyn Signer).collect();
        let key = ContentKey::new(Key32::new([7; 32]));
        let metadata = metadata(&source, order.demanded);
        let terms = SealTerms {
            version: VersionId::from_bytes([1; 16]),
            salt: VersionSalt::from_bytes([2; 16]),
            key: &key,
            form: Form::Sealed,
            metadata: &metadata,
            signers: &signers,
            issued_at_unix_s: ISSUED_AT,
        };
        let mut at_rest = Cursor::new(Vec::new());
        let mut random = Counting(0);
        seal(
            &Portable,
            &mut random,
            &mut source,
            &terms,
            &mut at_rest,
            &mut |_| {},
        )
        .unwrap();
        let stored = StoredTitle::read(&Portable, &mut at_rest).unwrap();
        let level = order
            .owner
            .map_or(Level::SourceSealed, |_| Level::IndividuallySealed);
        let terms = CopyTerms {
            level,
            bookplate: order.owner,
            copy_id: CopyId::from_bytes([3; 32]),
            issued_at_unix_s: ISSUED_AT,
            signers: &[],
            license: None,
        };
        let tail = personalize(&Portable, &stored, &key, &terms).unwrap();
        let mut bytes = at_rest.into_inner();
        bytes.truncate(usize::try_from(stored.prefix_length()).unwrap());
        bytes.extend(tail.bytes);
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn signer(&self, role: SignerRole) -> TestSigner {
        let usage = match role {
            SignerRole::Tool => CertificateRole::Tool,
            SignerRole::Owner => CertificateRole::Owner,
            SignerRole::Provider => CertificateRole::Provider,
        };
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test Signer");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(
            usage.extended_key_usage().to_vec(),
        )];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        let key = key();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        TestSigner {
            role,
            chain: vec![certificate.der().to_vec()],
            key,
        }
    }

    /// Runs the reader's command with this buyer's folders.
    pub(crate) fn reader(&self, arguments: &[&str]) -> Ran {
        self.reader_with(arguments, &[])
    }

    /// The same in other surroundings.
    pub(crate) fn reader_with(&self, arguments: &[&str], surroundings: &[(&str, &Path)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_colophon-reader"))
            .arg("--library")
            .arg(self.path("library"))
            .arg("--config")
            .arg(self.path("settings"))
            .args(arguments)
            .envs(surroundings.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran(output)
    }
}

/// What a command did.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn talk(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.stdout).unwrap()
    }

    /// Asserts that all went well and gives what was printed.
    pub(crate) fn done(&self) -> String {
        assert_eq!(self.code(), 0, "{}", self.talk());
        self.out()
    }

    /// Asserts an exit code and that one line says why, holding `words`.
    pub(crate) fn refused(&self, code: i32, words: &str) {
        assert_eq!(self.code(), code, "{}{}", self.out(), self.talk());
        assert_eq!(self.out(), "");
        assert!(self.talk().starts_with("error: "), "{}", self.talk());
        assert!(self.talk().contains(words), "{}", self.talk());
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Changes one byte in the middle of a file.
pub(crate) fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    File::create(path).unwrap().write_all(&bytes).unwrap();
}

fn epub() -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("mimetype", stored).unwrap();
    archive.write_all(b"application/epub+zip").unwrap();
    for (name, content) in BOOK {
        archive.start_file(name, stored).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn metadata(source: &Source<Cursor<Vec<u8>>>, demanded: &[SignerRole]) -> Metadata {
    let description = source.description();
    let mut required_signatures = SignerRoles::new();
    demanded
        .iter()
        .for_each(|role| required_signatures.insert(*role));
    Metadata {
        book_id: "9780000000019".to_owned(),
        book_id_type: "ISBN".to_owned(),
        title: description.title.clone(),
        authors: description.authors.clone(),
        publisher: description.publisher.clone(),
        language: description.language.clone(),
        copyright: description.rights.clone(),
        media_type: source.media_type().clone(),
        cover: description.cover.clone(),
        required_signatures,
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

struct TestSigner {
    role: SignerRole,
    chain: Vec<Vec<u8>>,
    key: KeyPair,
}

impl Signer for TestSigner {
    fn role(&self) -> SignerRole {
        self.role
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let key = p256::ecdsa::SigningKey::from_pkcs8_der(self.key.serialized_der()).unwrap();
        let signature: p256::ecdsa::Signature = key.sign(message);
        Ok(signature
            .normalize_s()
            .unwrap_or(signature)
            .to_bytes()
            .to_vec())
    }
}

/// Bytes that differ each time and are the same in every run.
struct Counting(u64);

impl Randomness for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = Portable.digest(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.0 += 1;
        }
    }
}

/// Where a file of the book lies.
pub(crate) fn entry(path: &str) -> EntryPath {
    EntryPath::parse(path).unwrap()
}
