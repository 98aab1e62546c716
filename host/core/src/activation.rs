//! Tying a reader on a machine to a persona.
//!
//! A persona signs in, approves the reader that asks, and the reader sends digests of what its
//! machine is made of. [`activate`] then admits the machine under the persona's quota, certifies
//! the persona's public key, has a secure repository made for this persona on this machine, and
//! hands the reader one package with everything.
//!
//! Here are the model, the decisions and the flow, over the ports in [`ports`]. How pages look,
//! how passwords are hashed, where records are kept and how a repository is made is left to the
//! adapters.

pub mod activate;
pub mod admit;
pub mod device;
pub mod grant;
pub mod key_pair;
pub mod mail;
pub mod persona;
pub mod ports;
pub mod quota;
pub mod repository_orders;
pub mod session;
pub mod settings;
pub mod text;
pub mod token;
