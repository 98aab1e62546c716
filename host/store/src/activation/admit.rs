//! Admission: quota, device, key pair and the dated list in one transaction.
//!
//! The transaction begins by writing to the persona's row. On PostgreSQL that locks it, so that of
//! any number of requests for one persona each sees what those before it have written; SQLite has
//! one writer anyway.

mod reading;
mod writing;

use colophon_activation::MachineId;
use colophon_core::activation::admit::{
    Admission, AdmissionRequest, Admitted, GrantUse, KnownDevice, Step, decide,
};
use colophon_core::activation::grant::Purpose;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::text::DeviceName;
use colophon_core::id::{ActivationRef, DeviceRef};
use colophon_core::time::Timestamp;

use super::ActivationStore;
use super::grants::purpose_word;
use super::personas::PersonaColumns;
use super::settings::read_settings;
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};

const LOCK: &str = "UPDATE personas SET used = used WHERE id = (SELECT persona FROM grants \
    WHERE id = $1 AND state = 'approved' AND valid_until > $2) AND erased_at IS NULL \
    RETURNING id, persona, profile, fact_salt, first_activation, used, withdrawn_at";

const TAKE_OVER: &str = "UPDATE activations SET grant_id = $2, purpose = $3 WHERE id = $1";

/// What the grant says, and what it was used for.
struct Asked {
    device_name: Option<DeviceName>,
    purpose: Purpose,
    used_for: Option<GrantUse>,
}

/// The persona's machines: what is decided by, and the machines' ids beside it.
struct Known {
    devices: Vec<KnownDevice>,
    machines: Vec<(DeviceRef, MachineId)>,
}

impl Known {
    fn machine(&self, device: DeviceRef) -> Option<MachineId> {
        let mut machines = self.machines.iter();
        machines
            .find(|(of, _)| *of == device)
            .map(|(_, machine)| *machine)
    }
}

/// One admission under way: the persona is locked.
struct Admitting<'a> {
    request: &'a AdmissionRequest,
    persona: Persona,
    asked: Asked,
    known: Known,
    now: Timestamp,
}

/// A place found in the dated list.
struct Place {
    activation: ActivationRef,
    machine: MachineId,
}

impl ActivationStore {
    pub(super) async fn admitted(
        &self,
        request: &AdmissionRequest,
        now: Timestamp,
    ) -> Result<Admission, Fault> {
        let mut write = self.database.write().await?;
        let admission = self.admit_within(&mut write, request, now).await?;
        match admission {
            Admission::Admitted(_) => write.commit().await?,
            Admission::Finished { .. }
            | Admission::LimitReached { .. }
            | Admission::PoolEmpty
            | Admission::OtherMachine
            | Admission::Withdrawn
            | Admission::NoGrant => write.undo().await?,
        }
        Ok(admission)
    }

    async fn admit_within(
        &self,
        write: &mut Write,
        request: &AdmissionRequest,
        now: Timestamp,
    ) -> Result<Admission, Fault> {
        let values = arguments![request.grant.as_bytes(), now.unix_ms()];
        let locked: Vec<PersonaColumns> = write.all(LOCK, values).await?;
        let Some(row) = locked.first() else {
            return Ok(Admission::NoGrant);
        };
        let persona = self.open_persona(row)?;
        if persona.withdrawn_at.is_some() {
            return Ok(Admission::Withdrawn);
        }
        let admitting = Admitting {
            request,
            asked: self.asked(write, request).await?,
            known: self.known_devices(write, &persona).await?,
            persona,
            now,
        };
        let settings = read_settings(write).await?;
        let step = decide(
            settings.quota,
            admitting.persona.standing,
            &admitting.known.devices,
            admitting.asked.used_for,
            &request.facts,
            now,
        );
        let place = match step {
            Step::OtherMachine => return Ok(Admission::OtherMachine),
            Step::Ended => return Ok(Admission::NoGrant),
            Step::LimitReached { next_allowed_at } => {
                let used = admitting.persona.standing.used;
                return Ok(Admission::LimitReached {
                    next_allowed_at,
                    used,
                });
            }
            Step::GoOn(before) => {
                if let Some(package) = self.package_within(write, before.activation).await? {
                    let activation = before.activation;
                    return Ok(Admission::Finished {
                        activation,
                        package,
                    });
                }
                admitting.place_of(before)?
            }
            Step::TakeOver(before) => {
                let grant = request.grant.as_bytes();
                let purpose = purpose_word(admitting.asked.purpose);
                let values = arguments![before.activation.as_bytes(), grant, purpose];
                write.execute(TAKE_OVER, values).await?;
                admitting.place_of(before)?
            }
            Step::Repeat { device } => self.repeat(write, &admitting, device).await?,
            Step::Count { device } => self.count(write, &admitting, device).await?,
        };
        self.complete(write, admitting, place).await
    }

    /// Adds what an admitted activation needs; without a key pair it is not admitted.
    async fn complete(
        &self,
        write: &mut Write,
        admitting: Admitting<'_>,
        place: Place,
    ) -> Result<Admission, Fault> {
        let Admitting { persona, now, .. } = admitting;
        let Some(key_pair) = self.persona_key(write, persona.record, now).await? else {
            return Ok(Admission::PoolEmpty);
        };
        let certificate = self.certificate_within(write, persona.record).await?;
        Ok(Admission::Admitted(Box::new(Admitted {
            activation: place.activation,
            record: persona.record,
            persona: persona.id,
            salt: persona.fact_salt,
            machine: place.machine,
            key_pair,
            certificate,
        })))
    }
}

impl Admitting<'_> {
    fn place_of(&self, before: GrantUse) -> Result<Place, Fault> {
        let machine = self.known.machine(before.device);
        let machine = machine.ok_or_else(|| Damaged::new("devices", "id", "the device is gone"))?;
        Ok(Place {
            activation: before.activation,
            machine,
        })
    }

    /// The id is made of the facts. A machine that has changed since may have the one these facts
    /// make; then this one gets one of chance.
    fn new_machine(&self, store: &ActivationStore) -> MachineId {
        let salt = &self.persona.fact_salt;
        let machine = MachineId::of(store.secrets.engine(), salt, &self.request.facts);
        let mut taken = self.known.machines.iter();
        match taken.any(|(_, known)| *known == machine) {
            true => MachineId::from_bytes(store.secrets.fresh_id()),
            false => machine,
        }
    }
}
