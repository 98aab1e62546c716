//! Small titles to test with, the same bytes every time.

use std::io::{Cursor, Write};

use colophon_crypto::{Engine, Key32, Portable, Randomness};
use colophon_title::container::{ContainerWriter, Method};
use colophon_title::source::{Limits, Source};
use colophon_title::{
    ContentKey, CopyId, CopyKey, CopyTerms, EntryPath, Form, Level, MediaType, Metadata, SealTerms,
    SealedFile, Signer, SignerRoles, StoredTitle, VersionId, VersionSalt, personalize, seal,
};
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// 2026-01-02T03:04:05Z.
pub(crate) const ISSUED_AT: i64 = 1_767_323_045;
pub(crate) const OWNER: &str = "Ishmael Ölund <ishmael@example.com>";

/// Bytes that look random and depend on the seed only.
pub(crate) struct Seeded {
    seed: &'static str,
    blocks: u64,
}

impl Seeded {
    pub(crate) fn new(seed: &'static str) -> Seeded {
        Seeded { seed, blocks: 0 }
    }
}

impl Randomness for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = Portable.digest(&[self.seed.as_bytes(), &self.blocks.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.blocks += 1;
        }
    }
}

/// Bytes that do not deflate.
pub(crate) fn noise(seed: &'static str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Seeded::new(seed).fill(&mut bytes);
    bytes
}

pub(crate) fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An EPUB's resources in order, `mimetype` left out.
pub(crate) type Resources = Vec<(String, Vec<u8>)>;

/// Packs resources as an EPUB.
pub(crate) fn pack_epub(resources: &Resources) -> Vec<u8> {
    let mut archive = ContainerWriter::new(Cursor::new(Vec::new()));
    archive
        .stored(&path("mimetype"), MediaType::EPUB.as_bytes())
        .unwrap();
    for (name, content) in resources {
        let (crc32, size) = (crc32fast::hash(content), content.len() as u64);
        let deflated = deflated(content);
        if deflated.len() < content.len() {
            archive
                .entry(&path(name), Method::Deflated, crc32, size, &deflated)
                .unwrap();
        } else {
            archive.stored(&path(name), content).unwrap();
        }
    }
    archive.finish().unwrap().0.into_inner()
}

const CONTAINER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"#;

const ENCRYPTION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
    xmlns:enc="http://www.w3.org/2001/04/xmlenc#">
  <enc:EncryptedData>
    <enc:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>
    <enc:CipherData><enc:CipherReference URI="EPUB/font.otf"/></enc:CipherData>
  </enc:EncryptedData>
</encryption>
"#;

const PACKAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="id">urn:isbn:9780000000019</dc:identifier>
    <dc:title>The Whale &amp; the Sea</dc:title>
    <dc:creator>Herman M.</dc:creator>
    <dc:language>en</dc:language>
    <meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
  </metadata>
  <manifest>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
    <item id="two" href="z%C3%BC%20zwei.xhtml" media-type="application/xhtml+xml"/>
    <item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>
    <item id="plate" href="plate.png" media-type="image/png"/>
    <item id="font" href="font.otf" media-type="font/otf"/>
  </manifest>
  <spine><itemref idref="one"/><itemref idref="two"/></spine>
</package>
"#;

/// A small EPUB with everything that is treated in its own way.
pub(crate) fn book() -> Resources {
    let png = |seed, length| [b"\x89PNG\r\n\x1a\n".to_vec(), noise(seed, length)].concat();
    let page = |text: &str| {
        let text = text.repeat(4);
        format!(
            "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>The Whale</title></head>\
             <body><p>{text}</p></body></html>"
        )
    };
    let nav = "<html xmlns=\"http://www.w3.org/1999/xhtml\" \
         xmlns:epub=\"http://www.idpf.org/2007/ops\"><head><title>Contents</title></head><body>\
         <nav epub:type=\"toc\"><ol><li><a href=\"one.xhtml\">One</a></li></ol></nav></body></html>";
    let resources: [(&str, Vec<u8>); 9] = [
        ("META-INF/container.xml", CONTAINER.into()),
        ("META-INF/encryption.xml", ENCRYPTION.into()),
        ("EPUB/package.opf", PACKAGE.into()),
        ("EPUB/nav.xhtml", nav.into()),
        ("EPUB/one.xhtml", page("Call me Ishmael. ").into()),
        (
            "EPUB/z\u{fc} zwei.xhtml",
            page("It was a damp, drizzly November. ").into(),
        ),
        ("EPUB/cover.png", png("cover", 100)),
        ("EPUB/plate.png", png("plate", 120)),
        ("EPUB/font.otf", noise("font", 200)),
    ];
    resources
        .into_iter()
        .map(|(name, content)| (name.to_owned(), content))
        .collect()
}

pub(crate) fn epub_source(archive: Vec<u8>) -> Source<Cursor<Vec<u8>>> {
    source(archive, MediaType::EPUB, "whale.epub")
}

pub(crate) fn source(bytes: Vec<u8>, media_type: &str, file_name: &str) -> Source<Cursor<Vec<u8>>> {
    let media_type = MediaType::parse(media_type).unwrap();
    Source::inspect(
        Cursor::new(bytes),
        &media_type,
        file_name,
        &Limits::default(),
    )
    .unwrap()
}

/// A small file that is no EPUB.
pub(crate) fn leaflet() -> Vec<u8> {
    [
        b"%PDF-1.7\n".to_vec(),
        noise("leaflet", 700),
        b"\n%%EOF\n".to_vec(),
    ]
    .concat()
}

pub(crate) fn metadata(media_type: &str) -> Metadata {
    Metadata {
        book_id: "9780000000019".to_owned(),
        book_id_type: "ISBN".to_owned(),
        title: "The Whale & the Sea".to_owned(),
        authors: vec!["Herman M.".to_owned(), "\u{6797}".to_owned()],
        publisher: Some("Harbour <Press>".to_owned()),
        language: Some("en".to_owned()),
        copyright: Some("\u{a9} 2026 Herman M.\nAll rights reserved.".to_owned()),
        media_type: MediaType::parse(media_type).unwrap(),
        cover: None,
        required_signatures: SignerRoles::default(),
    }
}

/// One title version, with everything about it that is secret or chosen at random.
pub(crate) struct Version {
    pub(crate) key: ContentKey,
    pub(crate) id: VersionId,
    pub(crate) salt: VersionSalt,
    pub(crate) form: Form,
    pub(crate) metadata: Metadata,
    seed: &'static str,
}

impl Version {
    pub(crate) fn new(seed: &'static str, media_type: &str) -> Version {
        let mut random = Seeded::new(seed);
        Version {
            key: ContentKey::generate(&mut random),
            id: VersionId::generate(&mut random),
            salt: VersionSalt::generate(&mut random),
            form: Form::Sealed,
            metadata: metadata(media_type),
            seed,
        }
    }

    pub(crate) fn terms<'a>(&'a self, signers: &'a [&'a dyn Signer]) -> SealTerms<'a> {
        SealTerms {
            version: self.id,
            salt: self.salt,
            key: &self.key,
            form: self.form,
            metadata: &self.metadata,
            signers,
            issued_at_unix_s: ISSUED_AT,
        }
    }

    /// The file at rest.
    pub(crate) fn seal(&self, source: &mut Source<Cursor<Vec<u8>>>) -> Vec<u8> {
        self.seal_signed(source, &[]).0
    }

    pub(crate) fn seal_signed(
        &self,
        source: &mut Source<Cursor<Vec<u8>>>,
        signers: &[&dyn Signer],
    ) -> (Vec<u8>, SealedFile) {
        let mut out = Cursor::new(Vec::new());
        let mut random = Seeded::new(self.seed);
        // The key, id and salt came out of the same seed; what comes now must differ.
        random.blocks = 1000;
        let terms = self.terms(signers);
        let sealed = seal(
            &Portable,
            &mut random,
            source,
            &terms,
            &mut out,
            &mut |_| (),
        )
        .unwrap();
        (out.into_inner(), sealed)
    }

    /// A copy at level 2 or 3, for an owner of this name.
    pub(crate) fn copy(&self, at_rest: &[u8], level: Level, owner: &str) -> Vec<u8> {
        self.copy_signed(at_rest, level, owner, &[])
    }

    pub(crate) fn copy_signed(
        &self,
        at_rest: &[u8],
        level: Level,
        owner: &str,
        signers: &[&dyn Signer],
    ) -> Vec<u8> {
        let title = StoredTitle::read(&Portable, Cursor::new(at_rest)).unwrap();
        let terms = CopyTerms {
            level,
            bookplate: level.has_bookplate().then_some(owner),
            copy_id: copy_id(owner),
            issued_at_unix_s: ISSUED_AT,
            signers,
            license: None,
        };
        let tail = personalize(&Portable, &title, &self.key, &terms).unwrap();
        let prefix = &at_rest[..usize::try_from(title.prefix_length()).unwrap()];
        [prefix, &tail.bytes].concat()
    }
}

pub(crate) fn copy_key() -> CopyKey {
    CopyKey::new(Key32::new(*b"the center's key of all copies!!"))
}

/// The id of the copy that belongs to the purchase with this transaction.
pub(crate) fn copy_id(transaction: &str) -> CopyId {
    let purchase: [&[u8]; 5] = [
        b"main",
        b"default",
        transaction.as_bytes(),
        b"9780000000019",
        b"ISBN",
    ];
    CopyId::of(&Portable, &copy_key(), &purchase)
}
