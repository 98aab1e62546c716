//! Where large instances end.
//!
//! To give tens of megabytes back to the system takes milliseconds in which a thread does nothing
//! else. Instances end when their calls do, when a request is given up, or all at once at the deadline
//! that they have in common: on the threads that serve requests, those of others would stand still
//! meanwhile.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use rustix::process::setpriority_process;
use wasmtime::Store;

use crate::call::Places;
use crate::state::CallState;

/// How far the thread stands back from those that serve: it gets about a tenth of a processor that
/// others want all of. Any less would leave a lock of the address space with one that never runs.
const NICENESS: i32 = 10;

/// An instance of so much memory ends where it is: what stays with its place is cleared by writing,
/// and hardly anything is given back.
const SMALL_BYTES: usize = 1 << 20;

/// So many instances may wait for the thread. They keep their places until they are gone, which
/// others must not wait for either: whatever comes then ends where it is.
pub(crate) const WAITING_MAX: usize = 16;

/// An instance that is asked no more, or one whose start came to nothing, with the places that are given
/// back after it is gone.
pub(crate) struct Remains {
    pub(crate) store: Store<CallState>,
    pub(crate) places: Places,
}

/// The thread on which large instances end.
pub(crate) struct Ending(SyncSender<Remains>);

impl Ending {
    /// Starts the thread; it ends with this.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, ended) = sync_channel::<Remains>(WAITING_MAX);
        let end_all = move || {
            // On Linux a thread's niceness is its own. Where the system refuses, it ends them all the
            // same.
            if let Err(error) = setpriority_process(None, NICENESS) {
                tracing::debug!(cause = %error, "plug-in instances end at the rank of requests");
            }
            ended.into_iter().for_each(drop);
        };
        thread::Builder::new()
            .name("plug-in end".to_owned())
            .spawn(end_all)?;
        Ok(Self(sender))
    }

    /// Ends an instance: here, if it is small or too many wait.
    pub(crate) fn end(&self, remains: impl Into<Remains>) {
        let remains = remains.into();
        let state = remains.store.data();
        if state.memory_bytes() <= SMALL_BYTES {
            return;
        }
        let part = state.part();
        match self.0.try_send(remains) {
            // A guest that was given up may have had a turn, for which others do not wait until it is gone.
            Ok(()) => part.end(),
            Err(TrySendError::Full(remains) | TrySendError::Disconnected(remains)) => drop(remains),
        }
    }
}

/// Keeps what may be given up at any moment, such as an instance while it is being started: it ends then
/// as others do.
pub(crate) struct Kept<'a> {
    ending: &'a Ending,
    remains: Option<Remains>,
}

impl<'a> Kept<'a> {
    pub(crate) fn by(ending: &'a Ending) -> Self {
        Self {
            ending,
            remains: None,
        }
    }

    /// Keeps this from now on.
    pub(crate) fn keep(&mut self, remains: Remains) -> &mut Remains {
        self.remains.insert(remains)
    }

    /// Gives back what was kept.
    pub(crate) fn take(&mut self) -> Option<Remains> {
        self.remains.take()
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(remains) = self.take() {
            self.ending.end(remains);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::mpsc::Receiver;
    use std::sync::{Arc, Weak};
    use std::task::Poll;
    use std::time::Duration;

    use colophon_core::plugin::{PluginFailure, Plugins as _};
    use tokio::sync::Barrier;
    use tokio::task::yield_now;
    use wasmtime::component::{Component, InstancePre};

    use super::*;
    use crate::call::Live;
    use crate::granted::Granted;
    use crate::limits::Limits;
    use crate::registry::Registry;
    use crate::sandbox::next_version::guest::resolver;
    use crate::sandbox::request::{book, center, request};
    use crate::sandbox::world::Shelf;
    use crate::sandbox::{Sandbox, Settings};
    use crate::state::Bound;
    use crate::warm::{Chance, WarmTerms};

    /// A sandbox in which nothing comes to its end that waits for the thread, until the test lets it.
    fn watched(settings: &Settings) -> (Arc<Sandbox>, Receiver<Remains>) {
        let mut sandbox = Sandbox::start(settings).unwrap();
        let (sender, waiting) = sync_channel(WAITING_MAX);
        Arc::get_mut(&mut sandbox).unwrap().ending = Arc::new(Ending(sender));
        (sandbox, waiting)
    }

    /// What an instance is started with, which goes when it does.
    fn bound(sandbox: &Sandbox) -> Arc<Bound> {
        Arc::new(Bound {
            catalog: Arc::new(Shelf::empty()),
            context: request("north"),
            share: sandbox.rooms.share_of_nobody(),
        })
    }

    /// A component with so many pages of memory, which does this when it is started.
    fn component(sandbox: &Sandbox, pages: u32, start: &str) -> InstancePre<CallState> {
        let text = format!(
            "(component (core module $guest (memory {pages}) (func $start {start}) (start $start))
               (core instance (instantiate $guest)))"
        );
        let component = Component::new(sandbox.engine(), wat::parse_str(text).unwrap()).unwrap();
        sandbox.linker().instantiate_pre(&component).unwrap()
    }

    async fn start(
        sandbox: &Sandbox,
        pages: u32,
        start: &str,
    ) -> (Result<Live, PluginFailure>, Weak<Bound>) {
        let bound = bound(sandbox);
        let gone = Arc::downgrade(&bound);
        let granted = Arc::new(Granted::catalog(Limits::default()));
        let state = CallState::serving(granted, bound);
        let pre = component(sandbox, pages, start);
        let live = Live::start(sandbox, &pre, state, Places::None).await;
        (live, gone)
    }

    /// Ends an instance with so many pages of memory, and says whether it is gone.
    async fn ends_here(sandbox: &Sandbox, pages: u32) -> bool {
        let (live, instance) = start(sandbox, pages, "").await;
        sandbox.ending.end(live.unwrap());
        instance.strong_count() == 0
    }

    #[tokio::test]
    async fn only_a_large_instance_waits_for_the_thread() {
        let (sandbox, waiting) = watched(&Settings::default());
        assert!(ends_here(&sandbox, 16).await);
        assert!(waiting.try_recv().is_err());
        assert!(!ends_here(&sandbox, 17).await);
        assert!(waiting.try_recv().is_ok());
    }

    #[tokio::test]
    async fn what_waits_for_the_thread_comes_to_its_end() {
        let sandbox = Sandbox::start(&Settings::default()).unwrap();
        let (live, instance) = start(&sandbox, 17, "").await;
        sandbox.ending.end(live.unwrap());
        while instance.strong_count() > 0 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_finds_too_many_waiting_ends_where_it_is() {
        let (sandbox, waiting) = watched(&Settings::default());
        for _ in 0..WAITING_MAX {
            assert!(!ends_here(&sandbox, 17).await);
        }
        assert!(ends_here(&sandbox, 17).await);
        drop(waiting.recv());
        assert!(!ends_here(&sandbox, 17).await);
        assert_eq!(waiting.try_iter().count(), WAITING_MAX);
    }

    #[tokio::test]
    async fn a_start_that_fails_leaves_nothing_large_on_its_thread() {
        let (sandbox, waiting) = watched(&Settings::default());
        let (failed, instance) = start(&sandbox, 17, "unreachable").await;
        let failed = failed.err();
        assert!(
            matches!(failed, Some(PluginFailure::Trapped { .. })),
            "{failed:?}"
        );
        assert_eq!(instance.strong_count(), 1);
        drop(waiting.try_recv().unwrap());
        assert_eq!(instance.strong_count(), 0);
    }

    /// Polls a question that the host does not answer, often enough for it to get there: on a busy machine
    /// a guest may have to let others go first.
    async fn comes_to_wait<T>(question: &mut (impl Future<Output = T> + Unpin)) {
        for _ in 0..100 {
            let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut *question).poll(context)));
            assert!(polled.await.is_pending());
            yield_now().await;
        }
    }

    /// Time enough on a machine that is busy with other things.
    fn patient() -> Granted {
        let patience = Duration::from_secs(20);
        Granted::catalog(Limits {
            deadline: patience,
            host_call_timeout: patience,
            ..Limits::default()
        })
    }

    /// Takes much memory, and asks for a title.
    const LARGE: &str = "(func $resolve (param i32) (result i32)
        (drop (memory.grow (i32.const 20)))
        (i32.store (i32.const 3000) (i32.const 0x6e69616d))
        (call $find (i32.const 3000) (i32.const 4) (i32.const 3000) (i32.const 4)
          (i32.const 8192))
        (call $not_mine))";

    #[tokio::test]
    async fn a_request_that_is_given_up_leaves_nothing_large_on_its_thread() {
        let (sandbox, waiting) = watched(&Settings::default());
        let loaded = sandbox.load(&resolver(LARGE), patient()).await.unwrap();
        while waiting.try_recv().is_ok() {}
        let shelf = Arc::new(Shelf::Hanging);
        let plugins = Registry::new(Arc::clone(&sandbox), shelf, [loaded]);
        let places = sandbox.rooms.of(&center("north")).places;
        let all = places.available_permits();
        let mut calls = plugins.begin(request("north"));
        let one = book("1");
        let mut asking = calls.resolve(&one);
        comes_to_wait(&mut asking).await;
        drop(asking);
        drop(calls);
        assert_eq!(places.available_permits(), all - 1, "until it is gone");
        drop(waiting.try_recv().unwrap());
        assert_eq!(places.available_permits(), all);
    }

    /// An instance that was given up is asked no more, whoever goes on with the request.
    #[tokio::test]
    async fn a_question_after_one_that_was_given_up_has_a_fresh_instance() {
        let (sandbox, waiting) = watched(&Settings::default());
        let loaded = sandbox.load(&resolver(LARGE), patient()).await.unwrap();
        while waiting.try_recv().is_ok() {}
        // It answers the second who asks.
        let shelf = Arc::new(Shelf::Together(Barrier::new(2)));
        let plugins = Registry::new(Arc::clone(&sandbox), shelf, [loaded]);
        let mut calls = plugins.begin(request("north"));
        let one = book("1");
        let mut asking = calls.resolve(&one);
        comes_to_wait(&mut asking).await;
        drop(asking);
        assert!(waiting.try_recv().is_err());
        assert!(calls.resolve(&one).await.is_ok());
        assert_eq!(waiting.try_iter().count(), 1);
    }

    /// An instance that has to go for another one at rest has no place among those that run, and is
    /// counted all the same: the engine has room for no more than so many.
    #[tokio::test]
    async fn instances_that_leave_their_rest_are_counted_until_they_are_gone() {
        let (sandbox, waiting) = watched(&Settings {
            chance: Some(Chance::of(|| 0)),
            ..Settings::default()
        });
        let granted = Granted {
            warm: Some(WarmTerms {
                requests: WarmTerms::REQUESTS_MAX,
                idle: WarmTerms::IDLE_MAX,
                memory_bytes: 64 << 20,
                instances: 1,
            }),
            ..patient()
        };
        let loaded = sandbox.load(&resolver(LARGE), granted).await.unwrap();
        while waiting.try_recv().is_ok() {}
        let shelf = Arc::new(Shelf::empty());
        let plugins = Registry::new(Arc::clone(&sandbox), shelf, [loaded]);
        let resting = Arc::clone(sandbox.resting().unwrap());
        let all = resting.places_left();
        let one = book("1");
        let mut first = plugins.begin(request("north"));
        let mut second = plugins.begin(request("north"));
        first.resolve(&one).await.unwrap();
        second.resolve(&one).await.unwrap();
        drop(first);
        assert_eq!(resting.places_left(), all - 1);
        drop(second);
        assert_eq!(resting.count(), 1);
        assert_eq!(resting.places_left(), all - 2, "one rests and one waits");
        drop(waiting.try_recv().unwrap());
        assert_eq!(resting.places_left(), all - 1);
    }
}
