//! Personas, machines, keys and grants to work with.

use std::fmt::Write as _;
use std::sync::LazyLock;

use colophon_activation::{FactDigest, FactKind, MachineFacts};
use colophon_core::activation::admit::{Admission, AdmissionRequest, Admitted};
use colophon_core::activation::grant::{Decision, NewGrant, Purpose};
use colophon_core::activation::key_pair::{PersonaCertificate, PersonaKeyPair, PersonaPublicKey};
use colophon_core::activation::persona::{NewAccount, PasswordHash, Profile};
use colophon_core::activation::ports::{Activations, Grants, KeyPool, Personas};
use colophon_core::activation::token::{DeviceCode, TokenDigest, UserCode};
use colophon_core::id::{GrantRef, PersonaRef};
use colophon_core::time::Timestamp;
use colophon_crypto::Randomness;
use colophon_keys::{AwsLc, KeyKind, PrivateKey, SystemRandom};
use colophon_store::activation::ActivationStore;

pub(crate) const DAY_MS: i64 = 86_400_000;

/// A day of the calendar that the cases run in.
pub(crate) fn day(number: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000 + number * DAY_MS)
}

/// One real key; making a fresh one for every persona would only take long.
static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::Rsa2048).unwrap());

/// A key pair whose private part tells it from others.
pub(crate) fn pair(number: u32) -> PersonaKeyPair {
    PersonaKeyPair {
        public: PersonaPublicKey::parse(KEY.public_spki_der()).unwrap(),
        pkcs8: format!("private key {number}").into_bytes().into(),
    }
}

/// Puts so many key pairs into the pool.
pub(crate) async fn stock(store: &ActivationStore, count: u32) {
    for number in 0..count {
        store.add(&pair(number), day(0)).await.unwrap();
    }
}

pub(crate) fn fresh<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom.fill(&mut bytes);
    bytes
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(&format!("$argon2id$v=19${text}")).unwrap()
}

pub(crate) fn account(name: &str) -> NewAccount {
    NewAccount {
        username: name.parse().unwrap(),
        persona: format!("{name}@people.example").parse().unwrap(),
        password: hash("first"),
        profile: Profile {
            name: Some("Ada Canaryname".parse().unwrap()),
            email: Some(format!("{name}@canary.example").parse().unwrap()),
        },
    }
}

/// A persona of this name.
pub(crate) async fn persona(store: &ActivationStore, name: &str) -> PersonaRef {
    store.sign_up(&account(name), day(0)).await.unwrap()
}

/// A machine that shares no fact with one of another number.
pub(crate) fn machine(number: u32) -> MachineFacts {
    changed(number, &[])
}

/// The same machine with other facts of these kinds.
pub(crate) fn changed(number: u32, kinds: &[FactKind]) -> MachineFacts {
    let digests = FactKind::ALL.into_iter().map(|kind| {
        let mut digest = [u8::from(kinds.contains(&kind)); 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        digest[4] = kind as u8;
        (kind, FactDigest::from_bytes(digest))
    });
    MachineFacts::new(digests).unwrap()
}

pub(crate) fn digest_of_device_code() -> TokenDigest {
    DeviceCode::generate(&mut SystemRandom).digest(&AwsLc)
}

/// A grant that nobody has decided about.
pub(crate) async fn waiting(store: &ActivationStore, now: Timestamp) -> NewGrant {
    let grant = NewGrant {
        record: GrantRef::from_bytes(fresh()),
        device_code: digest_of_device_code(),
        user_code: UserCode::generate(&mut SystemRandom).digest(&AwsLc),
        reader: "reader 1".parse().unwrap(),
        proposed_name: Some("Canarydesk proposed".parse().unwrap()),
    };
    store.open(&grant, now).await.unwrap();
    grant
}

pub(crate) fn approval(persona: PersonaRef) -> Decision {
    Decision::Approve {
        persona,
        device_name: Some("Canarydesk".parse().unwrap()),
        purpose: Purpose::New,
    }
}

/// A grant that the persona has approved.
pub(crate) async fn approved(
    store: &ActivationStore,
    persona: PersonaRef,
    now: Timestamp,
) -> GrantRef {
    let grant = waiting(store, now).await.record;
    let decided = store.decide(grant, &approval(persona), now).await.unwrap();
    assert!(decided);
    grant
}

pub(crate) fn request(grant: GrantRef, facts: &MachineFacts) -> AdmissionRequest {
    AdmissionRequest {
        grant,
        facts: facts.clone(),
        reader: "reader 1".parse().unwrap(),
    }
}

/// Asks under a grant.
pub(crate) async fn ask(
    store: &ActivationStore,
    grant: GrantRef,
    facts: &MachineFacts,
    now: Timestamp,
) -> Admission {
    store.admit(&request(grant, facts), now).await.unwrap()
}

/// Asks for a machine under a grant of its own.
pub(crate) async fn activate(
    store: &ActivationStore,
    persona: PersonaRef,
    facts: &MachineFacts,
    now: Timestamp,
) -> Admission {
    let grant = approved(store, persona, now).await;
    ask(store, grant, facts, now).await
}

/// The same with its package, as it goes where nothing is in the way.
pub(crate) async fn activated(
    store: &ActivationStore,
    persona: PersonaRef,
    facts: &MachineFacts,
    now: Timestamp,
) -> Admitted {
    let admitted = admitted(activate(store, persona, facts, now).await);
    finished(store, &admitted, b"Canarypackage", now).await;
    admitted
}

/// Keeps this package for an admitted activation, under a certificate of its persona, and gives
/// back the one that is kept.
pub(crate) async fn finished(
    store: &ActivationStore,
    admitted: &Admitted,
    package: &[u8],
    now: Timestamp,
) -> Vec<u8> {
    let issued = certificate(1, now);
    let kept = store.keep_certificate(admitted.record, &issued, now).await;
    let kept = kept.unwrap();
    let finished = store.finish(admitted.activation, &kept, package.to_vec(), now);
    finished.await.unwrap()
}

#[track_caller]
pub(crate) fn admitted(admission: Admission) -> Admitted {
    match admission {
        Admission::Admitted(admitted) => *admitted,
        other => panic!("not admitted: {}", word(&other)),
    }
}

#[track_caller]
pub(crate) fn check(admission: &Admission, expected: &str) {
    assert_eq!(word(admission), expected);
}

pub(crate) fn word(admission: &Admission) -> &'static str {
    match admission {
        Admission::Admitted(_) => "admitted",
        Admission::Finished { .. } => "finished",
        Admission::LimitReached { .. } => "limit reached",
        Admission::PoolEmpty => "pool empty",
        Admission::OtherMachine => "other machine",
        Admission::Withdrawn => "withdrawn",
        Admission::NoGrant => "no grant",
    }
}

/// How many activations a persona has used.
pub(crate) async fn used(store: &ActivationStore, persona: PersonaRef) -> u32 {
    let persona = store.persona(persona).await.unwrap().unwrap();
    persona.standing.used
}

pub(crate) fn certificate(serial: u8, now: Timestamp) -> PersonaCertificate {
    PersonaCertificate {
        der: format!("Canarycertificate {serial}").into_bytes(),
        serial: vec![serial; 16],
        issued_at: now,
        until: Timestamp::from_unix_ms(now.unix_ms() + 5 * 365 * DAY_MS),
    }
}

/// So many approved grants in one statement of another program, since one by one they would take
/// longer than what they are for.
pub(crate) fn grants_sql(
    is_server: bool,
    persona: PersonaRef,
    grants: &[GrantRef],
    until: Timestamp,
) -> String {
    let bytes = |bytes: &[u8]| {
        let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
            write!(digits, "{byte:02x}").unwrap();
            digits
        });
        match is_server {
            true => format!("'\\x{digits}'"),
            false => format!("X'{digits}'"),
        }
    };
    let rows: Vec<String> = grants
        .iter()
        .map(|grant| {
            format!(
                "({}, {}, {}, 'reader 1', 'approved', {}, 'new', 'awaits-reader', 0, {}, 5)",
                bytes(grant.as_bytes()),
                bytes(&fresh::<32>()),
                bytes(&fresh::<32>()),
                bytes(persona.as_bytes()),
                until.unix_ms(),
            )
        })
        .collect();
    format!(
        "INSERT INTO grants (id, device_code, user_code, reader, state, persona, purpose, progress, \
         begun_at, valid_until, interval_s) VALUES {}",
        rows.join(", ")
    )
}
