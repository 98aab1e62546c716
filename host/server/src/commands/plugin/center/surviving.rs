//! Questions that earlier versions did not survive, put to the one that is to be published.

use anyhow::{Context as _, Result, bail};
use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::Role;
use colophon_plugin_host::bench::Trial;
use colophon_plugin_host::manifest::Permitted;
use colophon_receipt::CenterId;
use colophon_store::plugins::KeptVector;
use serde_json::Value;

use super::super::check::Tested;
use super::super::script::Script;

/// Asks them, with the settings that the version is granted and no other service: what the host
/// would have answered then is not kept. Whatever is answered is good, a refusal and a failure that
/// the plug-in reports too, as long as it is no defect of the plug-in.
pub(super) async fn survive(
    tested: &Tested,
    (center, permitted): (&CenterId, &Permitted),
    vectors: &[KeptVector],
) -> Result<usize> {
    let mut survived = 0;
    let drops = |number: i64| {
        let plugin = &permitted.plugin;
        format!("`colophon plugin vectors --center {center} {plugin} --drop {number}` drops")
    };
    for vector in vectors {
        let mut roles = Role::ALL.into_iter();
        let role = roles.find(|role| role.as_str() == vector.role);
        let Some(role) = role.filter(|role| tested.bench.roles().contains(role)) else {
            continue;
        };
        let input: Value = serde_json::from_str(&vector.input)
            .with_context(|| format!("the kept question {} is damaged", vector.number))?;
        let config = permitted.config.iter().flatten();
        let config = config.map(|(name, value)| (name.to_string(), value.clone()));
        let script = Script::set_and_unavailable(config.collect());
        let asked = tested.bench.ask(role, &input, Box::new(script)).await;
        let trial = asked.with_context(|| {
            format!(
                "kept question {}; {} it",
                vector.number,
                drops(vector.number)
            )
        })?;
        if let Some(defect) = defect(&trial) {
            bail!(
                "it fails on a question that version {} failed on in service ({}): {defect}\n\
                 The question {}, as {}: {}\n\
                 What would tell who the buyer is has been masked. {} a question that no version can be \
                 asked.",
                vector.version,
                vector.failure,
                vector.number,
                vector.role,
                vector.input,
                drops(vector.number)
            );
        }
        survived += 1;
    }
    Ok(survived)
}

/// What would have counted against the version in service.
fn defect(trial: &Trial) -> Option<&PluginFailure> {
    let stopped = trial.outcome.as_ref().err();
    let found = stopped.or(trial.refused.as_ref());
    found.filter(|failure| failure.is_defect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn trial(outcome: Result<Value, PluginFailure>, refused: Option<PluginFailure>) -> Trial {
        Trial {
            outcome,
            refused,
            fuel: 1,
            memory_bytes: 1,
            host_calls: 0,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn an_answer_that_a_host_cannot_use_is_a_defect_too() {
        let unusable = PluginFailure::Unusable {
            problem: "file name is empty or too long",
        };
        let empty = trial(Ok(json!({ "ok": "" })), Some(unusable.clone()));
        assert_eq!(defect(&empty), Some(&unusable));
        let stopped = trial(Err(PluginFailure::OutOfFuel), None);
        assert_eq!(defect(&stopped), Some(&PluginFailure::OutOfFuel));
    }

    #[test]
    fn what_a_plug_in_says_of_its_own_accord_is_none() {
        let refusing = json!({ "err": { "denied": "closed" } });
        assert_eq!(defect(&trial(Ok(refusing), None)), None);
        let slow = trial(Err(PluginFailure::TimedOut), None);
        assert_eq!(defect(&slow), None);
        assert_eq!(defect(&trial(Ok(json!({ "ok": "Emma" })), None)), None);
    }
}
