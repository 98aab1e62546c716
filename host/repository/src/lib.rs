//! Makes a secure repository for one persona on one machine.
//!
//! The [`Template`] is the component built from `sdk/repository`, read once. [`individualize`]
//! makes an [`Individual`] of it: with a key pair of its own whose private half is spread through
//! generated code and data, with all functions in another order, with the roots it believes
//! licenses under sealed into it, and with the persona's private key sealed to it and to the
//! machine. Two individuals have neither a key nor the code that
//! computes it in common, so that what is found out about one says nothing about another.
//!
//! Making one is a function of its arguments, chance included; [`RepositoryWorkers`] do it for a
//! host, on threads that may be kept busy. Where the two are apart, the host's side is
//! [`WorkersElsewhere`], which places orders, and the other one a [`Workshop`], which takes them.
//! What is left to others: where persona keys come from, where orders are kept, and who signs what
//! is made.
//!
//! **What it cannot do.** It hides a key in code that can be read and run. Somebody with time and
//! a debugger gets at the key of the individual in hand.

mod binary;
mod dice;
mod elsewhere;
mod hiding;
mod individual;
mod pauses;
mod template;
mod worker;
mod workshop;

pub use elsewhere::WorkersElsewhere;
pub use individual::{Individual, IndividualizeError, Order, individualize};
pub use template::{TEMPLATE_BYTES_MAX, Template, TemplateRefused};
pub use worker::{NewRandomness, RepositoryWorkers, Workers};
pub use workshop::{Presence, Workshop, describe};

/// The component of `sdk/repository`, as it was built with this crate.
pub const TEMPLATE: &[u8] = include_bytes!(env!("COLOPHON_REPOSITORY_TEMPLATE"));
