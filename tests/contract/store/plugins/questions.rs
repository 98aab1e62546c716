//! Questions that versions did not survive.

use colophon_core::capability::Name;
use colophon_core::rollout::Step;
use colophon_store::plugins::{NewVector, VECTORS_KEPT};
use colophon_store::store::Store;

use super::{furnished, plugin, published, step, version};
use crate::place::{Place, moment};
use crate::samples::center_id;

/// A question that the version `1` did not survive.
pub(crate) async fn keep_a_question(store: &Store) {
    let vector = NewVector {
        version: version("1"),
        role: "policy".to_owned(),
        input: "{}".to_owned(),
        failure: "trapped".to_owned(),
    };
    let kept = store
        .keep_plugin_vector(&center_id(), &plugin(), &vector, moment(7))
        .await;
    kept.unwrap();
}

pub(crate) async fn questions_are_kept_up_to_a_number(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let vector = |number: u32| NewVector {
        version: version("1"),
        role: "policy".to_owned(),
        input: format!("{{\"number\":{number}}}"),
        failure: format!("trapped in {number}"),
    };
    for number in 0..VECTORS_KEPT + 3 {
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector(number), moment(7))
            .await;
        kept.unwrap();
    }
    let kept = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(VECTORS_KEPT).unwrap());
    let counted = async |plugin: Name| {
        let counted = store.count_plugin_vectors(&center_id(), &plugin).await;
        counted.unwrap()
    };
    assert_eq!(counted(plugin()).await, u64::from(VECTORS_KEPT));
    assert_eq!(counted(Name::parse("other").unwrap()).await, 0);
    assert_eq!(kept[0].input, "{\"number\":3}");
    assert_eq!((kept[0].number, kept[0].at), (4, moment(7)));
    assert_eq!(
        (kept[0].role.as_str(), kept[0].failure.as_str()),
        ("policy", "trapped in 3")
    );
    let nobody = Name::parse("nobody").unwrap();
    let refused = store
        .keep_plugin_vector(&center_id(), &nobody, &vector(1), moment(7))
        .await;
    refused.unwrap_err();
}

pub(crate) async fn a_question_is_kept_once_and_can_be_dropped(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    let keep = async |number: &str, role: &str, input: &str, failure: &str| {
        let vector = NewVector {
            version: version(number),
            role: role.to_owned(),
            input: input.to_owned(),
            failure: failure.to_owned(),
        };
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector, moment(7))
            .await;
        kept.unwrap();
    };
    let numbers = async || {
        let kept = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
        kept.iter().map(|vector| vector.number).collect::<Vec<_>>()
    };
    // Several hosts meet the same failure, each by another question.
    for input in ["{\"host\":1}", "{\"host\":2}", "{\"host\":3}"] {
        keep("1", "policy", input, "trapped in evaluate").await;
    }
    assert_eq!(numbers().await, [1]);
    keep("1", "policy", "{}", "out-of-fuel").await;
    keep("1", "naming", "{}", "out-of-fuel").await;
    keep("2", "policy", "{}", "out-of-fuel").await;
    assert_eq!(numbers().await, [1, 2, 3, 4]);
    // One that is not there keeps the others.
    let dropped = async |numbers: &[i64]| {
        let (center, plugin) = (center_id(), plugin());
        store.drop_plugin_vectors(&center, &plugin, numbers).await
    };
    dropped(&[2, 9]).await.unwrap_err();
    assert_eq!(numbers().await, [1, 2, 3, 4]);
    dropped(&[1, 3]).await.unwrap();
    assert_eq!(numbers().await, [2, 4]);
    let left = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
    assert_eq!(left[0].failure, "out-of-fuel");
    keep("1", "policy", "{}", "trapped in evaluate").await;
    assert_eq!(numbers().await, [2, 4, 5]);
}

pub(crate) async fn grants_and_questions_are_bound_to_their_rows(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    for number in ["1", "2"] {
        let vector = NewVector {
            version: version(number),
            role: "policy".to_owned(),
            input: "{\"who\":\"Canaryname\"}".to_owned(),
            failure: "trapped".to_owned(),
        };
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector, moment(7))
            .await;
        kept.unwrap();
    }
    let problems = store.check_integrity().await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    // Read as a host reads it, a grant of another row does not open.
    step(&store, Step::Promote(version("2"))).await.unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run(
            "UPDATE plugin_vectors SET input = (SELECT input FROM plugin_vectors WHERE number = 1)",
        )
        .await;
    assert!(store.plugin_vectors(&center_id(), &plugin()).await.is_err());
    let problems = store.check_integrity().await.unwrap();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    let said = "1 of 2 values of plugin_vectors.input";
    assert!(problem.text.starts_with(said), "{problem:?}");
    stranger
        .run(
            "UPDATE plugin_versions SET grant_text = \
             (SELECT grant_text FROM plugin_versions WHERE version = '1')",
        )
        .await;
    assert!(store.plugins(&center_id()).await.is_err());
    let problems = store.check_integrity().await.unwrap();
    assert!(
        problems[0].text.contains("plugin_versions.grant_text"),
        "{problems:?}"
    );
}
