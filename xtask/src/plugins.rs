//! Builds the guest components that are embedded in the host (plug-ins, and the template of the secure
//! repository) and the examples in Rust.
//!
//! A component is written to `plugins/` in cargo's target folder, where the plug-in host's build
//! script looks for it, and only when its bytes have changed, so that the host is not built anew
//! for nothing.

mod fallback;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::setup;
use crate::workspace::{cargo, root, step, target};

/// A guest that is embedded.
#[derive(Clone, Copy)]
struct Guest {
    /// What it is kept as, and looked for by the build script of whoever embeds it.
    name: &'static str,
    /// The package it is built from.
    package: &'static str,
    /// The package's features that it is built with.
    features: &'static str,
    /// The bytes of its stack, which lies below its data; running off its end traps.
    stack_bytes: u32,
    /// Whether it needs the whole standard library, or `core` and `alloc` only.
    #[cfg_attr(
        not(feature = "componentize"),
        expect(dead_code, reason = "only the fallback builds the library itself")
    )]
    standard_library: bool,
}

const EMBEDDED: [Guest; 2] = [
    Guest {
        name: "catalog",
        package: "catalog-plugin",
        features: "",
        // The smaller it is, the less the host has to clear after every request.
        stack_bytes: 32 << 10,
        standard_library: false,
    },
    Guest {
        name: "repository",
        package: "colophon-repository",
        features: "",
        stack_bytes: 1 << 20,
        standard_library: true,
    },
];

/// The example that there are several releases of.
const FILE_STYLE: Guest = Guest {
    name: "file_style",
    package: "file-style-plugin",
    features: "",
    stack_bytes: 32 << 10,
    standard_library: false,
};

/// Worked examples; nothing is embedded of them, and tests look for them where they are kept.
const EXAMPLES: [Guest; 5] = [
    Guest {
        name: "file_style",
        ..FILE_STYLE
    },
    Guest {
        name: "file_style_authors_first",
        features: "authors-first",
        ..FILE_STYLE
    },
    Guest {
        name: "file_style_careless",
        features: "careless",
        ..FILE_STYLE
    },
    Guest {
        name: "isbn",
        package: "isbn-plugin",
        features: "",
        stack_bytes: 32 << 10,
        standard_library: false,
    },
    Guest {
        name: "path_template",
        package: "path-template-plugin",
        features: "",
        stack_bytes: 32 << 10,
        standard_library: false,
    },
];

#[derive(Args, Default)]
pub(crate) struct PluginsArguments {
    /// Build with Debian's rustc-web even where rustup has the target.
    #[arg(long)]
    fallback: bool,
}

/// Builds every embedded plug-in with whatever toolchain can.
pub(crate) fn run() -> Result<()> {
    build(&PluginsArguments::default())
}

/// Builds every embedded plug-in.
pub(crate) fn build(arguments: &PluginsArguments) -> Result<()> {
    if arguments.fallback {
        return fallback::build(&EMBEDDED);
    }
    if let Some(missing) = setup::rust::install() {
        eprintln!("plugins: without {}: {}", missing.name, missing.cause);
        return fallback::build(&EMBEDDED);
    }
    for guest in EMBEDDED.into_iter().chain(EXAMPLES) {
        let mut build = cargo();
        build
            .args(["rustc", "--quiet", "--profile", "guest", "--lib"])
            .args(["--crate-type", "cdylib", "--target", "wasm32-wasip2"])
            .args(["--package", guest.package, "--features", guest.features])
            .arg("--target-dir")
            .arg(cargo_target())
            .args(["--", "-C", &guest.stack()]);
        step(&format!("guest {}", guest.name), &mut build)?;
        let built = guest.artifact(&cargo_target(), "wasm32-wasip2");
        guest.keep(&fs::read(&built).with_context(|| built.display().to_string())?)?;
    }
    Ok(())
}

/// Where a component lies that was built last, if it was built.
pub(crate) fn built(name: &str) -> Option<PathBuf> {
    let place = cargo_target().join("plugins").join(format!("{name}.wasm"));
    place.is_file().then_some(place)
}

/// The folder that cargo builds in; the host's build script finds it by the same rule.
fn cargo_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(target, |folder| root().join(folder))
}

impl Guest {
    /// The argument to the linker that gives it its stack.
    fn stack(&self) -> String {
        format!("link-arg=-zstack-size={}", self.stack_bytes)
    }

    /// Where cargo leaves what it built of it.
    fn artifact(&self, target_dir: &Path, target: &str) -> PathBuf {
        let file = format!("{}.wasm", self.package.replace('-', "_"));
        target_dir.join(target).join("guest").join(file)
    }

    /// Puts its component where it is embedded from.
    fn keep(&self, component: &[u8]) -> Result<()> {
        let folder = cargo_target().join("plugins");
        let place = folder.join(format!("{}.wasm", self.name));
        if fs::read(&place).is_ok_and(|present| present == component) {
            return Ok(());
        }
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&place, component))
            .with_context(|| place.display().to_string())?;
        eprintln!("── {}: {} bytes", place.display(), component.len());
        Ok(())
    }
}
