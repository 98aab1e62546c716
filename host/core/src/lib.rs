//! The model, the decisions and the flows of a Colophon host.
//!
//! Core states what happens to one request and what it needs for that: it consumes and produces
//! its own types and reaches everything else through the ports in [`ports`]. It knows no clock, no
//! randomness, no files, no network, no database and no WebAssembly engine; all of those live in
//! adapters whose arrows point here.
//!
//! The main flow is [`download`]: a receipt is opened, its title resolved and looked up, the sale
//! judged, the file named, admitted, fetched and personalized. Each stage consumes the type of the
//! stage before it, so that none can be skipped.

pub mod activation;
pub mod arrival;
pub mod capability;
pub mod catalog;
pub mod causes;
pub mod center;
pub mod change;
pub mod code;
pub mod cost;
pub mod decide;
pub mod decision;
pub mod delivery;
pub mod download;
pub mod event;
pub mod forms;
pub mod id;
pub mod ingest;
mod limit;
pub mod log;
pub mod naming;
pub mod node;
pub mod plugin;
pub mod ports;
pub mod principal;
pub mod recent;
pub mod refusal;
pub mod rollout;
pub mod time;
pub mod title_rights;
pub mod verify;
