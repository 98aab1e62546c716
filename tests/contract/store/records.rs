//! Centers, signers, authorities, retailers and limited purchases.

use std::collections::BTreeSet;
use std::sync::Arc;

use colophon_core::center::KeyState;
use colophon_core::log::Purchase;
use colophon_core::ports::{Centers, Resumption, Use, Uses};
use colophon_keys::{Authority, KeyKind, Subject, SystemRandom, Validity};
use colophon_receipt::{SecretMode, TimePolicy};
use colophon_store::failure::{AddError, ChangeError};
use colophon_store::signers::{AuthorityMaterial, CenterKeyRole, SignerMaterial};
use colophon_title::SignerRole;
use zeroize::Zeroizing;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, furnish, retailer, secret};

pub(crate) async fn a_center_is_made_once_and_read_back(place: &Place) {
    let store = place.store().await;
    assert!(store.list_centers().await.unwrap().is_empty());
    let mut new = center("main");
    new.time_policy = TimePolicy {
        skew_s: 5,
        lifetime_s_max: 600,
        resume_s: u32::MAX,
    };
    store.add_center(&new, moment(10)).await.unwrap();
    store.add_center(&center("a-2"), moment(11)).await.unwrap();
    let again = store.add_center(&center("main"), moment(12)).await;
    assert!(matches!(again, Err(AddError::AlreadyExists)), "{again:?}");

    let ids: Vec<String> = store
        .list_centers()
        .await
        .unwrap()
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    assert_eq!(ids, ["a-2", "main"]);
    let record = store.show_center(&center_id()).await.unwrap().unwrap();
    assert_eq!(
        (record.name.as_str(), record.created_at),
        ("The House", moment(10))
    );
    assert_eq!(record.time_policy, new.time_policy);

    let loaded = store.center(&center_id()).await.unwrap().unwrap();
    assert_eq!(loaded.time_policy, new.time_policy);
    assert_eq!(loaded.copy_key.key().expose(), &[3; 32]);
    assert!(loaded.provider.is_none());
    assert!(
        store
            .center(&"nobody".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );

    let policy = TimePolicy::default();
    store
        .update_center(&center_id(), "Home", &policy, moment(30))
        .await
        .unwrap();
    let record = store.show_center(&center_id()).await.unwrap().unwrap();
    assert_eq!((record.name.as_str(), record.time_policy), ("Home", policy));
    assert_eq!(
        (record.created_at, record.updated_at),
        (moment(10), moment(30))
    );
    let missing = store
        .update_center(&"nobody".parse().unwrap(), "x", &policy, moment(31))
        .await;
    assert!(matches!(missing, Err(ChangeError::NotFound)));
}

pub(crate) async fn a_center_has_the_provider_it_was_given(place: &Place) {
    let store = place.store().await;
    store.add_center(&center("main"), moment(10)).await.unwrap();
    let authority = authority();
    for (turn, role, kept) in [
        (1, SignerRole::Provider, CenterKeyRole::Provider),
        (2, SignerRole::Tool, CenterKeyRole::Tool),
        (3, SignerRole::Provider, CenterKeyRole::Provider),
    ] {
        let certified = kept.certificate();
        let subject = Subject {
            common_name: format!("{role} {turn}"),
            organization: None,
        };
        let leaf = authority.issue(certified, &subject, KeyKind::P256, VALID, &mut SystemRandom);
        let leaf = leaf.unwrap();
        let chain = leaf.chain().to_vec();
        let material = SignerMaterial {
            role: kept,
            chain: chain.clone(),
            pkcs8: leaf.key_der(),
        };
        store
            .put_signer(&center_id(), &material, moment(20 + turn))
            .await
            .unwrap();

        let read = store
            .signer_material(&center_id(), kept)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((read.chain, &read.pkcs8), (chain.clone(), &leaf.key_der()));
        let signer = store.signer(&center_id(), role).await.unwrap().unwrap();
        assert_eq!((signer.role(), signer.chain()), (role, chain.as_slice()));
        signer.sign(b"message").unwrap();
        if role == SignerRole::Provider {
            let loaded = store.center(&center_id()).await.unwrap().unwrap();
            assert_eq!(loaded.provider.as_ref().unwrap().chain(), chain.as_slice());
        }
    }
    let listed = store.list_signers(&center_id()).await.unwrap();
    let roles: Vec<_> = listed
        .iter()
        .map(|one| (one.role, one.created_at, one.updated_at))
        .collect();
    let provider = (CenterKeyRole::Provider, moment(21), moment(23));
    assert_eq!(
        roles,
        [provider, (CenterKeyRole::Tool, moment(22), moment(22))]
    );
    assert!(
        store
            .signer(&center_id(), SignerRole::Owner)
            .await
            .unwrap()
            .is_none()
    );
}

fn material(byte: u8, key: Option<Vec<u8>>) -> AuthorityMaterial {
    AuthorityMaterial {
        name: "platform".to_owned(),
        certificate: vec![byte; 100],
        pkcs8: key.map(Zeroizing::new),
    }
}

pub(crate) async fn an_authority_takes_the_place_of_the_one_it_was_made_for(place: &Place) {
    let store = place.store().await;
    assert!(store.authority("platform").await.unwrap().is_none());
    let first = material(1, Some(vec![9; 50]));
    let nothing_to_replace = store.replace_authority(&first, &[0; 100], moment(10));
    assert!(!nothing_to_replace.await.unwrap());
    assert!(store.enter_authority(&first, moment(10)).await.unwrap());
    for (byte, key) in [(2, None), (3, Some(vec![8; 60]))] {
        let new = material(byte, key.clone());
        assert!(!store.enter_authority(&new, moment(11)).await.unwrap());
        let wrong = store.replace_authority(&new, &[99; 100], moment(11));
        assert!(!wrong.await.unwrap(), "somebody else has replaced it");
        let former = vec![byte - 1; 100];
        let replaced = store.replace_authority(&new, &former, moment(11));
        assert!(replaced.await.unwrap());
        let read = store.authority("platform").await.unwrap().unwrap();
        assert_eq!(
            (read.certificate, read.pkcs8.as_deref()),
            (vec![byte; 100], key.as_ref())
        );
    }
}

/// Hosts that start at once each make one; all of them have to use the same.
pub(crate) async fn of_many_authorities_of_one_name_the_first_holds(place: &Place) {
    let store = place.store().await;
    let entering: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let own = material(number, Some(vec![number; 50]));
                let is_first = store.enter_authority(&own, moment(10)).await.unwrap();
                let kept = store.authority("platform").await.unwrap().unwrap();
                (is_first, own.certificate == kept.certificate, kept.pkcs8)
            })
        })
        .collect();
    let (mut firsts, mut keys) = (0, BTreeSet::new());
    for entered in entering {
        let (is_first, is_own, key) = entered.await.unwrap();
        assert_eq!(is_first, is_own);
        firsts += usize::from(is_first);
        keys.insert(key.unwrap().to_vec());
    }
    assert_eq!((firsts, keys.len()), (1, 1));
}

pub(crate) async fn a_retailer_is_registered_with_its_key_and_addresses(place: &Place) {
    let store = place.store().await;
    furnish(&store).await;
    let again = store
        .add_retailer(&retailer("shop"), &secret("shop.9", 9), moment(21))
        .await;
    assert!(matches!(again, Err(AddError::AlreadyExists)));
    assert!(
        store
            .find_retailer_key(&center_id(), &"shop.9".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );

    let record = store
        .show_retailer(&center_id(), &"shop".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.retailer, retailer("shop"));
    assert_eq!(
        (record.created_at, record.updated_at),
        (moment(20), moment(20))
    );
    let [key] = record.keys.as_slice() else {
        panic!("{:?}", record.keys)
    };
    assert_eq!(
        (key.kid.as_str(), key.mode, key.state),
        ("shop.1", SecretMode::Live, KeyState::Active)
    );
    assert_eq!(
        (key.created_at, key.revoked_at, key.uses),
        (moment(20), None, 0)
    );

    let key = store
        .retailer_key(&center_id(), &"shop.1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.key.key().expose(), &[1; 32]);
    assert_eq!(key.retailer.as_str(), "shop");
    assert_eq!(key.error_urls, retailer("shop").error_urls);
    for unknown in ["shop.2", "other.1"] {
        let key = store
            .retailer_key(&center_id(), &unknown.parse().unwrap())
            .await
            .unwrap();
        assert!(key.is_none(), "{unknown}");
    }

    store
        .add_retailer(&retailer("Annex"), &secret("Annex.1", 2), moment(22))
        .await
        .unwrap();
    let ids: Vec<String> = store
        .list_retailers(&center_id())
        .await
        .unwrap()
        .iter()
        .map(|one| one.retailer.id.to_string())
        .collect();
    assert_eq!(ids, ["Annex", "shop"]);
    store
        .remove_retailer(&center_id(), &"Annex".parse().unwrap())
        .await
        .unwrap();
    let key = store
        .retailer_key(&center_id(), &"Annex.1".parse().unwrap())
        .await
        .unwrap();
    assert!(key.is_none());
}

pub(crate) async fn a_retailer_can_have_several_live_keys(place: &Place) {
    let store = place.store().await;
    furnish(&store).await;
    store
        .add_retailer_key(&center_id(), &secret("shop.2", 2), moment(30))
        .await
        .unwrap();
    let taken = store
        .add_retailer_key(&center_id(), &secret("shop.2", 3), moment(31))
        .await;
    assert!(matches!(taken, Err(AddError::AlreadyExists)));
    for (kid, byte) in [("shop.1", 1), ("shop.2", 2)] {
        let key = store
            .retailer_key(&center_id(), &kid.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (key.state, key.key.key().expose()),
            (KeyState::Active, &[byte; 32])
        );
        assert_eq!(key.error_urls.len(), 1);
    }
}

pub(crate) async fn a_revoked_key_stays_known(place: &Place) {
    let store = place.store().await;
    furnish(&store).await;
    let kid = "shop.1".parse().unwrap();
    for at in [40, 50] {
        store
            .revoke_retailer_key(&center_id(), &kid, moment(at))
            .await
            .unwrap();
    }
    let key = store
        .retailer_key(&center_id(), &kid)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.state, KeyState::Revoked);
    let record = store
        .show_retailer(&center_id(), &"shop".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.keys[0].revoked_at, Some(moment(40)));
    let missing = store
        .revoke_retailer_key(&center_id(), &"shop.7".parse().unwrap(), moment(60))
        .await;
    assert!(matches!(missing, Err(ChangeError::NotFound)));
}

pub(crate) async fn addresses_are_replaced_as_a_whole(place: &Place) {
    let store = place.store().await;
    furnish(&store).await;
    let shop = "shop".parse().unwrap();
    let urls = ["https://z.example/", "https://a.example/?x=1"].map(|url| url.parse().unwrap());
    store
        .set_retailer_urls(&center_id(), &shop, &urls, moment(30))
        .await
        .unwrap();
    let key = store
        .retailer_key(&center_id(), &"shop.1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.error_urls, urls, "in the order given");
    store
        .set_retailer_urls(&center_id(), &shop, &[], moment(31))
        .await
        .unwrap();
    let key = store
        .retailer_key(&center_id(), &"shop.1".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(key.error_urls.is_empty());
    let nobody = "nobody".parse().unwrap();
    let missing = store
        .set_retailer_urls(&center_id(), &nobody, &urls, moment(32))
        .await;
    assert!(matches!(missing, Err(ChangeError::NotFound)));
    store
        .describe_retailer(&center_id(), &shop, Some("Shop"), None, moment(33))
        .await
        .unwrap();
    let record = store
        .show_retailer(&center_id(), &shop)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.retailer.name, "Shop");
    assert_eq!(record.retailer.description, "Sells books");
}

pub(crate) async fn what_belongs_to_nobody_is_not_added(place: &Place) {
    let store = place.store().await;
    let orphan = store
        .add_retailer(&retailer("shop"), &secret("shop.1", 1), moment(1))
        .await;
    assert!(matches!(orphan, Err(AddError::NotFound)), "{orphan:?}");
    let orphan = store
        .add_retailer_key(&center_id(), &secret("shop.1", 1), moment(1))
        .await;
    assert!(matches!(orphan, Err(AddError::NotFound)), "{orphan:?}");
    let material = SignerMaterial {
        role: CenterKeyRole::Tool,
        chain: Vec::new(),
        pkcs8: Zeroizing::new(vec![1]),
    };
    let orphan = store.put_signer(&center_id(), &material, moment(1)).await;
    assert!(matches!(orphan, Err(AddError::NotFound)), "{orphan:?}");
}

pub(crate) async fn exactly_as_many_uses_as_allowed_are_taken(place: &Place) {
    let store = place.store().await;
    let purchase = Arc::new(Purchase {
        center: center_id(),
        retailer: "shop".parse().unwrap(),
        transaction: "t".repeat(1024).parse().unwrap(),
        book_id: "b".repeat(1024).parse().unwrap(),
        book_id_type: "i".repeat(1024).parse().unwrap(),
    });
    let takes: Vec<_> = (0..64)
        .map(|_| {
            let (store, purchase) = (Arc::clone(&store), Arc::clone(&purchase));
            tokio::spawn(async move { store.take(&purchase, 5, 100, moment(1)).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for take in takes {
        taken += usize::from(take.await.unwrap() == Use::Taken);
    }
    assert_eq!(taken, 5);
    assert_eq!(
        store.take(&purchase, 5, 100, moment(2)).await.unwrap(),
        Use::Exhausted
    );
    assert_eq!(
        store.take(&purchase, 6, 100, moment(3)).await.unwrap(),
        Use::Taken,
        "a higher limit"
    );
    let other = Purchase {
        transaction: "other".parse().unwrap(),
        ..(*purchase).clone()
    };
    assert_eq!(
        store.take(&other, 1, 100, moment(4)).await.unwrap(),
        Use::Taken
    );
    assert_eq!(
        store.take(&other, 1, 100, moment(5)).await.unwrap(),
        Use::Exhausted
    );
    assert_eq!(
        store.take(&other, 0, 100, moment(6)).await.unwrap(),
        Use::Exhausted
    );
}

pub(crate) async fn a_use_pays_for_so_many_resumed_bytes(place: &Place) {
    let store = place.store().await;
    let purchase = Arc::new(Purchase {
        center: center_id(),
        retailer: "shop".parse().unwrap(),
        transaction: "t-resumed".parse().unwrap(),
        book_id: "b".parse().unwrap(),
        book_id_type: "i".parse().unwrap(),
    });
    let resume = |bytes| {
        let (store, purchase) = (Arc::clone(&store), Arc::clone(&purchase));
        async move { store.resume(&purchase, bytes).await.unwrap() }
    };
    assert_eq!(resume(1).await, Resumption::NothingCounted);
    store.take(&purchase, 2, 1000, moment(1)).await.unwrap();
    let parts: Vec<_> = (0..64).map(|_| tokio::spawn(resume(100))).collect();
    let mut paid = 0;
    for part in parts {
        paid += usize::from(part.await.unwrap() == Resumption::Paid);
    }
    assert_eq!(paid, 10);
    store.give_back(&purchase, 60);
    // It is given back in the background; asking for it is how to see that it has been.
    while resume(60).await == Resumption::Spent {
        tokio::task::yield_now().await;
    }
    assert_eq!(resume(1).await, Resumption::Spent);
    store.take(&purchase, 2, 1000, moment(2)).await.unwrap();
    assert_eq!(resume(1001).await, Resumption::Spent);
    assert_eq!(resume(1000).await, Resumption::Paid);
    assert_eq!(store.taken(&purchase).await.unwrap(), 2);
}

const VALID: Validity = Validity {
    from_unix_s: 1_700_000_000,
    until_unix_s: 2_000_000_000,
};

fn authority() -> Authority {
    let subject = Subject {
        common_name: "Test root".to_owned(),
        organization: None,
    };
    Authority::create_root(&subject, KeyKind::P256, VALID, &mut SystemRandom).unwrap()
}
