//! What licenses are made with, and what becomes of them.

use std::sync::Arc;

use colophon_activation::{CertificateChain, PersonaId};
use colophon_core::catalog::TitleFacts;
use colophon_core::center::Center;
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::ports::{Catalog, Centers};
use colophon_core::principal::Principals;
use colophon_core::title_rights::TitleRights;
use colophon_keys::{Authority, AwsLc, KeyKind, Leaf, Subject, SystemRandom, Validity};
use colophon_store::decisions::Mentions;
use colophon_store::failure::ChangeError;
use colophon_store::log::PersonName;
use colophon_store::signers::{CenterKeyRole, SignerMaterial};
use colophon_store::store::Store;
use colophon_store::titles::TitleChange;
use colophon_title::license::{
    Delegation, DelegationTerms, LicenseId, Line, Object, ReadyLicensor, RightsTemplate,
};
use colophon_title::trust::{CertificateRole, EndCertificate};

use crate::log::{append, rows};
use crate::place::{Place, moment};
use crate::samples::{book, center, center_id, download, furnish, place, title};

const VALID: Validity = Validity {
    from_unix_s: 1_700_000_000,
    until_unix_s: 1_900_000_000,
};

fn rights(inside: &str) -> RightsTemplate {
    let text = format!(
        "<rights xmlns=\"urn:colophon:license:1\"><rights-group name=\"a\"><bundle/>{inside}\
         </rights-group></rights>"
    );
    RightsTemplate::read(text.as_bytes()).unwrap()
}

async fn loaded(store: &Store) -> std::sync::Arc<Center> {
    store.center(&center_id()).await.unwrap().unwrap()
}

async fn put(store: &Store, authority: &Authority, role: CenterKeyRole) -> Leaf {
    let subject = Subject {
        common_name: role.as_str().to_owned(),
        organization: None,
    };
    let kind = KeyKind::Rsa2048;
    let leaf = authority.issue(role.certificate(), &subject, kind, VALID, &mut SystemRandom);
    let leaf = leaf.unwrap();
    let material = SignerMaterial {
        role,
        chain: leaf.chain().to_vec(),
        pkcs8: leaf.key_der(),
    };
    store
        .put_signer(&center_id(), &material, moment(20))
        .await
        .unwrap();
    leaf
}

pub(crate) async fn a_center_has_the_licensor_and_the_keys_for_forms_it_was_given(ground: &Place) {
    let store = ground.store().await;
    store.add_center(&center("main"), moment(10)).await.unwrap();
    let bare = loaded(&store).await;
    assert!(bare.licensor.is_none() && bare.upload_keys.is_empty());
    let root = Subject {
        common_name: "root".to_owned(),
        organization: None,
    };
    let authority = Authority::create_root(&root, KeyKind::P256, VALID, &mut SystemRandom).unwrap();
    let licensor = put(&store, &authority, CenterKeyRole::Licensor).await;
    let former = put(&store, &authority, CenterKeyRole::FormerCenter).await;
    let present = put(&store, &authority, CenterKeyRole::Center).await;
    let center = loaded(&store).await;
    assert_eq!(center.licensor.as_ref().unwrap().chain(), licensor.chain());
    let chains: Vec<_> = center.upload_keys.iter().map(|key| key.chain()).collect();
    assert_eq!(chains, [present.chain(), former.chain()]);
    let public = colophon_title::trust::EndCertificate::parse(&present.chain()[0]).unwrap();
    let public = colophon_crypto::PublicKey::parse(&public.public_key_spki_der).unwrap();
    let encrypted = public.encrypt_oaep(&[7; 32], &[9; 32]).unwrap();
    let [first, second] = center.upload_keys.as_slice() else {
        panic!("two keys");
    };
    for _ in 0..2 {
        assert_eq!(first.decrypt(&encrypted).unwrap().expose(), &[9; 32]);
    }
    assert!(second.decrypt(&encrypted).is_err());
    // A key in another role's place is damage, not a signer.
    let mut material = store
        .signer_material(&center_id(), CenterKeyRole::Center)
        .await
        .unwrap()
        .unwrap();
    material.role = CenterKeyRole::Licensor;
    store
        .put_signer(&center_id(), &material, moment(30))
        .await
        .unwrap();
    assert!(store.center(&center_id()).await.is_err());
}

pub(crate) async fn rights_are_set_and_taken_back(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let viewing = RightsTemplate::viewing();
    assert_eq!(*loaded(&store).await.rights, viewing);
    let printing = rights("<view></view><print max-count=\"3\"></print>");
    store
        .set_center_rights(&center_id(), Some(&printing), moment(40))
        .await
        .unwrap();
    assert_eq!(*loaded(&store).await.rights, printing);
    let record = store.show_center(&center_id()).await.unwrap().unwrap();
    assert_eq!(record.rights, Some(printing));
    store
        .set_center_rights(&center_id(), None, moment(41))
        .await
        .unwrap();
    assert_eq!(*loaded(&store).await.rights, viewing);
    let nobody = "nobody".parse().unwrap();
    let missing = store.set_center_rights(&nobody, None, moment(42)).await;
    assert!(missing.is_err());

    let copying = own("<view></view><copy></copy>");
    let mut new = title(1, "111", "Emma");
    new.rights = copying.clone();
    store.add_title(&new, moment(50)).await.unwrap();
    assert_eq!(kept(&store).await.rights, copying);
    let turns = [
        (None, copying.clone()),
        (Some(own("<view></view>")), own("<view></view>")),
        (Some(TitleRights::Center), TitleRights::Center),
        (Some(copying.clone()), copying),
    ];
    for (rights, expected) in turns {
        let change = TitleChange {
            rights,
            ..TitleChange::default()
        };
        update(&store, change).await.unwrap();
        assert_eq!(kept(&store).await.rights, expected);
    }
}

/// Rights of a title's own, on its center's authority.
fn own(inside: &str) -> TitleRights {
    TitleRights::Own(Arc::new(rights(inside)))
}

/// Rights of a title's own, by another center's leave to view.
fn delegated(inside: &str, delegation: &Delegation) -> TitleRights {
    TitleRights::Delegated {
        rights: Arc::new(rights(inside)),
        delegation: Arc::new(delegation.clone()),
    }
}

/// What is known of the title that is called 111.
async fn kept(store: &Store) -> Arc<TitleFacts> {
    let facts = store.facts(&center_id(), &place("main/1")).await;
    facts.unwrap().unwrap()
}

async fn update(store: &Store, change: TitleChange) -> Result<TitleId, ChangeError> {
    store
        .update_title(&center_id(), &book("111"), &change, moment(60))
        .await
}

/// A change of rights that was decided on when the title was in this state.
fn decided(rights: TitleRights, seen: RowVersion) -> TitleChange {
    TitleChange {
        rights: Some(rights),
        seen: Some(seen),
        ..TitleChange::default()
    }
}

pub(crate) async fn of_two_who_change_rights_at_once_one_is_told(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let delegation = delegation();
    store
        .add_title(&title(1, "111", "Emma"), moment(50))
        .await
        .unwrap();
    let taken_in = delegated("<view></view>", &delegation);
    // What each of two would do that have looked at the title in the same state.
    let turns = [
        [taken_in.clone(), TitleRights::Center],
        [own("<copy></copy>"), taken_in.clone()],
        [TitleRights::Center, own("<print></print>")],
    ];
    for [first, second] in turns {
        let book = book("111");
        let seen = store.kept_rights(&center_id(), &book).await;
        let seen = seen.unwrap().unwrap().seen;
        let (one, other) = tokio::join!(
            update(&store, decided(first.clone(), seen)),
            update(&store, decided(second.clone(), seen)),
        );
        let (won, refused) = match (one, other) {
            (Ok(_), Err(refused)) => (first, refused),
            (Err(refused), Ok(_)) => (second, refused),
            both => panic!("one of them is told: {both:?}"),
        };
        assert!(matches!(refused, ChangeError::ChangedMeanwhile));
        assert_eq!(kept(&store).await.rights, won, "nothing of the other's");
    }
    // Whoever decided on nothing that he saw is not held up, and a title that is gone is gone.
    let blind = TitleChange {
        rights: Some(taken_in.clone()),
        ..TitleChange::default()
    };
    update(&store, blind).await.unwrap();
    let seen = kept(&store).await.row_version;
    store
        .remove_title(&center_id(), &book("111"))
        .await
        .unwrap();
    let gone = update(&store, decided(taken_in, seen)).await;
    assert!(matches!(gone, Err(ChangeError::NotFound)));
}

pub(crate) async fn damaged_rights_are_replaced_without_being_read(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let delegation = delegation();
    let good = delegated("<view></view>", &delegation);
    let mut new = title(1, "111", "Emma");
    new.rights = good.clone();
    store.add_title(&new, moment(50)).await.unwrap();
    let mut stranger = ground.stranger().await;
    let damage = [
        "UPDATE titles SET delegation = (SELECT sha256 FROM title_forms LIMIT 1)",
        "UPDATE titles SET rights = '<rights'",
        // As two who changed one title at once could once leave it.
        "UPDATE titles SET rights = NULL",
    ];
    for (turn, damage) in damage.into_iter().enumerate() {
        stranger.run(damage).await;
        let found = store.facts(&center_id(), &place("main/1")).await;
        assert!(found.is_err(), "{damage}");
        let [title] = store
            .delegated_titles(&center_id())
            .await
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(title.book, book("111"));
        assert!(title.delegation.is_err(), "{damage}");
        let held = store.kept_rights(&center_id(), &book("111")).await;
        let held = held.unwrap().unwrap();
        // What is whole is there for whoever mends the rest.
        assert_eq!(held.delegation.is_ok(), turn != 0, "{damage}");
        assert_eq!(held.own.is_ok(), turn != 1, "{damage}");
        update(&store, decided(good.clone(), held.seen))
            .await
            .unwrap();
        assert_eq!(kept(&store).await.rights, good);
    }
}

pub(crate) async fn a_personas_certificate_is_kept_and_replaced(ground: &Place) {
    let store = ground.store().await;
    store.add_center(&center("main"), moment(1)).await.unwrap();
    store.add_center(&center("other"), moment(1)).await.unwrap();
    let ada: PersonaId = "ada@people.example".parse().unwrap();
    let bea: PersonaId = "bea@people.example".parse().unwrap();
    let chain = |bytes: u8| {
        let certificates = vec![vec![bytes; 900], b"an authority".to_vec()];
        CertificateChain::new(certificates).unwrap()
    };
    let found = |center: &'static str, persona: &PersonaId| {
        let persona = persona.clone();
        let store = &store;
        async move {
            let center = center.parse().unwrap();
            store.certificate_of(&center, &persona).await.unwrap()
        }
    };
    assert_eq!(found("main", &ada).await, None);
    store.keep(&center_id(), &ada, &chain(1), moment(2));
    store.keep(&center_id(), &bea, &chain(2), moment(2));
    // Nobody waits for it, so the question is asked until it is there.
    let arrived = |persona: &PersonaId, expected: CertificateChain| {
        let persona = persona.clone();
        let store = &store;
        async move {
            loop {
                let kept = store.certificate_of(&center_id(), &persona).await.unwrap();
                if kept.as_ref() == Some(&expected) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    arrived(&ada, chain(1)).await;
    arrived(&bea, chain(2)).await;
    assert_eq!(found("other", &ada).await, None, "each center has its own");
    store.keep(&center_id(), &ada, &chain(3), moment(3));
    arrived(&ada, chain(3)).await;

    let mut stranger = ground.stranger().await;
    let rows = stranger.numbers("SELECT COUNT(*) FROM principals").await;
    assert_eq!(rows, [2]);
    // One persona's certificate in another's row does not open.
    stranger
        .run("UPDATE principals SET chain = (SELECT chain FROM principals LIMIT 1)")
        .await;
    let moved = [
        store.certificate_of(&center_id(), &ada).await,
        store.certificate_of(&center_id(), &bea).await,
    ];
    let damaged = moved.iter().filter(|found| found.is_err()).count();
    assert_eq!(damaged, 1);
}

pub(crate) async fn a_license_is_recorded_until_its_person_is_erased(ground: &Place) {
    const LICENSE: &str = "<license>for Canarypersona</license>";
    let store = ground.store().await;
    let mut licensed = download(1, "order-1");
    if let Some(copy) = &mut licensed.copy {
        copy.license = Some(LICENSE.to_owned());
    }
    let event = licensed.event;
    append(&store, [(1, licensed), (2, download(2, "order-2"))]).await;
    let licenses: Vec<_> = rows(&store)
        .await
        .into_iter()
        .map(|row| row.license)
        .collect();
    assert_eq!(licenses, [None, Some(LICENSE.to_owned())]);
    let row = store.show_download(&center_id(), event).await.unwrap();
    assert_eq!(row.unwrap().license.as_deref(), Some(LICENSE));
    let elsewhere = "other".parse().unwrap();
    let row = store.show_download(&elsewhere, event).await.unwrap();
    assert!(row.is_none());

    let mut stranger = ground.log_stranger().await;
    // The license of one row does not open as another's, nor as what else is personal.
    let before = stranger
        .numbers("SELECT COUNT(*) FROM downloads WHERE license IS NULL")
        .await;
    assert_eq!(before, [1]);
    stranger
        .run("UPDATE downloads SET license = (SELECT license FROM downloads WHERE license IS NOT NULL)")
        .await;
    let other = download(2, "order-2").event;
    assert!(store.show_download(&center_id(), other).await.is_err());
    stranger
        .run("UPDATE downloads SET license = personal")
        .await;
    assert!(store.show_download(&center_id(), event).await.is_err());

    let person = PersonName::Customer("customer-0815".parse().unwrap());
    let shop = "shop".parse().unwrap();
    let erased = store
        .erase_person(&center_id(), &shop, &person, Mentions::Stay)
        .await;
    assert!(erased.unwrap().logged);
    let row = store.show_download(&center_id(), event).await.unwrap();
    assert_eq!(row.unwrap().license, None);
}

pub(crate) async fn a_delegation_is_kept_with_its_title(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let delegation = delegation();
    let good = delegated("<view></view>", &delegation);
    let mut new = title(1, "111", "Emma");
    new.rights = good.clone();
    store.add_title(&new, moment(50)).await.unwrap();
    store
        .add_title(&title(2, "222", "Persuasion"), moment(50))
        .await
        .unwrap();
    let mut before = kept(&store).await;
    assert_eq!(before.rights, good);
    let [title] = store
        .delegated_titles(&center_id())
        .await
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(title.book, book("111"));
    assert_eq!(title.delegation.unwrap(), delegation);

    let alone = own("<view></view>");
    for (rights, expected) in [
        (Some(alone.clone()), alone.clone()),
        (None, alone),
        (Some(good.clone()), good),
        (Some(TitleRights::Center), TitleRights::Center),
    ] {
        let change = TitleChange {
            rights,
            ..TitleChange::default()
        };
        update(&store, change).await.unwrap();
        let later = kept(&store).await;
        assert_eq!(later.rights, expected);
        assert!(later.row_version > before.row_version, "caches learn of it");
        before = later;
    }
    assert!(
        store
            .delegated_titles(&center_id())
            .await
            .unwrap()
            .is_empty()
    );
}

/// Another center's leave to view.
fn delegation() -> Delegation {
    let subject = |name: &str| Subject {
        common_name: name.to_owned(),
        organization: None,
    };
    let random = &mut SystemRandom;
    let root = Authority::create_root(&subject("Publisher"), KeyKind::P256, VALID, random).unwrap();
    let leaf = |name: &str| {
        let role = CertificateRole::Licensor;
        let name = subject(name);
        root.issue(role, &name, KeyKind::P256, VALID, &mut SystemRandom)
            .unwrap()
    };
    let (publisher, center) = (leaf("publisher"), leaf("center"));
    let object = |id_type: &str, id: &str| Object {
        id_type: Line::parse(id_type).unwrap(),
        id: Line::parse(id).unwrap(),
        name: None,
    };
    let signer = Arc::new(publisher.licensor().unwrap());
    let licensor = ReadyLicensor::new(&AwsLc, object("center", "publisher"), signer).unwrap();
    let terms = DelegationTerms {
        id: LicenseId::from_bytes([7; 16]),
        granted_at_unix_s: 1_750_000_000,
        work: &object("ISBN", "111"),
        delegate: &EndCertificate::parse(&center.chain()[0]).unwrap(),
        rights: &rights("<view></view>"),
        until_unix_s: None,
        delegated_by: None,
    };
    let signed = terms.sign(&AwsLc, &licensor).unwrap();
    Delegation::read(signed.document()).unwrap()
}
