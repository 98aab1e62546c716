//! What is written about a machine that is admitted.

use colophon_activation::MachineId;
use colophon_core::activation::admit::GrantUse;
use colophon_core::id::{ActivationRef, DeviceRef};

use super::{Admitting, Place};
use crate::activation::ActivationStore;
use crate::activation::devices::{FACTS, NAME};
use crate::activation::grants::purpose_word;
use crate::database::{Write, arguments};
use crate::failure::Fault;

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

impl ActivationStore {
    pub(super) async fn repeat(
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

    pub(super) async fn count(
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
