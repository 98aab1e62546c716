//! Admissions under a quota, against bare transactions; and how fast key pairs are made.

use std::sync::Arc;
use std::time::Instant;

use colophon_activation::{FactDigest, FactKind, MachineFacts};
use colophon_core::activation::admit::{Admission, AdmissionRequest};
use colophon_core::activation::grant::{Decision, NewGrant, Purpose};
use colophon_core::activation::persona::{NewAccount, PasswordHash, Profile};
use colophon_core::activation::ports::{Activations, Grants, KeyPool, Personas, Settings};
use colophon_core::activation::settings::ActivationSettings;
use colophon_core::activation::token::{DeviceCode, UserCode};
use colophon_core::id::GrantRef;
use colophon_core::time::Timestamp;
use colophon_crypto::Randomness;
use colophon_keys::{AwsLc, Envelope, MasterKeys, StoredSigners, SystemRandom, persona_key_pair};
use colophon_store::activation::{ActivationDatabase, ActivationStore};
use colophon_store::secrets::Secrets;

use crate::figure::{Figure, Target};

const AT_ONCE: usize = 64;
const PERSONAS: usize = 640;
const TRANSACTIONS: usize = 640;
const KEY_PAIRS: usize = 20;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let made = key_pairs_a_second()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let (admitted, bare) = runtime
        .map_err(|error| error.to_string())?
        .block_on(rates())?;
    Ok(vec![
        Figure {
            name: format!("activations admitted, {AT_ONCE} personas at once"),
            ours: admitted,
            peer: Some((
                "one transaction that changes one row, same database".to_owned(),
                bare,
            )),
            unit: "per s",
            target: Target::RatioAtLeast(0.05),
        },
        Figure {
            name: "key pairs made for the pool, one processor".to_owned(),
            ours: made,
            peer: None,
            unit: "per s",
            target: Target::None,
        },
    ])
}

fn key_pairs_a_second() -> Result<f64, String> {
    let begun = Instant::now();
    for _ in 0..KEY_PAIRS {
        persona_key_pair().map_err(|error| error.to_string())?;
    }
    Ok(KEY_PAIRS as f64 / begun.elapsed().as_secs_f64())
}

async fn rates() -> Result<(f64, f64), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let store = open(&folder.path().join("activation.db")).await?;
    let pair = persona_key_pair().map_err(|error| error.to_string())?;
    let mut requests = Vec::new();
    for number in 0..PERSONAS {
        store
            .add(&pair, NOW)
            .await
            .map_err(|error| error.to_string())?;
        requests.push(request(&store, number).await?);
    }
    let bare = bare_transactions(&store).await?;
    let begun = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for chunk in requests.chunks(PERSONAS.div_ceil(AT_ONCE)) {
        let (store, chunk) = (Arc::clone(&store), chunk.to_vec());
        asking.spawn(async move {
            for request in &chunk {
                match store.admit(request, NOW).await {
                    Ok(Admission::Admitted(_)) => {}
                    Ok(_) => return Err("not admitted".to_owned()),
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = asking.join_next().await {
        done.map_err(|error| error.to_string())??;
    }
    let admitted = PERSONAS as f64 / begun.elapsed().as_secs_f64();
    Ok((admitted, bare))
}

async fn bare_transactions(store: &ActivationStore) -> Result<f64, String> {
    let settings = ActivationSettings::default();
    let begun = Instant::now();
    for _ in 0..TRANSACTIONS {
        let set = store.set(&settings, NOW).await;
        set.map_err(|error| error.to_string())?;
    }
    Ok(TRANSACTIONS as f64 / begun.elapsed().as_secs_f64())
}

pub(crate) async fn open(path: &std::path::Path) -> Result<Arc<ActivationStore>, String> {
    let address = format!("sqlite://{}", path.display());
    let address = address.parse().map_err(|error| format!("{error}"))?;
    let database = ActivationDatabase::open(&address)
        .await
        .map_err(|error| error.to_string())?;
    database
        .migrate(NOW)
        .await
        .map_err(|error| error.to_string())?;
    let cipher = Envelope::new(Arc::new(AwsLc), MasterKeys::generate(&mut SystemRandom));
    let secrets = Secrets::new(
        Arc::new(cipher),
        Arc::new(AwsLc),
        Box::new(SystemRandom),
        Arc::new(StoredSigners),
    );
    let store = database.into_store(secrets).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

/// A persona whose reader has been approved.
pub(crate) async fn request(
    store: &ActivationStore,
    number: usize,
) -> Result<AdmissionRequest, String> {
    let account = NewAccount {
        username: format!("ada{number}").parse().expect("a name"),
        persona: format!("ada{number}@bench.example").parse().expect("an id"),
        password: PasswordHash::parse("$argon2id$v=19$").expect("a hash"),
        profile: Profile::default(),
    };
    let persona = store.sign_up(&account, NOW).await;
    let persona = persona.map_err(|error| error.to_string())?;
    let mut record = [0; 16];
    SystemRandom.fill(&mut record);
    let grant = NewGrant {
        record: GrantRef::from_bytes(record),
        device_code: DeviceCode::generate(&mut SystemRandom).digest(&AwsLc),
        user_code: UserCode::generate(&mut SystemRandom).digest(&AwsLc),
        reader: "bench 1".parse().expect("a product"),
        proposed_name: None,
    };
    let opened = store.open(&grant, NOW).await;
    opened.map_err(|error| error.to_string())?;
    let decision = Decision::Approve {
        persona,
        device_name: None,
        purpose: Purpose::New,
    };
    let decided = store.decide(grant.record, &decision, NOW).await;
    decided.map_err(|error| error.to_string())?;
    let digests = FactKind::ALL.map(|kind| {
        let mut digest = [kind as u8; 32];
        digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
        (kind, FactDigest::from_bytes(digest))
    });
    Ok(AdmissionRequest {
        grant: grant.record,
        facts: MachineFacts::new(digests).expect("facts"),
        reader: grant.reader,
    })
}
