//! Activation as a person with a browser and a reader without one go through it.

mod accounts;
mod closed;
mod forms;
mod killed;
mod limit;
mod oidc;
mod over_tls;
mod people;
mod reader;
mod service;
mod shown;
mod stronger;
mod ways_back;
mod workers;
