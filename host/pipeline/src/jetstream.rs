//! Log rows between machines, through NATS JetStream.
//!
//! The broker is a way, not a place: a row stays in its node's outbox until the logging database has
//! it, so a broker may lose everything at any moment and nothing is lost. `UNIQUE(event)` in the
//! logging database makes one row of any number of arrivals.
//!
//! - [`Broker`] is a connection, with what is wrong with it in its [`Standing`].
//! - [`Relay`] hands the rows of this node's outbox over, sealed as they stand there, and removes
//!   those that a log writer has confirmed. What is not confirmed it hands over again, and what the
//!   logging database refuses it sets aside.
//! - [`StreamWriter`] brings what the broker hands out to the logging database, tells the nodes what
//!   has arrived, and answers them when they ask. Any number of them may be at work.
//!
//! What passes under which subject, for a prefix such as `colophon`:
//!
//! | subject | from, to | what |
//! |---|---|---|
//! | `colophon.log.rows.NODE` | relay, stream | one row: sealed payload; event and sequence in headers |
//! | `colophon.log.complete.NODE` | log writer, relay | rows that the logging database has, or that it refuses, sealed |
//! | `colophon.log.ask.NODE` | relay, any log writer | which rows between two sequences have arrived? |
//! | `colophon.log.dead.NODE` | log writer, stream | a message that is no row, or whose row is refused, with the reason in a header |

mod broker;
mod dead_letters;
mod held;
mod in_flight;
mod link;
mod message;
mod names;
mod question;
mod refusal;
mod relay;
mod settings;
mod standing;
mod stream;
mod stream_writer;
mod trouble;

pub use broker::{Broker, Inspection};
pub use names::{MalformedPrefix, Names};
pub use relay::{Relay, RelayPorts};
pub use settings::{
    Access, AccessRefused, BrokerSettings, Credentials, MalformedAddress, ServerAddress,
    SettingsUnusable, StreamLimits,
};
pub use standing::Standing;
pub use stream_writer::{StreamWriter, StreamWriterPorts};
pub use trouble::Trouble;
