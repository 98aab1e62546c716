//! Every route.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::endpoint::{
    certificate, ds, error_docs, event_docs, guests, health, metrics, other, ready,
};

/// The routes of the public listeners, with pages that are made elsewhere. Without a listener for
/// administration, its routes are public too.
pub(crate) fn public(app: &Arc<App>, pages: Router, administration: bool) -> Router {
    let routes = Router::new()
        // Retailers and operators looking something up.
        .route("/docs/errors", get(error_docs::list))
        .route("/docs/errors/{slug}", get(error_docs::one))
        .route("/docs/events", get(event_docs::list))
        .route("/docs/style.css", get(error_docs::style))
        // Balancers.
        .route("/livez", get(health::alive))
        .route("/healthz", get(health::alive))
        // Whoever the pages are for.
        .merge(guests::received(app, pages));
    let routes = if app.offers_downloads {
        routes.merge(offered())
    } else {
        routes
    };
    let routes = if administration {
        routes.merge(administered())
    } else {
        routes
    };
    finish(routes, app)
}

/// What buyers, shops and readers download from.
fn offered() -> Router<Arc<App>> {
    Router::new()
        .route("/{center}/ds", get(ds::answer).post(ds::answer))
        // Readers and shops that make an upload form for the center.
        .route("/{center}/certificate", get(certificate::answer))
}

/// The routes of the listener for administration.
pub(crate) fn administration(app: &Arc<App>) -> Router {
    let health = Router::new()
        .route("/livez", get(health::alive))
        .route("/healthz", get(health::alive));
    finish(health.merge(administered()), app)
}

/// What tells of the services behind the host, and of its load.
fn administered() -> Router<Arc<App>> {
    Router::new()
        .route("/readyz", get(ready::answer))
        .route("/metrics", get(metrics::answer))
}

fn finish(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(other::address_unknown)
        .method_not_allowed_fallback(other::method_not_allowed)
        .with_state(Arc::clone(app))
}
