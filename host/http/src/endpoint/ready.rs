//! `GET /readyz`: whether the services behind the host answer.
//!
//! The check is made at most once a second, however often it is asked for, and takes no longer
//! than its limit. The answer names each service and not what its adapter knows of the failure. What
//! changes is logged, and not what lasts: somebody asks every second.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use colophon_core::causes::causes;
use colophon_core::ports::{Readiness, Service, Unavailable};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::app::App;

/// How long an answer stands.
const STANDS: Duration = Duration::from_secs(1);

/// The last check's answer, and the turn to make the next one.
pub(crate) type LastCheck = Mutex<Option<(Instant, Report)>>;

/// What a check found.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    is_ready: bool,
    text: String,
    away: Vec<Away>,
    /// Whether the check did not come to an end.
    hangs: bool,
}

/// A service that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Away {
    service: Service,
    reason: String,
}

pub(crate) async fn answer(State(app): State<Arc<App>>) -> Response {
    let report = if app.stop.is_cancelled() {
        report(false, json!({ "reason": "the host is stopping" }))
    } else {
        latest(&app).await
    };
    let mut response = Response::new(Body::from(report.text));
    if !report.is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn latest(app: &App) -> Report {
    let mut last = app.last_check.lock().await;
    if let Some((made, report)) = last.as_ref()
        && made.elapsed() < STANDS
    {
        return report.clone();
    }
    let before = last.as_ref().map(|(_, report)| report);
    let away = before.map_or_else(Vec::new, |report| report.away.clone());
    let hung = before.is_some_and(|report| report.hangs);
    let report = match timeout(app.limits.ready, app.readiness.check()).await {
        Ok(found) => {
            let report = judge(&found, app.readiness.as_ref());
            tell(&away, &report.away);
            if hung {
                tracing::info!("services can be looked at again");
            }
            report
        }
        Err(_) => {
            if !hung {
                let limit_ms = app.limits.ready.as_millis();
                tracing::warn!(
                    limit_ms,
                    "looking whether services are ready takes too long: one of them hangs"
                );
            }
            Report {
                away,
                hangs: true,
                ..report(false, json!({ "reason": "the check took too long" }))
            }
        }
    };
    *last = Some((Instant::now(), report.clone()));
    report
}

fn judge(found: &[(Service, Result<(), Unavailable>)], readiness: &dyn Readiness) -> Report {
    let services: Vec<Value> = found
        .iter()
        .map(|(service, state)| line(*service, state))
        .collect();
    let stands = |(service, state): &(Service, Result<(), Unavailable>)| {
        state.is_ok() || !readiness.is_essential(*service)
    };
    let is_ready = found.iter().all(stands);
    let away = found.iter().filter_map(|(service, state)| {
        let reason = causes(state.as_ref().err()?);
        let service = *service;
        Some(Away { service, reason })
    });
    Report {
        away: away.collect(),
        ..report(is_ready, json!({ "services": services }))
    }
}

fn line(service: Service, state: &Result<(), Unavailable>) -> Value {
    match state {
        Ok(()) => json!({ "service": name(service), "ready": true }),
        Err(error) => {
            json!({ "service": name(service), "ready": false, "reason": error.to_string() })
        }
    }
}

/// Logs what is away now and was not at the last check, or for another reason, and what is back.
fn tell(before: &[Away], now: &[Away]) {
    for away in now.iter().filter(|away| !before.contains(away)) {
        let service = name(away.service);
        tracing::warn!(service, reason = away.reason, "a service is not ready");
    }
    for was in before {
        if !now.iter().any(|away| away.service == was.service) {
            tracing::info!(service = name(was.service), "a service is ready again");
        }
    }
}

fn report(is_ready: bool, mut body: Value) -> Report {
    if let Some(members) = body.as_object_mut() {
        members.insert("ready".to_owned(), is_ready.into());
    }
    Report {
        is_ready,
        text: body.to_string(),
        away: Vec::new(),
        hangs: false,
    }
}

fn name(service: Service) -> &'static str {
    match service {
        Service::FulfillmentDatabase => "fulfillment-database",
        Service::LoggingDatabase => "logging-database",
        Service::ActivationDatabase => "activation-database",
        Service::NodeDatabase => "node-database",
        Service::ContentStore => "content-store",
        Service::CatalogLease => "catalog-lease",
        Service::RepositoryWorkers => "repository-workers",
        Service::LogBroker => "log-broker",
        Service::Plugins => "plug-ins",
        Service::Outbox => "outbox",
    }
}
