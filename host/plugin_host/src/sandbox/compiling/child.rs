//! The compiler's process: it limits itself, reads a component and answers with native code.

use std::any::Any;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::io::Errno;
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit, setsid,
};
use thiserror::Error;
use wasmtime::{Engine, OutOfMemory};

use super::super::engine::{fingerprint, for_compiling, native_code};
use super::message::{Answer, Order, Payload};
use crate::generation::COMPONENT_BYTES_MAX;

/// How much later than by its own signal a process is killed that takes too long. The signal tells
/// that it was its time that was up.
const GRACE_SECONDS: u64 = 5;

/// Why a process answers nothing.
#[derive(Debug, Error)]
pub enum ChildFailed {
    /// It is not a host that it was started by.
    #[error("this is how a host compiles plug-ins; no person calls it")]
    NoOrder,
    /// Its limits cannot be set, so it does nothing.
    #[error("the limits of the compiler's process cannot be set")]
    Limits(#[source] rustix::io::Errno),
    /// The host is gone.
    #[error("the host that wanted a plug-in compiled cannot be heard or told")]
    Host(#[from] io::Error),
    /// The engine refuses this machine.
    #[error("the WebAssembly engine cannot start")]
    Engine(#[source] wasmtime::Error),
}

/// Compiles one component for a host that has started this process: first it gives itself the
/// limits that the order names, so that nothing of the component is read without them.
///
/// # Errors
/// [`ChildFailed`] where there is nobody to answer.
pub fn compile_for_parent(mut input: impl Read, mut output: impl Write) -> Result<(), ChildFailed> {
    let order = Order::read(&mut input)?.ok_or(ChildFailed::NoOrder)?;
    renounce().map_err(ChildFailed::Limits)?;
    limit(&order).map_err(ChildFailed::Limits)?;
    let bytes = usize::try_from(order.component_bytes)
        .ok()
        .filter(|bytes| *bytes <= COMPONENT_BYTES_MAX)
        .ok_or(ChildFailed::NoOrder)?;
    let mut wasm = vec![0; bytes];
    input.read_exact(&mut wasm)?;
    let engine = for_compiling(order.memory).map_err(ChildFailed::Engine)?;
    let answer = Answer {
        fingerprint: fingerprint(&engine),
        payload: unless_it_panics(|| compiled(&engine, &wasm)),
    };
    Ok(answer.write(&mut output)?)
}

fn compiled(engine: &Engine, wasm: &[u8]) -> Payload {
    match native_code(engine, wasm) {
        Ok(code) => Answer::of_code(code),
        Err(error) if error.is::<OutOfMemory>() => Payload::OutOfMemory,
        Err(error) => Payload::Refused(format!("{error:#}")),
    }
}

/// A compiler that panics does so over this component wherever it is tried.
fn unless_it_panics(compiled: impl FnOnce() -> Payload) -> Payload {
    // Nothing of what it worked on is looked at again.
    match catch_unwind(AssertUnwindSafe(compiled)) {
        Ok(payload) => payload,
        Err(said) if is_out_of_memory(said.as_ref()) => Payload::OutOfMemory,
        Err(_) => Payload::Broken,
    }
}

/// Some of the compiler's parts panic where they get no memory.
fn is_out_of_memory(said: &(dyn Any + Send)) -> bool {
    let text = said.downcast_ref::<&str>().copied();
    let text = text.or_else(|| said.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| {
        ["out of memory", "allocation", "capacity overflow"]
            .iter()
            .any(|sign| text.contains(sign))
    })
}

/// Gives up what takes no privilege to give up, for good. What is open stays so: standard input and
/// output. Processes of root may be started however few are allowed.
fn renounce() -> rustix::io::Result<()> {
    gain_nothing()?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setsid()?;
    set(Resource::Nofile, 0, 0)?;
    set(Resource::Nproc, 0, 0)
}

/// From here on nothing that is started has more rights than this process, whatever its file says.
fn gain_nothing() -> rustix::io::Result<()> {
    const YES: libc::c_ulong = 1;
    const NOTHING: libc::c_ulong = 0;
    #[expect(
        unsafe_code,
        reason = "the system's own call, which takes numbers alone"
    )]
    // SAFETY: it reads and writes no memory of this process.
    let set = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, YES, NOTHING, NOTHING, NOTHING) };
    match set {
        0 => Ok(()),
        _ => {
            let refused = Errno::from_io_error(&io::Error::last_os_error());
            Err(refused.unwrap_or(Errno::PERM))
        }
    }
}

fn limit(order: &Order) -> rustix::io::Result<()> {
    let seconds = order.cpu_seconds;
    set(Resource::As, order.memory_bytes, order.memory_bytes)?;
    set(
        Resource::Cpu,
        seconds,
        seconds.saturating_add(GRACE_SECONDS),
    )?;
    // Nothing of it is left behind.
    set(Resource::Core, 0, 0)?;
    set(Resource::Fsize, 0, 0)
}

/// Sets a limit, or leaves the narrower one that the process was started with.
fn set(resource: Resource, current: u64, maximum: u64) -> rustix::io::Result<()> {
    let now = getrlimit(resource);
    let narrower = |now: Option<u64>, wanted: u64| Some(now.map_or(wanted, |now| now.min(wanted)));
    let maximum = narrower(now.maximum, maximum);
    let current = narrower(now.current, current);
    setrlimit(resource, Rlimit { current, maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(
            unless_it_panics(|| Payload::OutOfMemory),
            Payload::OutOfMemory
        );
        let broken = unless_it_panics(|| panic!("an assertion of the compiler's"));
        assert_eq!(broken, Payload::Broken);
        let out = unless_it_panics(|| panic!("out of memory"));
        assert_eq!(out, Payload::OutOfMemory);
    }
}
