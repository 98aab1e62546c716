//! What operators see of calls: counts by role, and a named event for every failure.

use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::plugin::{Blame, CallContext, HostCall, PluginFailure};
use metrics::{Counter, Histogram, counter, histogram};
use tokio::time::Instant;

use crate::contract::Role;
use crate::generation::Generation;
use crate::record::Record;
use crate::share::Part;

/// What every call of a role is counted in, looked up once: a download makes three of them.
pub(crate) struct Meters {
    resolver: RoleMeters,
    policy: RoleMeters,
    naming: RoleMeters,
    retailers: RoleMeters,
}

struct RoleMeters {
    fuel: Counter,
    seconds: Histogram,
    answered: Counter,
}

impl Meters {
    /// Meters that publish to the recorder that is installed now.
    pub(crate) fn new() -> Self {
        Self {
            resolver: RoleMeters::of(Role::Resolver),
            policy: RoleMeters::of(Role::Policy),
            naming: RoleMeters::of(Role::Naming),
            retailers: RoleMeters::of(Role::Retailers),
        }
    }

    fn of(&self, role: Role) -> &RoleMeters {
        match role {
            Role::Resolver => &self.resolver,
            Role::Policy => &self.policy,
            Role::Naming => &self.naming,
            Role::Retailers => &self.retailers,
        }
    }
}

impl RoleMeters {
    fn of(role: Role) -> Self {
        let role = role.as_str();
        Self {
            fuel: counter!("colophon_plugin_fuel_total", "role" => role),
            seconds: histogram!("colophon_plugin_call_seconds", "role" => role),
            answered: calls(role, "answered"),
        }
    }
}

/// One call under way.
pub(crate) struct Observed<'a> {
    meters: &'a RoleMeters,
    role: Role,
    generation: &'a Generation,
    context: &'a CallContext,
    begun: Instant,
    fuel: u64,
    memory_bytes: usize,
    host_calls: Vec<HostCall>,
    record: Option<Record>,
    part: Part,
}

impl<'a> Observed<'a> {
    pub(crate) fn begin(
        meters: &'a Meters,
        role: Role,
        generation: &'a Generation,
        context: &'a CallContext,
        begun: Instant,
    ) -> Self {
        Self {
            meters: meters.of(role),
            role,
            generation,
            context,
            begun,
            fuel: 0,
            memory_bytes: 0,
            host_calls: Vec::new(),
            record: None,
            part: Part::default(),
        }
    }

    /// Notes what the call has used.
    pub(crate) fn used(&mut self, fuel: u64, memory_bytes: usize, host_calls: Vec<HostCall>) {
        self.fuel = fuel;
        self.memory_bytes = memory_bytes;
        self.host_calls = host_calls;
    }

    /// Ends the guest's turn, if it has one, with the call.
    pub(crate) fn end_with(&mut self, part: Part) {
        self.part = part;
    }

    /// Keeps what a recorder is told.
    pub(crate) fn keep(&mut self, record: Record) {
        self.record = Some(record);
    }

    /// What a recorder is told, if anything was kept.
    pub(crate) fn record(&mut self) -> Option<Record> {
        self.record.take()
    }

    pub(crate) fn fuel(&self) -> u64 {
        self.fuel
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub(crate) fn host_calls_made(&self) -> usize {
        self.host_calls.len()
    }

    pub(crate) fn host_bytes(&self) -> u64 {
        self.host_calls.iter().map(|call| call.bytes).sum()
    }

    /// The calls into the host, of which the counts are noted.
    pub(crate) fn host_calls(&mut self) -> Vec<HostCall> {
        for call in &self.host_calls {
            let function = call.function;
            counter!("colophon_plugin_host_calls_total", "function" => function).increment(1);
            histogram!("colophon_plugin_host_call_seconds", "function" => function)
                .record(Duration::from_micros(call.took_us).as_secs_f64());
        }
        std::mem::take(&mut self.host_calls)
    }

    pub(crate) fn end<Answer>(self, answer: &Result<Answer, PluginFailure>) {
        self.meters.fuel.increment(self.fuel);
        let took = self.begun.elapsed();
        self.meters.seconds.record(took.as_secs_f64());
        match answer {
            Ok(_) => self.meters.answered.increment(1),
            Err(failure) => {
                let role = self.role.as_str();
                calls(role, failure.kind()).increment(1);
                if matches!(failure, PluginFailure::Trapped { .. }) {
                    counter!("colophon_plugin_traps_total", "role" => role).increment(1);
                }
                let description = self.generation.description();
                let asked = (description.name.as_str(), description.version.as_str());
                report(Some(self.role), self.context, failure, Some(asked));
            }
        }
        self.part.end();
    }

    /// Notes that the center has nobody to ask.
    pub(crate) fn nobody(role: Role, context: &CallContext, failure: &PluginFailure) {
        calls(role.as_str(), failure.kind()).increment(1);
        // Where no plug-in is loaded the role is that of the first question alone: none is answered.
        let role = (*failure != PluginFailure::NotLoaded).then_some(role);
        report(role, context, failure, None);
    }
}

fn calls(role: &'static str, outcome: &'static str) -> Counter {
    counter!("colophon_plugin_calls_total", "role" => role, "outcome" => outcome)
}

fn report(
    role: Option<Role>,
    context: &CallContext,
    failure: &PluginFailure,
    asked: Option<(&str, &str)>,
) {
    let event = NamedEvent::PluginFailed;
    tracing::warn!(
        event.code = event.code(),
        event.name = event.slug(),
        plugin.name = asked.map(|(name, _)| name),
        plugin.version = asked.map(|(_, version)| version),
        plugin.role = role.map(Role::as_str),
        center.id = %context.center,
        request.id = context.request_id,
        failure.blame = blame(failure.blame()),
        failure.kind = failure.kind(),
        "a plug-in gave no usable answer: {}",
        failure.brief()
    );
}

fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Plugin => "plug-in",
        Blame::Host => "host",
        Blame::Config => "configuration",
    }
}
