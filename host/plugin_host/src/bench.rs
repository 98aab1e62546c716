//! A plug-in on its author's bench: the engine, limits and outcomes of a host, with a host behind it
//! that answers what the author has written down.

mod candidate;
mod judged;
mod value;

use std::sync::Arc;
use std::time::Duration;

use colophon_core::plugin::PluginFailure;
use serde_json::Value;
use thiserror::Error;
use tokio::time::Instant;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{InstancePre, Linker, Val};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

pub use self::candidate::{Asked, Candidate};
use crate::call::failure;
use crate::call::live::{HANDLES_MAX, guarded};
use crate::contract::{Capability, Role};
use crate::generation::Description;
use crate::granted::Granted;
use crate::sandbox::Sandbox;
use crate::share::{Share, charged};
use crate::state::{CallState, LimitHit};

/// What a host offers plug-ins, played by somebody else.
pub trait ScriptedHost: Send + 'static {
    /// Answers a call of a capability's function, in the contract's terms as JSON: `{"ok": …}` or
    /// `{"err": …}` where the function can fail.
    ///
    /// # Errors
    /// What is missing in the script, which ends the call.
    fn answer(
        &mut self,
        capability: Capability,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, String>;
}

/// One call of a plug-in, and what it took.
#[derive(Debug)]
pub struct Trial {
    /// `{"ok": …}` or `{"err": …}` as the contract has it, or what stopped the call.
    pub outcome: Result<Value, PluginFailure>,
    /// Why a host would refuse the answer, which is as the contract's types demand and still wrong.
    pub refused: Option<PluginFailure>,
    /// Fuel, with that of the start.
    pub fuel: u64,
    /// Linear memory at the end, in bytes; it never shrinks.
    pub memory_bytes: usize,
    /// Calls into the host that count.
    pub host_calls: u32,
    /// Time for start and call.
    pub elapsed: Duration,
}

/// Why a call cannot be made.
#[derive(Debug, Error)]
pub enum TrialRefused {
    /// No role is called so.
    #[error("there is no role {0:?}; roles are resolver, policy, naming and retailers")]
    UnknownRole(String),
    /// The plug-in does not play the role.
    #[error("the plug-in does not play the role of {0}")]
    NotPlayed(&'static str),
    /// What is asked, or expected, is not as the contract has it.
    #[error("{0}")]
    Unfit(String),
    /// The plug-in asked the host for something that the script does not have.
    #[error("{0}")]
    Unforeseen(String),
    /// The engine refuses.
    #[error("the test bench cannot be set up")]
    Engine(#[source] wasmtime::Error),
}

/// A plug-in that can be asked, call by call.
pub struct Bench {
    pre: InstancePre<BenchState>,
    granted: Arc<Granted>,
    share: Arc<Share>,
    description: Description,
    roles: Vec<Role>,
}

/// The data of one instance's store.
struct BenchState {
    state: CallState,
    host: Box<dyn ScriptedHost>,
    host_calls: u32,
    /// What the script did not foresee; the cause of the trap that follows.
    unforeseen: Option<String>,
}

impl Bench {
    /// What the plug-in says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The roles it plays.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// An answer as it is compared: what may be left out is there. It is `{"ok": …}` or
    /// `{"err": …}`.
    ///
    /// # Errors
    /// [`TrialRefused`] if the contract has no such answer.
    pub fn complete(&self, role: Role, answer: &Value) -> Result<Value, TrialRefused> {
        let function = self.function(role)?;
        let result = function.results().next();
        let ty = result.ok_or(TrialRefused::NotPlayed(role.as_str()))?;
        let value = value::from_json(&ty, answer).map_err(TrialRefused::Unfit)?;
        Ok(value::to_json(&value))
    }

    /// Asks the plug-in once, in a fresh instance. `input` has the function's parameters by name.
    ///
    /// # Errors
    /// [`TrialRefused`] if it cannot be asked this. That it fails is no error here.
    pub async fn ask(
        &self,
        role: Role,
        input: &Value,
        host: Box<dyn ScriptedHost>,
    ) -> Result<Trial, TrialRefused> {
        let parameters = self.parameters(role, input)?;
        let begun = Instant::now();
        let mut store =
            store(&self.pre, (&self.granted, &self.share), host).map_err(TrialRefused::Engine)?;
        let deadline = begun + self.granted.limits.deadline;
        let call = charged(
            Arc::clone(&self.share),
            self.call(&mut store, role, &parameters),
        );
        let called = guarded(deadline, call).await;
        let elapsed = begun.elapsed();
        let fuel_left = store.get_fuel().unwrap_or(0);
        let BenchState {
            state,
            host_calls,
            unforeseen,
            ..
        } = store.into_data();
        if let Some(unforeseen) = unforeseen {
            return Err(TrialRefused::Unforeseen(unforeseen));
        }
        let outcome = called.map_err(|stopped| failure::of(stopped, &state, function_of(role)));
        let answer = outcome.as_ref().ok().and_then(|given| given.get("ok"));
        Ok(Trial {
            refused: answer.and_then(|answer| judged::refused(role, answer)),
            outcome,
            fuel: self.granted.limits.fuel.saturating_sub(fuel_left),
            memory_bytes: state.memory_bytes(),
            host_calls,
            elapsed,
        })
    }

    async fn call(
        &self,
        store: &mut Store<BenchState>,
        role: Role,
        parameters: &[Val],
    ) -> wasmtime::Result<Value> {
        let gone = || wasmtime::Error::msg("the component does not export what it has shown");
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let interface = instance.get_export_index(&mut *store, None, role.interface());
        let interface = interface.ok_or_else(gone)?;
        let function = instance.get_export_index(&mut *store, Some(&interface), function_of(role));
        let function = function.ok_or_else(gone)?;
        let function = instance.get_func(&mut *store, function).ok_or_else(gone)?;
        let mut results = [Val::Bool(false)];
        function
            .call_async(&mut *store, parameters, &mut results)
            .await?;
        let [result] = results;
        Ok(value::to_json(&result))
    }

    fn parameters(&self, role: Role, input: &Value) -> Result<Vec<Val>, TrialRefused> {
        let function = self.function(role)?;
        let names: Vec<&str> = function.params().map(|(name, _)| name).collect();
        let given = input.as_object().map(|given| given.keys());
        let unknown =
            given.and_then(|mut given| given.find(|name| !names.contains(&name.as_str())));
        if let Some(unknown) = unknown {
            let known = names.join(", ");
            return Err(TrialRefused::Unfit(format!("{unknown} is none of {known}")));
        }
        let parameters = function.params().map(|(name, ty)| {
            let given = input.get(name).unwrap_or(&Value::Null);
            value::from_json(&ty, given)
                .map_err(|problem| TrialRefused::Unfit(format!("{name}: {problem}")))
        });
        parameters.collect()
    }

    /// The type of a role's function, if the plug-in has it.
    fn function(&self, role: Role) -> Result<ComponentFunc, TrialRefused> {
        let engine = self.pre.engine();
        let component = self.pre.component().component_type();
        let interface = component.get_export(engine, role.interface());
        let function = match interface.map(|found| found.ty) {
            Some(ComponentItem::ComponentInstance(interface)) => {
                let function = interface.get_export(engine, function_of(role));
                function.map(|found| found.ty)
            }
            Some(_) | None => None,
        };
        match function {
            Some(ComponentItem::ComponentFunc(function)) => Ok(function),
            Some(_) | None => Err(TrialRefused::NotPlayed(role.as_str())),
        }
    }
}

/// The one function of a role's interface.
fn function_of(role: Role) -> &'static str {
    match role {
        Role::Resolver => "resolve",
        Role::Policy => "evaluate",
        Role::Naming => "file-name",
        Role::Retailers => "identify",
    }
}

/// A store with a full grant of time and fuel, as a host has it.
fn store(
    pre: &InstancePre<BenchState>,
    (granted, share): (&Arc<Granted>, &Arc<Share>),
    host: Box<dyn ScriptedHost>,
) -> wasmtime::Result<Store<BenchState>> {
    let limits = granted.limits;
    let mut store = Store::new(
        pre.engine(),
        BenchState {
            state: CallState::unbound(Arc::clone(granted), Arc::clone(share)),
            host,
            host_calls: 0,
            unforeseen: None,
        },
    );
    store.limiter(|bench| &mut bench.state);
    store.set_hostcall_fuel(limits.handover_bytes);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().state.use_tick()?;
        let yielded = Box::pin(tokio::task::yield_now());
        Ok(UpdateDeadline::YieldCustom(1, yielded))
    });
    store.set_fuel(limits.fuel)?;
    store.set_epoch_deadline(1);
    store.data_mut().state.grant_ticks();
    Ok(store)
}

/// Everything that a host offers, answered by the script.
fn linker(sandbox: &Sandbox) -> wasmtime::Result<Linker<BenchState>> {
    let mut linker = Linker::new(sandbox.engine());
    for capability in Capability::ALL {
        let mut interface = linker.instance(capability.interface())?;
        for name in capability.functions() {
            interface.func_new_async(name, move |store, ty, arguments, results| {
                let answered = answer(store, capability, name, &ty, arguments, results);
                Box::new(std::future::ready(answered))
            })?;
        }
    }
    Ok(linker)
}

fn answer(
    mut store: StoreContextMut<'_, BenchState>,
    capability: Capability,
    function: &str,
    ty: &ComponentFunc,
    arguments: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let bench = store.data_mut();
    if !matches!(capability, Capability::Config | Capability::Log) {
        bench.host_calls += 1;
        if bench.host_calls > bench.state.limits().host_calls {
            return Err(LimitHit("host calls").into());
        }
    }
    let arguments: Vec<Value> = arguments.iter().map(value::to_json).collect();
    let answered = bench.host.answer(capability, function, &arguments);
    let answered = answered.and_then(|answer| {
        for (place, ty) in results.iter_mut().zip(ty.results()) {
            *place = value::from_json(&ty, &answer)?;
        }
        Ok(())
    });
    answered.map_err(|problem| {
        bench.unforeseen = Some(problem.clone());
        wasmtime::Error::msg(problem)
    })
}
