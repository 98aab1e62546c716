//! The catalog.

use colophon_core::catalog::{Availability, Forms, Money};
use colophon_core::ports::Catalog;
use colophon_receipt::CenterId;
use colophon_store::failure::{AddError, ChangeError};
use colophon_store::store::Store;
use colophon_store::titles::{Edit, KeptForms, TitleChange, TitleFilter};
use colophon_title::{Level, SignerRoles};

use crate::place::{Place, moment};
use crate::samples::{
    book, center, center_id, content_key, details, form, furnish, kept, place, title, version,
};

pub(crate) async fn a_title_is_entered_with_everything(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let new = title(1, "111", "Emma");
    store.add_title(&new, moment(50)).await.unwrap();

    let location = store
        .find(&center_id(), &book("111"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(location, new.location);
    let facts = store.facts(&center_id(), &location).await.unwrap().unwrap();
    assert_eq!(
        (facts.title_id, &facts.book, &facts.location),
        (new.title_id, &new.book, &location)
    );
    assert_eq!(
        (facts.title.as_str(), &facts.authors),
        ("Emma", &new.details.authors)
    );
    assert_eq!(
        (facts.language.as_deref(), &facts.media_type),
        (Some("en"), &new.details.media_type)
    );
    assert_eq!(
        (facts.min_level, facts.signatures),
        (new.min_level, new.signatures)
    );
    assert_eq!(
        (&facts.forms, facts.availability),
        (&new.kept.forms, Availability::Ready)
    );
    assert_eq!(
        (&facts.price, &facts.attributes),
        (&new.price, &new.attributes)
    );
    let key = store
        .content_key(&center_id(), &version(3))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.key().expose(), &[3; 32]);
    assert!(
        store
            .content_key(&center_id(), &version(2))
            .await
            .unwrap()
            .is_none(),
        "it is clear"
    );

    let record = store
        .show_title(&center_id(), &book("111"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.facts, *facts);
    assert_eq!(record.publisher, new.details.publisher);
    assert_eq!(record.copyright, new.details.copyright);
    assert_eq!(record.price_structure, new.price_structure);
    assert_eq!(
        (record.created_at, record.updated_at),
        (moment(50), moment(50))
    );

    assert!(
        store
            .find(&center_id(), &book("112"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .facts(&center_id(), &place("main/9"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .show_title(&center_id(), &book("112"))
            .await
            .unwrap()
            .is_none()
    );

    let mut bare = title(2, "222", "Bare");
    (
        bare.details.publisher,
        bare.details.language,
        bare.details.copyright,
    ) = (None, None, None);
    (bare.price, bare.price_structure, bare.signatures) = (None, None, SignerRoles::new());
    (bare.attributes, bare.details.authors) = (Vec::new(), Vec::new());
    bare.kept = KeptForms {
        forms: Forms::default(),
        keys: Vec::new(),
    };
    store.add_title(&bare, moment(51)).await.unwrap();
    let record = store
        .show_title(&center_id(), &book("222"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (record.facts.price, record.facts.forms),
        (None, Forms::default())
    );
    assert_eq!(
        (record.publisher, record.copyright, record.price_structure),
        (None, None, None)
    );
    assert!(record.facts.attributes.is_empty() && record.facts.authors.is_empty());
}

pub(crate) async fn a_title_is_entered_whole_or_not_at_all(ground: &Place) {
    let store = ground.store().await;
    let orphan = store.add_title(&title(1, "111", "Emma"), moment(1)).await;
    assert!(matches!(orphan, Err(AddError::NotFound)), "{orphan:?}");
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(1))
        .await
        .unwrap();

    let mut same_book = title(2, "111", "Other");
    let mut same_place = title(3, "333", "Other");
    same_place.location = place("main/1");
    let mut same_form = title(4, "444", "Other");
    same_form.kept = kept(2);
    let mut same_attribute = title(5, "555", "Other");
    same_attribute
        .attributes
        .push(("genre".to_owned(), "again".to_owned()));
    let mut key_without_form = title(6, "666", "Other");
    key_without_form
        .kept
        .keys
        .push((version(99), content_key(99)));
    same_book.location = place("main/2");
    for (what, new) in [
        ("same book", same_book),
        ("same place", same_place),
        ("same form", same_form),
        ("same attribute", same_attribute),
        ("key without form", key_without_form),
    ] {
        let refused = store.add_title(&new, moment(2)).await;
        match refused {
            Err(AddError::AlreadyExists) => assert_ne!(what, "key without form"),
            Err(AddError::NotFound) => assert_eq!(what, "key without form"),
            other => panic!("{what}: {other:?}"),
        }
    }
    let page = store
        .list_titles(&center_id(), &TitleFilter::default(), None, 100)
        .await
        .unwrap();
    assert_eq!(page.titles.len(), 1);
    assert!(
        store
            .content_key(&center_id(), &version(13))
            .await
            .unwrap()
            .is_none()
    );
}

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

pub(crate) async fn a_removed_title_leaves_nothing(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(50))
        .await
        .unwrap();
    store
        .remove_title(&center_id(), &book("111"))
        .await
        .unwrap();
    assert!(
        store
            .find(&center_id(), &book("111"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .content_key(&center_id(), &version(3))
            .await
            .unwrap()
            .is_none()
    );
    let again = store.remove_title(&center_id(), &book("111")).await;
    assert!(matches!(again, Err(ChangeError::NotFound)));
    store
        .add_title(&title(1, "111", "Emma"), moment(51))
        .await
        .unwrap();
}

pub(crate) async fn titles_are_listed_page_by_page(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    // The order is that of bytes in lower case, on every engine.
    let long = format!("zz{}", "é".repeat(3000));
    let names = ["b", "B", "a b", "a-b", "ab", "Äh", "Zoo", "éa", "", &long];
    for (number, name) in (1..).zip(names) {
        let new = title(number, &format!("{number:03}"), name);
        store.add_title(&new, moment(50)).await.unwrap();
    }
    let mut sorted: Vec<(String, u8)> = (1..)
        .zip(names)
        .map(|(number, name)| (name.to_lowercase(), number))
        .collect();
    sorted.sort();
    let expected: Vec<String> = sorted
        .iter()
        .map(|(_, number)| format!("{number:03}"))
        .collect();
    for limit in [1, 3, 10, 100] {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let filter = TitleFilter::default();
            let page = store
                .list_titles(&center_id(), &filter, after.as_ref(), limit)
                .await
                .unwrap();
            assert!(page.titles.len() <= limit as usize);
            assert!(
                page.titles
                    .iter()
                    .all(|one| one.facts.attributes.len() == 2)
            );
            listed.extend(page.titles.iter().map(|one| one.facts.book.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "in pages of {limit}");
    }
}

pub(crate) async fn titles_are_found_by_any_part_of_their_names(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    for (number, id, name) in [
        (1, "978-1", "Émile"),
        (2, "978-2", "100% Pure_Joy!"),
        (3, "979-3", "Emma"),
    ] {
        let mut new = title(number, id, name);
        new.details.authors = vec![format!("Writer {number}")];
        new.min_level = if number == 3 {
            Level::Clear
        } else {
            Level::IndividuallySealed
        };
        store.add_title(&new, moment(50)).await.unwrap();
    }
    let withdrawn = Some(Availability::Withdrawn);
    let change = TitleChange {
        availability: withdrawn,
        ..TitleChange::default()
    };
    update(&store, "978-2", change, 60).await.unwrap();
    for (text, expected) in [
        ("ÉMILE", vec!["978-1"]),
        ("m", vec!["979-3", "978-1"]),
        ("978", vec!["978-2", "978-1"]),
        ("writer 3", vec!["979-3"]),
        ("%", vec!["978-2"]),
        ("e_j", vec!["978-2"]),
        ("_", vec!["978-2"]),
        ("!", vec!["978-2"]),
        ("nothing", vec![]),
    ] {
        let filter = TitleFilter {
            text: Some(text.to_owned()),
            ..TitleFilter::default()
        };
        assert_eq!(ids(&store, &filter).await, expected, "{text:?}");
    }
    let filter = TitleFilter {
        availability: withdrawn,
        ..TitleFilter::default()
    };
    assert_eq!(ids(&store, &filter).await, ["978-2"]);
    let filter = TitleFilter {
        min_level: Some(Level::SourceSealed),
        ..TitleFilter::default()
    };
    assert_eq!(ids(&store, &filter).await, ["978-2", "978-1"]);
}

pub(crate) async fn centers_see_only_their_own(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_center(&center("other"), moment(11))
        .await
        .unwrap();
    store
        .add_title(&title(1, "111", "Emma"), moment(50))
        .await
        .unwrap();
    let other: CenterId = "other".parse().unwrap();
    assert!(store.find(&other, &book("111")).await.unwrap().is_none());
    assert!(
        store
            .facts(&other, &place("main/1"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .content_key(&other, &version(3))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .list_titles(&other, &TitleFilter::default(), None, 9)
            .await
            .unwrap()
            .titles
            .is_empty()
    );
    assert!(matches!(
        store.remove_title(&other, &book("111")).await,
        Err(ChangeError::NotFound)
    ));
    // The same Book ID and place may be used by both.
    let mut own = title(2, "111", "Emma");
    (own.center, own.location) = (other.clone(), place("main/1"));
    store.add_title(&own, moment(51)).await.unwrap();
    let facts = store
        .facts(&other, &place("main/1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(facts.title_id, own.title_id);
}

async fn ids(store: &Store, filter: &TitleFilter) -> Vec<String> {
    let page = store
        .list_titles(&center_id(), filter, None, 100)
        .await
        .unwrap();
    page.titles
        .iter()
        .map(|one| one.facts.book.id.to_string())
        .collect()
}

async fn show(store: &Store, id: &str) -> colophon_store::titles::TitleRecord {
    store
        .show_title(&center_id(), &book(id))
        .await
        .unwrap()
        .unwrap()
}

async fn update(
    store: &Store,
    id: &str,
    change: TitleChange,
    at: i64,
) -> Result<colophon_core::id::TitleId, ChangeError> {
    store
        .update_title(&center_id(), &book(id), &change, moment(at))
        .await
}
