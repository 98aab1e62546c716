//! Activation as a person with a browser and a reader without one go through it.

mod accounts;
mod closed;
mod forms;
mod limit;
mod oidc;
mod people;
mod reader;
mod service;
mod shown;
mod workers;
