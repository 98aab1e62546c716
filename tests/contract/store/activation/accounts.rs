//! Accounts, identities and sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use colophon_core::activation::persona::{ExternalIdentity, Profile};
use colophon_core::activation::ports::{IdentityRefused, Personas, Sessions, SignUpRefused};
use colophon_core::activation::session::SessionContent;
use colophon_core::activation::token::{ResetToken, SessionToken, TokenDigest};
use colophon_core::id::PersonaRef;
use colophon_keys::{AwsLc, SystemRandom};

use super::ground::{account, day, hash, persona};
use crate::place::Place;

fn session_token() -> TokenDigest {
    SessionToken::generate(&mut SystemRandom).digest(&AwsLc)
}

fn reset_token() -> TokenDigest {
    ResetToken::generate(&mut SystemRandom).digest(&AwsLc)
}

fn content(persona: Option<PersonaRef>, notes: &str) -> SessionContent {
    SessionContent {
        persona,
        notes: notes.as_bytes().to_vec().into(),
    }
}

fn identity(issuer: &str, subject: &str, persona: &str) -> ExternalIdentity {
    ExternalIdentity {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        persona: persona.parse().unwrap(),
        profile: Profile::default(),
    }
}

pub(crate) async fn an_account_is_made_once_and_read_back(place: &Place) {
    let store = place.activation_store().await;
    let ada = store.sign_up(&account("ada"), day(0)).await.unwrap();
    let again = store.sign_up(&account("ada"), day(0)).await;
    assert!(matches!(again, Err(SignUpRefused::UsernameTaken)));
    let mut other = account("eve");
    other.persona = account("ada").persona;
    let stolen = store.sign_up(&other, day(0)).await;
    assert!(matches!(stolen, Err(SignUpRefused::UsernameTaken)));

    let found = store.account(&"ADA".parse().unwrap()).await.unwrap();
    let found = found.unwrap();
    assert_eq!(found.persona, ada);
    assert_eq!(found.password.expose(), hash("first").expose());
    assert_eq!(found.email, account("ada").profile.email);
    let same = store.account_of(ada).await.unwrap().unwrap();
    assert_eq!(same.username, found.username);
    let nobody = store.account(&"eve".parse().unwrap()).await.unwrap();
    assert!(nobody.is_none());
    let known = store.persona(ada).await.unwrap().unwrap();
    assert_eq!(known.id, account("ada").persona);
    assert_eq!(known.profile, account("ada").profile);
}

pub(crate) async fn a_changed_password_ends_all_sessions(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let (session, token) = (session_token(), reset_token());
    let signed_in = content(Some(ada), "");
    let begun = store.begin(&session, &signed_in, day(9), day(0)).await;
    begun.unwrap();
    store.begin_reset(ada, &token, day(2)).await.unwrap();
    let (old, new) = (hash("first"), hash("second"));
    let stale = store.change_password(ada, &hash("other"), &new).await;
    assert!(!stale.unwrap(), "it was changed meanwhile");
    assert!(store.session(&session, day(1)).await.unwrap().is_some());
    assert!(store.change_password(ada, &old, &new).await.unwrap());
    assert!(store.session(&session, day(1)).await.unwrap().is_none());
    assert!(store.reset_for(&token, day(1)).await.unwrap().is_none());
    let found = store.account_of(ada).await.unwrap().unwrap();
    assert_eq!(found.password.expose(), new.expose());
    let again = store.change_password(ada, &old, &hash("third")).await;
    assert!(!again.unwrap());
}

pub(crate) async fn a_hash_is_renewed_unless_the_password_was_changed(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let session = session_token();
    let signed_in = content(Some(ada), "");
    let begun = store.begin(&session, &signed_in, day(9), day(0)).await;
    begun.unwrap();
    let (old, stronger) = (hash("first"), hash("stronger"));
    assert!(store.rehash(ada, &old, &stronger).await.unwrap());
    let found = store.account_of(ada).await.unwrap().unwrap();
    assert_eq!(found.password.expose(), stronger.expose());
    assert!(store.session(&session, day(1)).await.unwrap().is_some());
    // Somebody has chosen another password since the old hash was read.
    assert!(!store.rehash(ada, &old, &hash("again")).await.unwrap());
    let found = store.account_of(ada).await.unwrap().unwrap();
    assert_eq!(found.password.expose(), stronger.expose());
}

pub(crate) async fn a_reset_works_once_and_ends_all_sessions(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let (old, late, token) = (reset_token(), reset_token(), reset_token());
    store.begin_reset(ada, &old, day(2)).await.unwrap();
    store.begin_reset(ada, &late, day(1)).await.unwrap();
    let taken = store.finish_reset(&late, &hash("stolen"), day(1)).await;
    assert_eq!(taken.unwrap(), None, "its time is over");
    store.begin_reset(ada, &token, day(2)).await.unwrap();
    let session = session_token();
    let signed_in = content(Some(ada), "");
    let begun = store.begin(&session, &signed_in, day(9), day(0)).await;
    begun.unwrap();
    for worthless in [old, late, reset_token()] {
        assert_eq!(store.reset_for(&worthless, day(1)).await.unwrap(), None);
        let taken = store
            .finish_reset(&worthless, &hash("stolen"), day(1))
            .await;
        assert_eq!(taken.unwrap(), None);
    }
    let name = store.reset_for(&token, day(1)).await.unwrap();
    assert_eq!(name, Some(account("ada").username));

    let trying: Vec<_> = (0..8)
        .map(|number| {
            let (store, token) = (Arc::clone(&store), token);
            let password = hash(&format!("try{number}"));
            tokio::spawn(async move {
                let taken = store.finish_reset(&token, &password, day(1)).await;
                taken.unwrap()
            })
        })
        .collect();
    let mut successes = 0;
    for tried in trying {
        successes += usize::from(tried.await.unwrap() == Some(ada));
    }
    assert_eq!(successes, 1);
    assert!(store.session(&session, day(1)).await.unwrap().is_none());
    let found = store.account(&"ada".parse().unwrap()).await.unwrap();
    assert!(found.unwrap().password.expose().contains("try"));
}

pub(crate) async fn an_identity_has_one_persona(place: &Place) {
    let store = place.activation_store().await;
    let ada = identity("https://id.example", "1", "1@id.example");
    let entering: Vec<_> = (0..8)
        .map(|_| {
            let (store, ada) = (Arc::clone(&store), ada.clone());
            tokio::spawn(async move { store.identify(&ada, day(0)).await.unwrap() })
        })
        .collect();
    let mut personas = BTreeSet::new();
    for entered in entering {
        personas.insert(entered.await.unwrap());
    }
    assert_eq!(personas.len(), 1);
    // Another provider on the same host, which makes the same persona id of its own subject.
    let eve = identity("https://id.example/other", "1", "1@id.example");
    let stolen = store.identify(&eve, day(0)).await;
    assert!(matches!(stolen, Err(IdentityRefused::PersonaTaken)));
    // The parts do not run into each other.
    let shifted = identity("https://id.example1", "", "x@id.example");
    let other = store.identify(&shifted, day(0)).await.unwrap();
    assert!(!personas.contains(&other));

    let mut renamed = ada.clone();
    renamed.profile.name = Some("Ada L.".parse().unwrap());
    let same = store.identify(&renamed, day(1)).await.unwrap();
    let known = store.persona(same).await.unwrap().unwrap();
    assert_eq!(known.profile, renamed.profile);
    // A built-in account cannot take what a provider vouches for, nor the other way round.
    let mut account = account("ada");
    account.persona = ada.persona;
    let stolen = store.sign_up(&account, day(1)).await;
    assert!(matches!(stolen, Err(SignUpRefused::UsernameTaken)));
}

pub(crate) async fn a_session_lasts_until_its_end(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let (before, after) = (session_token(), session_token());
    let guest = content(None, "Canarynote");
    store.begin(&before, &guest, day(2), day(0)).await.unwrap();
    let found = store.session(&before, day(1)).await.unwrap().unwrap();
    assert_eq!(found.content.notes, guest.notes);
    assert_eq!((found.content.persona, found.until), (None, day(2)));
    let signed_in = content(Some(ada), "signed in");
    let rotated = store
        .rotate(&before, &after, &signed_in, day(3), day(1))
        .await;
    rotated.unwrap();
    assert!(store.session(&before, day(1)).await.unwrap().is_none());
    let found = store.session(&after, day(1)).await.unwrap().unwrap();
    assert_eq!(found.content.persona, Some(ada));
    assert_eq!(found.content.notes, signed_in.notes);
    assert!(store.session(&after, day(3)).await.unwrap().is_none());
    assert!(store.end(&after).await.unwrap());
    assert!(!store.end(&after).await.unwrap());
    assert!(store.session(&after, day(1)).await.unwrap().is_none());
}
