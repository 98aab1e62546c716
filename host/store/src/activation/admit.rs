//! Admission: quota, device, key pair and the dated list in one transaction.
//!
//! The transaction begins by writing to the persona's row. On PostgreSQL that locks it, so that of
//! any number of requests for one persona each sees what those before it have written; SQLite has
//! one writer anyway.

use colophon_activation::{MachineFacts, MachineId};
use colophon_core::activation::admit::{
    Admission, AdmissionRequest, Admitted, GrantUse, KnownDevice, Step, decide,
};
use colophon_core::activation::grant::Purpose;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::text::DeviceName;
use colophon_core::id::{ActivationRef, DeviceRef};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::ActivationStore;
use super::devices::{FACTS, NAME};
use super::grants::{purpose, purpose_word};
use super::personas::PersonaColumns;
use super::settings::read_settings;
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, sized};

const LOCK: &str = "UPDATE personas SET used = used WHERE id = (SELECT persona FROM grants \
    WHERE id = $1 AND state = 'approved' AND valid_until > $2) AND erased_at IS NULL \
    RETURNING id, persona, profile, fact_salt, first_activation, used, withdrawn_at";

const GRANT: &str = "SELECT g.device_name, g.purpose, a.id AS activation, a.device FROM grants g \
    LEFT JOIN activations a ON a.grant_id = g.id WHERE g.id = $1";

const DEVICES: &str = "SELECT d.id, d.machine, d.facts, d.repeats, d.released_at, \
    u.id AS unfinished FROM devices d \
    LEFT JOIN activations u ON u.id = d.activation AND u.finished_at IS NULL \
    WHERE d.persona = $1 ORDER BY d.registered_at DESC, d.id";

const TAKE_OVER: &str = "UPDATE activations SET grant_id = $2, purpose = $3 WHERE id = $1";

const INSERT_DEVICE: &str = "INSERT INTO devices (id, persona, machine, facts, name, reader, \
    repeats, registered_at, activated_at, activation) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7, $8)";

const REPEAT_DEVICE: &str = "UPDATE devices SET facts = $2, name = COALESCE($3, name), reader = $4, \
    repeats = repeats + 1, activated_at = $5, activation = $6 WHERE id = $1";

const COUNT_DEVICE: &str = "UPDATE devices SET facts = $2, name = COALESCE($3, name), reader = $4, \
    repeats = 0, activated_at = $5, activation = $6, released_at = NULL WHERE id = $1";

const INSERT_ACTIVATION: &str = "INSERT INTO activations (id, persona, device, grant_id, purpose, \
    counted, reader, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const COUNT: &str = "UPDATE personas SET used = used + 1, \
    first_activation = COALESCE(first_activation, $2) WHERE id = $1";

#[derive(FromRow)]
struct GrantColumns {
    device_name: Option<Vec<u8>>,
    purpose: Option<String>,
    activation: Option<Vec<u8>>,
    device: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct DeviceColumns {
    id: Vec<u8>,
    machine: Vec<u8>,
    facts: Vec<u8>,
    repeats: i64,
    released_at: Option<i64>,
    unfinished: Option<Vec<u8>>,
}

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
            Step::LimitReached { next_grant } => {
                let used = admitting.persona.standing.used;
                return Ok(Admission::LimitReached { next_grant, used });
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

    async fn asked(&self, write: &mut Write, request: &AdmissionRequest) -> Result<Asked, Fault> {
        let values = arguments![request.grant.as_bytes()];
        let row: Option<GrantColumns> = write.optional(GRANT, values).await?;
        let row = row.ok_or_else(|| Damaged::new("grants", "id", "the grant is gone"))?;
        let used_for = match (&row.activation, &row.device) {
            (Some(activation), Some(device)) => Some(GrantUse {
                activation: ActivationRef::from_bytes(sized("activations", "id", activation)?),
                device: DeviceRef::from_bytes(sized("activations", "device", device)?),
            }),
            _ => None,
        };
        Ok(Asked {
            device_name: self.open_device_name(request.grant, row.device_name.as_deref())?,
            purpose: purpose(row.purpose.as_deref())?,
            used_for,
        })
    }

    async fn known_devices(&self, write: &mut Write, persona: &Persona) -> Result<Known, Fault> {
        let values = arguments![persona.record.as_bytes()];
        let rows: Vec<DeviceColumns> = write.all(DEVICES, values).await?;
        let mut known = Known {
            devices: Vec::new(),
            machines: Vec::new(),
        };
        for row in &rows {
            let record: [u8; 16] = sized("devices", "id", &row.id)?;
            let facts = self.secrets.open(FACTS, &[&record], &row.facts)?;
            let facts = MachineFacts::parse(&facts);
            let record = DeviceRef::from_bytes(record);
            let machine = MachineId::from_bytes(sized("devices", "machine", &row.machine)?);
            let unfinished = row.unfinished.as_deref();
            let unfinished = unfinished.map(|id| sized("devices", "activation", id));
            known.machines.push((record, machine));
            known.devices.push(KnownDevice {
                record,
                facts: facts.map_err(|error| Damaged::new("devices", "facts", error))?,
                is_released: row.released_at.is_some(),
                repeats: counted("devices", "repeats", row.repeats)?,
                unfinished: unfinished.transpose()?.map(ActivationRef::from_bytes),
            });
        }
        Ok(known)
    }

    async fn repeat(
        &self,
        write: &mut Write,
        admitting: &Admitting<'_>,
        device: DeviceRef,
    ) -> Result<Place, Fault> {
        let activation = ActivationRef::from_bytes(self.secrets.fresh_id());
        self.update_device(write, REPEAT_DEVICE, admitting, device, activation)
            .await?;
        self.list(write, admitting, device, activation, 0).await?;
        admitting.place_of(GrantUse { device, activation })
    }

    async fn count(
        &self,
        write: &mut Write,
        admitting: &Admitting<'_>,
        device: Option<DeviceRef>,
    ) -> Result<Place, Fault> {
        let activation = ActivationRef::from_bytes(self.secrets.fresh_id());
        let (device, machine) = match device {
            Some(device) => {
                self.update_device(write, COUNT_DEVICE, admitting, device, activation)
                    .await?;
                let place = admitting.place_of(GrantUse { device, activation })?;
                (device, place.machine)
            }
            None => self.insert_device(write, admitting, activation).await?,
        };
        self.list(write, admitting, device, activation, 1).await?;
        let persona = admitting.persona.record.as_bytes();
        let values = arguments![persona, admitting.now.unix_ms()];
        write.execute(COUNT, values).await?;
        Ok(Place {
            activation,
            machine,
        })
    }

    async fn insert_device(
        &self,
        write: &mut Write,
        admitting: &Admitting<'_>,
        activation: ActivationRef,
    ) -> Result<(DeviceRef, MachineId), Fault> {
        let id = self.secrets.fresh_id();
        let machine = admitting.new_machine(self);
        let (facts, name) = self.seal_device(admitting, &id);
        let values = arguments![
            &id,
            admitting.persona.record.as_bytes(),
            machine.as_bytes(),
            &facts,
            name.as_deref(),
            admitting.request.reader.as_str(),
            admitting.now.unix_ms(),
            activation.as_bytes(),
        ];
        write.execute(INSERT_DEVICE, values).await?;
        Ok((DeviceRef::from_bytes(id), machine))
    }

    async fn update_device(
        &self,
        write: &mut Write,
        sql: &'static str,
        admitting: &Admitting<'_>,
        device: DeviceRef,
        activation: ActivationRef,
    ) -> Result<(), Fault> {
        let (facts, name) = self.seal_device(admitting, device.as_bytes());
        let values = arguments![
            device.as_bytes(),
            &facts,
            name.as_deref(),
            admitting.request.reader.as_str(),
            admitting.now.unix_ms(),
            activation.as_bytes(),
        ];
        write.execute(sql, values).await?;
        Ok(())
    }

    fn seal_device(&self, admitting: &Admitting<'_>, id: &[u8; 16]) -> (Vec<u8>, Option<Vec<u8>>) {
        let facts = admitting.request.facts.to_json();
        let facts = self.secrets.seal(FACTS, &[id], facts.as_bytes());
        let name = admitting.asked.device_name.as_ref();
        let name = name.map(|name| self.secrets.seal(NAME, &[id], name.as_str().as_bytes()));
        (facts, name)
    }

    async fn list(
        &self,
        write: &mut Write,
        admitting: &Admitting<'_>,
        device: DeviceRef,
        activation: ActivationRef,
        counted: i64,
    ) -> Result<(), Fault> {
        let values = arguments![
            activation.as_bytes(),
            admitting.persona.record.as_bytes(),
            device.as_bytes(),
            admitting.request.grant.as_bytes(),
            purpose_word(admitting.asked.purpose),
            counted,
            admitting.request.reader.as_str(),
            admitting.now.unix_ms(),
        ];
        write.execute(INSERT_ACTIVATION, values).await?;
        Ok(())
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
