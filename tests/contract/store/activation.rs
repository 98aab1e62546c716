//! The activation database's promises.

pub(crate) mod accounts;
pub(crate) mod admission;
pub(crate) mod flow;
pub(crate) mod grants;
pub(crate) mod ground;
pub(crate) mod operator;
pub(crate) mod orders;
pub(crate) mod privacy;
