//! What a `tracing` event tells, as an event of the log.

use std::error::Error;
use std::fmt;

use colophon_core::event::NamedEvent;
use colophon_core::log::{EventDetails, EventMessage, ServerEvent, Severity};
use colophon_core::time::Clock as _;
use colophon_receipt::CenterId;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::CODE;
use crate::house::{SystemClock, new_event};

/// What was told, if it is one of the published events.
pub(super) fn record(event: &Event<'_>) -> Option<ServerEvent> {
    let mut told = Told::default();
    event.record(&mut told);
    let name = told.name?;
    Some(ServerEvent {
        event: new_event(),
        at: SystemClock.now(),
        name,
        severity: severity(*event.metadata().level()),
        center: told.center,
        message: told
            .message
            .unwrap_or_else(|| EventMessage::cut(name.meaning())),
        details: told.details,
    })
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        _ => Severity::Info,
    }
}

/// The fields of an event as they are visited.
#[derive(Default)]
struct Told {
    name: Option<NamedEvent>,
    center: Option<CenterId>,
    message: Option<EventMessage>,
    details: EventDetails,
}

impl Told {
    /// The code is told before everything else.
    fn is_illegal(&self) -> bool {
        self.name == Some(NamedEvent::RequestIllegal)
    }

    fn take(&mut self, field: &Field, text: &str) {
        match field.name() {
            CODE => self.name = NamedEvent::find(text),
            // The number says it already.
            "event.name" => {}
            "message" => self.message = Some(EventMessage::cut(text)),
            // Who asked for a download stands in its row, where it can be erased. Only an illegal
            // request leaves none.
            "client.address" | "connection.peer" if !self.is_illegal() => {}
            "center.id" if self.center.is_none() => match text.parse() {
                Ok(center) => self.center = Some(center),
                Err(_) => self.details.add(field.name(), text),
            },
            name => self.details.add(name, text),
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut causes = vec![value.to_string()];
        let mut cause = value.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        self.take(field, &causes.join(": "));
    }
}
