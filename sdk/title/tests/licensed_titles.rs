//! Copies at level 5: who opens them, and what does not.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/forge.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod forge;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;
use std::sync::Arc;

use authority::{Authority, EcdsaP256Sha256, ISSUED_AT, TestSigner};
use colophon_crypto::{Portable, PublicKey};
use colophon_title::license::{
    Access, ActivationCertificate, ActivationCertificateRefused, Circumstances, Denied,
    LicenseTerms, LicenseTermsRefused, Object, PERSONA, PersonaTerms, ReadyLicensor, Right,
    RightKind, RightsGroup, sign,
};
use colophon_title::trust::CertificateRole;
use colophon_title::{
    CopyTerms, Form, Level, LockedTitle, MediaType, OpenTitle, PersonalizeError, StoredTitle, Tail,
    TitleRefused, TrustRoots, personalize,
};
use forge::{BOOKPLATE, Entry, SEAL, emit, index, parse};
use licensing::{Persona, application, counted, group, licensor, needs, object, reference};
use sample::{OWNER, Version, book, copy_id, copy_key, epub_source, pack_epub};

const RIGHTS: &str = "META-INF/rights.xml";

/// The entry of an archive by its name.
fn entry(entries: &[Entry], name: &str) -> Entry {
    entries[index(entries, name)].clone()
}

/// The archive with another entry in the place of the one of this name.
fn replace(entries: &[Entry], name: &str, with: Entry) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    let place = index(&entries, name);
    entries[place] = with;
    entries
}

/// The archive without the entry of this name.
fn remove(entries: &[Entry], name: &str) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    forge::remove(&mut entries, name);
    entries
}

struct Center {
    root: Authority,
    licensor: TestSigner,
    object: Object,
    rights: Vec<RightsGroup>,
    version: Version,
    at_rest: Vec<u8>,
}

impl Center {
    fn new(seed: &'static str) -> Center {
        Center::with(seed, Form::Licensed)
    }

    fn with(seed: &'static str, form: Form) -> Center {
        let root = Authority::root("Platform", EcdsaP256Sha256);
        let mut version = Version::new(seed, MediaType::EPUB);
        version.form = form;
        Center {
            licensor: licensor(&root, EcdsaP256Sha256),
            object: object("center", "main"),
            rights: vec![group(
                "main",
                vec![
                    Right::unconditional(RightKind::View),
                    counted(RightKind::Print, 2),
                ],
            )],
            at_rest: version.seal(&mut epub_source(pack_epub(&book()))),
            version,
            root,
        }
    }

    fn tail(
        &self,
        level: Level,
        persona: Option<&Persona>,
        transaction: &str,
    ) -> Result<Tail, PersonalizeError> {
        let title = StoredTitle::read(&Portable, Cursor::new(&self.at_rest)).unwrap();
        let principals = [application()];
        let licensor = Arc::new(&self.licensor);
        let licensor = ReadyLicensor::new(&Portable, self.object.clone(), licensor).unwrap();
        let certificate = persona.map(|persona| {
            let certificate = ActivationCertificate::read(&persona.certificate);
            (persona, certificate.unwrap())
        });
        let terms = CopyTerms {
            level,
            bookplate: level.has_bookplate().then_some(OWNER),
            copy_id: copy_id(transaction),
            // A signature may be dated later than the license.
            issued_at_unix_s: ISSUED_AT + 7,
            signers: &[],
            license: Some(LicenseTerms {
                copy_key: &copy_key(),
                licensor: &licensor,
                granted_at_unix_s: ISSUED_AT,
                rights: &self.rights,
                principals: &principals,
                persona: certificate
                    .as_ref()
                    .map(|(persona, certificate)| PersonaTerms {
                        id: &persona.id,
                        certificate,
                    }),
                delegated_by: None,
            }),
        };
        personalize(&Portable, &title, &self.version.key, &terms)
    }

    fn copy(&self, persona: &Persona, transaction: &str) -> Vec<u8> {
        let tail = self.tail(Level::FullyIndividualized, Some(persona), transaction);
        self.with_tail(&tail.unwrap())
    }

    fn with_tail(&self, tail: &Tail) -> Vec<u8> {
        let title = StoredTitle::read(&Portable, Cursor::new(&self.at_rest)).unwrap();
        let prefix = &self.at_rest[..usize::try_from(title.prefix_length()).unwrap()];
        [prefix, &tail.bytes].concat()
    }

    fn open<'f>(
        &self,
        file: &'f [u8],
        persona: &Persona,
    ) -> Result<OpenTitle<'static, Cursor<&'f [u8]>>, TitleRefused> {
        OpenTitle::open_licensed(&Portable, Cursor::new(file), &self.root.roots(), persona)
    }

    #[track_caller]
    fn refused(&self, file: &[u8], persona: &Persona, expected: &str) {
        let verified = self
            .open(file, persona)
            .and_then(|mut title| title.verify(&mut |_| ()));
        let reason = verified.map_or_else(|refused| refused.reason(), |()| "accepted");
        assert_eq!(reason, expected);
    }
}

#[test]
fn a_copy_opens_for_its_persona_and_says_what_is_granted() {
    let center = Center::new("licensed");
    let mike = Persona::new(&center.root, "mike");
    let file = center.copy(&mike, "t-1");
    let mut opened = center.open(&file, &mike).unwrap();
    opened.verify(&mut |_| ()).unwrap();
    assert_eq!(opened.level(), Level::FullyIndividualized);
    assert_eq!(opened.bookplate().unwrap().owner, OWNER);
    let report = opened.license().unwrap();
    let license = &report.license;
    assert_eq!(license.issued_at_unix_s, ISSUED_AT);
    assert_eq!(license.work.copy_hash.as_ref(), Some(opened.copy_hash()));
    let owner = license.work.owner.as_ref().unwrap();
    assert_eq!(owner.object.id.as_str(), "mike");
    assert_eq!(owner.object.name.as_ref().unwrap().as_str(), OWNER);
    let here = |authenticated| Circumstances {
        now_unix_s: ISSUED_AT,
        authenticated,
        location: None,
        used: [0, 2, 0],
    };
    let persona = [reference(PERSONA)];
    assert!(license.exercise(RightKind::View, &here(&persona)).is_ok());
    let needed = persona.to_vec();
    assert_eq!(
        license.exercise(RightKind::View, &here(&[])),
        Err(Denied::Principals { needed })
    );
    assert_eq!(
        license.exercise(RightKind::Print, &here(&persona)),
        Err(Denied::Spent { max: 2 })
    );
    assert_eq!(
        license.exercise(RightKind::Copy, &here(&persona)),
        Err(Denied::NotGranted(RightKind::Copy))
    );
    let mut publication = Cursor::new(Vec::new());
    opened.write_publication(&mut publication).unwrap();
    assert!(!publication.into_inner().is_empty());
}

#[test]
fn without_the_persona_everything_but_the_content_is_known() {
    let center = Center::new("locked");
    let mike = Persona::new(&center.root, "mike");
    let file = center.copy(&mike, "t-1");
    let read = |file: &[u8]| {
        let roots = center.root.roots();
        let mut locked = LockedTitle::read(&Portable, Cursor::new(file), &roots)?;
        locked.verify(&mut |_| ())?;
        let owner = &locked.license().license.work.owner;
        assert_eq!(owner.as_ref().unwrap().object.id.as_str(), "mike");
        assert_eq!(locked.bookplate().unwrap().owner, OWNER);
        Ok(locked.metadata().title.clone())
    };
    let opened = center.open(&file, &mike).unwrap();
    assert_eq!(read(&file).unwrap(), opened.metadata().title);
    // Every byte counts, whether it is understood or only stored.
    let step = file.len() / 97;
    for at in (0..file.len()).step_by(step) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        let refused: Result<String, TitleRefused> = read(&altered);
        assert!(refused.is_err(), "byte {at}");
    }
    let sealed = LockedTitle::read(&Portable, Cursor::new(&file), &TrustRoots::new());
    assert_eq!(sealed.err().unwrap().reason(), "license-licensor");
}

#[test]
fn equal_purchases_give_equal_bytes_and_others_do_not() {
    let center = Center::new("equal");
    let (mike, anne) = (
        Persona::new(&center.root, "mike"),
        Persona::new(&center.root, "anne"),
    );
    let copies = [
        center.copy(&mike, "t-1"),
        center.copy(&mike, "t-2"),
        center.copy(&anne, "t-1"),
    ];
    assert_eq!(center.copy(&mike, "t-1"), copies[0]);
    assert_ne!(copies[0], copies[1]);
    assert_ne!(copies[0], copies[2]);
    // Not even the encrypted keys of two purchases by one persona have anything in common.
    let bits = |file: &[u8]| {
        let opened = center.open(file, &mike).unwrap();
        let license = &opened.license().unwrap().license;
        let Access::Principals(needed) = &license.rights[0].bundle.access[0] else {
            panic!("the persona is a condition");
        };
        (license.id, needed[0].enabling_bits.clone().unwrap())
    };
    let (first, second) = (bits(&copies[0]), bits(&copies[1]));
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn the_persona_joins_every_condition_of_the_template() {
    let mut center = Center::new("conditions");
    center.rights[0].bundle.access = vec![needs(&["reader"]), Access::Licensor];
    center
        .rights
        .push(group("more", vec![counted(RightKind::Copy, 1)]));
    let mike = Persona::new(&center.root, "mike");
    let file = center.copy(&mike, "t-1");
    let opened = center.open(&file, &mike).unwrap();
    let license = &opened.license().unwrap().license;
    let asked: Vec<Vec<&str>> = license
        .rights
        .iter()
        .flat_map(|group| &group.bundle.access)
        .map(|access| match access {
            Access::Licensor => vec!["the licensor"],
            Access::Principals(needed) => needed
                .iter()
                .map(|needed| needed.reference.as_str())
                .collect(),
        })
        .collect();
    assert_eq!(
        asked,
        [vec![PERSONA, "reader"], vec!["the licensor"], vec![PERSONA]]
    );
}

#[test]
fn nobody_else_opens_it_and_no_sealed_copy_is_taken_for_one() {
    let center = Center::new("others");
    let mike = Persona::new(&center.root, "mike");
    let anne = Persona::new(&center.root, "anne");
    let file = center.copy(&mike, "t-1");
    center.refused(&file, &anne, "license-other-persona");
    let sealed = OpenTitle::open(&Portable, Cursor::new(&file), &center.root.roots());
    assert!(matches!(sealed, Err(TitleRefused::LicenseRequired)));
    let untrusted =
        OpenTitle::open_licensed(&Portable, Cursor::new(&file), &TrustRoots::new(), &mike);
    assert_eq!(untrusted.err().unwrap().reason(), "license-licensor");
    let shop = Center::with("sealed", Form::Sealed);
    let copy = shop
        .version
        .copy(&shop.at_rest, Level::IndividuallySealed, OWNER);
    shop.refused(&copy, &mike, "not-licensed");
    shop.refused(&shop.at_rest, &mike, "no-key");
}

#[test]
fn nothing_of_one_copy_opens_another() {
    let center = Center::new("moved");
    let mike = Persona::new(&center.root, "mike");
    let files = [center.copy(&mike, "t-1"), center.copy(&mike, "t-2")];
    let [first, second] = [parse(&files[0]), parse(&files[1])];
    let moved = |name: &str| emit(&replace(&first, name, entry(&second, name)));
    center.refused(&moved(RIGHTS), &mike, "license-other-copy");
    center.refused(&moved(BOOKPLATE), &mike, "license-other-copy");
    center.refused(&emit(&remove(&first, RIGHTS)), &mike, "tail");
    center.refused(&emit(&remove(&first, BOOKPLATE)), &mike, "tail");
    let mut doubled = first.clone();
    doubled.push(first[index(&first, RIGHTS)].clone());
    center.refused(&emit(&doubled), &mike, "entry-twin");
    // The license of a copy of another title, by the same center for the same persona.
    let mut other = Center::new("another title");
    other.root = center.root;
    other.licensor = center.licensor;
    let file = parse(&other.copy(&mike, "t-1"));
    let foreign = emit(&replace(&first, RIGHTS, entry(&file, RIGHTS)));
    other.refused(&foreign, &mike, "license-other-copy");
}

#[test]
fn what_oaep_hides_is_no_seal() {
    let center = Center::new("plaintext");
    let mike = Persona::new(&center.root, "mike");
    let file = center.copy(&mike, "t-1");
    let opened = center.open(&file, &mike).unwrap();
    let license = opened.license().unwrap().license.clone();
    let Access::Principals(needed) = &license.rights[0].bundle.access[0] else {
        panic!("the persona is a condition");
    };
    use colophon_title::license::PersonaKey as _;
    let bits = needed[0].enabling_bits.clone().unwrap();
    let plain = mike.decrypt(&bits).unwrap();
    let parts = parse(&file);
    let as_seal = replace(&parts, RIGHTS, Entry::stored(SEAL, &plain));
    center.refused(&emit(&as_seal), &mike, "tail");
    // A seal of level 3 over the same documents opens nothing either: the form says so.
    let mut sealed = remove(&parts, RIGHTS);
    sealed.push(Entry::stored(SEAL, &plain));
    let opened = OpenTitle::open(&Portable, Cursor::new(emit(&sealed)), &center.root.roots());
    assert_eq!(opened.err().unwrap().reason(), "tail");
}

#[test]
fn a_license_over_other_enabling_bits_opens_nothing() {
    let center = Center::new("other bits");
    let mike = Persona::new(&center.root, "mike");
    let anne = Persona::new(&center.root, "anne");
    let file = center.copy(&mike, "t-1");
    let mut license = {
        let opened = center.open(&file, &mike).unwrap();
        opened.license().unwrap().license.clone()
    };
    let relicensed = |license: &colophon_title::license::License| {
        let document = sign(&Portable, license, &center.licensor).unwrap();
        let entry = Entry::stored(RIGHTS, document.document());
        emit(&replace(&parse(&file), RIGHTS, entry))
    };
    let mut with_bits = |key: &[u8], sealed: &[u8]| {
        let bits = PublicKey::parse(key).unwrap();
        let bits = bits.encrypt_oaep(&[1; 32], sealed).unwrap();
        for group in &mut license.rights {
            for access in &mut group.bundle.access {
                let Access::Principals(needed) = access else {
                    continue;
                };
                needed[0].enabling_bits = Some(bits.clone());
            }
        }
        relicensed(&license)
    };
    let wrong = with_bits(&anne.public_key, &[7; 40]);
    center.refused(&wrong, &mike, "license-other-persona");
    let short = with_bits(&mike.public_key, &[7; 39]);
    center.refused(&short, &mike, "license-other-persona");
    let unsealed = with_bits(&mike.public_key, &[7; 40]);
    center.refused(&unsealed, &mike, "seal");
}

#[test]
fn every_flipped_byte_of_the_tail_is_noticed() {
    let center = Center::new("flipped");
    let mike = Persona::new(&center.root, "mike");
    let file = center.copy(&mike, "t-1");
    let title = StoredTitle::read(&Portable, Cursor::new(&center.at_rest)).unwrap();
    let from = usize::try_from(title.prefix_length()).unwrap();
    for at in from..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        let opened = center.open(&changed, &mike);
        assert!(opened.is_err(), "byte {at} of {}", file.len());
    }
    // The same with repaired checksums: what is left is what the documents say.
    for name in [BOOKPLATE, RIGHTS] {
        let parts = parse(&file);
        let length = entry(&parts, name).content().len();
        for at in (0..length).step_by(7) {
            let mut content = entry(&parts, name).content();
            content[at] ^= 1;
            let changed = emit(&replace(&parts, name, Entry::stored(name, &content)));
            assert!(center.open(&changed, &mike).is_err(), "byte {at} of {name}");
        }
    }
}

#[test]
fn persona_and_level_belong_together() {
    let center = Center::new("level");
    let mike = Persona::new(&center.root, "mike");
    let refused = center
        .tail(Level::FullyIndividualized, None, "t-1")
        .unwrap_err();
    assert!(matches!(refused, PersonalizeError::Persona { .. }));
    let shop = Center::with("level", Form::Sealed);
    let refused = shop
        .tail(Level::IndividuallySealed, Some(&mike), "t-1")
        .unwrap_err();
    assert!(matches!(refused, PersonalizeError::Persona { .. }));
    // Nobody can be named in the terms but by an activation certificate with an RSA key.
    let wanted = authority::Wanted::of(CertificateRole::Activation);
    let elliptic = center
        .root
        .certificate(&wanted, &authority::key(EcdsaP256Sha256));
    for (certificate, expected) in [
        (&elliptic, ActivationCertificateRefused::Key),
        (
            &center.licensor.chain[0],
            ActivationCertificateRefused::Certificate,
        ),
    ] {
        let refused = ActivationCertificate::read(certificate).unwrap_err();
        assert_eq!(refused, expected);
    }
    // Rights that are the licensor's own leave nobody a way in.
    let mut closed = Center::new("closed");
    closed.rights[0].bundle.access = vec![Access::Licensor];
    let refused = closed.tail(Level::FullyIndividualized, Some(&mike), "t-1");
    let expected = LicenseTermsRefused::NoWayIn;
    assert!(matches!(refused, Err(PersonalizeError::License(found)) if found == expected));
}

#[test]
fn a_sealed_copy_may_carry_a_license_without_a_key() {
    let shop = Center::with("licensed seal", Form::Sealed);
    let open = |file: &[u8]| {
        let roots = shop.root.roots();
        let opened = OpenTitle::open(&Portable, Cursor::new(file.to_vec()), &roots);
        opened.map(|title| title.license().map(|report| report.license.clone()))
    };
    for level in [Level::SourceSealed, Level::IndividuallySealed] {
        let tail = shop.tail(level, None, "t-1").unwrap();
        let file = shop.with_tail(&tail);
        let license = open(&file).unwrap().unwrap();
        assert_eq!(license.work.copy_hash, Some(tail.copy_hash));
        assert_eq!(license.work.owner.is_some(), level.has_bookplate());
        let roots = TrustRoots::new();
        let untrusted = OpenTitle::open(&Portable, Cursor::new(&file), &roots);
        assert_eq!(untrusted.err().unwrap().reason(), "license-licensor");
        // Like a signature, it can be taken off a copy that anybody can seal.
        assert_eq!(open(&emit(&remove(&parse(&file), RIGHTS))).unwrap(), None);
        let elsewhere = shop.tail(level, None, "t-2").unwrap();
        let elsewhere = parse(&shop.with_tail(&elsewhere));
        let moved = emit(&replace(&parse(&file), RIGHTS, entry(&elsewhere, RIGHTS)));
        let reason = open(&moved).map_or_else(|refused| refused.reason(), |_| "accepted");
        // Two copies at level 2 are one: nothing of a purchase is in them.
        let expected = if level.has_bookplate() {
            "license-other-copy"
        } else {
            "accepted"
        };
        assert_eq!(reason, expected);
    }
}
