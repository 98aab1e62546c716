//! A connection to the broker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use async_nats::{Client, ConnectError, ConnectErrorKind};
use colophon_core::causes::causes;
use colophon_core::event::NamedEvent;

use super::held::Held;
use super::link::{self, Link};
use super::settings::{BrokerSettings, PATIENCE, SettingsUnusable};
use super::standing::{REFUSED, Standing};
use super::stream::{self, Found};
use super::trouble::Trouble;

/// What a seal adds to what is sealed, and a list to what is in it, at most.
const SEAL_BYTES_MAX: usize = 256;

/// A connection to the broker, which is made again whenever it breaks.
pub struct Broker {
    link: RwLock<Link>,
    pub(super) settings: BrokerSettings,
    pub(super) standing: Arc<Standing>,
    /// What has been told of streams that are not as this host would make them.
    told: Mutex<Vec<String>>,
    /// The longest message that the stream of rows takes, as far as it is known.
    row_bytes_max: AtomicUsize,
    /// The longest dead letter, likewise.
    dead_letter_bytes_max: AtomicUsize,
}

/// What a visit to the broker finds.
#[derive(Debug)]
pub struct Inspection {
    /// The version of the server that answered.
    pub server_version: String,
    /// Rows that no log writer has taken yet; none where there is no stream yet.
    pub waiting: Option<u64>,
    /// Messages among the dead letters.
    pub dead_letters: u64,
    /// What is not as this host would make it.
    pub differences: Vec<String>,
}

impl Broker {
    /// Begins to connect, and goes on trying for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`SettingsUnusable`], whether or not the broker is there.
    pub async fn connect(settings: &BrokerSettings) -> Result<Arc<Self>, SettingsUnusable> {
        let standing = Arc::new(Standing::new());
        let link = Link::begin(settings, &standing).await?;
        let broker = Arc::new(Self::over(link.clone(), settings, standing));
        tokio::spawn(link::keep(Arc::downgrade(&broker), link.until_ended()));
        Ok(broker)
    }

    /// Connects once and looks around; nothing is made or changed.
    pub async fn inspect(settings: &BrokerSettings) -> Result<Inspection, Trouble> {
        let unusable = |error: SettingsUnusable| Trouble::NotConnected(causes(&error));
        let options = settings.options().map_err(unusable)?;
        let client = options.connect(settings.addresses()).await;
        let client = client.map_err(|error| Trouble::NotConnected(refusal(&error)))?;
        let link = Link::for_once(client);
        let broker = Self::over(link, settings, Arc::new(Standing::new()));
        let looked = tokio::time::timeout(PATIENCE, broker.look_around()).await;
        looked.unwrap_or(Err(Trouble::Silent(PATIENCE)))
    }

    fn over(link: Link, settings: &BrokerSettings, standing: Arc<Standing>) -> Self {
        Self {
            link: RwLock::new(link),
            settings: settings.clone(),
            standing,
            told: Mutex::default(),
            row_bytes_max: AtomicUsize::new(usize::MAX),
            dead_letter_bytes_max: AtomicUsize::new(usize::MAX),
        }
    }

    fn link(&self) -> Link {
        // It is replaced as a whole.
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.clone()
    }

    /// The client that is at work now.
    pub(super) fn client(&self) -> Client {
        self.link().client
    }

    /// What asks JetStream, likewise.
    pub(super) fn context(&self) -> Context {
        self.link().context
    }

    /// Works with another client from now on.
    pub(super) fn go_on_with(&self, link: Link) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// The longest message for a row that this server and the stream take.
    pub(super) fn row_bytes_max(&self) -> usize {
        let of_stream = self.row_bytes_max.load(Ordering::Relaxed);
        self.client().max_payload().min(of_stream)
    }

    /// The longest dead letter, likewise.
    pub(super) fn dead_letter_bytes_max(&self) -> usize {
        let of_stream = self.dead_letter_bytes_max.load(Ordering::Relaxed);
        self.client().max_payload().min(of_stream)
    }

    /// How many rows, of `bytes` each, are told in one message. Servers take 1 MiB where nobody has
    /// set it lower, so this binds only there.
    pub(super) fn told_at_once(&self, bytes: usize) -> usize {
        let room = self.client().max_payload().saturating_sub(SEAL_BYTES_MAX);
        (room / bytes).max(1)
    }

    /// What is wrong between this host and the broker, if anything is.
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// That there is a connection now.
    pub(super) fn connected(&self) -> Result<(), Trouble> {
        let link = self.link();
        let connected = match link.has_ended() {
            true => Err(self.standing.see_end()),
            false => self.standing.see(&link.client.connection_state()),
        };
        connected.map_err(Trouble::NotConnected)
    }

    /// The stream of rows, made where it is missing.
    pub(super) async fn rows(&self) -> Result<Stream, Trouble> {
        let found = stream::ensure(&self.context(), stream::rows(&self.settings)).await?;
        self.row_bytes_max
            .store(stream::message_bytes_max(&found.it), Ordering::Relaxed);
        Ok(self.noted(found))
    }

    /// What the stream of rows holds now; nothing is held where there is none.
    pub(super) async fn held(&self) -> Result<Option<Held>, Trouble> {
        let wanted = stream::rows(&self.settings);
        let looked_up = async {
            let Some(stream) = stream::look_up(&self.context(), &wanted).await? else {
                return Ok(None);
            };
            let consumer = stream::log_writers(&self.settings);
            let consumer = stream::look_up_consumer(&stream.it, &consumer).await?;
            let brought = consumer.map_or(0, |found| found.it.ack_floor.stream_sequence);
            Ok(Some(Held::by(&stream.it, brought)))
        };
        let looked_up = tokio::time::timeout(PATIENCE, looked_up).await;
        looked_up.unwrap_or(Err(Trouble::Silent(PATIENCE)))
    }

    /// The stream of dead letters, likewise.
    pub(super) async fn dead_letters(&self) -> Result<Stream, Trouble> {
        let wanted = stream::dead_letters(&self.settings);
        let found = stream::ensure(&self.context(), wanted).await?;
        self.dead_letter_bytes_max
            .store(stream::message_bytes_max(&found.it), Ordering::Relaxed);
        Ok(self.noted(found))
    }

    /// Tells each difference once.
    pub(super) fn noted<T>(&self, found: Found<T>) -> T {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for difference in found.differences {
            if told.contains(&difference) {
                continue;
            }
            let event = NamedEvent::LogStreamDiffers;
            tracing::warn!(
                event.code = event.code(),
                event.name = event.slug(),
                difference,
                "the broker's stream is used as it is; change it with the broker's own tools, or \
                 the settings of this host"
            );
            told.push(difference);
        }
        found.it
    }

    async fn look_around(&self) -> Result<Inspection, Trouble> {
        let mut inspection = Inspection {
            server_version: self.client().server_info().version,
            waiting: None,
            dead_letters: 0,
            differences: Vec::new(),
        };
        let rows = stream::rows(&self.settings);
        if let Some(found) = stream::look_up(&self.context(), &rows).await? {
            let wanted = stream::log_writers(&self.settings);
            inspection.differences.extend(found.differences);
            let messages = found.it.cached_info().state.messages;
            let consumer = stream::look_up_consumer(&found.it, &wanted).await?;
            inspection.waiting = Some(match consumer {
                None => messages,
                Some(found) => {
                    inspection.differences.extend(found.differences);
                    stream::waiting(&found.it)
                }
            });
        }
        let dead = stream::dead_letters(&self.settings);
        if let Some(found) = stream::look_up(&self.context(), &dead).await? {
            inspection.differences.extend(found.differences);
            inspection.dead_letters = found.it.cached_info().state.messages;
        }
        Ok(inspection)
    }
}

/// Why there is no connection.
fn refusal(error: &ConnectError) -> String {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => REFUSED.to_owned(),
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => error.to_string(),
    }
}
