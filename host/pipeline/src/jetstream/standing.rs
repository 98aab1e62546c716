//! What is wrong between this host and the broker, for whoever asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::connection::State;
use async_nats::{ClientError, Event, ServerError};
use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use tokio::sync::watch;

/// What is wrong between this host and the broker.
#[derive(Debug)]
pub struct Standing {
    problems: Mutex<Problems>,
    /// How many connections there have been.
    connections: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Problems {
    /// Why there is no connection.
    link: Option<String>,
    /// What the broker has complained of last on this connection.
    complaint: Option<String>,
    /// Why rows are not handed over or not confirmed.
    relay: Option<String>,
    /// Why rows are not brought to the logging database.
    writer: Option<String>,
}

/// Whose problem it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Relay,
    Writer,
}

impl Standing {
    /// Before the first connection.
    pub(super) fn new() -> Self {
        let problems = Problems {
            link: Some("no connection yet".to_owned()),
            ..Problems::default()
        };
        Self {
            problems: Mutex::new(problems),
            connections: watch::Sender::new(0),
        }
    }

    /// What is wrong, if anything is.
    pub fn problem(&self) -> Option<String> {
        let problems = self.problems();
        let Problems {
            link,
            relay,
            writer,
            ..
        } = &*problems;
        let link = link.as_ref().map(|reason| not_connected(reason));
        // That nobody confirms rows may come of what this host does not bring.
        link.or_else(|| writer.clone()).or_else(|| relay.clone())
    }

    /// Takes the client's word for whether there is a connection, or says why there is none. What
    /// is heard gives the reasons only: the client drops events that come faster than they are
    /// heard, and they may be the last for a long time.
    pub(super) fn see(&self, state: &State) -> Result<(), String> {
        let mut problems = self.problems();
        match state {
            State::Connected => {
                if problems.link.is_some() {
                    self.begin(&mut problems);
                }
                Ok(())
            }
            State::Disconnected | State::Pending => {
                let reason = problems.link.get_or_insert_with(|| BROKE.to_owned());
                let reason = reason.clone();
                measure(&problems);
                Err(reason)
            }
        }
    }

    /// The client library has ended, and says why there is no connection.
    pub(super) fn see_end(&self) -> String {
        let mut problems = self.problems();
        problems.link = Some(ENDED.to_owned());
        measure(&problems);
        ENDED.to_owned()
    }

    /// A connection begins.
    fn begin(&self, problems: &mut Problems) {
        problems.link = None;
        problems.complaint = None;
        measure(problems);
        self.connections
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with each new connection.
    pub(super) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.subscribe()
    }

    /// What the broker has complained of on this connection.
    pub(super) fn complaint(&self) -> Option<String> {
        self.problems().complaint.clone()
    }

    pub(super) fn set(&self, part: Part, problem: Option<String>) {
        let mut problems = self.problems();
        match part {
            Part::Relay => problems.relay = problem,
            Part::Writer => problems.writer = problem,
        }
    }

    /// Takes note of what happened to the connection.
    pub(super) fn hear(&self, event: &Event) {
        let mut problems = self.problems();
        match event {
            Event::Connected => self.begin(&mut problems),
            Event::Disconnected | Event::Closed => problems.link = Some(BROKE.to_owned()),
            Event::ServerError(ServerError::AuthorizationViolation) => {
                problems.link = Some(REFUSED.to_owned());
            }
            Event::ServerError(error) => problems.complaint = Some(error.to_string()),
            // Told after each attempt to connect that failed.
            Event::ClientError(ClientError::Other(error)) if problems.link.is_some() => {
                let refused = error.contains("authorization violation");
                let text = if refused { REFUSED } else { error.as_str() };
                problems.link = Some(text.to_owned());
            }
            Event::ClientError(_)
            | Event::LameDuckMode
            | Event::Draining
            | Event::SlowConsumer(_) => {}
        }
        measure(&problems);
    }

    fn problems(&self) -> MutexGuard<'_, Problems> {
        // Whole between any two statements.
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn measure(problems: &Problems) {
    let is_connected = problems.link.is_none();
    metrics::gauge!("colophon_nats_connected").set(f64::from(u8::from(is_connected)));
}

const BROKE: &str = "the connection broke";

const ENDED: &str = "the client library has ended over a message, and is begun anew";

/// What is said of credentials that the broker does not accept.
pub(super) const REFUSED: &str = "the broker refuses the credentials (authorization violation)";

pub(super) fn not_connected(reason: &str) -> String {
    format!("not connected to the broker: {reason}")
}

#[async_trait]
impl Readiness for Standing {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let state = match self.problem() {
            None => Ok(()),
            Some(problem) => Err(Unavailable::new(Service::LogBroker, problem)),
        };
        vec![(Service::LogBroker, state)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_missing_connection_is_kept_until_there_is_one() {
        let standing = Standing::new();
        let refused = ClientError::Other("authorization violation".to_owned());
        standing.hear(&Event::ClientError(refused));
        standing.set(Part::Relay, Some("rows wait".to_owned()));
        assert_eq!(standing.problem(), Some(not_connected(REFUSED)));
        standing.hear(&Event::Connected);
        assert_eq!(standing.problem().as_deref(), Some("rows wait"));
        standing.set(Part::Relay, None);
        assert_eq!(standing.problem(), None);
        standing.hear(&Event::Disconnected);
        assert!(standing.problem().is_some());
    }

    #[test]
    fn the_client_is_believed_where_it_has_dropped_events() {
        let standing = Standing::new();
        let mut connections = standing.connections();
        assert!(standing.see(&State::Pending).is_err());
        // It never said so.
        assert_eq!(standing.see(&State::Connected), Ok(()));
        assert_eq!(standing.problem(), None);
        assert!(connections.has_changed().unwrap());
        connections.mark_unchanged();
        assert_eq!(standing.see(&State::Connected), Ok(()));
        assert!(!connections.has_changed().unwrap());
        // Nor that the connection broke.
        assert_eq!(standing.see(&State::Disconnected), Err(BROKE.to_owned()));
        assert_eq!(standing.problem(), Some(not_connected(BROKE)));
        let refused = ClientError::Other("authorization violation".to_owned());
        standing.hear(&Event::ClientError(refused));
        assert_eq!(standing.see(&State::Disconnected), Err(REFUSED.to_owned()));
    }
}
