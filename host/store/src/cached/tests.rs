//! The cache over a source whose every answer the test gives by hand.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::fence::Mark;
use super::*;

type Answer<V> = oneshot::Sender<Result<Option<V>, Unavailable>>;

/// A question that reached the source.
enum Question {
    Find(Answer<Location>),
    Facts(Answer<Arc<TitleFacts>>),
    Retailer(Answer<Arc<RetailerKey>>),
}

/// A source that hands every question to the test and waits for its answer.
struct Source(mpsc::UnboundedSender<Question>);

impl Source {
    async fn ask<V>(
        &self,
        question: impl FnOnce(Answer<V>) -> Question,
    ) -> Result<Option<V>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.0.send(question(answer)).unwrap();
        answered.await.unwrap()
    }
}

#[async_trait]
impl Catalog for Source {
    async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
        self.ask(Question::Find).await
    }

    async fn facts(
        &self,
        _: &CenterId,
        _: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        self.ask(Question::Facts).await
    }

    async fn content_key(
        &self,
        _: &CenterId,
        _: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        Ok(None)
    }
}

#[async_trait]
impl Centers for Source {
    async fn center(&self, _: &CenterId) -> Result<Option<Arc<Center>>, Unavailable> {
        Ok(None)
    }

    async fn retailer_key(
        &self,
        _: &CenterId,
        _: &KeyId,
    ) -> Result<Option<Arc<RetailerKey>>, Unavailable> {
        self.ask(Question::Retailer).await
    }
}

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

struct Scene {
    cache: Arc<CachedRecords>,
    clock: Arc<HandClock>,
    questions: mpsc::UnboundedReceiver<Question>,
}

impl Scene {
    /// An empty cache at moment 0 with a lease until 1000.
    fn leased() -> Self {
        let scene = Self::new();
        scene
            .cache
            .renew(Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(1000));
        scene
    }

    fn new() -> Self {
        let (sender, questions) = mpsc::unbounded_channel();
        let source = Arc::new(Source(sender));
        let clock = Arc::new(HandClock(AtomicI64::new(0)));
        let cache = CachedRecords::new(
            Arc::clone(&source) as Arc<dyn Centers>,
            source,
            Arc::clone(&clock) as Arc<dyn Clock>,
            CacheSizes::default(),
        );
        Self {
            cache: Arc::new(cache),
            clock,
            questions,
        }
    }

    fn find(&self, id: &str) -> JoinHandle<Result<Option<Location>, Unavailable>> {
        let (cache, book) = (Arc::clone(&self.cache), book(id));
        tokio::spawn(async move { cache.find(&center(), &book).await })
    }

    /// Waits until a question for a Book ID reaches the source.
    async fn asked(&mut self) -> Answer<Location> {
        match self.questions.recv().await.unwrap() {
            Question::Find(answer) => answer,
            Question::Facts(..) | Question::Retailer(..) => panic!("another question"),
        }
    }

    /// Finds a Book ID, which must be asked of the source, and answers.
    async fn find_asking(&mut self, id: &str, answer: Option<&str>) {
        let found = self.find(id);
        let asked = self.asked().await;
        asked.send(Ok(answer.map(place))).unwrap();
        assert_eq!(found.await.unwrap().unwrap(), answer.map(place));
    }

    /// Finds a Book ID, which must be answered from memory.
    async fn find_known(&mut self, id: &str, expected: Option<&str>) {
        let found = self.cache.find(&center(), &book(id)).await.unwrap();
        assert_eq!(found, expected.map(place));
        assert!(self.questions.try_recv().is_err(), "the source was asked");
    }

    fn changed(&self, record: ChangedRecord, key: &str) {
        let key = key.to_owned();
        self.cache.apply(&Change {
            number: 1,
            center: center(),
            record,
            key,
            row_version: 1,
        });
    }

    fn title_changed(&self, id: &str, path: &str) {
        self.changed(ChangedRecord::Title, &format!("ISBN\n{id}\nmain\n{path}"));
    }
}

fn center() -> CenterId {
    "main".parse().unwrap()
}

fn book(id: &str) -> Book {
    Book {
        id_type: "ISBN".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

fn place(path: &str) -> Location {
    Location {
        root: StoreRoot::parse("main").unwrap(),
        path: ObjectPath::parse(path).unwrap(),
    }
}

fn lost() -> Unavailable {
    Unavailable::new(Service::FulfillmentDatabase, "the connection broke")
}

#[tokio::test]
async fn what_was_loaded_is_known() {
    let mut scene = Scene::leased();
    scene.find_asking("1", Some("a")).await;
    scene.find_known("1", Some("a")).await;
    scene.find_asking("2", Some("b")).await;
}

#[tokio::test]
async fn absence_is_known_until_there_is_a_record() {
    let mut scene = Scene::leased();
    scene.find_asking("1", None).await;
    scene.find_known("1", None).await;
    scene.title_changed("1", "a");
    scene.find_asking("1", Some("a")).await;
    scene.find_known("1", Some("a")).await;
}

#[tokio::test]
async fn a_change_of_one_record_leaves_the_others() {
    let mut scene = Scene::leased();
    scene.find_asking("1", Some("a")).await;
    scene.find_asking("2", Some("b")).await;
    scene.title_changed("1", "a");
    scene.find_known("2", Some("b")).await;
    scene.find_asking("1", Some("c")).await;
}

#[tokio::test]
async fn a_value_on_its_way_during_a_change_is_not_kept() {
    let mut scene = Scene::leased();
    let before = scene.find("1");
    let answer = scene.asked().await;
    scene.title_changed("1", "old");
    answer.send(Ok(Some(place("old")))).unwrap();
    // Whoever asked before the change may get what was there before it.
    assert_eq!(before.await.unwrap().unwrap(), Some(place("old")));
    scene.find_asking("1", Some("new")).await;
    scene.find_known("1", Some("new")).await;
}

#[tokio::test]
async fn whoever_comes_after_a_change_joins_no_load_from_before() {
    let mut scene = Scene::leased();
    let before = scene.find("1");
    let old_answer = scene.asked().await;
    scene.title_changed("1", "old");
    let after = scene.find("1");
    let new_answer = scene.asked().await;
    new_answer.send(Ok(Some(place("new")))).unwrap();
    assert_eq!(after.await.unwrap().unwrap(), Some(place("new")));
    // The old load lands last and must not replace the new value.
    old_answer.send(Ok(Some(place("old")))).unwrap();
    assert_eq!(before.await.unwrap().unwrap(), Some(place("old")));
    scene.find_known("1", Some("new")).await;
}

#[tokio::test]
async fn ten_thousand_misses_are_one_load() {
    let mut scene = Scene::leased();
    let waiting: Vec<_> = (0..10_000).map(|_| scene.find("1")).collect();
    let answer = scene.asked().await;
    // Every one of them has run up to the load before the test goes on.
    tokio::task::yield_now().await;
    answer.send(Ok(Some(place("a")))).unwrap();
    for found in waiting {
        assert_eq!(found.await.unwrap().unwrap(), Some(place("a")));
    }
    assert!(scene.questions.try_recv().is_err());
    assert_eq!(scene.cache.locations.loads_under_way(), 0);
}

#[tokio::test]
async fn nothing_is_used_before_the_first_lease() {
    let mut scene = Scene::new();
    scene.find_asking("1", Some("a")).await;
    scene.find_asking("1", Some("a")).await;
    scene
        .cache
        .renew(Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(1000));
    // Every change since the load has been applied, or the lease would not have been given.
    scene.find_known("1", Some("a")).await;
}

#[tokio::test]
async fn past_the_lease_the_source_is_asked_and_must_answer() {
    let mut scene = Scene::leased();
    scene.find_asking("1", Some("a")).await;
    scene.clock.0.store(999, Ordering::SeqCst);
    scene.find_known("1", Some("a")).await;
    scene.clock.0.store(1000, Ordering::SeqCst);
    scene.find_asking("1", Some("b")).await;
    scene.find_asking("1", Some("c")).await;

    let failing = scene.find("1");
    scene.asked().await.send(Err(lost())).unwrap();
    let error = failing.await.unwrap().unwrap_err();
    assert_eq!(error.service, Service::CatalogLease);

    scene
        .cache
        .renew(Timestamp::from_unix_ms(1000), Timestamp::from_unix_ms(2000));
    scene.find_known("1", Some("c")).await;
}

#[tokio::test]
async fn a_flush_drops_everything_also_what_is_on_its_way() {
    let mut scene = Scene::leased();
    scene.find_asking("1", Some("a")).await;
    let before = scene.find("2");
    let answer = scene.asked().await;
    scene.cache.flush();
    answer.send(Ok(Some(place("b")))).unwrap();
    before.await.unwrap().unwrap();
    scene.find_asking("1", Some("a")).await;
    scene.find_asking("2", Some("b")).await;
}

#[tokio::test]
async fn a_failure_is_told_to_all_and_not_kept() {
    let mut scene = Scene::leased();
    let waiting: Vec<_> = (0..3).map(|_| scene.find("1")).collect();
    let answer = scene.asked().await;
    tokio::task::yield_now().await;
    answer.send(Err(lost())).unwrap();
    for found in waiting {
        let error = found.await.unwrap().unwrap_err();
        assert_eq!(error.service, Service::FulfillmentDatabase);
        assert_eq!(error.source.to_string(), "the connection broke");
    }
    scene.find_asking("1", Some("a")).await;
}

#[tokio::test]
async fn a_load_left_by_the_one_who_began_it_is_begun_again() {
    let mut scene = Scene::leased();
    let first = scene.find("1");
    let abandoned = scene.asked().await;
    let second = scene.find("1");
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let answer = scene.asked().await;
    assert!(abandoned.is_closed());
    answer.send(Ok(Some(place("a")))).unwrap();
    assert_eq!(second.await.unwrap().unwrap(), Some(place("a")));
}

#[tokio::test]
async fn a_load_left_by_all_leaves_nothing_behind() {
    let mut scene = Scene::leased();
    let waiting: Vec<_> = (0..3).map(|_| scene.find("1")).collect();
    let _answer = scene.asked().await;
    for found in waiting {
        found.abort();
        assert!(found.await.unwrap_err().is_cancelled());
    }
    assert_eq!(scene.cache.locations.loads_under_way(), 0);
}

#[tokio::test]
async fn a_change_drops_what_is_known_of_the_place() {
    let mut scene = Scene::leased();
    let ask = |scene: &Scene| {
        let cache = Arc::clone(&scene.cache);
        tokio::spawn(async move { cache.facts(&center(), &place("a")).await })
    };
    for _ in 0..2 {
        let absent = ask(&scene);
        match scene.questions.recv().await.unwrap() {
            Question::Facts(answer) => answer.send(Ok(None)).unwrap(),
            Question::Find(..) | Question::Retailer(..) => panic!("another question"),
        }
        assert_eq!(absent.await.unwrap().unwrap(), None);
        assert_eq!(ask(&scene).await.unwrap().unwrap(), None);
        scene.title_changed("1", "a");
    }
}

#[tokio::test]
async fn a_change_of_a_retailer_drops_all_its_keys() {
    let mut scene = Scene::leased();
    let ask = |scene: &Scene, kid: &str| {
        let (cache, kid) = (Arc::clone(&scene.cache), kid.parse::<KeyId>().unwrap());
        tokio::spawn(async move { cache.retailer_key(&center(), &kid).await.unwrap().is_some() })
    };
    let load = async |scene: &mut Scene, kid: &str| {
        let found = ask(scene, kid);
        match scene.questions.recv().await.unwrap() {
            Question::Retailer(answer) => assert!(answer.send(Ok(None)).is_ok()),
            Question::Find(..) | Question::Facts(..) => panic!("another question"),
        }
        assert!(!found.await.unwrap());
    };
    load(&mut scene, "shop.1").await;
    load(&mut scene, "shop.2").await;
    load(&mut scene, "other.1").await;
    scene.changed(ChangedRecord::Retailer, "shop");
    assert!(!ask(&scene, "other.1").await.unwrap());
    assert!(scene.questions.try_recv().is_err());
    load(&mut scene, "shop.1").await;
    load(&mut scene, "shop.2").await;
}

#[tokio::test]
async fn a_change_that_cannot_be_read_drops_everything() {
    for (record, key) in [
        (ChangedRecord::Title, "ISBN\n1"),
        (ChangedRecord::Title, "ISBN\n1\nmain\n../x"),
        (ChangedRecord::ContentKey, "no version"),
    ] {
        let mut scene = Scene::leased();
        scene.find_asking("1", Some("a")).await;
        scene.changed(record, key);
        scene.find_asking("1", Some("a")).await;
    }
}

/// One step of one of the parties to a race.
#[derive(Clone, Copy)]
enum Party {
    /// Takes a mark, reads the record, puts it down: a step each.
    Loader(usize),
    /// Changes the record, applies the change to the cache: a step each.
    Writer,
}

/// Runs every order in which the parties' steps can follow each other. After each step, what the
/// cache gives out must not be older than the last change applied to it.
fn check_all_orders(loaders: usize, changes: usize) -> usize {
    let mut left: Vec<(Party, usize)> = (0..loaders).map(|one| (Party::Loader(one), 3)).collect();
    left.push((Party::Writer, 2 * changes));
    let fence = Fence::new();
    let cache: Fenced<u64, u64> = Fenced::new("test", 1_000_000);
    let mut orders = 0;
    follow(&mut left, &mut Vec::new(), &mut |order| {
        replay(&fence, &cache, orders as u64, loaders, order);
        orders += 1;
    });
    orders
}

fn follow(left: &mut Vec<(Party, usize)>, taken: &mut Vec<Party>, run: &mut dyn FnMut(&[Party])) {
    if left.iter().all(|(_, steps)| *steps == 0) {
        return run(taken);
    }
    for index in 0..left.len() {
        if left[index].1 == 0 {
            continue;
        }
        left[index].1 -= 1;
        taken.push(left[index].0);
        follow(left, taken, run);
        taken.pop();
        left[index].1 += 1;
    }
}

fn replay(fence: &Fence, cache: &Fenced<u64, u64>, key: u64, loaders: usize, order: &[Party]) {
    let (center, retailer) = (center(), key.to_string());
    let subject = Subject::Retailer(&center, &retailer);
    let (mut stored, mut applied) = (0u64, 0u64);
    let mut loads: Vec<(Option<Mark>, Option<u64>)> = vec![(None, None); loaders];
    for party in order {
        match party {
            Party::Writer if stored == applied => stored += 1,
            Party::Writer => {
                fence.raise(&subject);
                cache.forget(&key);
                applied = stored;
            }
            Party::Loader(one) => match loads[*one] {
                (None, _) => loads[*one].0 = Some(fence.mark(&subject)),
                (Some(_), None) => loads[*one].1 = Some(stored),
                (Some(mark), Some(read)) => cache.install(fence, &subject, &key, mark, Some(read)),
            },
        }
        let given = cache.look(&key, fence.mark(&subject)).flatten();
        assert!(
            given.is_none_or(|version| version >= applied),
            "{given:?} after {applied}"
        );
    }
}

#[test]
fn no_order_of_steps_gives_out_a_value_older_than_an_applied_change() {
    assert_eq!(check_all_orders(1, 3), 84);
    assert_eq!(check_all_orders(2, 2), 4_200);
    assert_eq!(check_all_orders(3, 1), 92_400);
}

/// The same with real threads: one changes the record, the others load and look.
#[test]
fn no_thread_is_given_a_value_older_than_an_applied_change() {
    const CHANGES: u64 = 20_000;
    let fence = Fence::new();
    let cache: Fenced<u64, u64> = Fenced::new("test", 10);
    let (stored, applied) = (AtomicU64::new(0), AtomicU64::new(0));
    let center = center();
    let subject = || Subject::Retailer(&center, "shop");
    let hits = AtomicU64::new(0);
    let load_and_look = || {
        while applied.load(Ordering::SeqCst) < CHANGES {
            let oldest = applied.load(Ordering::SeqCst);
            let mark = fence.mark(&subject());
            match cache.look(&1, mark).flatten() {
                Some(version) => {
                    assert!(version >= oldest, "{version} after {oldest}");
                    hits.fetch_add(1, Ordering::Relaxed);
                }
                None => {
                    let read = stored.load(Ordering::SeqCst);
                    cache.install(&fence, &subject(), &1, mark, Some(read));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(load_and_look);
        }
        for version in 1..=CHANGES {
            stored.store(version, Ordering::SeqCst);
            std::thread::yield_now();
            fence.raise(&subject());
            cache.forget(&1);
            applied.store(version, Ordering::SeqCst);
        }
    });
    assert!(
        hits.load(Ordering::Relaxed) > 0,
        "nothing was ever given out"
    );
}
