//! A version that is to be asked, before it is loaded.

use anyhow::{Context as _, Result};
use colophon_core::rollout::PluginVersion;
use colophon_crypto::frames;
use colophon_receipt::CenterId;
use colophon_store::plugins::{PluginRecord, VersionRecord};

use super::held::{Key, Loaded};
use crate::house::plugins::publisher::Signatures;

/// A plug-in of a center, as the database has it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) center: &'a CenterId,
    pub(super) plugin: &'a PluginRecord,
    /// Whose signatures the center asks for.
    pub(super) signatures: Signatures<'a>,
}

/// A version that may be asked here.
pub(super) struct Candidate<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) record: &'a VersionRecord,
    pub(super) key: Key,
}

impl<'a> Candidate<'a> {
    /// The version, if it is there and was published by somebody who may.
    pub(super) fn of(subject: Subject<'a>, version: &PluginVersion) -> Result<Self> {
        let record = subject.plugin.version(version);
        let record = record.with_context(|| format!("there is no version {version}"))?;
        subject
            .signatures
            .believe(&subject.plugin.id, &record.into())?;
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
            key: subject.signatures.engine.digest(&[&parts]),
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
