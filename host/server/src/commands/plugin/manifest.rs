//! The manifest beside a plug-in, and where the component says something else.

use std::path::Path;

use anyhow::Result;
use colophon_core::causes::causes;
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Capability, Role};

use super::folder;

/// More than a manifest may have, which says so itself.
const BYTES_MAX: u64 = 1 << 20;

/// Reads the manifest in a plug-in's folder, with the text as its author wrote it.
pub(super) fn written(own: &Path) -> Result<(String, Manifest)> {
    let text = folder::read_text(Some(own), &own.join("plugin.toml"), BYTES_MAX)?;
    let manifest = Manifest::parse(&text)
        .map_err(|refused| anyhow::anyhow!("plugin.toml: {}", causes(&refused)))?;
    Ok((text, manifest))
}

/// How a line comes into a manifest, whose first table begins there.
pub(super) fn to_add(line: &str, first_table: Option<&str>) -> String {
    match first_table {
        _ if line.starts_with('[') => format!("add at the end of plugin.toml: {line}"),
        Some(table) => format!("add to plugin.toml, above {table}: {line}"),
        None => format!("add to plugin.toml, above its first [table] if it has one: {line}"),
    }
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

#[cfg(test)]
mod tests {
    use colophon_plugin_host::manifest::first_table;

    use super::*;

    const WITH_TABLES: &str = "id = \"a\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]\n\n\
        [sql.statements.one]\ntext = \"select 1\"\nmax_rows = 1\ntimeout_ms = 50\n";

    /// The text with a line put where it is said to go.
    fn with(text: &str, line: &str, said: &str) -> String {
        if said.contains("at the end") {
            return format!("{text}\n{line}\n");
        }
        let place = said.split_once("in line ").unwrap().1;
        let place: usize = place.split_once(':').unwrap().0.parse().unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(place - 1, line);
        lines.join("\n")
    }

    #[test]
    fn a_line_is_taken_where_it_is_said_to_go() {
        let table = first_table(WITH_TABLES).map(|head| head.to_string());
        assert_eq!(table.as_deref(), Some("[sql.statements.one] in line 6"));
        for capability in Capability::ALL {
            let line = capability.manifest_line();
            let line = line
                .replace("HOST/PATH/", "host.example/")
                .replace("KEY", "key");
            let said = to_add(&line, table.as_deref());
            assert!(said.ends_with(&line), "{said}");
            let rest = "text = \"select 1\"\nmax_rows = 1\ntimeout_ms = 50\n";
            let rest = if line.starts_with('[') { rest } else { "" };
            let text = with(WITH_TABLES, &line, &said) + rest;
            let manifest = Manifest::parse(&text.replace("NAME", "name"));
            assert!(manifest.is_ok(), "{text}: {manifest:?}");
            assert!(asks_for(&manifest.unwrap(), capability), "{text}");
        }
        assert!(to_add("log = true", None).contains("above its first [table]"));
    }
}
