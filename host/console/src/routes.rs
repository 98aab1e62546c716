//! Every route.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};

use crate::app::App;
use crate::call::{self, Call};
use crate::{answer, api, page, unknown};

/// An address and how it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The path.
    pub path: &'static str,
    /// Who asks it how.
    pub kind: Kind,
}

/// Who asks an address, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A browser shows it (GET). It changes nothing that anybody owns.
    Page,
    /// A browser posts a form with the visitor's token.
    Form,
    /// A reader posts; cookies mean nothing.
    Reader,
}

/// All routes, by who asks. There is no other list: what is served and what tests go through are
/// made of this one.
pub(crate) fn all(routes: &mut impl Routes) {
    // Somebody with a reader that shows a code.
    routes.page("/activation", page::enter::show);
    routes.form("/activation", page::enter::take);
    routes.page("/activation/approve", page::approve::show);
    routes.form("/activation/approve", page::approve::take);
    routes.page("/activation/progress", page::progress::show);
    // Somebody who signs in.
    routes.page("/activation/sign-in", page::sign_in::show);
    routes.form("/activation/sign-in", page::sign_in::take);
    routes.form("/activation/sign-out", page::sign_out::take);
    routes.page("/activation/sign-up", page::sign_up::show);
    routes.form("/activation/sign-up", page::sign_up::take);
    routes.page("/activation/reset", page::reset::ask);
    routes.form("/activation/reset", page::reset::take);
    routes.page("/activation/reset/choose", page::reset::choose);
    routes.form("/activation/reset/choose", page::reset::take_new);
    routes.page("/activation/oidc/start", page::oidc::start);
    routes.page("/activation/oidc/callback", page::oidc::callback);
    // Somebody with devices.
    routes.page("/activation/me", page::me::show);
    routes.form("/activation/me/release", page::me::release);
    routes.form("/activation/me/rename", page::me::rename::take);
    routes.page("/activation/me/password", page::me::password::show);
    routes.form("/activation/me/password", page::me::password::take);
    // Readers.
    routes.reader(
        "/activation/device_authorization",
        api::device_authorization::answer,
    );
    routes.reader("/activation/token", api::token::answer);
    routes.reader("/activation/activations", api::activations::answer);
}

/// The routes of a running host.
pub(crate) fn served(app: &Arc<App>) -> Router {
    let mut served = Served {
        router: Router::new().route("/activation/style.css", get(|| async { answer::style() })),
        app: Arc::clone(app),
    };
    all(&mut served);
    for path in unknown::ANYTHING {
        let app = Arc::clone(app);
        served.add(
            path,
            any(move |request: Request| unknown::address(app, request)),
        );
    }
    let app = Arc::clone(app);
    let not_so = move |request: Request| unknown::method(app, request);
    served.router.method_not_allowed_fallback(not_so)
}

/// Every address with how it is asked, the style sheet apart.
pub fn listed() -> Vec<Listed> {
    let mut list = List(Vec::new());
    all(&mut list);
    list.0
}

/// What becomes of the list of routes.
pub(crate) trait Routes {
    fn page<F>(&mut self, path: &'static str, show: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static;

    fn form<F>(&mut self, path: &'static str, take: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static;

    fn reader<H, T>(&mut self, path: &'static str, answer: H)
    where
        H: Handler<T, Arc<App>>,
        T: 'static;
}

struct Served {
    router: Router,
    app: Arc<App>,
}

impl Served {
    fn add(&mut self, path: &str, handler: MethodRouter) {
        self.router = std::mem::take(&mut self.router).route(path, handler);
    }
}

impl Routes for Served {
    fn page<F>(&mut self, path: &'static str, show: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let app = Arc::clone(&self.app);
        self.add(
            path,
            get(move |request: Request| call::page(app, request, show)),
        );
    }

    fn form<F>(&mut self, path: &'static str, take: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let app = Arc::clone(&self.app);
        self.add(
            path,
            post(move |request: Request| call::form(app, request, take)),
        );
    }

    fn reader<H, T>(&mut self, path: &'static str, answer: H)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let app = Arc::clone(&self.app);
        self.add(path, post(answer).with_state(app));
    }
}

struct List(Vec<Listed>);

impl Routes for List {
    fn page<F>(&mut self, path: &'static str, _show: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let kind = Kind::Page;
        self.0.push(Listed { path, kind });
    }

    fn form<F>(&mut self, path: &'static str, _take: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let kind = Kind::Form;
        self.0.push(Listed { path, kind });
    }

    fn reader<H, T>(&mut self, path: &'static str, _answer: H)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let kind = Kind::Reader;
        self.0.push(Listed { path, kind });
    }
}
