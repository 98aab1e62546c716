//! What a serving host says of itself to the others of its center.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;

use colophon_core::id::{NodeId, RunId};
use colophon_core::node::{Introduction, NodeRole};
use colophon_crypto::Randomness as _;
use colophon_keys::SystemRandom;
use colophon_pipeline::{Announcer, AnnouncerSettings, Running};
use tokio_util::sync::CancellationToken;

use super::{House, Parts};
use crate::cli::Role;
use crate::config::Config;

/// Starts to say that this host is there; `drains` tells it when no more requests are taken.
pub(crate) fn announce(
    house: &House,
    config: &Config,
    parts: &Parts,
    roles: &[Role],
    listens: Option<SocketAddr>,
    drains: CancellationToken,
) -> Running {
    let mut run = [0; 16];
    SystemRandom.fill(&mut run);
    let scheme = match config.listen.tls {
        Some(_) => "https",
        None => "http",
    };
    let who = Introduction {
        node: parts.node(),
        run: RunId::from_bytes(run),
        place: place(config),
        name: name(config, parts.node()),
        roles: roles.iter().map(|role| role_of(*role)).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: listens.map(|address| format!("{scheme}://{address}")),
        silent_after: config.node.silent_after(),
    };
    let settings = AnnouncerSettings {
        every: config.node.renew,
        kept: config.node.kept,
    };
    let ports = parts.announcer_ports(house);
    Announcer::start(ports, who, settings, Box::new(SystemRandom), drains)
}

/// Names the start of the machine that this one is in.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Where the node's database is: which file, on which running machine. A host that takes over from
/// another has the same, in whatever container; a copied folder or machine has not.
fn place(config: &Config) -> String {
    let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let file = fs::metadata(config.database.node.trim_start_matches("sqlite://"));
    let file = file.map(|file| format!("{}/{}", file.dev(), file.ino()));
    format!("{}/{}", boot.trim(), file.unwrap_or_default())
}

/// What people call this node; where nobody says, the beginning of its id.
fn name(config: &Config, node: NodeId) -> String {
    match &config.node.name {
        Some(name) => name.clone(),
        None => node.to_string().chars().take(8).collect(),
    }
}

fn role_of(role: Role) -> NodeRole {
    match role {
        Role::Download => NodeRole::Download,
        Role::Activation => NodeRole::Activation,
        Role::Repository => NodeRole::Repository,
        Role::Fulfillment => NodeRole::Fulfillment,
    }
}
