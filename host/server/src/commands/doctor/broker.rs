//! Whether log rows get through the message broker.

use colophon_core::causes::causes;
use colophon_pipeline::jetstream::{Broker, BrokerSettings, Inspection};

use super::{Finding, finding};

/// How the broker stands to this host's settings. Nothing is made there by looking.
pub(super) async fn broker(settings: &BrokerSettings) -> Vec<Finding> {
    match Broker::inspect(settings).await {
        Ok(inspection) => findings(&inspection, settings),
        Err(trouble) => vec![finding("message broker", Err(causes(&trouble)))],
    }
}

fn findings(inspection: &Inspection, settings: &BrokerSettings) -> Vec<Finding> {
    let rows = match inspection.waiting {
        None => "no stream yet; the first host that starts makes it".to_owned(),
        Some(waiting) => format!("{waiting} log rows wait for a log writer"),
    };
    let version = &inspection.server_version;
    let mut findings = vec![finding(
        "message broker",
        Ok(format!("NATS {version} answers; {rows}")),
    )];
    if !inspection.differences.is_empty() {
        findings.push(finding("its streams", Err(differing(inspection))));
    }
    if inspection.dead_letters > 0 {
        findings.push(finding("dead letters", Err(dead(inspection, settings))));
    }
    findings
}

fn differing(inspection: &Inspection) -> String {
    format!(
        "{}; they are used as they are. Set nats.stream_bytes, nats.stream_age_s and nats.replicas \
         to what you want, or change them there (`nats stream edit`); one that you delete is made \
         anew, and hosts hand their rows over again",
        inspection.differences.join("; ")
    )
}

fn dead(inspection: &Inspection, settings: &BrokerSettings) -> String {
    format!(
        "{} messages in {} were no log rows that could be read, or were refused by the logging \
         database; a header says which. Check that all hosts have the same master key and that log \
         writers are no older than the others; then purge the stream (`nats stream purge`). No row \
         is lost: its host hands it over again",
        inspection.dead_letters,
        settings.names.dead_stream()
    )
}
