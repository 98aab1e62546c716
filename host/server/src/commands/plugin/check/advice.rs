//! What an author does next, for everything that a host can refuse.

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::{CONTRACT, LoadRefused};

use super::super::manifest::to_add;

/// The next step after a refusal.
pub(in crate::commands::plugin) fn next(refused: &LoadRefused) -> String {
    match refused {
        LoadRefused::TooLarge { .. } => {
            "leave out what the plug-in does not need: debug information, unused packages, data that \
             could come from the host"
                .to_owned()
        }
        LoadRefused::Precompiled => {
            "hand in build/plugin.wasm; hosts compile it themselves".to_owned()
        }
        LoadRefused::NotAComponent(_) => {
            "build it with `colophon plugin build`; a core module becomes a component when Rust builds \
             it for wasm32-wasip2, and features such as threads, exceptions or 64-bit memory are \
             switched off in hosts"
                .to_owned()
        }
        LoadRefused::NoPlace(_) => {
            "make it of fewer or smaller parts; the contract's README lists the limits".to_owned()
        }
        LoadRefused::BreaksCompiler => {
            "no host takes it: the compiler of this release has a fault that the component meets. Build \
             it with another version of your tools, and report the component to Colophon's authors"
                .to_owned()
        }
        LoadRefused::TooCostly(_) => {
            "no host compiles it: split functions of very many instructions, and leave out what the \
             plug-in does not need"
                .to_owned()
        }
        LoadRefused::NotCompiled(_) => {
            "this is not the plug-in's fault: see that this machine has time and memory to spare, and \
             try again"
                .to_owned()
        }
        LoadRefused::UnknownImport { import } => import_advice(import),
        LoadRefused::NotGranted { line, .. } => to_add(line, None),
        LoadRefused::Mismatch { interface, .. } => format!(
            "take the contract's files as `colophon plugin new` writes them, unchanged: {interface} \
             differs from them"
        ),
        LoadRefused::UnknownExport { .. } => format!(
            "this host speaks version {CONTRACT} of the contract: take its files from a fresh `colophon \
             plugin new` and build again"
        ),
        LoadRefused::NotDescribed => {
            "export colophon:meta/plugin: a world names it, and the kit for Rust does by itself".to_owned()
        }
        LoadRefused::NoRole => {
            "export at least one of the roles, in the version named here".to_owned()
        }
        LoadRefused::Failed(failure) => failure_advice(failure).to_owned(),
        LoadRefused::SelfTest { .. } => {
            "mend the rule, or the example in the plug-in's own self-test".to_owned()
        }
    }
}

/// What to do about an import that no host offers.
pub(in crate::commands::plugin) fn import_advice(import: &str) -> String {
    if import.starts_with("wasi:") {
        return "a host offers no files, clocks, chance or network of its own. Rust: `#![no_std]` and the \
                kit's feature `lean`; JavaScript and Python: build with --stub-wasi"
            .to_owned();
    }
    if import.starts_with("colophon:") {
        return format!(
            "this host offers version {CONTRACT} of the contract: take its files from a fresh `colophon \
             plugin new` and build again"
        );
    }
    "only what stands in the contract's package colophon:host can be asked for".to_owned()
}

/// What to do when a plug-in was stopped.
pub(in crate::commands::plugin) fn failure_advice(failure: &PluginFailure) -> &'static str {
    match failure {
        PluginFailure::Trapped { .. } => {
            "it stopped itself: a panic, an exception that nobody caught, or an index out of range in the \
             function named first. If it wrote nothing before: Rust tells its panics with the kit's feature \
             panic-log, JavaScript and Python what is raised through `told`"
        }
        PluginFailure::OutOfFuel | PluginFailure::TimedOut => {
            "look for a loop that does not end; work that takes long belongs into the build, or behind a \
             host call"
        }
        PluginFailure::LimitReached {
            limit: "memory" | "host calls",
        } => {
            "use less of it, or ask for more under [limits] in plugin.toml, which the operator has to \
             grant; the contract's README lists the limits"
        }
        PluginFailure::LimitReached { .. } => {
            "use less of it: this limit is the same for every plug-in, and no grant raises it"
        }
        PluginFailure::Unusable { .. } => {
            "hold the answer against the limits in the contract's files"
        }
        PluginFailure::Reported { .. } => "the text is the plug-in's own",
        PluginFailure::NoSuchRole { .. } => "export the role",
        PluginFailure::HostUnavailable | PluginFailure::Saturated | PluginFailure::NotLoaded => {
            "try again"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_an_operator_who_cannot_help() {
        let advice = |limit| failure_advice(&PluginFailure::LimitReached { limit });
        for granted in ["memory", "host calls"] {
            assert!(
                advice(granted).contains("operator has to grant"),
                "{granted}"
            );
        }
        for fixed in ["stack", "table elements", "data handed to the host"] {
            assert!(advice(fixed).contains("no grant raises it"), "{fixed}");
        }
    }
}
