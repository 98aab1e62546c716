//! Which content-store roots answer: one event when a root falls silent and one when it is back,
//! however many requests notice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use colophon_core::catalog::StoreRoot;
use colophon_core::event::NamedEvent;

#[derive(Debug)]
pub(crate) struct Reachability {
    silent: BTreeMap<StoreRoot, AtomicBool>,
}

impl Reachability {
    pub(crate) fn new<'a>(roots: impl Iterator<Item = &'a StoreRoot>) -> Self {
        Self {
            silent: roots
                .map(|root| (root.clone(), AtomicBool::new(false)))
                .collect(),
        }
    }

    /// The root did not answer.
    pub(crate) fn fell_silent(&self, root: &StoreRoot, error: &(dyn std::error::Error + 'static)) {
        let newly = self
            .silent
            .get(root)
            .is_some_and(|silent| !silent.swap(true, Ordering::AcqRel));
        if newly {
            let event = NamedEvent::ContentStoreUnreachable;
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                store.root = root.as_str(),
                error,
                "the content store does not answer"
            );
        }
    }

    /// The root answered, whatever it said.
    pub(crate) fn answered(&self, root: &StoreRoot) {
        let Some(silent) = self.silent.get(root) else {
            return;
        };
        // The plain look first: it is all that happens in the ordinary case.
        if silent.load(Ordering::Acquire) && silent.swap(false, Ordering::AcqRel) {
            let event = NamedEvent::ContentStoreRecovered;
            tracing::info!(
                event.code = event.code(),
                event.name = event.slug(),
                store.root = root.as_str(),
                "the content store answers again"
            );
        }
    }
}
