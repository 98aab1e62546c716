//! Pages for people, and what readers ask of the activation service.
//!
//! [`Console::router`](console::Console::router) gives the routes under `/activation`, which the
//! HTTP edge serves with its own limits: it hands in bodies that it has read, and says who asks.
//! Pages are written on the server from the templates beside this crate, and need no script. What
//! an activation is and who may have one is decided in core; where accounts, sessions and grants
//! are kept is the store's affair. This crate knows passwords, cookies, forms and the provider
//! that people may sign in at.
//!
//! `routes` lists every address; each page is one file in `page`, each thing that readers ask one
//! in `api`.

mod answer;
mod api;
mod app;
mod call;
mod fields;
mod page;
mod password;
mod throttle;
mod unknown;
mod view;
mod visitor;

pub mod closed;
pub mod console;
pub mod mail;
pub mod oidc;
pub mod routes;
pub mod settings;
