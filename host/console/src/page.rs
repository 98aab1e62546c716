//! What browsers show and post, each page in a file.

pub(crate) mod approve;
pub(crate) mod enter;
pub(crate) mod me;
pub(crate) mod oidc;
pub(crate) mod progress;
pub(crate) mod reset;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_up;
