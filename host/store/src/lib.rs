//! Records on SQLite and PostgreSQL.
//!
//! This crate keeps core's promises about centers, catalog, changes, limited purchases and the log,
//! and has what the commands need beyond that. There are four databases: *fulfillment* (centers,
//! retailers, titles, keys, which nodes there are), *logging* (downloads and who they were for, events, what plug-ins have cost), *activation* (personas
//! and their devices) and each node's own (*node*: its outbox). The first three may share one
//! SQLite file.
//!
//! Every statement is written once and runs on both engines; see [`database`]. Everything secret
//! or personal is encrypted before it becomes an argument; see [`secrets`]. What others may
//! have cached is never this crate's business, except in [`cached`], which is such a cache.
//!
//! What is left to others: the master key and the making of keys and certificates, the content
//! store, the transport of log rows, and the clock.

pub mod activation;
pub mod cached;
pub mod centers;
pub mod changes;
pub mod costs;
pub mod database;
pub mod decisions;
pub mod failure;
pub mod health;
pub mod log;
pub mod mapping;
pub mod migration;
pub mod node;
pub mod nodes;
mod parse;
pub mod plugins;
pub mod principals;
pub mod retailers;
pub mod secrets;
pub mod signers;
pub mod store;
pub mod titles;
pub mod uses;
mod values;
