//! Code that computes a secret, and that is another each time.
//!
//! A secret number is written as an expression: sums, products, rotations of constants, of what
//! lies in a pool of random bytes, and of what generated functions give for some argument. No part
//! of it stands anywhere as it is. [`Pool`] holds the bytes, [`Generated`] the functions, of which
//! some are never called; [`Expression`] is both computed here and written as code.

mod expression;
mod generated;
mod pool;

pub(crate) use expression::{Expression, Places};
pub(crate) use generated::{Generated, hide};
pub(crate) use pool::Pool;
