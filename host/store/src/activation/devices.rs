//! Devices, and what was made for them: certificates and packages.

use async_trait::async_trait;
use colophon_activation::MachineId;
use colophon_core::activation::admit::{Admission, AdmissionRequest};
use colophon_core::activation::device::Device;
use colophon_core::activation::grant::FETCHING_MS;
use colophon_core::activation::key_pair::PersonaCertificate;
use colophon_core::activation::ports::Activations;
use colophon_core::activation::text::DeviceName;
use colophon_core::id::{ActivationRef, DeviceRef, PersonaRef};
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

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
pub(super) const CERTIFICATE: Column = Column {
    table: "persona_certificates",
    name: "certificate",
};
pub(super) const PACKAGE: Column = Column {
    table: "activation_packages",
    name: "package",
};

const SELECT: &str = "SELECT id, machine, name, reader, repeats, registered_at, activated_at, \
    released_at FROM devices WHERE persona = $1 ORDER BY registered_at DESC, id";

const RELEASE: &str = "UPDATE devices SET released_at = $3 \
    WHERE id = $1 AND persona = $2 AND released_at IS NULL";

const DROP_PACKAGES: &str = "DELETE FROM activation_packages WHERE activation IN \
    (SELECT id FROM activations WHERE device = $1)";

const RENAME: &str = "UPDATE devices SET name = $3 WHERE id = $1 AND persona = $2";

const LOCK_PERSONA: &str =
    "UPDATE personas SET used = used WHERE id = $1 AND erased_at IS NULL RETURNING id";

const NEWEST_CERTIFICATE: &str = "SELECT number, certificate, serial, issued_at, valid_until, \
    revoked_at FROM persona_certificates WHERE persona = $1 ORDER BY number DESC LIMIT 1";

const INSERT_CERTIFICATE: &str = "INSERT INTO persona_certificates (persona, number, certificate, \
    serial, issued_at, valid_until) VALUES ($1, $2, $3, $4, $5, $6)";

const SELECT_PACKAGE: &str = "SELECT package FROM activation_packages WHERE activation = $1";

const INSERT_PACKAGE: &str = "INSERT INTO activation_packages (activation, package, kept_until) \
    VALUES ($1, $2, $3) ON CONFLICT (activation) DO NOTHING";

const FINISH: &str = "UPDATE activations SET finished_at = COALESCE(finished_at, $2) WHERE id = $1";

#[derive(FromRow)]
pub(super) struct DeviceRow {
    id: Vec<u8>,
    machine: Vec<u8>,
    name: Option<Vec<u8>>,
    reader: String,
    repeats: i64,
    registered_at: i64,
    activated_at: i64,
    released_at: Option<i64>,
}

#[derive(FromRow)]
struct CertificateRow {
    number: i64,
    certificate: Vec<u8>,
    serial: Vec<u8>,
    issued_at: i64,
    valid_until: i64,
    revoked_at: Option<i64>,
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

    /// The persona's certificate, unless it is revoked.
    pub(super) async fn certificate_within(
        &self,
        write: &mut Write,
        record: PersonaRef,
    ) -> Result<Option<PersonaCertificate>, Fault> {
        let newest = self.newest_certificate(write, record).await?;
        Ok(newest.and_then(|(_, certificate)| certificate))
    }

    /// The number of the newest certificate, and the certificate unless it is revoked.
    async fn newest_certificate(
        &self,
        write: &mut Write,
        record: PersonaRef,
    ) -> Result<Option<(i64, Option<PersonaCertificate>)>, Fault> {
        let id = record.as_bytes();
        let row: Option<CertificateRow> =
            write.optional(NEWEST_CERTIFICATE, arguments![id]).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.revoked_at.is_some() {
            return Ok(Some((row.number, None)));
        }
        let number = row.number.to_be_bytes();
        let der = self
            .secrets
            .open(CERTIFICATE, &[id, &number], &row.certificate)?;
        let certificate = PersonaCertificate {
            der: der.to_vec(),
            serial: row.serial,
            issued_at: moment(row.issued_at),
            until: moment(row.valid_until),
        };
        Ok(Some((row.number, Some(certificate))))
    }

    async fn enter_certificate(
        &self,
        record: PersonaRef,
        certificate: &PersonaCertificate,
        now: Timestamp,
    ) -> Result<PersonaCertificate, Fault> {
        let id = record.as_bytes();
        let mut write = self.database.write().await?;
        let locked: Vec<(Vec<u8>,)> = write.all(LOCK_PERSONA, arguments![id]).await?;
        if locked.is_empty() {
            write.undo().await?;
            return Err(Damaged::new("personas", "id", "the persona is gone").into());
        }
        let newest = self.newest_certificate(&mut write, record).await?;
        let number = match newest {
            Some((_, Some(kept))) if kept.lasts(now) => {
                write.undo().await?;
                return Ok(kept);
            }
            Some((number, _)) => number.saturating_add(1),
            None => 1,
        };
        let sealed = self
            .secrets
            .seal(CERTIFICATE, &[id, &number.to_be_bytes()], &certificate.der);
        let values = arguments![
            id,
            number,
            &sealed,
            &certificate.serial,
            certificate.issued_at.unix_ms(),
            certificate.until.unix_ms(),
        ];
        write.execute(INSERT_CERTIFICATE, values).await?;
        write.commit().await?;
        Ok(certificate.clone())
    }

    pub(super) async fn package_within(
        &self,
        write: &mut Write,
        activation: ActivationRef,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let id = activation.as_bytes();
        let row: Option<(Vec<u8>,)> = write.optional(SELECT_PACKAGE, arguments![id]).await?;
        let Some((sealed,)) = row else {
            return Ok(None);
        };
        let package = self.secrets.open(PACKAGE, &[id], &sealed)?;
        Ok(Some(package.to_vec()))
    }

    async fn keep_package(
        &self,
        activation: ActivationRef,
        package: Vec<u8>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Fault> {
        let id = activation.as_bytes();
        let sealed = self.secrets.seal(PACKAGE, &[id], &package);
        let mut write = self.database.write().await?;
        let values = arguments![id, &sealed, now.unix_ms() + FETCHING_MS];
        let entered = write.execute(INSERT_PACKAGE, values).await?;
        let package = match entered {
            0 => self.package_within(&mut write, activation).await?,
            _ => Some(package),
        };
        let values = arguments![id, now.unix_ms()];
        write.execute(FINISH, values).await?;
        write.commit().await?;
        package.ok_or_else(|| Damaged::new("activation_packages", "package", "it is gone").into())
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
    ) -> Result<PersonaCertificate, Unavailable> {
        self.enter_certificate(record, certificate, now)
            .await
            .map_err(unavailable)
    }

    async fn finish(
        &self,
        activation: ActivationRef,
        package: Vec<u8>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Unavailable> {
        self.keep_package(activation, package, now)
            .await
            .map_err(unavailable)
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
