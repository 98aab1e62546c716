//! Where large instances end.
//!
//! To give tens of megabytes back to the system takes milliseconds in which a thread does nothing
//! else. Instances end when their calls do, or all at once at the deadline that they have in common:
//! on the threads that serve requests, those of others would stand still meanwhile.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use rustix::process::setpriority_process;

use crate::call::Live;

/// How far the thread stands back from those that serve: it gets about a tenth of a processor that
/// others want all of. Any less would leave a lock of the address space with one that never runs.
const NICENESS: i32 = 10;

/// An instance of so much memory ends where it is: what stays with its place is cleared by writing,
/// and hardly anything is given back.
const SMALL_BYTES: usize = 1 << 20;

/// So many instances may wait for the thread. They keep their places until they are gone, which
/// others must not wait for either: whatever comes then ends where it is.
const WAITING_MAX: usize = 16;

/// The thread on which large instances end.
pub(crate) struct Ending(SyncSender<Live>);

impl Ending {
    /// Starts the thread; it ends with this.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, ended) = sync_channel::<Live>(WAITING_MAX);
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
    pub(crate) fn end(&self, live: Live) {
        if live.memory_bytes() <= SMALL_BYTES {
            return;
        }
        match self.0.try_send(live) {
            Ok(()) => {}
            Err(TrySendError::Full(live) | TrySendError::Disconnected(live)) => drop(live),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};

    use async_trait::async_trait;
    use colophon_core::catalog::{Book, Location, TitleFacts};
    use colophon_core::plugin::CallContext;
    use colophon_core::ports::{Catalog, Unavailable};
    use colophon_core::time::Timestamp;
    use colophon_receipt::CenterId;
    use colophon_title::{ContentKey, VersionId};
    use wasmtime::component::Component;

    use super::*;
    use crate::call::Places;
    use crate::granted::Granted;
    use crate::limits::Limits;
    use crate::sandbox::{Sandbox, Settings};
    use crate::state::{Bound, CallState};

    /// Tells on which thread it goes.
    struct Told(Sender<Option<String>>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0
                .send(thread::current().name().map(str::to_owned))
                .unwrap();
        }
    }

    #[async_trait]
    impl Catalog for Told {
        async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
            Ok(None)
        }

        async fn facts(
            &self,
            _: &CenterId,
            _: &Location,
        ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
            Ok(None)
        }

        async fn content_key(
            &self,
            _: &CenterId,
            _: &VersionId,
        ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
            Ok(None)
        }
    }

    /// Where an instance with so many pages of memory ends.
    async fn ends_on(sandbox: &Sandbox, pages: u32) -> Option<String> {
        let text = format!(
            "(component (core module $guest (memory {pages}))
               (core instance (instantiate $guest)))"
        );
        let component = Component::new(sandbox.engine(), wat::parse_str(text).unwrap()).unwrap();
        let pre = sandbox.linker().instantiate_pre(&component).unwrap();
        let (told, ended) = channel();
        let bound = Bound {
            catalog: Arc::new(Told(told)),
            context: CallContext {
                request_id: "1".to_owned(),
                now: Timestamp::from_unix_ms(1),
                center: "north".parse().unwrap(),
                retailer: "shop".parse().unwrap(),
                purchase: None,
            },
            share: sandbox.rooms.share_of_nobody(),
        };
        let granted = Arc::new(Granted::catalog(Limits::default()));
        let state = CallState::serving(granted, Arc::new(bound));
        let live = Live::start(sandbox.engine(), &pre, state, Places::None).await;
        sandbox.ending.end(live.unwrap());
        ended.recv().unwrap()
    }

    #[tokio::test]
    async fn only_a_large_instance_ends_on_a_thread_of_its_own() {
        let sandbox = Sandbox::start(&Settings::default()).unwrap();
        let own = thread::current().name().map(str::to_owned);
        assert_eq!(ends_on(&sandbox, 16).await, own);
        assert_eq!(ends_on(&sandbox, 17).await.as_deref(), Some("plug-in end"));
    }
}
