//! The streams and the consumer that log rows pass through: made where they are missing, and left
//! alone where somebody made them otherwise.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, FromConsumer as _, pull};
use async_nats::jetstream::context::{
    ConsumerInfoErrorKind, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{
    Config, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};

use super::Names;
use super::settings::{BrokerSettings, PATIENCE};
use super::trouble::Trouble;

/// How long the broker knows a message again that it was given twice.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Bytes of dead letters; the oldest go. Each row among them is in its node's outbox still.
const DEAD_BYTES_MAX: i64 = 64 << 20;
const DEAD_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Rows that all log writers together may have taken and not acknowledged.
const ACK_PENDING_MAX: i64 = 8192;

/// A stream that is there, with what about it is not as this host would make it.
pub(super) struct Found<T> {
    pub(super) it: T,
    pub(super) differences: Vec<String>,
}

/// The stream of rows. Rows lie there until every log writer's turn is over; who has taken them
/// removes them. When it is full it accepts no more, so that no row makes room for another.
pub(super) fn rows(settings: &BrokerSettings) -> Config {
    Config {
        name: settings.names.stream(),
        subjects: vec![settings.names.all_rows()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_bytes: i64::try_from(settings.limits.bytes_max).unwrap_or(i64::MAX),
        max_age: settings.limits.age_max,
        duplicate_window: DUPLICATE_WINDOW.min(settings.limits.age_max),
        num_replicas: settings.limits.replicas,
        ..Config::default()
    }
}

/// The stream of what is no row.
pub(super) fn dead_letters(settings: &BrokerSettings) -> Config {
    Config {
        name: settings.names.dead_stream(),
        subjects: vec![settings.names.all_dead()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_bytes: DEAD_BYTES_MAX,
        max_age: DEAD_AGE_MAX,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: settings.limits.replicas,
        ..Config::default()
    }
}

/// The consumer that all log writers share. A row is handed out again until somebody has brought
/// it to the logging database or put it among the dead letters, however often that takes.
pub(super) fn log_writers(settings: &BrokerSettings) -> pull::Config {
    pull::Config {
        durable_name: Some(Names::CONSUMER.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        max_deliver: -1,
        max_ack_pending: ACK_PENDING_MAX,
        // Messages of other streams may come into this one without being addressed to it.
        filter_subject: settings.names.all_rows(),
        ..pull::Config::default()
    }
}

/// The stream of this name; made, if there is none.
pub(super) async fn ensure(context: &Context, wanted: Config) -> Result<Found<Stream>, Trouble> {
    let name = wanted.name.clone();
    let looked_up = async {
        if let Some(found) = look_up(context, &wanted).await? {
            return Ok(found);
        }
        match context.create_stream(wanted.clone()).await {
            Ok(it) => Ok(Found {
                it,
                differences: Vec::new(),
            }),
            // Somebody else was quicker, with other settings.
            Err(error) if is_taken(&error.kind()) => {
                let found = look_up(context, &wanted).await?;
                found.ok_or_else(|| Trouble::stream(&name, error))
            }
            Err(error) => Err(Trouble::stream(&name, error)),
        }
    };
    let looked_up = tokio::time::timeout(PATIENCE, looked_up).await;
    looked_up.unwrap_or(Err(Trouble::Silent(PATIENCE)))
}

/// The stream of this name, if it is there. One that takes anything besides what this host would
/// have it take is somebody else's, and not touched.
pub(super) async fn look_up(
    context: &Context,
    wanted: &Config,
) -> Result<Option<Found<Stream>>, Trouble> {
    match context.get_stream(&wanted.name).await {
        Ok(it) => {
            let found = &it.cached_info().config;
            if found.subjects != wanted.subjects {
                return Err(Trouble::Foreign {
                    stream: wanted.name.clone(),
                    subjects: found.subjects.join(", "),
                });
            }
            let differences = stream_differences(wanted, found);
            Ok(Some(Found { it, differences }))
        }
        Err(error) if is_missing(&error.kind()) => Ok(None),
        Err(error) => Err(Trouble::stream(&wanted.name, error)),
    }
}

/// The longest message that a stream takes.
pub(super) fn message_bytes_max(stream: &Stream) -> usize {
    let set = stream.cached_info().config.max_message_size;
    let limit = usize::try_from(set).ok().filter(|bytes| *bytes > 0);
    limit.unwrap_or(usize::MAX)
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn is_taken(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

/// The log writers' consumer; made, if there is none.
pub(super) async fn ensure_consumer(
    stream: &Stream,
    wanted: pull::Config,
) -> Result<Found<consumer::PullConsumer>, Trouble> {
    let made = stream.get_or_create_consumer(Names::CONSUMER, wanted.clone());
    let made = tokio::time::timeout(PATIENCE, made).await;
    let it = made
        .map_err(|_elapsed| Trouble::Silent(PATIENCE))?
        .map_err(|error| Trouble::Consumer(error.into()))?;
    let differences = consumer_differences(&wanted, &it.cached_info().config);
    Ok(Found { it, differences })
}

/// Deletes the log writers' consumer and makes one with the same settings that begins with the first
/// message in the stream.
pub(super) async fn replace_consumer(
    stream: &Stream,
    known: &consumer::Info,
) -> Result<(), Trouble> {
    let wanted = pull::Config::try_from_consumer_config(known.config.clone());
    let mut wanted = wanted.map_err(|error| Trouble::Consumer(error.into()))?;
    wanted.deliver_policy = DeliverPolicy::All;
    match stream.delete_consumer(Names::CONSUMER).await {
        Ok(_) => {}
        // Another log writer was first.
        Err(error) if is_no_consumer(&error.kind()) => {}
        Err(error) => return Err(Trouble::Consumer(error.into())),
    }
    let made = stream.get_or_create_consumer(Names::CONSUMER, wanted).await;
    made.map(drop)
        .map_err(|error| Trouble::Consumer(error.into()))
}

fn is_no_consumer(kind: &ConsumerErrorKind) -> bool {
    matches!(kind, ConsumerErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

fn stream_differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut differences = Differences::of(&wanted.name);
    differences.compare("retention", &wanted.retention, &found.retention);
    differences.compare("discard", &wanted.discard, &found.discard);
    differences.compare("storage", &wanted.storage, &found.storage);
    differences.compare("max_bytes", &wanted.max_bytes, &found.max_bytes);
    differences.compare("max_age", &wanted.max_age, &found.max_age);
    differences.compare("max_msgs", &-1, &unlimited(found.max_messages));
    let message_size = i64::from(found.max_message_size);
    differences.compare("max_msg_size", &-1, &unlimited(message_size));
    let by_subject = unlimited(found.max_messages_per_subject);
    differences.compare("max_msgs_per_subject", &-1, &by_subject);
    let window = (&wanted.duplicate_window, &found.duplicate_window);
    differences.compare("duplicate_window", window.0, window.1);
    let replicas = (&wanted.num_replicas, &found.num_replicas);
    differences.compare("num_replicas", replicas.0, replicas.1);
    differences.compare("no_ack", &false, &found.no_ack);
    differences.compare("deny_purge", &false, &found.deny_purge);
    if found.deny_purge {
        differences.mean("what has been brought lies there until its time is over");
    }
    differences.compare("deny_delete", &false, &found.deny_delete);
    if found.deny_delete {
        differences.mean("a message that no log writer can read holds up what lies behind it");
    }
    differences.found
}

fn consumer_differences(wanted: &pull::Config, found: &consumer::Config) -> Vec<String> {
    let mut differences = Differences::of(&format!("the consumer {}", Names::CONSUMER));
    differences.compare("ack_policy", &wanted.ack_policy, &found.ack_policy);
    differences.compare("ack_wait", &wanted.ack_wait, &found.ack_wait);
    let deliveries = unlimited(found.max_deliver);
    differences.compare("max_deliver", &wanted.max_deliver, &deliveries);
    let pending = (&wanted.max_ack_pending, &found.max_ack_pending);
    differences.compare("max_ack_pending", pending.0, pending.1);
    let filter = (&wanted.filter_subject, &found.filter_subject);
    differences.compare("filter_subject", filter.0, filter.1);
    differences.found
}

/// The broker says 0 or -1 where there is no limit.
fn unlimited(number: i64) -> i64 {
    if number <= 0 { -1 } else { number }
}

/// What was found otherwise than wanted.
struct Differences {
    what: String,
    found: Vec<String>,
}

impl Differences {
    fn of(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            found: Vec::new(),
        }
    }

    /// What comes of the last one.
    fn mean(&mut self, consequence: &str) {
        if let Some(last) = self.found.last_mut() {
            last.push_str(", so that ");
            last.push_str(consequence);
        }
    }

    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, wanted: &T, found: &T) {
        if wanted != found {
            let what = &self.what;
            let text = format!("{what} has {name} {found:?} instead of {wanted:?}");
            self.found.push(text);
        }
    }
}

/// The log writers' consumer, if it is there.
pub(super) async fn look_up_consumer(
    stream: &Stream,
    wanted: &pull::Config,
) -> Result<Option<Found<consumer::Info>>, Trouble> {
    match stream.consumer_info(Names::CONSUMER).await {
        Ok(it) => {
            let differences = consumer_differences(wanted, &it.config);
            Ok(Some(Found { it, differences }))
        }
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::Consumer(error.into())),
    }
}

/// Rows that no log writer has brought to the logging database yet.
pub(super) fn waiting(info: &consumer::Info) -> u64 {
    info.num_pending.saturating_add(info.num_ack_pending as u64)
}
