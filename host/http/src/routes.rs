//! Every route.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use colophon_core::download::Downloads;

use crate::app::{App, Offer};
use crate::endpoint::{
    certificate, ds, error_docs, event_docs, guests, health, metrics, other, ready,
};

/// The routes of the public listeners, with downloads where they are offered, and with pages that
/// are made elsewhere. What is administered is never among them: whoever stands before a listener,
/// a proxy on the same machine for one, may let everybody reach it.
pub(crate) fn public(app: &Arc<App>, downloads: Option<Arc<Downloads>>, pages: Router) -> Router {
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
    let routes = match downloads {
        Some(downloads) => routes.merge(offered(app, downloads)),
        None => routes,
    };
    finish(routes, app)
}

/// What buyers, shops and readers download from.
fn offered(app: &Arc<App>, downloads: Arc<Downloads>) -> Router<Arc<App>> {
    let app = Arc::clone(app);
    Router::new()
        .route("/{center}/ds", get(ds::answer).post(ds::answer))
        // Readers and shops that make an upload form for the center.
        .route("/{center}/certificate", get(certificate::answer))
        .with_state(Offer { app, downloads })
}

/// The routes of the listener for administration.
pub(crate) fn administration(app: &Arc<App>) -> Router {
    let health = Router::new()
        .route("/livez", get(health::alive))
        .route("/healthz", get(health::alive));
    // What tells of the services behind the host, and of its load.
    let administered = Router::new()
        .route("/readyz", get(ready::answer))
        .route("/metrics", get(metrics::answer));
    finish(health.merge(administered), app)
}

fn finish(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(other::address_unknown)
        .method_not_allowed_fallback(other::method_not_allowed)
        .with_state(Arc::clone(app))
}
