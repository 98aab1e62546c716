//! Passwords hashed with parameters that are not enough any more.

use std::sync::Arc;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, Version};
use colophon_core::activation::persona::{Account, PasswordHash};
use colophon_core::activation::ports::Personas as _;
use colophon_keys::{AwsLc, Envelope, StoredSigners, SystemRandom, read_key_file};
use colophon_store::activation::{ActivationDatabase, ActivationStore};
use colophon_store::secrets::Secrets;
use colophon_tests::browser::Browser;
use colophon_tests::colophon::House;

use super::people::{PASSWORD, is_signed_in, sign_in, sign_up};

/// The accounts of a house whose host is not running, opened as it opens them.
async fn accounts(house: &House) -> ActivationStore {
    let file = house.path().join("activation.db");
    let address = format!("sqlite://{}", file.display()).parse().unwrap();
    let master = read_key_file(&house.path().join("master.key")).unwrap();
    let secrets = Secrets::new(
        Arc::new(Envelope::new(Arc::new(AwsLc), master)),
        Arc::new(AwsLc),
        Box::new(SystemRandom),
        Arc::new(StoredSigners),
    );
    let database = ActivationDatabase::open(&address).await.unwrap();
    database.into_store(secrets).await.unwrap()
}

async fn ada(accounts: &ActivationStore) -> Account {
    let account = accounts.account(&"ada".parse().unwrap()).await.unwrap();
    account.unwrap()
}

/// A hash of the password as it was made when less was enough.
fn weak() -> PasswordHash {
    let params = Params::new(8 * 1024, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: Phc = argon2
        .hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16])
        .unwrap();
    PasswordHash::parse(&hash.to_string()).unwrap()
}

#[tokio::test]
async fn a_sign_in_renews_a_hash_that_is_weaker_than_new_ones() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada");
    assert!(host.stop());
    let store = accounts(&house).await;
    let account = ada(&store).await;
    let former = &account.password;
    assert!(
        store
            .rehash(account.persona, former, &weak())
            .await
            .unwrap()
    );
    store.close().await;

    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_in(&mut browser, "ada", "four plain words there");
    assert!(!is_signed_in(&mut browser));
    sign_in(&mut browser, "ada", PASSWORD);
    assert!(is_signed_in(&mut browser));
    assert!(host.stop());
    let store = accounts(&house).await;
    let renewed = ada(&store).await.password;
    let parameters = |hash: &PasswordHash| hash.expose().split('$').nth(3).map(str::to_owned);
    assert_eq!(parameters(&renewed), parameters(former));
    assert_ne!(renewed.expose(), weak().expose());
    store.close().await;

    // And the renewed hash is one of the same password.
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_in(&mut browser, "ada", PASSWORD);
    assert!(is_signed_in(&mut browser));
}
