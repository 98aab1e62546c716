//! What a host asks of other servers: each request on a connection of its own, bounded in time
//! and size, over TLS where the address says so, and without redirects, which could lead anywhere.
//!
//! [`Outbound`] sends requests; [`registration`] asks a registration server for the certificates
//! of personas. Which addresses may be asked at all is for the caller to say. [`web`] asks for
//! plug-ins, which are not to be believed: it holds addresses against a grant, looks at what names
//! lead to, and follows redirects hop by hop.

mod exchange;
mod origin;
pub mod registration;
mod roots;
pub mod web;

pub use exchange::{Bounds, NoAnswer, Outbound};
pub use origin::{InvalidOrigin, Origin};
pub use roots::system_roots;
