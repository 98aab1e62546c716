//! The manifest beside a plug-in, and where the component says something else.

use std::path::Path;

use anyhow::Result;
use colophon_core::causes::causes;
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Capability, Role};

use super::folder;

/// More than a manifest may have, which says so itself.
const BYTES_MAX: u64 = 1 << 20;

/// Reads the manifest in a plug-in's folder.
pub(super) fn read(own: &Path) -> Result<Manifest> {
    Ok(written(own)?.1)
}

/// The same, with the text as its author wrote it.
pub(super) fn written(own: &Path) -> Result<(String, Manifest)> {
    let text = folder::read_text(Some(own), &own.join("plugin.toml"), BYTES_MAX)?;
    let manifest = Manifest::parse(&text)
        .map_err(|refused| anyhow::anyhow!("plugin.toml: {}", causes(&refused)))?;
    Ok((text, manifest))
}

/// Whether the manifest asks for a capability.
pub(super) fn asks_for(manifest: &Manifest, capability: Capability) -> bool {
    match capability {
        Capability::Catalog => manifest.catalog,
        Capability::Config => !manifest.config.is_empty(),
        Capability::Http => !manifest.http.is_empty(),
        Capability::Kv => manifest.kv.is_some(),
        Capability::Log => manifest.log,
        Capability::Sql => !manifest.statements.is_empty(),
    }
}

/// What manifest and component say differently of roles.
pub(super) fn other_roles(manifest: &Manifest, played: &[Role]) -> Option<String> {
    let unsaid = played.iter().find(|role| !manifest.roles.contains(role));
    if let Some(unsaid) = unsaid {
        return Some(format!(
            "the plug-in plays the role of {0}, which plugin.toml does not name: add \"{0}\" to roles",
            unsaid.as_str()
        ));
    }
    let unplayed = manifest.roles.iter().find(|role| !played.contains(role))?;
    Some(format!(
        "plugin.toml names the role of {}, which the plug-in does not play: export it, or take it out \
         of roles",
        unplayed.as_str()
    ))
}
