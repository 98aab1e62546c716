//! Tying a reader on a machine to a persona.
//!
//! Here is what is decided about an activation; where personas sign in, where devices are kept and
//! how a repository is made is left to the ports and their adapters.

pub mod quota;
