//! Tying this machine to a persona.
//!
//! A person approves the reader on a page of the activation service, in a browser anywhere (the
//! device flow of RFC 8628). The reader then sends digests of what its machine is made of, and
//! gets a package: a certificate, and a secure repository made for this persona on this machine.
//! Only the service counts and decides; the reader asks, waits, and believes nothing that a
//! trusted root does not stand behind. Once activated, it needs no network any more.

use std::path::{Path, PathBuf};

use colophon_activation::{
    ActivationPackage, FactSalt, InvalidFacts, NotSealedForThis, PACKAGE_BYTES_MAX,
    PERSONA_AT_REST_BYTES, PersonaAtRest, PersonaId,
};
use colophon_crypto::Portable;
use colophon_title::TrustRoots;

use crate::repository::{Activated, ActivationRefused, CountStore, RepositoryFailure};
use crate::{ActivatedReader, Address, Machine, SystemRandom, TrustStore, TrustStoreError};

mod flow;
mod folder;
mod grant;
mod name;
mod service;

pub use flow::{ActivateError, Activating, Attendant, Fetched, Step};
pub use folder::FolderError;
pub use grant::{Grant, Token};
use name::{ActivationName, NAME_BYTES};
pub use service::{ActivationService, Approval, Delivery, DeviceCode, Limit, ServiceError};

/// Where an activation is kept: a folder, and another for the witnesses of what was counted, so
/// that putting one of the two back from a backup is noticed. It is this machine's: copied to
/// another, it is of no use there.
#[derive(Clone, Debug)]
pub struct ActivationFolder {
    folder: PathBuf,
    witnesses: PathBuf,
}

/// Why an activation that is there cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationUnusable {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It is not believed.
    #[error("the activation of this reader is refused")]
    Refused(#[from] ActivationRefused),
    /// The trusted roots cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustStoreError),
    /// Its secure repository does not run here.
    #[error(transparent)]
    Repository(#[from] RepositoryFailure),
}

/// Why the persona's id cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonaUnknown {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Too little is known about this machine.
    #[error("this machine cannot be recognized")]
    Machine(#[source] InvalidFacts),
    /// It is another machine's, or damaged.
    #[error("the persona's id was kept on another machine, or is damaged")]
    NotSealedForThis(#[from] NotSealedForThis),
}

impl ActivationFolder {
    /// The activation in a folder, with its witnesses in another. Neither needs to exist yet.
    #[must_use]
    pub fn new(folder: &Path, witnesses: &Path) -> ActivationFolder {
        ActivationFolder {
            folder: folder.to_path_buf(),
            witnesses: witnesses.to_path_buf(),
        }
    }

    /// The activation that is kept, if there is one, judged again: roots may be trusted no longer,
    /// and files may have been changed.
    ///
    /// # Errors
    ///
    /// [`ActivationUnusable`], see its variants.
    pub fn activated(&self, roots: &TrustRoots) -> Result<Option<Activated>, ActivationUnusable> {
        match self.package()? {
            Some((_, package)) => Ok(Some(judge(&package, roots)?)),
            None => Ok(None),
        }
    }

    /// The reader that this activation makes of a machine; nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`ActivationUnusable`], see its variants.
    pub fn reader(
        &self,
        machine: Machine,
        trust: &TrustStore,
    ) -> Result<Option<ActivatedReader>, ActivationUnusable> {
        let Some((name, package)) = self.package()? else {
            return Ok(None);
        };
        let activated = judge(&package, &trust.roots()?)?;
        // What is counted belongs to one activation: its repository alone can read it.
        let counts = CountStore::new(
            &self.folder.join(format!("counts-{name}")),
            &self.witnesses.join(format!("witness-{name}")),
        );
        let reader = ActivatedReader::new(activated, machine, trust.trust()?, counts)?;
        Ok(Some(reader))
    }

    /// Judges what was fetched, keeps it in the place of what was there, and forgets the approval
    /// it came by.
    fn keep(
        &self,
        fetched: &Fetched,
        roots: &TrustRoots,
        machine: &Machine,
    ) -> Result<Activated, ActivateError> {
        let activated = judge(&fetched.package, roots).map_err(ActivateError::Refused)?;
        let grant = &fetched.grant;
        if *activated.persona() != grant.persona || *activated.salt() != grant.salt {
            return Err(ActivateError::NotAskedFor);
        }
        let persona = at_rest(activated.persona(), machine).map_err(ActivateError::Machine)?;
        let name = ActivationName::of(&fetched.package);
        // A damaged name is no reason not to activate again; its files then stay.
        let former = self.current().ok().flatten();
        folder::write_private(&self.persona_file(&name), persona.as_bytes())?;
        folder::write_private(&self.package_file(&name), &fetched.package)?;
        // From here on it is this activation; what breaks off before changes nothing.
        folder::write_private(&self.name_file(), name.as_bytes())?;
        self.forget_grant()?;
        if let Some(former) = former.filter(|former| *former != name) {
            folder::remove(&self.package_file(&former))?;
            folder::remove(&self.persona_file(&former))?;
        }
        folder::remove(&self.unnamed_package_file())?;
        Ok(activated)
    }

    /// The id of the persona that this reader is activated for, as it is kept for shops: apart
    /// from the certificate, and of use on its machine alone. Nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`PersonaUnknown`], see its variants.
    pub fn persona(&self, machine: &Machine) -> Result<Option<PersonaId>, PersonaUnknown> {
        let bytes_max = PERSONA_AT_REST_BYTES as u64;
        let Some(name) = self.current()? else {
            return Ok(None);
        };
        let Some(kept) = folder::read(&self.persona_file(&name), bytes_max)? else {
            return Ok(None);
        };
        let kept = PersonaAtRest::from_bytes(kept).ok_or(NotSealedForThis)?;
        let facts = machine.facts(&Portable, &kept.salt());
        let facts = facts.map_err(PersonaUnknown::Machine)?;
        Ok(Some(kept.open(&Portable, &facts)?))
    }

    /// The name of the activation that is kept.
    fn current(&self) -> Result<Option<ActivationName>, FolderError> {
        let file = self.name_file();
        let Some(kept) = folder::read(&file, NAME_BYTES as u64)? else {
            let unnamed = self.unnamed_package()?;
            return Ok(unnamed.map(|(name, _)| name));
        };
        let name = ActivationName::parse(&kept);
        name.map(Some).ok_or_else(|| FolderError::damaged(&file))
    }

    /// The activation that is kept, with its name.
    fn package(&self) -> Result<Option<(ActivationName, Vec<u8>)>, FolderError> {
        if !self.name_file().exists() {
            return self.unnamed_package();
        }
        let Some(name) = self.current()? else {
            return Ok(None);
        };
        let file = self.package_file(&name);
        let package = folder::read(&file, PACKAGE_BYTES_MAX as u64)?;
        // Its name is written after it, and another takes its place before it is removed.
        let package = package.ok_or_else(|| FolderError::damaged(&file))?;
        Ok(Some((name, package)))
    }

    /// The activation as readers kept it that did not write its name down.
    fn unnamed_package(&self) -> Result<Option<(ActivationName, Vec<u8>)>, FolderError> {
        let package = folder::read(&self.unnamed_package_file(), PACKAGE_BYTES_MAX as u64)?;
        Ok(package.map(|package| (ActivationName::of(&package), package)))
    }

    fn unnamed_package_file(&self) -> PathBuf {
        self.folder.join("package.json")
    }

    fn name_file(&self) -> PathBuf {
        self.folder.join("activation")
    }

    fn package_file(&self, name: &ActivationName) -> PathBuf {
        self.folder.join(format!("package-{name}.json"))
    }

    fn persona_file(&self, name: &ActivationName) -> PathBuf {
        self.folder.join(format!("persona-{name}"))
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

/// A persona's id, sealed to a machine.
fn at_rest(persona: &PersonaId, machine: &Machine) -> Result<PersonaAtRest, InvalidFacts> {
    let salt = FactSalt::generate(&mut SystemRandom);
    let facts = machine.facts(&Portable, &salt)?;
    let random = &mut SystemRandom;
    Ok(PersonaAtRest::seal(
        &Portable, random, &salt, &facts, persona,
    ))
}

fn judge(package: &[u8], roots: &TrustRoots) -> Result<Activated, ActivationRefused> {
    Activated::verify(&Portable, ActivationPackage::parse(package)?, roots)
}
