//! What this machine is made of, as far as it says so.
//!
//! The facts stay here. What goes out to an activation service, and into the secure repository,
//! are salted digests of them ([`MachineFacts`]). Which facts there are and how they are compared
//! is in the specification of `colophon-activation`; this is where they are looked up.

use std::fmt;

use colophon_activation::{FactKind, FactSalt, InvalidFacts, MachineFacts};
use colophon_crypto::Engine;

mod linux;

/// What a machine states about itself.
///
/// ```
/// use std::path::Path;
///
/// use colophon_reader::Machine;
///
/// // Tests read made-up trees; a real machine is that of `Machine::this`.
/// let machine = Machine::linux_under(Path::new("/nonexistent"));
/// assert_eq!(machine.kinds().count(), 0);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Machine {
    stated: Vec<(FactKind, String)>,
}

/// Reading the facts off this kind of machine is not supported yet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this reader does not know yet how to recognize a machine that runs {system}")]
pub struct MachineUnsupported {
    /// The operating system.
    pub system: &'static str,
}

impl Machine {
    /// The machine this program runs on.
    ///
    /// # Errors
    ///
    /// [`MachineUnsupported`] on anything but Linux.
    pub fn this() -> Result<Machine, MachineUnsupported> {
        let system = std::env::consts::OS;
        if system == "linux" {
            Ok(Machine::linux_under(std::path::Path::new("/")))
        } else {
            Err(MachineUnsupported { system })
        }
    }

    /// What the files of a Linux system below `root` say.
    #[must_use]
    pub fn linux_under(root: &std::path::Path) -> Machine {
        Machine {
            stated: linux::facts(root),
        }
    }

    /// The kinds of facts the machine states something for; that may still be "not specified".
    pub fn kinds(&self) -> impl Iterator<Item = FactKind> {
        self.stated.iter().map(|(kind, _)| *kind)
    }

    /// The digests of the facts under a persona's salt.
    ///
    /// # Errors
    ///
    /// [`InvalidFacts::TooFew`] where too little is known to tell this machine from others.
    pub fn facts(
        &self,
        engine: &dyn Engine,
        salt: &FactSalt,
    ) -> Result<MachineFacts, InvalidFacts> {
        let stated = self.stated.iter();
        MachineFacts::read(
            engine,
            salt,
            stated.map(|(kind, value)| (*kind, value.as_str())),
        )
    }
}

impl fmt::Debug for Machine {
    /// Names the kinds. What the facts say is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds()).finish()
    }
}
