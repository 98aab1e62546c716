//! A plug-in put into the sandbox on its author's machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_plugin_host::manifest::{Manifest, first_table};
use colophon_plugin_host::{Sandbox, Settings};

use super::sources::{self, Stale};
use super::{component, folder, manifest};
use crate::house::plugins::{authors_compiled, compiler};

/// More than a component may have, which says so itself.
pub(super) const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// More than the file has in which npm is told what a package is.
const PACKAGE_LIST_BYTES_MAX: u64 = 1 << 20;

/// The most that is kept of compiled components: twenty of interpreters, or very many others.
const COMPILED_BYTES_MAX: u64 = 1 << 30;

/// What an author points at: a folder, or the component in it.
pub(super) struct Plugin {
    /// The component.
    pub(super) component: PathBuf,
    /// The folder with the manifest, where there is one.
    pub(super) folder: Option<PathBuf>,
    /// The folder that the component may not lie outside of.
    within: Option<PathBuf>,
}

/// What was read of a plug-in, each file once: they may change at any time.
pub(super) struct Taken {
    pub(super) wasm: Vec<u8>,
    /// None where there is none beside the component; what is wrong with it where it cannot be used.
    pub(super) manifest: Option<Result<Arc<Manifest>, String>>,
    /// Why the component may not be what the folder's sources make now.
    pub(super) stale: Option<Stale>,
    /// The version that npm knows it by, where that has one.
    pub(super) package_version: Option<String>,
    /// Where the first table of the manifest begins, as people are told.
    pub(super) first_table: Option<String>,
}

impl Plugin {
    /// Finds the component and the folder it belongs to.
    pub(super) fn at(place: &Path) -> Result<Self> {
        if place.is_dir() {
            let component = component(place);
            if !component.is_file() {
                bail!(
                    "{} is not there; build the plug-in first: `colophon plugin build {}`",
                    component.display(),
                    place.display()
                );
            }
            return Ok(Self {
                component,
                folder: Some(place.to_owned()),
                within: Some(place.to_owned()),
            });
        }
        if !place.is_file() {
            bail!("{} is neither a file nor a folder", place.display());
        }
        let beside = place.parent().into_iter().flat_map(|folder| {
            let above = folder.parent();
            [Some(folder), above.filter(|_| folder.ends_with("build"))]
        });
        let folder = beside
            .flatten()
            .find(|folder| folder.join("plugin.toml").is_file());
        Ok(Self {
            component: place.to_owned(),
            folder: folder.map(Path::to_owned),
            within: None,
        })
    }

    /// Finds the component, with a manifest that may lie elsewhere.
    pub(super) fn with_manifest(place: &Path, manifest: Option<&Path>) -> Result<Self> {
        let mut plugin = Self::at(place)?;
        if let Some(file) = manifest {
            if !file.ends_with("plugin.toml") {
                bail!("{}: a manifest is called plugin.toml", file.display());
            }
            let folder = file.parent().map(PathBuf::from).unwrap_or_default();
            plugin.folder = Some(match folder.as_os_str().is_empty() {
                true => PathBuf::from("."),
                false => folder,
            });
        }
        Ok(plugin)
    }

    /// The manifest, as its author wrote it and as it reads.
    pub(super) fn manifest(&self) -> Result<(String, Manifest)> {
        let own = self.folder.as_deref().with_context(|| {
            format!(
                "there is no plugin.toml beside {}; name it with --manifest",
                self.component.display()
            )
        })?;
        manifest::written(own)
    }

    /// Reads what there is to look at.
    pub(super) fn taken(&self) -> Result<Taken> {
        let written = self.folder.as_deref().map(manifest::written);
        let first_table = match &written {
            Some(Ok((text, _))) => first_table(text).map(|head| head.to_string()),
            Some(Err(_)) | None => None,
        };
        let manifest = written.map(|read| {
            let read = read.map(|(_, manifest)| Arc::new(manifest));
            read.map_err(|error| format!("{error:#}"))
        });
        let wasm = self.read()?;
        Ok(Taken {
            stale: self.stale(&wasm),
            package_version: self.package_version(),
            wasm,
            manifest,
            first_table,
        })
    }

    /// Why the component may not be what the sources in its own folder make now.
    pub(super) fn stale(&self, wasm: &[u8]) -> Option<Stale> {
        let build = self.component.parent()?;
        let folder = build.parent().filter(|_| build.ends_with("build"))?;
        sources::changed_since(folder, wasm)
    }

    /// The version in `package.json`, where there is such a file that says one.
    pub(super) fn package_version(&self) -> Option<String> {
        let folder = self.folder.as_deref()?;
        let list = folder.join("package.json");
        let list = folder::read(Some(folder), &list, PACKAGE_LIST_BYTES_MAX).ok()?;
        let list: serde_json::Value = serde_json::from_slice(&list).ok()?;
        list.get("version")?.as_str().map(str::to_owned)
    }

    /// The command that builds it anew.
    pub(super) fn building(&self) -> String {
        let build = self
            .component
            .parent()
            .filter(|build| build.ends_with("build"));
        match build.and_then(Path::parent) {
            Some(folder) if !folder.as_os_str().is_empty() && folder != Path::new(".") => {
                format!("`colophon plugin build {}`", folder.display())
            }
            Some(_) | None => "`colophon plugin build`".to_owned(),
        }
    }

    pub(super) fn read(&self) -> Result<Vec<u8>> {
        // A component named by itself may lie anywhere, in a folder of its own only there.
        let within = self.within.as_deref();
        folder::read(within, &self.component, COMPONENT_BYTES_MAX)
    }
}

/// The sandbox, with a folder where compiled components are kept from one command to the next.
pub(super) fn sandbox() -> Result<Arc<Sandbox>> {
    let unkept = Settings {
        compiler: Some(compiler()?),
        ..Settings::default()
    };
    let kept = Settings {
        precompiled: authors_compiled(),
        precompiled_bytes_max: Some(COMPILED_BYTES_MAX),
        ..unkept.clone()
    };
    // Without the folder it only takes longer.
    Sandbox::start(&kept)
        .or_else(|_| Sandbox::start(&unkept))
        .context("the sandbox cannot start")
}
