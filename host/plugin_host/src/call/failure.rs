//! What went wrong with a call, in core's words.

use std::fmt::Write;

use colophon_core::plugin::PluginFailure;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::answer::told_text;
use crate::bindings::common::Failure;
use crate::state::{CallState, LimitHit};

/// How a guest was stopped.
pub(crate) enum Stopped {
    /// It trapped, a host call refused it, or it could not be set up.
    Trap(wasmtime::Error),
    /// Its time is over.
    Deadline,
    /// Host code that it called panicked.
    Panic,
}

/// Whether an instance can be asked again after this failure.
pub(crate) fn leaves_usable(failure: &PluginFailure) -> bool {
    match failure {
        PluginFailure::Reported { .. }
        | PluginFailure::HostUnavailable
        | PluginFailure::Unusable { .. } => true,
        PluginFailure::Trapped { .. }
        | PluginFailure::TimedOut
        | PluginFailure::OutOfFuel
        | PluginFailure::LimitReached { .. }
        | PluginFailure::NoSuchRole { .. }
        | PluginFailure::Saturated
        | PluginFailure::NotLoaded => false,
    }
}

/// The failure of a guest that was stopped in a function.
pub(crate) fn of(stopped: Stopped, state: &CallState, function: &'static str) -> PluginFailure {
    let error = match stopped {
        Stopped::Deadline if state.host_call_pending() => return PluginFailure::HostUnavailable,
        // It was the center's other calls that took the time.
        Stopped::Deadline if state.has_mostly_waited() => return PluginFailure::Saturated,
        Stopped::Deadline => return PluginFailure::TimedOut,
        Stopped::Panic => return PluginFailure::HostUnavailable,
        Stopped::Trap(error) => error,
    };
    if let Some(LimitHit(limit)) = error.downcast_ref() {
        return match *limit {
            "time" => PluginFailure::TimedOut,
            limit => PluginFailure::LimitReached { limit },
        };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return PluginFailure::Saturated;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => PluginFailure::OutOfFuel,
        Some(Trap::Interrupt) => PluginFailure::TimedOut,
        Some(Trap::StackOverflow) => PluginFailure::LimitReached { limit: "stack" },
        _ if hands_over_too_much(&error) => PluginFailure::LimitReached {
            limit: "data handed to the host",
        },
        _ => PluginFailure::Trapped {
            function,
            message: story(&error),
        },
    }
}

/// The engine has no type for this one, only the text; a hostile guest in the tests watches it.
fn hands_over_too_much(error: &wasmtime::Error) -> bool {
    error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls has been exhausted")
}

/// The cause, and the plug-in's functions from the innermost outwards.
fn story(error: &wasmtime::Error) -> String {
    let mut story = error.root_cause().to_string();
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map_or(&[][..], |trace| trace.frames());
    for (depth, frame) in frames.iter().enumerate() {
        let name = frame.func_name().unwrap_or("a function without name");
        // Names that are not Rust's stay as they are.
        let name = rustc_demangle::demangle(name);
        let joint = if depth == 0 { ", in " } else { " < " };
        // Writing to a text cannot fail.
        let _ = write!(story, "{joint}{name:#}");
    }
    told_text(&story)
}

/// A failure in the plug-in's own words.
pub(super) fn reported(failure: Failure, state: &CallState) -> PluginFailure {
    let (kind, text) = match failure {
        Failure::Unavailable(_) if state.host_failed() => return PluginFailure::HostUnavailable,
        Failure::Unavailable(text) => ("unavailable".to_owned(), text),
        Failure::NotFound(text) => ("not-found".to_owned(), text),
        Failure::Denied(text) => ("denied".to_owned(), text),
        Failure::Invalid(text) => ("invalid".to_owned(), text),
        Failure::Internal(text) => ("internal".to_owned(), text),
        Failure::Other((code, text)) => (code, text),
    };
    PluginFailure::Reported {
        message: told_text(&format!("{kind}: {text}")),
    }
}
