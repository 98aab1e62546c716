//! How titles come into the catalog, and go.

use colophon_core::catalog::{Availability, Forms};
use colophon_core::ports::Catalog;
use colophon_store::failure::{AddError, ChangeError};
use colophon_store::titles::{KeptForms, TitleFilter};
use colophon_title::SignerRoles;

use crate::place::{Place, moment};
use crate::samples::{book, center_id, content_key, furnish, kept, place, title, version};

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
