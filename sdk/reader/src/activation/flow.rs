//! Activating: from a code on the screen to a package that was judged and kept.

use std::time::Duration;

use colophon_activation::{FactSalt, InvalidFacts, PersonaId};
use colophon_crypto::Portable;
use colophon_title::TrustRoots;

use super::ActivationFolder;
use super::folder::FolderError;
use super::grant::Grant;
use super::service::{ActivationService, Approval, Delivery, DeviceCode, Limit, ServiceError};
use crate::repository::{Activated, ActivationRefused};
use crate::{Machine, NetworkError};

/// What RFC 8628 adds to the interval when a reader asks too often.
const SLOWER: Duration = Duration::from_secs(5);

/// How often a download that broke off is begun again before the person is asked to.
const DOWNLOADS_MAX: u32 = 4;

/// How often a service without a key pair is asked again before the person is asked to.
const BUSY_MAX: u32 = 10;

/// What an activation needs of the world: a clock, patience, and somebody to show a code to.
pub trait Attendant {
    /// Seconds since 1970.
    fn now_unix_s(&self) -> i64;

    /// Lets time pass.
    fn wait(&mut self, how_long: Duration);

    /// Shows the code, once, before the wait for the person begins.
    fn show_code(&mut self, code: &DeviceCode);

    /// Tells what goes on while nothing seems to.
    fn tell(&mut self, step: Step<'_>);
}

/// What goes on.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Somebody approved; the package is being fetched.
    Approved {
        /// Who.
        persona: &'a PersonaId,
    },
    /// An approval given earlier is used.
    Resumed {
        /// Whose.
        persona: &'a PersonaId,
    },
    /// The service cannot be reached for the moment, and is asked again.
    Unreachable {
        /// After this.
        wait: Duration,
    },
    /// The service has too much to do for the moment, and is asked again.
    Busy {
        /// After this.
        wait: Duration,
    },
}

/// Why this reader was not activated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivateError {
    /// Nobody is trusted, so no package could be believed.
    #[error("no authority is trusted, so nothing an activation service sends could be believed")]
    NobodyTrusted,
    /// Too little is known about this machine to recognize it again.
    #[error("this machine cannot be told from others")]
    Machine(#[source] InvalidFacts),
    /// The person said no.
    #[error("the activation was denied")]
    Denied,
    /// Nobody entered the code in time.
    #[error("nobody entered the code in time")]
    Expired,
    /// Everything granted so far is used.
    #[error("all activations granted so far are used")]
    LimitReached(Limit),
    /// The service had too much to do, however often it was asked. The machine may have its place
    /// already; asked again, the service goes on with it and counts nothing twice.
    #[error("the activation service is busy; asked again, it counts nothing twice")]
    Busy,
    /// The service could not be reached, or refused.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service does not honor the approval it has just given.
    #[error("the activation service does not honor the approval it gave")]
    Forgotten,
    /// What the service sent is not believed.
    #[error("what the activation service sent is refused")]
    Refused(#[source] ActivationRefused),
    /// The service sent a genuine activation of another persona, or with another salt.
    #[error("the activation service sent an activation that was not asked for")]
    NotAskedFor,
    /// The folder of the activation cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// What an activation is made with.
#[derive(Clone, Copy, Debug)]
pub struct Activating<'a> {
    /// Who gives it.
    pub service: ActivationService<'a>,
    /// Where it is kept.
    pub folder: &'a ActivationFolder,
    /// Under which roots it is believed.
    pub roots: &'a TrustRoots,
    /// For which machine.
    pub machine: &'a Machine,
    /// What the person calls the machine.
    pub device_name: Option<&'a str>,
}

/// A package as it came; nothing in it was judged yet.
#[derive(Debug)]
pub struct Fetched {
    /// The approval it came by.
    pub grant: Grant,
    /// The package.
    pub package: Vec<u8>,
}

impl Activating<'_> {
    /// Activates this reader.
    ///
    /// # Errors
    ///
    /// [`ActivateError`], see its variants; what was kept before is as it was.
    pub fn run(&self, attendant: &mut dyn Attendant) -> Result<Activated, ActivateError> {
        let fetched = self.fetch(attendant)?;
        self.folder.keep(&fetched, self.roots, self.machine)
    }

    /// Has a person approve this reader and fetches the package. What can be known beforehand to
    /// fail, fails before anybody is asked for anything.
    ///
    /// # Errors
    ///
    /// [`ActivateError`], see its variants. An approval that was given is kept, and used when
    /// this is called again within a day.
    pub fn fetch(&self, attendant: &mut dyn Attendant) -> Result<Fetched, ActivateError> {
        if self.roots.is_empty() {
            return Err(ActivateError::NobodyTrusted);
        }
        let any_salt = FactSalt::from_bytes([0; 16]);
        let facts = self.machine.facts(&Portable, &any_salt);
        facts.map_err(ActivateError::Machine)?;
        if let Some(grant) = self.kept_grant(attendant)? {
            if let Some(package) = self.package(&grant, attendant)? {
                return Ok(Fetched { grant, package });
            }
            // The service has forgotten it: somebody has to approve once more.
            self.folder.forget_grant()?;
        }
        let grant = self.new_grant(attendant)?;
        match self.package(&grant, attendant)? {
            Some(package) => Ok(Fetched { grant, package }),
            None => {
                self.folder.forget_grant()?;
                Err(ActivateError::Forgotten)
            }
        }
    }

    fn kept_grant(&self, attendant: &mut dyn Attendant) -> Result<Option<Grant>, ActivateError> {
        let now = attendant.now_unix_s();
        let grant = self.folder.grant(self.service.address(), now)?;
        if let Some(Grant { persona, .. }) = &grant {
            attendant.tell(Step::Resumed { persona });
        }
        Ok(grant)
    }

    fn new_grant(&self, attendant: &mut dyn Attendant) -> Result<Grant, ActivateError> {
        let code = self.service.device_code(self.device_name)?;
        attendant.show_code(&code);
        let grant = self.approval(&code, attendant)?;
        self.folder.keep_grant(&grant)?;
        let persona = &grant.persona;
        attendant.tell(Step::Approved { persona });
        Ok(grant)
    }

    /// Asks until the person has decided, or the code is good no longer.
    fn approval(
        &self,
        code: &DeviceCode,
        attendant: &mut dyn Attendant,
    ) -> Result<Grant, ActivateError> {
        let lasts_s = i64::try_from(code.lasts.as_secs()).unwrap_or(i64::MAX);
        let until = attendant.now_unix_s().saturating_add(lasts_s);
        let mut interval = code.interval;
        loop {
            attendant.wait(interval);
            let now = attendant.now_unix_s();
            match self.service.approval(code, now) {
                Ok(Approval::Granted(grant)) => return Ok(grant),
                Ok(Approval::Denied) => return Err(ActivateError::Denied),
                Ok(Approval::Expired) => return Err(ActivateError::Expired),
                Ok(Approval::Pending) => {}
                Ok(Approval::SlowDown) => interval = interval.saturating_add(SLOWER),
                // A person takes minutes; a network that fails for some of them is no reason to
                // begin anew.
                Err(ServiceError::Network(NetworkError::Unreachable { .. })) if now < until => {
                    interval = interval.saturating_add(SLOWER);
                    attendant.tell(Step::Unreachable { wait: interval });
                }
                Err(error) => return Err(error.into()),
            }
            if now >= until {
                return Err(ActivateError::Expired);
            }
        }
    }

    /// Fetches the package; nothing if the grant is not honored any more.
    fn package(
        &self,
        grant: &Grant,
        attendant: &mut dyn Attendant,
    ) -> Result<Option<Vec<u8>>, ActivateError> {
        let facts = self.machine.facts(&Portable, &grant.salt);
        let facts = facts.map_err(ActivateError::Machine)?;
        let (mut broken, mut busy) = (0, 0);
        loop {
            let wait = match self.service.activate(grant, &facts, self.device_name) {
                Ok(Delivery::Package(package)) => return Ok(Some(package)),
                Ok(Delivery::TokenRefused) => return Ok(None),
                Ok(Delivery::LimitReached(limit)) => {
                    // Next time, perhaps somebody else approves.
                    self.folder.forget_grant()?;
                    return Err(ActivateError::LimitReached(limit));
                }
                Ok(Delivery::Busy { wait }) => {
                    busy += 1;
                    if busy > BUSY_MAX {
                        return Err(ActivateError::Busy);
                    }
                    attendant.tell(Step::Busy { wait });
                    wait
                }
                Err(error @ ServiceError::Network(NetworkError::Unreachable { .. })) => {
                    broken += 1;
                    if broken >= DOWNLOADS_MAX {
                        return Err(error.into());
                    }
                    let wait = Duration::from_secs(1 << broken);
                    attendant.tell(Step::Unreachable { wait });
                    wait
                }
                Err(error) => {
                    // What is forbidden stays so under this approval.
                    if let ServiceError::Refused { status: 403, .. } = error {
                        self.folder.forget_grant()?;
                    }
                    return Err(error.into());
                }
            };
            attendant.wait(wait);
        }
    }
}
