//! What goes back to the client.

pub(crate) mod copy_body;
pub(crate) mod disposition;
pub(crate) mod entity_tag;
pub(crate) mod page;
pub(crate) mod problem;
pub(crate) mod refused;
pub(crate) mod selection;
