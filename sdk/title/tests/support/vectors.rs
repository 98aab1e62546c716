//! The published vectors: title files made from fixed input, the keys behind them, and the
//! forgeries that every reader must refuse.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Cursor;

use colophon_crypto::{Engine, Portable};
use colophon_title::{Level, MediaType, OpenTitle, StoredTitle, TrustRoots, etag};

use super::attacks::Victims;
use super::forge;
use super::sample::{
    OWNER, Version, book, copy_id, copy_key, epub_source, leaflet, pack_epub, source,
};

/// The files by name, relative to `vectors/`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn files() -> Files {
    let mut files = Files::new();
    let epub = pack_epub(&book());
    let version = Version::new("vector: whale", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(epub.clone()));
    files.insert("whale.source.epub".to_owned(), epub);
    add_copies(&mut files, "whale", "epub", &version, &at_rest);
    let version = Version::new("vector: leaflet", "application/pdf");
    let at_rest = version.seal(&mut source(leaflet(), "application/pdf", "leaflet.pdf"));
    files.insert("leaflet.source.pdf".to_owned(), leaflet());
    add_copies(&mut files, "leaflet", "colophon", &version, &at_rest);
    super::licensed_vectors::add(&mut files);
    let mut reasons = String::new();
    for attack in Victims::new().attacks() {
        let name = attack.name.replace(' ', "-").replace(',', "");
        let _ = writeln!(reasons, "{name}: {}", attack.reason);
        files.insert(format!("refused/{name}.epub"), attack.file);
    }
    files.insert("refused/reasons.txt".to_owned(), reasons.into_bytes());
    files
}

fn add_copies(files: &mut Files, name: &str, extension: &str, version: &Version, at_rest: &[u8]) {
    let sealed = version.copy(at_rest, Level::SourceSealed, OWNER);
    let individually = version.copy(at_rest, Level::IndividuallySealed, OWNER);
    let facts = facts(version, at_rest, &sealed, &individually);
    files.insert(format!("{name}.txt"), facts.into_bytes());
    files.insert(format!("{name}.at-rest.{extension}"), at_rest.to_vec());
    files.insert(format!("{name}.level-2.{extension}"), sealed);
    files.insert(format!("{name}.level-3.{extension}"), individually);
}

/// Everything an implementation computes on its way, as `name: hexadecimal` lines.
fn facts(version: &Version, at_rest: &[u8], sealed: &[u8], individually: &[u8]) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(facts, "{name}: {hex}");
    };
    let stored = StoredTitle::read(&Portable, Cursor::new(at_rest)).unwrap();
    fact("content key", version.key.key().expose());
    fact("salt", version.salt.as_bytes());
    fact("version", version.id.as_bytes());
    fact("prefix length", &stored.prefix_length().to_be_bytes());
    fact("fingerprint", stored.fingerprint());
    fact("copy key", copy_key().key().expose());
    fact("copy id", copy_id(OWNER).as_bytes());
    let entries = forge::parse(individually);
    for line in &forge::Listing::of(&entries).lines {
        if line.protection.is_some() {
            let key = forge::resource_key(&entries, version.key.key(), &line.path);
            fact(&format!("resource key of {}", line.path), key.expose());
        }
    }
    for (level, copy) in [("level 2", sealed), ("level 3", individually)] {
        let opened = OpenTitle::open(&Portable, Cursor::new(copy), &TrustRoots::new()).unwrap();
        fact(&format!("copy hash of {level}"), opened.copy_hash());
        fact(
            &format!("seal key of {level}"),
            forge::seal_key(opened.copy_hash()).expose(),
        );
        let tail = &copy[stored.prefix_length() as usize..];
        let etag = etag(&Portable, &copy_key(), version.salt.as_bytes(), tail);
        fact(&format!("entity tag of {level}"), &etag);
        fact(&format!("SHA-256 of {level}"), &Portable.digest(&[copy]));
    }
    facts
}
