//! What becomes of a title that is changed.

use colophon_core::catalog::{Availability, Forms, Money};
use colophon_core::ports::Catalog;
use colophon_store::failure::ChangeError;
use colophon_store::titles::{Edit, KeptForms, TitleChange};
use colophon_title::{Level, SignerRoles};

use super::{show, update};
use crate::place::{Place, moment};
use crate::samples::{center_id, content_key, details, form, furnish, place, title, version};

pub(crate) async fn what_is_not_changed_stays(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let new = title(1, "111", "Emma");
    store.add_title(&new, moment(50)).await.unwrap();
    let before = show(&store, "111").await;

    let id = update(&store, "111", TitleChange::default(), 60)
        .await
        .unwrap();
    assert_eq!(id, new.title_id);
    let after = show(&store, "111").await;
    assert_eq!(
        (after.created_at, after.updated_at),
        (moment(50), moment(60))
    );
    assert!(after.facts.row_version > before.facts.row_version);
    let mut expected = before.clone();
    expected.updated_at = after.updated_at;
    expected.facts.row_version = after.facts.row_version;
    assert_eq!(after, expected);

    let change = TitleChange {
        min_level: Some(Level::IndividuallySealed),
        ..TitleChange::default()
    };
    update(&store, "111", change, 61).await.unwrap();
    let change = TitleChange {
        location: Some(place("moved/1")),
        ..TitleChange::default()
    };
    update(&store, "111", change, 62).await.unwrap();
    let change = TitleChange {
        details: Some(colophon_store::titles::TitleDetails {
            publisher: None,
            language: None,
            ..details("Emma, revised", &["Ann Author"])
        }),
        availability: Some(Availability::Withdrawn),
        signatures: Some(SignerRoles::new()),
        price: Edit::Remove,
        price_structure: Edit::Set("tiered".to_owned()),
        attributes: Some(vec![("genre".to_owned(), "classic".to_owned())]),
        ..TitleChange::default()
    };
    update(&store, "111", change, 63).await.unwrap();
    let record = show(&store, "111").await;
    let facts = &record.facts;
    assert_eq!(
        (facts.min_level, &facts.location),
        (Level::IndividuallySealed, &place("moved/1"))
    );
    assert_eq!(
        (facts.title.as_str(), facts.authors.len()),
        ("Emma, revised", 1)
    );
    assert_eq!((&record.publisher, &facts.language), (&None, &None));
    assert_eq!(
        (facts.availability, facts.signatures),
        (Availability::Withdrawn, SignerRoles::new())
    );
    assert_eq!(
        (&facts.price, record.price_structure.as_deref()),
        (&None, Some("tiered"))
    );
    assert_eq!(
        facts.attributes,
        [("genre".to_owned(), "classic".to_owned())]
    );
    assert_eq!(facts.forms, new.kept.forms);
    assert!(
        store
            .facts(&center_id(), &place("main/1"))
            .await
            .unwrap()
            .is_none()
    );

    let price = Money {
        minor: 5,
        currency: "JPY".parse().unwrap(),
    };
    let change = TitleChange {
        price: Edit::Set(price.clone()),
        ..TitleChange::default()
    };
    update(&store, "111", change, 64).await.unwrap();
    assert_eq!(show(&store, "111").await.facts.price, Some(price));
    let missing = update(&store, "999", TitleChange::default(), 65).await;
    assert!(matches!(missing, Err(ChangeError::NotFound)));

    store
        .add_title(&title(2, "222", "Other"), moment(66))
        .await
        .unwrap();
    let change = TitleChange {
        location: Some(place("moved/1")),
        ..TitleChange::default()
    };
    let taken = update(&store, "222", change, 67).await;
    assert!(
        matches!(taken, Err(ChangeError::AlreadyExists)),
        "{taken:?}"
    );
}

pub(crate) async fn a_replaced_form_takes_its_key_with_it(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(50))
        .await
        .unwrap();
    // The clear form stays, the sealed one is made anew, a licensed one comes with it.
    let forms = Forms {
        clear: Some(form(2)),
        sealed: Some(form(20)),
        licensed: Some(form(21)),
    };
    let keys = vec![
        (version(20), content_key(20)),
        (version(21), content_key(21)),
    ];
    let kept = Some(KeptForms {
        forms: forms.clone(),
        keys,
    });
    update(
        &store,
        "111",
        TitleChange {
            kept,
            ..TitleChange::default()
        },
        60,
    )
    .await
    .unwrap();
    assert_eq!(show(&store, "111").await.facts.forms, forms);
    for (byte, there) in [(2, false), (3, false), (20, true), (21, true)] {
        let key = store
            .content_key(&center_id(), &version(byte))
            .await
            .unwrap();
        assert_eq!(key.is_some(), there, "{byte}");
    }
    // A form that stays needs no key.
    let forms = Forms {
        clear: None,
        sealed: Some(form(20)),
        licensed: None,
    };
    let kept = Some(KeptForms {
        forms: forms.clone(),
        keys: Vec::new(),
    });
    update(
        &store,
        "111",
        TitleChange {
            kept,
            ..TitleChange::default()
        },
        61,
    )
    .await
    .unwrap();
    assert_eq!(show(&store, "111").await.facts.forms, forms);
    let key = store
        .content_key(&center_id(), &version(20))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.key().expose(), &[20; 32]);

    // A version that is another title's is not taken over.
    store
        .add_title(&title(5, "555", "Other"), moment(62))
        .await
        .unwrap();
    let forms = Forms {
        clear: None,
        sealed: Some(form(11)),
        licensed: None,
    };
    let kept = Some(KeptForms {
        forms,
        keys: vec![(version(11), content_key(99))],
    });
    let taken = update(
        &store,
        "111",
        TitleChange {
            kept,
            ..TitleChange::default()
        },
        63,
    )
    .await;
    assert!(
        matches!(taken, Err(ChangeError::AlreadyExists)),
        "{taken:?}"
    );
    assert_eq!(show(&store, "111").await.facts.forms.sealed, Some(form(20)));
    let key = store
        .content_key(&center_id(), &version(11))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.key().expose(), &[11; 32]);
}
