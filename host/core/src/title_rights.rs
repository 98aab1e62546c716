//! What the licenses of a title grant, and by whose leave.

use std::sync::Arc;

use colophon_title::license::{Delegation, RightsTemplate};

/// What the licenses of a title grant, and on whose authority.
///
/// This is one value and not two, since a delegation never stands alone: if a title under one
/// granted what its center's licenses grant, a change of the center's could go beyond it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TitleRights {
    /// What the center's licenses grant, on its own authority.
    #[default]
    Center,
    /// Rights of the title's own, on the center's authority.
    Own(Arc<RightsTemplate>),
    /// Rights of the title's own, by the leave of another licensor that holds them.
    Delegated {
        /// The rights.
        rights: Arc<RightsTemplate>,
        /// What lets the center's licensor grant them.
        delegation: Arc<Delegation>,
    },
}

impl TitleRights {
    /// The rights of the title's own; without any, its licenses grant what the center's do.
    pub fn own(&self) -> Option<&Arc<RightsTemplate>> {
        match self {
            Self::Center => None,
            Self::Own(rights) | Self::Delegated { rights, .. } => Some(rights),
        }
    }

    /// The leave that they are granted by, where the center does not grant them on its own.
    pub fn delegation(&self) -> Option<&Delegation> {
        match self {
            Self::Center | Self::Own(_) => None,
            Self::Delegated { delegation, .. } => Some(delegation),
        }
    }
}
