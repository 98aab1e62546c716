//! What an author does next, for everything that a host can refuse.

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::{CONTRACT, CompilerFailed, LoadRefused};

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

/// What to do where a plug-in was not loaded for want of this machine's time or room; none where it was
/// for anything else.
pub(in crate::commands::plugin) fn try_again(refused: &LoadRefused) -> Option<&'static str> {
    let is_the_machines = matches!(
        refused,
        LoadRefused::NotCompiled(
            CompilerFailed::StoodStill { .. } | CompilerFailed::Starved { .. }
        ) | LoadRefused::Failed(PluginFailure::TimedOut | PluginFailure::Saturated)
    );
    is_the_machines.then_some(
        "this machine was too busy to load it in time, which is not the plug-in's fault: try again when it \
         is quieter",
    )
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
        PluginFailure::Trapped { message, .. } => unoffered(message).unwrap_or(
            "it stopped itself: a panic, an exception that nobody caught, or an index out of range in the \
             function named first. If it wrote nothing before: Rust tells its panics with the kit's feature \
             panic-log, JavaScript and Python what is raised through `told`",
        ),
        PluginFailure::OutOfFuel => {
            "look for a loop that does not end; work that takes long belongs into the build, or behind a \
             host call"
        }
        PluginFailure::TimedOut => {
            "the clock stopped it, and not its fuel: on a machine that is busy that is the machine's doing, \
             so try again when it is quieter. Where it happens each time look for a loop that does not end; \
             work that takes long belongs into the build, or behind a host call"
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
            "that is this machine's doing and not the plug-in's: try again, when it is quieter"
        }
    }
}

/// What to do where a trap came of something that no host offers: an interpreter asks the system for it,
/// and what a build puts in the system's place stops the call. None if it came of something else.
pub(in crate::commands::plugin) fn unoffered(message: &str) -> Option<&'static str> {
    /// Whoever asked for it stands behind the function that stopped, and before the interpreter's own.
    const FRAMES: usize = 6;
    const CLOCK: &str = "it asked for the time, and a host gives plug-ins no clock. The moment of the request \
         is in what it is asked: `context.nowMs` in JavaScript (not `Date.now()` or `new Date()`), \
         `ctx.now_ms` in Python (not `time.time()` or `datetime.now()`)";
    const CHANCE: &str = "it asked for random numbers, and a host gives plug-ins none (`Math.random()` in \
         JavaScript, `random`, `secrets` and `uuid` in Python): make what has to differ of the request's id, \
         `context.requestId` in JavaScript, `ctx.request_id` in Python";
    const FILES: &str = "it asked for a file, and a host gives plug-ins none. In Python import every module at \
         the top; put data into the source";
    /// The engine of JavaScript is built without names: what stopped it is one of a few things.
    const NAMELESS: &str = "the functions have no names, as those of JavaScript's engine. Look first for \
         `Date.now()`, `new Date()` and `Math.random()`: a host offers neither clock nor chance, and the \
         moment of a request is `context.nowMs`. A BigInt in an answer ends a call so, too; and where every \
         call ends so, look whether the role is exported under the contract's name: `export const resolver \
         = { resolve: … }` and so on";
    let frames: Vec<&str> = message.split(" < ").take(FRAMES).collect();
    let asked_for = |interface: &str, functions: &[&str]| {
        let mut frames = frames.iter();
        frames.any(|frame| frame.contains(interface) || calls_one(frame, functions))
    };
    if asked_for(
        "wasi:clocks/",
        &["clock_time_get", "clock_gettime", "gettimeofday"],
    ) {
        return Some(CLOCK);
    }
    if asked_for("wasi:random/", &["random_get", "getrandom", "getentropy"]) {
        return Some(CHANCE);
    }
    if asked_for("wasi:filesystem/", &["path_open", "path_filestat_get"]) {
        return Some(FILES);
    }
    let nameless = |frame: &&str| frame.ends_with("a function without name");
    (frames.len() == FRAMES && frames.iter().all(nameless)).then_some(NAMELESS)
}

/// Whether a frame is one of these functions of the system's, under one of the names that libraries give
/// it: `__wasi_path_open`, `wasi::path_open`. One of the author's own that is named after it is none.
fn calls_one(frame: &str, functions: &[&str]) -> bool {
    let words = frame.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut plain = words.map(|word| {
        let word = word.trim_start_matches('_');
        let word = word.strip_prefix("imported_").unwrap_or(word);
        let of_wasi = ["wasi_snapshot_preview1_", "wasi_"];
        let mut of_wasi = of_wasi.iter();
        let own = of_wasi.find_map(|prefix| word.strip_prefix(prefix));
        own.unwrap_or(word)
    });
    plain.any(|word| functions.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_offers_is_named() {
        let trapped = |frames: &str| {
            failure_advice(&PluginFailure::Trapped {
                function: "resolve",
                message: format!("wasm trap: wasm `unreachable` instruction executed, in {frames}"),
            })
        };
        let clock = "a function without name < indirect-wasi:clocks/wall-clock@0.2.0-now < a < b";
        assert!(trapped(clock).contains("context.nowMs"));
        let chance = "random_get < __wasi_random_get < getentropy < py_getrandom";
        assert!(trapped(chance).contains("random numbers"));
        let file = "__imported_wasi_snapshot_preview1_path_open < __wasilibc_open < fopen";
        assert!(trapped(file).contains("asked for a file"));
        // What an author's own function is called is nothing that it asked for.
        for own in [
            "my_path_open_rule",
            "acme::gettimeofdays",
            "clock_gettime_of",
        ] {
            assert!(trapped(&format!("{own} < resolve")).contains("stopped itself"));
        }
        let engine = ["a function without name"; 9].join(" < ");
        assert!(trapped(&engine).contains("Date.now()"));
        let short = "a function without name < resolve";
        assert!(trapped(short).contains("stopped itself"));
        let other = "core::option::unwrap_failed < resolve < a < b < c < d < clock_gettime";
        assert!(trapped(other).contains("stopped itself"));
    }

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
