//! What operators see of calls: counts by role, and a named event for every failure.

use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::plugin::{Blame, CallContext, HostCall, PluginFailure};
use metrics::{counter, histogram};
use tokio::time::Instant;

use crate::contract::Role;
use crate::generation::Generation;

/// One call under way.
pub(crate) struct Observed<'a> {
    role: Role,
    generation: &'a Generation,
    context: &'a CallContext,
    begun: Instant,
    fuel: u64,
    host_calls: Vec<HostCall>,
}

impl<'a> Observed<'a> {
    pub(crate) fn begin(role: Role, generation: &'a Generation, context: &'a CallContext) -> Self {
        Self {
            role,
            generation,
            context,
            begun: Instant::now(),
            fuel: 0,
            host_calls: Vec::new(),
        }
    }

    /// Notes what the call has used.
    pub(crate) fn used(&mut self, fuel: u64, host_calls: Vec<HostCall>) {
        self.fuel = fuel;
        self.host_calls = host_calls;
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
        let role = self.role.as_str();
        counter!("colophon_plugin_fuel_total", "role" => role).increment(self.fuel);
        histogram!("colophon_plugin_call_seconds", "role" => role)
            .record(self.begun.elapsed().as_secs_f64());
        match answer {
            Ok(_) => count(role, "answered"),
            Err(failure) => {
                count(role, outcome(failure));
                if matches!(failure, PluginFailure::Trapped { .. }) {
                    counter!("colophon_plugin_traps_total", "role" => role).increment(1);
                }
                let description = self.generation.description();
                report(
                    self.role,
                    self.context,
                    failure,
                    &description.name,
                    &description.version,
                );
            }
        }
    }

    /// Notes that the center has nobody to ask.
    pub(crate) fn nobody(role: Role, context: &CallContext, failure: &PluginFailure) {
        count(role.as_str(), outcome(failure));
        report(role, context, failure, "", "");
    }
}

fn count(role: &'static str, outcome: &'static str) {
    counter!("colophon_plugin_calls_total", "role" => role, "outcome" => outcome).increment(1);
}

fn report(role: Role, context: &CallContext, failure: &PluginFailure, name: &str, version: &str) {
    let event = NamedEvent::PluginFailed;
    tracing::warn!(
        event.code = event.code(),
        event.name = event.slug(),
        plugin.name = name,
        plugin.version = version,
        plugin.role = role.as_str(),
        center.id = %context.center,
        request.id = context.request_id,
        failure.blame = blame(failure.blame()),
        failure.kind = outcome(failure),
        "{failure}"
    );
}

fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Plugin => "plug-in",
        Blame::Host => "host",
        Blame::Config => "configuration",
    }
}

fn outcome(failure: &PluginFailure) -> &'static str {
    match failure {
        PluginFailure::Reported { .. } => "reported",
        PluginFailure::Trapped { .. } => "trapped",
        PluginFailure::TimedOut => "timed-out",
        PluginFailure::OutOfFuel => "out-of-fuel",
        PluginFailure::LimitReached { .. } => "limit-reached",
        PluginFailure::Unusable { .. } => "unusable",
        PluginFailure::NoSuchRole { .. } => "no-such-role",
        PluginFailure::HostUnavailable => "host-unavailable",
        PluginFailure::Saturated => "saturated",
    }
}
