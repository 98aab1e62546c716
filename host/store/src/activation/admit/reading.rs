//! What is known when a machine asks.

use colophon_activation::{MachineFacts, MachineId};
use colophon_core::activation::admit::{AdmissionRequest, GrantUse, KnownDevice};
use colophon_core::activation::persona::Persona;
use colophon_core::id::{ActivationRef, DeviceRef};
use sqlx::FromRow;

use super::{Asked, Known};
use crate::activation::ActivationStore;
use crate::activation::devices::FACTS;
use crate::activation::grants::purpose;
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, sized};

const GRANT: &str = "SELECT g.device_name, g.purpose, a.id AS activation, a.device FROM grants g \
    LEFT JOIN activations a ON a.grant_id = g.id WHERE g.id = $1";

const DEVICES: &str = "SELECT d.id, d.machine, d.facts, d.repeats, d.released_at, \
    u.id AS unfinished FROM devices d \
    LEFT JOIN activations u ON u.id = d.activation AND u.finished_at IS NULL \
    WHERE d.persona = $1 ORDER BY d.registered_at DESC, d.id";

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

impl ActivationStore {
    pub(super) async fn asked(
        &self,
        write: &mut Write,
        request: &AdmissionRequest,
    ) -> Result<Asked, Fault> {
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

    pub(super) async fn known_devices(
        &self,
        write: &mut Write,
        persona: &Persona,
    ) -> Result<Known, Fault> {
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
}
