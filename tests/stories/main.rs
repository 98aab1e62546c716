//! Stories: what an operator, a retailer and a buyer do with real binaries, and what comes of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in what its cases share as in themselves"
)]

mod activation;
mod activation_operator;
mod broker;
mod cache;
mod certificates;
mod copies;
mod delegations;
mod deploy;
mod events;
mod handover;
mod level_five;
mod license_verifiers;
mod licensed;
mod licensors;
mod lost_database;
mod nodes;
mod other_tools;
mod passed_on;
mod plugin_authors;
mod plugin_centers;
mod plugin_examples;
mod purchase;
mod real_books;
mod refusals;
mod retailer_languages;
mod sites;
mod warnings;
mod zones;
