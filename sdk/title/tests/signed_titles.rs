//! Whole title files with signatures: what they prove, and what their absence shows.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/forge.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod forge;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;
#[path = "support/signed.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod signed;

use std::io::Cursor;

use authority::EcdsaP256Sha256;
use colophon_crypto::Portable;
use colophon_title::{
    AdoptionError, Level, MediaType, OpenTitle, SignatureStatus, SignerRole, StoredTitle,
    TitleRefused, TrustRoots,
};
use forge::{
    BOOKPLATE, SIGNATURES, content_key, emit, entry, index, parse, relist, remove, replace, reseal,
    shift_boundary,
};
use sample::{OWNER, Version, book, epub_source, pack_epub};
use signed::Signers;

struct Shop {
    signers: Signers,
    version: Version,
    at_rest: Vec<u8>,
}

impl Shop {
    /// A title signed by tool and owner, which demands a provider's signature besides.
    fn new(seed: &'static str) -> Shop {
        let signers = Signers::new(EcdsaP256Sha256);
        let mut version = Version::new(seed, MediaType::EPUB);
        for role in SignerRole::ALL {
            version.metadata.required_signatures.insert(role);
        }
        let mut source = epub_source(pack_epub(&book()));
        let (at_rest, sealed) = version.seal_signed(&mut source, &[&signers.owner, &signers.tool]);
        let stored = StoredTitle::read(&Portable, Cursor::new(&at_rest)).unwrap();
        assert_eq!(*stored.fingerprint(), sealed.fingerprint);
        Shop {
            signers,
            version,
            at_rest,
        }
    }

    fn copy(&self, level: Level, owner: &str) -> Vec<u8> {
        self.version
            .copy_signed(&self.at_rest, level, owner, &[&self.signers.provider])
    }

    fn open<'f>(
        &self,
        file: &'f [u8],
    ) -> Result<OpenTitle<'static, Cursor<&'f [u8]>>, TitleRefused> {
        OpenTitle::open(&Portable, Cursor::new(file), &self.signers.root.roots())
    }

    fn reason(&self, file: &[u8]) -> &'static str {
        let verified = self
            .open(file)
            .and_then(|mut title| title.verify(&mut |_| ()));
        verified.map_or_else(|refused| refused.reason(), |()| "accepted")
    }
}

#[test]
fn a_signed_copy_names_its_signers() {
    let shop = Shop::new("signed");
    for level in [Level::SourceSealed, Level::IndividuallySealed] {
        let copy = shop.copy(level, OWNER);
        let title = shop.open(&copy).unwrap();
        let reports: Vec<_> = title
            .signatures()
            .iter()
            .map(|report| (report.role, report.status, report.per_copy))
            .collect();
        assert_eq!(
            reports,
            [
                (SignerRole::Tool, SignatureStatus::Valid, false),
                (SignerRole::Owner, SignatureStatus::Valid, false),
                (SignerRole::Provider, SignatureStatus::Valid, true),
            ]
        );
        assert!(title.missing_signatures().is_empty());
        assert_eq!(shop.reason(&copy), "accepted");
        assert_eq!(shop.copy(level, OWNER), copy);
    }
}

#[test]
fn a_copy_without_its_signatures_opens_and_proves_nothing() {
    let shop = Shop::new("stripped");
    let mut entries = parse(&shop.copy(Level::IndividuallySealed, OWNER));
    remove(&mut entries, SIGNATURES);
    let file = emit(&entries);
    let title = shop.open(&file).unwrap();
    assert!(title.signatures().is_empty());
    assert_eq!(
        title.missing_signatures(),
        title.metadata().required_signatures
    );
    let copy = shop
        .version
        .copy(&shop.at_rest, Level::IndividuallySealed, OWNER);
    let missing = shop.open(&copy).unwrap().missing_signatures();
    assert_eq!(missing.iter().collect::<Vec<_>>(), [SignerRole::Provider]);
}

#[test]
fn signatures_nobody_trusted_stands_behind_prove_nothing() {
    let shop = Shop::new("untrusted");
    let copy = shop.copy(Level::IndividuallySealed, OWNER);
    let title = OpenTitle::open(&Portable, Cursor::new(&copy), &TrustRoots::new()).unwrap();
    assert_eq!(title.signatures().len(), 3);
    assert_eq!(
        title.missing_signatures(),
        title.metadata().required_signatures
    );
}

#[test]
fn whoever_seals_again_breaks_the_signatures() {
    let shop = Shop::new("resealed");
    let copy = shop.copy(Level::IndividuallySealed, OWNER);
    let key = content_key(&parse(&copy));
    let changed = |change: &dyn Fn(&mut Vec<forge::Entry>)| {
        let mut entries = parse(&copy);
        change(&mut entries);
        shop.reason(&emit(&entries))
    };
    assert_eq!(changed(&|_| ()), "accepted");
    let for_another_name = |entries: &mut Vec<forge::Entry>| {
        let xml = String::from_utf8(entry(entries, BOOKPLATE).data.clone()).unwrap();
        entry(entries, BOOKPLATE).set(xml.replace("Ishmael", "Ahab").as_bytes());
        reseal(entries, &key);
    };
    assert_eq!(changed(&for_another_name), "signature-other-copy");
    assert_eq!(
        changed(&|entries| replace(entries, &key, "EPUB/cover.png", b"another cover")),
        "signature-other-title"
    );
    // The bytes of the group and its digest stay the same: it is the lengths that are signed.
    assert_eq!(
        changed(&|entries| {
            let (first, second) = ("EPUB/package.opf", "EPUB/nav.xhtml");
            shift_boundary(entries, first, second);
            relist(entries, &key, |listing, entries| {
                listing.refresh(entries, first);
                listing.refresh(entries, second);
            });
        }),
        "signature-other-title"
    );
    assert_eq!(
        changed(&|entries| {
            let signatures = entry(entries, SIGNATURES);
            let at = signatures.data.len() / 2;
            signatures.data[at] ^= 1;
            signatures.repair();
        })
        .get(..10),
        Some("signature-")
    );
    assert_eq!(
        changed(&|entries| {
            let signatures = remove(entries, SIGNATURES);
            entries.push(signatures);
        }),
        "tail"
    );
    assert_eq!(
        changed(&|entries| {
            let signatures = entry(entries, SIGNATURES).clone();
            entries.push(signatures);
        }),
        "entry-twin"
    );
}

#[test]
fn signatures_of_another_title_or_copy_are_refused() {
    let (shop, other) = (Shop::new("one shop"), Shop::new("another shop"));
    let copy = shop.copy(Level::IndividuallySealed, OWNER);
    let with_signatures_of = |other: &[u8]| {
        let other = parse(other);
        let mut entries = parse(&copy);
        *entry(&mut entries, SIGNATURES) = other[index(&other, SIGNATURES)].clone();
        shop.reason(&emit(&entries))
    };
    let others = other.copy(Level::IndividuallySealed, OWNER);
    assert_eq!(with_signatures_of(&others), "signature-other-title");
    let anothers = shop.copy(Level::IndividuallySealed, "Ahab");
    assert_eq!(with_signatures_of(&anothers), "signature-other-copy");
    let sealed = shop.copy(Level::SourceSealed, OWNER);
    assert_eq!(with_signatures_of(&sealed), "signature-other-copy");
}

#[test]
fn a_damaged_signature_at_rest_is_found_when_the_title_is_read() {
    let shop = Shop::new("at rest");
    let mut entries = parse(&shop.at_rest);
    let signatures = entry(&mut entries, SIGNATURES);
    signatures.data[100] ^= 1;
    signatures.repair();
    let refused = StoredTitle::read(&Portable, Cursor::new(emit(&entries))).unwrap_err();
    assert_eq!(refused.reason(), "signature-form");
}

#[test]
fn a_center_takes_over_what_a_publisher_has_sealed_and_signed() {
    let shop = Shop::new("publisher");
    let published = shop.copy(Level::SourceSealed, OWNER);
    let mut title = shop.open(&published).unwrap();
    let mut at_rest = Vec::new();
    let written = title.write_at_rest(&mut at_rest).unwrap();
    assert_eq!(at_rest, shop.at_rest);
    assert_eq!(written.length, at_rest.len() as u64);
    assert_eq!(
        title.content_key().key().expose(),
        shop.version.key.key().expose()
    );
    let stored = StoredTitle::verify(&Portable, Cursor::new(&at_rest), &mut |_| ()).unwrap();
    assert_eq!(*stored.fingerprint(), written.fingerprint);
    assert_eq!(stored.prefix_length(), written.prefix_length);
}

#[test]
fn a_buyers_copy_is_not_taken_over() {
    let shop = Shop::new("buyer");
    let copy = shop.copy(Level::IndividuallySealed, OWNER);
    let refused = shop
        .open(&copy)
        .unwrap()
        .write_at_rest(Vec::new())
        .unwrap_err();
    assert!(matches!(refused, AdoptionError::Individual));
}
