//! What a plug-in may use of the host.

use crate::contract::Capability;
use crate::limits::Limits;

/// What one plug-in may use. Without a grant there is nothing that it can call.
#[derive(Debug, Clone, Default)]
pub struct Granted {
    /// How much of everything.
    pub limits: Limits,
    /// Whether it may look titles up in the catalog of the center that it serves.
    pub catalog: bool,
}

impl Granted {
    /// What the built-in plug-in has: the catalog, within limits.
    pub fn catalog(limits: Limits) -> Self {
        Self {
            limits,
            catalog: true,
        }
    }

    pub(crate) fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::Catalog => self.catalog,
            Capability::Config
            | Capability::Http
            | Capability::Kv
            | Capability::Log
            | Capability::Sql => false,
        }
    }
}
