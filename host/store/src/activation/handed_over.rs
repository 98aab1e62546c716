//! What was made for devices: their personas' certificates, and packages.

use colophon_core::activation::grant::FETCHING_MS;
use colophon_core::activation::key_pair::PersonaCertificate;
use colophon_core::activation::ports::NotKept;
use colophon_core::id::{ActivationRef, PersonaRef};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::orders::DROP_ORDER;
use super::{ActivationStore, unavailable};
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::moment;
use crate::secrets::Column;

pub(super) const CERTIFICATE: Column = Column {
    table: "persona_certificates",
    name: "certificate",
};
pub(super) const PACKAGE: Column = Column {
    table: "activation_packages",
    name: "package",
};

/// Begins every transaction that keeps something: an operator who withdraws the persona comes
/// before it, and nothing is kept, or after it, and what was kept is taken back.
const LOCK_PERSONA: &str = "UPDATE personas SET used = used \
    WHERE id = $1 AND withdrawn_at IS NULL AND erased_at IS NULL";

pub(super) const LOCK_PERSONA_OF: &str = "UPDATE personas SET used = used \
    WHERE id = (SELECT persona FROM activations WHERE id = $1) \
    AND withdrawn_at IS NULL AND erased_at IS NULL";

pub(super) const LOCK_DEVICE_OF: &str = "UPDATE devices SET repeats = repeats \
    WHERE id = (SELECT device FROM activations WHERE id = $1) AND released_at IS NULL";

const NEWEST_CERTIFICATE: &str = "SELECT number, certificate, serial, issued_at, valid_until, \
    revoked_at FROM persona_certificates WHERE persona = $1 ORDER BY number DESC LIMIT 1";

const INSERT_CERTIFICATE: &str = "INSERT INTO persona_certificates (persona, number, certificate, \
    serial, issued_at, valid_until) VALUES ($1, $2, $3, $4, $5, $6)";

const GOOD_CERTIFICATES: &str = "SELECT COUNT(*) FROM persona_certificates \
    WHERE persona = (SELECT persona FROM activations WHERE id = $1) AND serial = $2 \
    AND revoked_at IS NULL";

const SELECT_PACKAGE: &str = "SELECT package FROM activation_packages WHERE activation = $1";

const INSERT_PACKAGE: &str = "INSERT INTO activation_packages (activation, package, kept_until) \
    VALUES ($1, $2, $3) ON CONFLICT (activation) DO NOTHING";

pub(super) const DROP_PACKAGES_OF_PERSONA: &str = "DELETE FROM activation_packages \
    WHERE activation IN (SELECT id FROM activations WHERE persona = $1)";

const FINISH: &str = "UPDATE activations SET finished_at = COALESCE(finished_at, $2) WHERE id = $1";

#[derive(FromRow)]
struct CertificateRow {
    number: i64,
    certificate: Vec<u8>,
    serial: Vec<u8>,
    issued_at: i64,
    valid_until: i64,
    revoked_at: Option<i64>,
}

/// Why something was not kept.
pub(super) enum Unkept {
    Withdrawn,
    Released,
    CertificateRevoked,
    Fault(Fault),
}

impl From<Fault> for Unkept {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unkept> for NotKept {
    fn from(unkept: Unkept) -> Self {
        match unkept {
            Unkept::Withdrawn => Self::Withdrawn,
            Unkept::Released => Self::Released,
            Unkept::CertificateRevoked => Self::CertificateRevoked,
            Unkept::Fault(fault) => Self::Unavailable(unavailable(fault)),
        }
    }
}

impl ActivationStore {
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

    pub(super) async fn enter_certificate(
        &self,
        record: PersonaRef,
        certificate: &PersonaCertificate,
        now: Timestamp,
    ) -> Result<PersonaCertificate, Unkept> {
        let id = record.as_bytes();
        let mut write = self.database.write().await?;
        if write.execute(LOCK_PERSONA, arguments![id]).await? == 0 {
            write.undo().await?;
            return Err(Unkept::Withdrawn);
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

    pub(super) async fn keep_package(
        &self,
        activation: ActivationRef,
        certificate: &PersonaCertificate,
        package: Vec<u8>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Unkept> {
        let id = activation.as_bytes();
        let sealed = self.secrets.seal(PACKAGE, &[id], &package);
        let mut write = self.database.write().await?;
        if write.execute(LOCK_PERSONA_OF, arguments![id]).await? == 0 {
            write.undo().await?;
            return Err(Unkept::Withdrawn);
        }
        if write.execute(LOCK_DEVICE_OF, arguments![id]).await? == 0 {
            write.undo().await?;
            return Err(Unkept::Released);
        }
        // The persona is locked: who withdraws it from now on finds the package.
        let values = arguments![id, &certificate.serial];
        let good: Option<(i64,)> = write.optional(GOOD_CERTIFICATES, values).await?;
        if good.is_none_or(|(count,)| count == 0) {
            write.undo().await?;
            return Err(Unkept::CertificateRevoked);
        }
        let values = arguments![id, &sealed, now.unix_ms() + FETCHING_MS];
        let entered = write.execute(INSERT_PACKAGE, values).await?;
        let package = match entered {
            0 => self.package_within(&mut write, activation).await?,
            _ => Some(package),
        };
        let values = arguments![id, now.unix_ms()];
        write.execute(FINISH, values).await?;
        write.execute(DROP_ORDER, arguments![id]).await?;
        write.commit().await?;
        let gone = || Damaged::new("activation_packages", "package", "it is gone");
        Ok(package.ok_or_else(gone).map_err(Fault::from)?)
    }
}
