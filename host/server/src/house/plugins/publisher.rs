//! Publishers of plug-ins and their signatures.
//!
//! A publisher signs a statement of five lines, which names the version, its component and its
//! manifest. Any tool can make the signature, `openssl dgst -sha256 -sign KEY` for example.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_crypto::Engine;
use colophon_keys::PublicKey;
use colophon_store::plugins::Publisher;

/// The first line, so that no signature made for something else fits.
const FIRST_LINE: &str = "colophon plug-in 1";

/// What a publisher signs.
pub(crate) fn statement(
    plugin: &Name,
    version: &PluginVersion,
    component: &[u8; 32],
    manifest: &[u8; 32],
) -> String {
    let mut text = format!("{FIRST_LINE}\n{plugin}\n{version}\n");
    for digest in [component, manifest] {
        for byte in digest {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

/// Holds a version's signature against those who may publish for its center.
pub(crate) fn signed_by_one_of(
    engine: &dyn Engine,
    publishers: &[Publisher],
    statement: &str,
    signature: Option<&[u8]>,
) -> Result<()> {
    let names = || {
        let names = publishers.iter().map(|publisher| publisher.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let Some(signature) = signature else {
        bail!(
            "the version has no signature, and this center only takes what was signed by {}",
            names()
        );
    };
    let fits = |publisher: &Publisher| {
        let key = PublicKey::from_spki(engine, publisher.public_key.clone());
        key.is_ok_and(|key| key.verify(engine, statement.as_bytes(), signature).is_ok())
    };
    if publishers.iter().any(fits) {
        return Ok(());
    }
    bail!(
        "the version's signature is not that of {}, who may publish for this center",
        names()
    )
}
