//! A version that is to be asked, before it is loaded.

use anyhow::{Context as _, Result};
use colophon_core::rollout::PluginVersion;
use colophon_crypto::{Engine, frames};
use colophon_receipt::CenterId;
use colophon_store::plugins::{PluginRecord, Publisher, VersionRecord};

use super::held::{Key, Loaded};
use crate::house::plugins::publisher::{signed_by_one_of, statement};

/// A plug-in of a center, as the database has it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) center: &'a CenterId,
    pub(super) plugin: &'a PluginRecord,
    /// Who may publish for the center.
    pub(super) publishers: &'a [Publisher],
}

/// A version that may be asked here.
pub(super) struct Candidate<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) record: &'a VersionRecord,
    pub(super) key: Key,
}

impl<'a> Candidate<'a> {
    /// The version, if it is there and was published by somebody who may.
    pub(super) fn of(
        subject: Subject<'a>,
        version: &PluginVersion,
        engine: &dyn Engine,
    ) -> Result<Self> {
        let record = subject.plugin.version(version);
        let record = record.with_context(|| format!("there is no version {version}"))?;
        believe(subject, record, engine)?;
        let parts = frames(&[
            subject.plugin.id.as_str().as_bytes(),
            record.version.as_str().as_bytes(),
            &record.sha256,
            record.manifest.as_bytes(),
            record.grant.as_bytes(),
        ]);
        Ok(Self {
            subject,
            record,
            key: engine.digest(&[&parts]),
        })
    }

    /// What it is once it is loaded.
    pub(super) fn loaded(&self) -> Loaded {
        Loaded {
            key: self.key,
            version: self.record.version.clone(),
        }
    }
}

fn believe(subject: Subject<'_>, record: &VersionRecord, engine: &dyn Engine) -> Result<()> {
    let Subject {
        center,
        plugin,
        publishers,
    } = subject;
    if publishers.is_empty() {
        return Ok(());
    }
    let manifest = engine.digest(&[record.manifest.as_bytes()]);
    let signed = statement(
        center,
        &plugin.id,
        &record.version,
        &record.sha256,
        &manifest,
    );
    signed_by_one_of(engine, publishers, &signed, record.signature.as_deref())
}
