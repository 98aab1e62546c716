//! The keys everything else at rest is encrypted under.

mod file;
mod ring;
mod wrapping;

pub use file::{KeyFileError, create_key_file, read_key_file, replace_key_file};
pub use ring::{InvalidMasterKey, MasterKey, MasterKeys, NoNumberLeft};
pub use wrapping::{KeyWrapping, KeyWrappingFailed, WrappedKeysRefused};
