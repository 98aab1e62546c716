//! What holds for every upload form, not only for those somebody thought of.

#![cfg(test)]

#[path = "../examples/activation_vectors/keys.rs"]
mod keys;

use std::collections::HashMap;
use std::sync::Mutex;

use colophon_activation::{
    CertificateChain, CertificateHash, Claims, FORM_BYTES_MAX, FormKey, FormRefused, PersonaClaims,
    PersonaForm, PersonaFormId, SealError, SealedForm, SealedPersona, UnixSeconds, UploadForm,
};
use colophon_crypto::{Key32, Mismatch, Portable};
use colophon_forge::{Seeded, mutant, mutants};
use keys::{CENTER, OTHER, TestKey, persona_certificates};
use proptest::prelude::*;

fn upload(key: &TestKey) -> UploadForm<'_> {
    UploadForm {
        engine: &Portable,
        center_certificate_der: &key.certificate_der,
        center_public_key_spki_der: &key.public_key_spki_der,
    }
}

fn claims(persona: &str, certificates: Vec<Vec<u8>>) -> Claims {
    Claims {
        certificates: CertificateChain::new(certificates).expect("a chain"),
        persona: persona.parse().expect("a persona"),
        center: "main".parse().expect("a center"),
        issued_at: UnixSeconds::new(1_800_000_000),
        expires_at: UnixSeconds::new(1_807_776_000),
    }
}

fn open(form: &str, key: &dyn FormKey) -> Option<Claims> {
    let center = "main".parse().expect("a center");
    SealedForm::parse(form)
        .ok()?
        .open(&Portable, key, &center)
        .ok()
}

/// The center's key, which decrypts each of the good forms' keys once only: most mutants have
/// one of these, and private keys are slow.
#[derive(Default)]
struct Remembering(Mutex<HashMap<Vec<u8>, Option<Key32>>>);

impl FormKey for Remembering {
    fn certificate(&self) -> CertificateHash {
        CENTER.certificate()
    }

    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
        let mut known = self.0.lock().expect("a lock");
        if !known.contains_key(encrypted) {
            let key = CENTER.decrypt(encrypted).ok();
            known.insert(encrypted.to_vec(), key);
        }
        let key = known.get(encrypted).and_then(Option::as_ref);
        key.map(Key32::duplicate).ok_or(Mismatch)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens_and_says_the_same(
        persona in proptest::collection::vec(any::<char>(), 1..60).prop_filter_map("a persona", |all| {
            let kept: String = all.into_iter().collect();
            kept.parse::<colophon_activation::PersonaId>().ok().map(|_| kept)
        }),
        certificates in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..1500), 1..=4),
        seed in any::<u64>(),
    ) {
        let claims = claims(&persona, certificates);
        let form = upload(&CENTER).seal(&claims, &mut Seeded(seed)).expect("a form");
        prop_assert!(form.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        let sealed = SealedForm::parse(&form).expect("a form");
        prop_assert_eq!(sealed.to_string(), form.clone());
        prop_assert_eq!(sealed.kid(), &CENTER.certificate());
        prop_assert_eq!(open(&form, &*CENTER), Some(claims));
        prop_assert_eq!(open(&form, &*OTHER), None);
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_without_panic(text in "\\PC{0,200}") {
        if let Ok(sealed) = SealedForm::parse(&text) {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }

    #[test]
    fn any_parts_are_parsed_without_panic(text in "[A-Za-z0-9_.=-]{0,200}") {
        if let Ok(sealed) = SealedForm::parse(&text) {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }
}

#[test]
fn equal_chance_gives_equal_forms_and_other_chance_others() {
    let claims = claims("ada", vec![vec![1; 100]]);
    let seal = |seed| {
        upload(&CENTER)
            .seal(&claims, &mut Seeded(seed))
            .expect("a form")
    };
    assert_eq!(seal(1), seal(1));
    let (one, two) = (seal(1), seal(2));
    let parts = one.split('.').zip(two.split('.')).skip(1);
    assert!(parts.into_iter().all(|(one, two)| one != two));
}

#[test]
fn a_certificate_and_anothers_key_do_not_seal() {
    let mixed = UploadForm {
        center_public_key_spki_der: &OTHER.public_key_spki_der,
        ..upload(&CENTER)
    };
    let claims = claims("ada", vec![vec![1]]);
    let refused = mixed.seal(&claims, &mut Seeded(1));
    assert!(matches!(refused, Err(SealError::OtherKey)), "{refused:?}");
    let no_key = UploadForm {
        center_public_key_spki_der: &[],
        ..upload(&CENTER)
    };
    let refused = no_key.seal(&claims, &mut Seeded(1));
    assert!(matches!(refused, Err(SealError::Key(_))), "{refused:?}");
}

#[test]
fn what_would_not_be_opened_is_not_sealed() {
    let seal = |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims("ada", persona_certificates());
        change(&mut claims);
        upload(&CENTER).seal(&claims, &mut Seeded(1))
    };
    let range = |result: Result<String, SealError>, claim: &str| {
        assert!(
            matches!(result, Err(SealError::Range(name)) if name == claim),
            "{claim}"
        );
    };
    range(seal(&|c| c.issued_at = UnixSeconds::new(-1)), "iat");
    range(seal(&|c| c.issued_at = UnixSeconds::new(i64::MAX)), "iat");
    range(seal(&|c| c.expires_at = UnixSeconds::new(1 << 53)), "exp");
    range(seal(&|c| c.expires_at = c.issued_at), "exp");
    range(seal(&|c| c.expires_at = UnixSeconds::new(i64::MIN)), "exp");
    assert!(seal(&|c| c.expires_at = UnixSeconds::new((1 << 53) - 1)).is_ok());

    let chain = |bytes| CertificateChain::new(vec![vec![1; bytes]]).expect("a chain");
    let refused = seal(&|c| c.certificates = chain(FORM_BYTES_MAX));
    assert!(matches!(refused, Err(SealError::TooLong(FORM_BYTES_MAX))));
}

/// Whatever the private key answers, the caller hears one thing.
#[test]
fn nothing_is_said_of_what_does_not_decrypt() {
    struct Answering(Option<[u8; 32]>);
    impl FormKey for Answering {
        fn certificate(&self) -> CertificateHash {
            CENTER.certificate()
        }
        fn decrypt(&self, _: &[u8]) -> Result<Key32, Mismatch> {
            self.0.map(Key32::new).ok_or(Mismatch)
        }
    }
    let claims = claims("ada", vec![vec![1]]);
    let form = upload(&CENTER)
        .seal(&claims, &mut Seeded(1))
        .expect("a form");
    let sealed = SealedForm::parse(&form).expect("a form");
    let center = "main".parse().expect("a center");
    for answer in [None, Some([0; 32]), Some([7; 32])] {
        let refused = sealed.open(&Portable, &Answering(answer), &center);
        assert_eq!(refused, Err(FormRefused::NotGenuine(Mismatch)));
    }
}

fn told(persona: &str, random: &mut Seeded) -> String {
    let claims = PersonaClaims {
        persona: persona.parse().expect("a persona"),
        shop: "main/bookshop".parse().expect("a shop"),
        id: PersonaFormId::from_bytes([7; 16]),
        issued_at: UnixSeconds::new(1_800_000_000),
        expires_at: UnixSeconds::new(1_800_000_600),
    };
    let form = PersonaForm {
        engine: &Portable,
        shop_certificate_der: &CENTER.certificate_der,
        shop_public_key_spki_der: &CENTER.public_key_spki_der,
    };
    form.seal(&claims, random).expect("a form")
}

fn open_persona(form: &str, key: &dyn FormKey) -> Option<PersonaClaims> {
    let shop = "main/bookshop".parse().expect("a shop");
    let sealed = SealedPersona::parse(form).ok()?;
    sealed.open(&Portable, key, &shop).ok()
}

#[test]
fn no_changed_persona_form_opens() {
    let mut random = Seeded(2);
    let key = Remembering::default();
    let forms: Vec<String> = (0..20)
        .map(|number| told(&format!("persona-{number}"), &mut random))
        .collect();
    assert!(forms.iter().all(|form| open_persona(form, &key).is_some()));
    let (mut tried, mut parsed) = (0, 0);
    let tries = mutants(50_000);
    while tried < tries {
        let form = &forms[random.below(forms.len())];
        let other = &forms[random.below(forms.len())];
        let Ok(mutant) = String::from_utf8(mutant(form, other, &mut random)) else {
            tried += 1;
            continue;
        };
        // Now and then a change puts a form back together.
        if forms.contains(&mutant) {
            continue;
        }
        assert_eq!(
            open_persona(&mutant, &key),
            None,
            "{mutant}\nmade of {form}"
        );
        parsed += usize::from(SealedPersona::parse(&mutant).is_ok());
        tried += 1;
    }
    println!("{tried} mutants refused, {parsed} of them only by decrypting");
}

#[test]
fn what_no_shop_would_take_is_not_told() {
    let seal = |iat, exp| {
        let claims = PersonaClaims {
            persona: "ada".parse().expect("a persona"),
            shop: "main/bookshop".parse().expect("a shop"),
            id: PersonaFormId::from_bytes([7; 16]),
            issued_at: UnixSeconds::new(iat),
            expires_at: UnixSeconds::new(exp),
        };
        let form = PersonaForm {
            engine: &Portable,
            shop_certificate_der: &CENTER.certificate_der,
            shop_public_key_spki_der: &CENTER.public_key_spki_der,
        };
        form.seal(&claims, &mut Seeded(1))
    };
    assert!(seal(0, 3600).is_ok());
    for (iat, exp, claim) in [
        (-1, 1, "iat"),
        (0, 0, "exp"),
        (0, 3601, "exp"),
        (5, 4, "exp"),
        (0, i64::MIN, "exp"),
    ] {
        let refused = seal(iat, exp);
        assert!(
            matches!(refused, Err(SealError::Range(name)) if name == claim),
            "{iat} {exp}"
        );
    }
}

fn good_forms(random: &mut Seeded) -> Vec<String> {
    let claims = |number| claims(&format!("persona-{number}"), persona_certificates());
    (0..20)
        .map(|number| {
            upload(&CENTER)
                .seal(&claims(number), random)
                .expect("a form")
        })
        .collect()
}

#[test]
fn no_changed_form_opens() {
    let mut random = Seeded(1);
    let key = Remembering::default();
    let forms = good_forms(&mut random);
    assert!(forms.iter().all(|form| open(form, &key).is_some()));
    let (mut tried, mut parsed) = (0, 0);
    let tries = mutants(100_000);
    while tried < tries {
        let form = &forms[random.below(forms.len())];
        let other = &forms[random.below(forms.len())];
        let Ok(mutant) = String::from_utf8(mutant(form, other, &mut random)) else {
            tried += 1;
            continue;
        };
        // Now and then a change puts a form back together.
        if forms.contains(&mutant) {
            continue;
        }
        assert_eq!(open(&mutant, &key), None, "{mutant}\nmade of {form}");
        parsed += usize::from(SealedForm::parse(&mutant).is_ok());
        tried += 1;
    }
    println!("{tried} mutants refused, {parsed} of them only by decrypting");
}
