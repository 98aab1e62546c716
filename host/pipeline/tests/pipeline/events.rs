//! The events that a test causes.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span;

/// The names of the events caused on this thread while this value lives.
pub(crate) struct Events {
    names: Arc<Mutex<Vec<String>>>,
    _listening: tracing::subscriber::DefaultGuard,
}

impl Events {
    pub(crate) fn listen() -> Self {
        let names = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener(Arc::clone(&names));
        Self {
            names,
            _listening: tracing::subscriber::set_default(listener),
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Listener(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Listener {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut NameOf(&self.0));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

struct NameOf<'a>(&'a Mutex<Vec<String>>);

impl Visit for NameOf<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event.name" {
            let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}
