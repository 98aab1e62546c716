//! How titles are found, each center's by itself.

use colophon_core::catalog::Availability;
use colophon_core::ports::Catalog;
use colophon_receipt::CenterId;
use colophon_store::failure::ChangeError;
use colophon_store::store::Store;
use colophon_store::titles::{TitleChange, TitleFilter};
use colophon_title::Level;

use super::update;
use crate::place::{Place, moment};
use crate::samples::{book, center, center_id, furnish, place, title, version};

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
