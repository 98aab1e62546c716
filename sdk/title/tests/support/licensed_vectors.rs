//! The vectors of level 5: a copy with its license, and forgeries of it.

use std::fmt::Write;
use std::io::Cursor;
use std::sync::Arc;

use colophon_crypto::Portable;
use colophon_title::license::{
    Access, ActivationCertificate, LicenseTerms, Line, Object, PersonaKey as _, PersonaTerms,
    ReadyLicensor, Right, RightKind, RightsGroup,
};
use colophon_title::{
    CopyTerms, Form, Level, MediaType, OpenTitle, StoredTitle, TitleRefused, personalize,
};

use super::fixed_keys::{FixedLicensor, FixedPersona, roots};
use super::forge::{self, BOOKPLATE, Entry, SEAL, emit, index, parse};
use super::sample::{ISSUED_AT, OWNER, Version, book, copy_id, copy_key, epub_source, pack_epub};
use super::vectors::Files;

const RIGHTS: &str = "META-INF/rights.xml";

/// Opens a copy at level 5 as the persona of the vectors.
pub(crate) fn open(file: &[u8]) -> Result<OpenTitle<'static, Cursor<&[u8]>>, TitleRefused> {
    let persona = FixedPersona::new();
    OpenTitle::open_licensed(&Portable, Cursor::new(file), &roots(), &persona)
}

pub(crate) fn add(files: &mut Files) {
    let mut version = Version::new("vector: licensed whale", MediaType::EPUB);
    version.form = Form::Licensed;
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let copy = copy(&version, &at_rest, "t-1");
    let other = self::copy(&version, &at_rest, "t-2");
    files.insert(
        "whale.level-5.txt".to_owned(),
        facts(&version, &copy).into_bytes(),
    );
    let mut reasons = String::new();
    for (name, reason, file) in forgeries(&copy, &other, &at_rest) {
        let _ = writeln!(reasons, "{name}: {reason}");
        files.insert(format!("refused-level-5/{name}.epub"), file);
    }
    files.insert(
        "refused-level-5/reasons.txt".to_owned(),
        reasons.into_bytes(),
    );
    files.insert("whale.licensed.at-rest.epub".to_owned(), at_rest);
    files.insert("whale.level-5.epub".to_owned(), copy);
}

fn copy(version: &Version, at_rest: &[u8], transaction: &str) -> Vec<u8> {
    let title = StoredTitle::read(&Portable, Cursor::new(at_rest)).unwrap();
    let line = |text: &str| Line::parse(text).unwrap();
    let (signer, persona, copy_key) = (FixedLicensor::new(), FixedPersona::new(), copy_key());
    let licensor = Object {
        id_type: line("center"),
        id: line("main"),
        name: Some(line("A center of test vectors")),
    };
    let print = Right {
        max_count: Some(3),
        ..Right::unconditional(RightKind::Print)
    };
    let rights = [RightsGroup {
        name: line("main"),
        description: None,
        bundle: Default::default(),
        rights: vec![Right::unconditional(RightKind::View), print],
    }];
    let terms = CopyTerms {
        level: Level::FullyIndividualized,
        bookplate: Some(OWNER),
        copy_id: copy_id(transaction),
        issued_at_unix_s: ISSUED_AT,
        signers: &[],
        license: Some(LicenseTerms {
            copy_key: &copy_key,
            licensor: &ReadyLicensor::new(&Portable, licensor, Arc::new(&signer)).unwrap(),
            granted_at_unix_s: ISSUED_AT,
            rights: &rights,
            principals: &[],
            persona: Some(PersonaTerms {
                id: &line("ishmael"),
                certificate: &ActivationCertificate::read(&persona.certificate).unwrap(),
            }),
            delegated_by: None,
        }),
    };
    let tail = personalize(&Portable, &title, &version.key, &terms).unwrap();
    let prefix = &at_rest[..usize::try_from(title.prefix_length()).unwrap()];
    [prefix, &tail.bytes].concat()
}

/// What a reader computes on its way, as `name: hexadecimal` lines.
fn facts(version: &Version, copy: &[u8]) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(facts, "{name}: {hex}");
    };
    let opened = open(copy).unwrap();
    let license = &opened.license().unwrap().license;
    let bits = enabling_bits(copy);
    fact("content key", version.key.key().expose());
    fact("copy hash", opened.copy_hash());
    fact("seal key", forge::seal_key(opened.copy_hash()).expose());
    fact("license id", license.id.as_bytes());
    fact("enabling bits", &bits);
    fact("seal", &FixedPersona::new().decrypt(&bits).unwrap());
    facts
}

fn enabling_bits(copy: &[u8]) -> Vec<u8> {
    let opened = open(copy).unwrap();
    let license = &opened.license().unwrap().license;
    let access = license.rights[0].bundle.access.iter();
    let mut bits = access.filter_map(|access| match access {
        Access::Licensor => None,
        Access::Principals(needed) => needed[0].enabling_bits.clone(),
    });
    bits.next().unwrap()
}

type Forgery = (&'static str, &'static str, Vec<u8>);

fn forgeries(copy: &[u8], other: &[u8], at_rest: &[u8]) -> Vec<Forgery> {
    let with = |name: &str, content: &[u8]| {
        let mut entries = parse(copy);
        let place = index(&entries, name);
        entries[place] = Entry::stored(name, content);
        emit(&entries)
    };
    let without = |name: &str| {
        let mut entries = parse(copy);
        forge::remove(&mut entries, name);
        entries
    };
    let content = |file: &[u8], name: &str| {
        let entries = parse(file);
        entries[index(&entries, name)].content()
    };
    let license = String::from_utf8(content(copy, RIGHTS)).unwrap();
    let altered = |from: &str, to: &str| with(RIGHTS, license.replacen(from, to, 1).as_bytes());
    let another_signature = {
        let value = "<ds:SignatureValue>";
        let at = license.find(value).unwrap() + value.len();
        let mut changed = license.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        with(RIGHTS, &changed)
    };
    let sealed = {
        let mut entries = without(RIGHTS);
        let plain = FixedPersona::new().decrypt(&enabling_bits(copy)).unwrap();
        entries.push(Entry::stored(SEAL, &plain));
        emit(&entries)
    };
    let doubled = {
        let mut entries = parse(copy);
        entries.push(Entry::stored(RIGHTS, license.as_bytes()));
        emit(&entries)
    };
    vec![
        (
            "license-of-another-copy",
            "license-other-copy",
            with(RIGHTS, &content(other, RIGHTS)),
        ),
        (
            "bookplate-of-another-copy",
            "license-other-copy",
            with(BOOKPLATE, &content(other, BOOKPLATE)),
        ),
        ("license-taken-off", "tail", emit(&without(RIGHTS))),
        ("bookplate-taken-off", "tail", emit(&without(BOOKPLATE))),
        ("license-doubled", "entry-twin", doubled),
        ("plaintext-of-the-enabling-bits-as-a-seal", "tail", sealed),
        (
            "more-prints",
            "license-digest",
            altered("max-count=\"3\"", "max-count=\"9\""),
        ),
        (
            "unlimited-prints",
            "license-digest",
            altered(" max-count=\"3\"", ""),
        ),
        (
            "another-persona",
            "license-digest",
            altered("ishmael", "queequeg"),
        ),
        ("another-signature", "license-value", another_signature),
        (
            "license-with-a-comment",
            "license-form",
            altered("<work>", "<work><!-- -->"),
        ),
        ("file-at-rest", "no-key", at_rest.to_vec()),
    ]
}
