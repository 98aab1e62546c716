//! Tying this machine to a persona.
//!
//! A person approves the reader on a page of the activation service, in a browser anywhere (the
//! device flow of RFC 8628). The reader then sends digests of what its machine is made of, and
//! gets a package. Only the service counts and decides; the reader asks, waits, and believes
//! nothing that a trusted root does not stand behind.

use std::path::{Path, PathBuf};

use crate::Address;

mod flow;
mod folder;
mod grant;
mod service;

pub use flow::{ActivateError, Activating, Attendant, Fetched, Step};
pub use folder::FolderError;
pub use grant::{Grant, Token};
pub use service::{ActivationService, Approval, Delivery, DeviceCode, Limit, ServiceError};

/// The folder in which an activation is kept. It is this machine's: copied to another, it is of
/// no use there.
#[derive(Clone, Debug)]
pub struct ActivationFolder {
    folder: PathBuf,
}

impl ActivationFolder {
    /// The activation in a folder, which need not exist yet.
    #[must_use]
    pub fn in_folder(folder: &Path) -> ActivationFolder {
        ActivationFolder {
            folder: folder.to_path_buf(),
        }
    }

    /// The approval kept from an activation by this service that was not finished, if it is still
    /// good.
    fn grant(&self, service: &Address, now_unix_s: i64) -> Result<Option<Grant>, FolderError> {
        Grant::resume(&self.grant_file(), service, now_unix_s)
    }

    fn keep_grant(&self, grant: &Grant) -> Result<(), FolderError> {
        grant.keep(&self.grant_file())
    }

    fn forget_grant(&self) -> Result<(), FolderError> {
        folder::remove(&self.grant_file())
    }

    fn grant_file(&self) -> PathBuf {
        self.folder.join("grant.json")
    }
}
