//! Devices.

use async_trait::async_trait;
use colophon_activation::MachineId;
use colophon_core::activation::admit::{Admission, AdmissionRequest};
use colophon_core::activation::device::Device;
use colophon_core::activation::key_pair::PersonaCertificate;
use colophon_core::activation::ports::{Activations, NotKept};
use colophon_core::activation::text::DeviceName;
use colophon_core::id::{ActivationRef, DeviceRef, PersonaRef};
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::orders::DROP_ORDERS_OF_DEVICE;
use super::{ActivationStore, unavailable};
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment, parsed, sized};
use crate::secrets::Column;

pub(super) const FACTS: Column = Column {
    table: "devices",
    name: "facts",
};
pub(super) const NAME: Column = Column {
    table: "devices",
    name: "name",
};
const SELECT: &str = "SELECT id, machine, name, reader, repeats, registered_at, activated_at, \
    released_at FROM devices WHERE persona = $1 ORDER BY registered_at DESC, id";

const RELEASE: &str = "UPDATE devices SET released_at = $3 \
    WHERE id = $1 AND persona = $2 AND released_at IS NULL";

const DROP_PACKAGES: &str = "DELETE FROM activation_packages WHERE activation IN \
    (SELECT id FROM activations WHERE device = $1)";

/// A reader's request ends with the machine it was for; it would be served again otherwise.
const END_GRANTS: &str = "DELETE FROM grants WHERE id IN \
    (SELECT grant_id FROM activations WHERE device = $1)";

const RENAME: &str =
    "UPDATE devices SET name = $3 WHERE id = $1 AND persona = $2 AND released_at IS NULL";

#[derive(FromRow)]
struct DeviceRow {
    id: Vec<u8>,
    machine: Vec<u8>,
    name: Option<Vec<u8>>,
    reader: String,
    repeats: i64,
    registered_at: i64,
    activated_at: i64,
    released_at: Option<i64>,
}

impl ActivationStore {
    pub(super) async fn load_devices(&self, record: PersonaRef) -> Result<Vec<Device>, Fault> {
        let values = arguments![record.as_bytes()];
        let rows: Vec<DeviceRow> = self.database.all(SELECT, values).await?;
        let devices = rows.iter().map(|row| self.open_device(row));
        Ok(devices.collect::<Result<_, _>>()?)
    }

    fn open_device(&self, row: &DeviceRow) -> Result<Device, Damaged> {
        let id: [u8; 16] = sized("devices", "id", &row.id)?;
        let open = |sealed: &Vec<u8>| -> Result<DeviceName, Damaged> {
            let name = self.secrets.open(NAME, &[&id], sealed)?;
            parsed("devices", "name", &String::from_utf8_lossy(&name))
        };
        Ok(Device {
            record: DeviceRef::from_bytes(id),
            machine: MachineId::from_bytes(sized("devices", "machine", &row.machine)?),
            name: row.name.as_ref().map(open).transpose()?,
            reader: parsed("devices", "reader", &row.reader)?,
            repeats: counted("devices", "repeats", row.repeats)?,
            registered_at: moment(row.registered_at),
            activated_at: moment(row.activated_at),
            released_at: row.released_at.map(moment),
        })
    }

    pub(super) async fn release_within(
        &self,
        write: &mut Write,
        record: PersonaRef,
        device: DeviceRef,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let values = arguments![device.as_bytes(), record.as_bytes(), now.unix_ms()];
        let released = write.execute(RELEASE, values).await? > 0;
        if released {
            let values = arguments![device.as_bytes()];
            write.execute(DROP_PACKAGES, values).await?;
            write.execute(DROP_ORDERS_OF_DEVICE, values).await?;
            write.execute(END_GRANTS, values).await?;
        }
        Ok(released)
    }

    async fn release_device(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let mut write = self.database.write().await?;
        let released = self.release_within(&mut write, record, device, now).await?;
        write.commit().await?;
        Ok(released)
    }

    async fn rename_device(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        name: &DeviceName,
    ) -> Result<bool, Fault> {
        let id = device.as_bytes();
        let sealed = self.secrets.seal(NAME, &[id], name.as_str().as_bytes());
        let values = arguments![id, record.as_bytes(), &sealed];
        Ok(self.database.execute(RENAME, values).await? > 0)
    }
}

#[async_trait]
impl Activations for ActivationStore {
    async fn admit(
        &self,
        request: &AdmissionRequest,
        now: Timestamp,
    ) -> Result<Admission, Unavailable> {
        self.admitted(request, now).await.map_err(unavailable)
    }

    async fn keep_certificate(
        &self,
        record: PersonaRef,
        certificate: &PersonaCertificate,
        now: Timestamp,
    ) -> Result<PersonaCertificate, NotKept> {
        let kept = self.enter_certificate(record, certificate, now).await;
        Ok(kept?)
    }

    async fn finish(
        &self,
        activation: ActivationRef,
        certificate: &PersonaCertificate,
        package: Vec<u8>,
        now: Timestamp,
    ) -> Result<Vec<u8>, NotKept> {
        let kept = self
            .keep_package(activation, certificate, package, now)
            .await;
        Ok(kept?)
    }

    async fn devices(&self, record: PersonaRef) -> Result<Vec<Device>, Unavailable> {
        self.load_devices(record).await.map_err(unavailable)
    }

    async fn release(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.release_device(record, device, now)
            .await
            .map_err(unavailable)
    }

    async fn rename(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        name: &DeviceName,
    ) -> Result<bool, Unavailable> {
        self.rename_device(record, device, name)
            .await
            .map_err(unavailable)
    }
}
