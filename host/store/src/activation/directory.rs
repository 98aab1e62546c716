//! What an operator sees and does: personas, their dated activations, and what is taken back.

use colophon_activation::PersonaId;
use colophon_core::activation::grant::Purpose;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::text::ReaderProduct;
use colophon_core::id::{ActivationRef, DeviceRef, PersonaRef};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::ActivationStore;
use super::grants::purpose;
use super::handed_over::DROP_PACKAGES_OF_PERSONA;
use super::orders::DROP_ORDERS_OF_PERSONA;
use super::personas::PersonaColumns;
use crate::database::arguments;
use crate::failure::{ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};

/// A persona as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonaRow {
    /// The persona.
    pub persona: Persona,
    /// Machines in use.
    pub devices: u64,
    /// When its record was made.
    pub created_at: Timestamp,
}

/// One line of the dated list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationRow {
    /// The activation.
    pub activation: ActivationRef,
    /// The machine.
    pub device: DeviceRef,
    /// What for.
    pub purpose: Purpose,
    /// Whether it counts against the quota.
    pub is_counted: bool,
    /// The reader.
    pub reader: ReaderProduct,
    /// When it was admitted.
    pub at: Timestamp,
    /// When its package was made.
    pub finished_at: Option<Timestamp>,
    /// When an operator gave it back.
    pub given_back_at: Option<Timestamp>,
}

/// A persona's certificate that counts no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub at: Timestamp,
}

const LIST: &str = "SELECT p.id, p.persona, p.profile, p.fact_salt, p.first_activation, p.used, \
    p.withdrawn_at, p.created_at, (SELECT COUNT(*) FROM devices d WHERE d.persona = p.id \
    AND d.released_at IS NULL) AS devices FROM personas p WHERE p.erased_at IS NULL \
    ORDER BY p.created_at DESC, p.id LIMIT $1";

const ACTIVATIONS: &str = "SELECT id, device, purpose, counted, reader, at, finished_at, \
    given_back_at FROM activations WHERE persona = $1 ORDER BY at DESC, id";

/// Only the one counted last: asked for twice, one is given back.
const GIVE_BACK: &str = "UPDATE activations SET given_back_at = $2 WHERE given_back_at IS NULL \
    AND id = (SELECT id FROM activations WHERE device = $1 AND counted = 1 \
    ORDER BY at DESC, id LIMIT 1)";

const UNCOUNT: &str = "UPDATE personas SET used = used - 1 WHERE id = $1 AND used > 0";

const LOCK: &str = "UPDATE personas SET used = used WHERE id = $1 AND erased_at IS NULL";

const LOCK_DEVICE: &str = "UPDATE devices SET repeats = repeats WHERE id = $1 AND persona = $2";

const WITHDRAW: &str = "UPDATE personas SET withdrawn_at = COALESCE(withdrawn_at, $2) \
    WHERE id = $1 AND erased_at IS NULL";

const REINSTATE: &str =
    "UPDATE personas SET withdrawn_at = NULL WHERE id = $1 AND erased_at IS NULL";

const REVOKE: &str = "UPDATE persona_certificates SET revoked_at = COALESCE(revoked_at, $2) \
    WHERE persona = $1";

const REVOKED: &str = "SELECT serial, revoked_at FROM persona_certificates \
    WHERE revoked_at IS NOT NULL AND valid_until > $1 ORDER BY revoked_at, serial";

#[derive(FromRow)]
struct ListRow {
    #[sqlx(flatten)]
    persona: PersonaColumns,
    created_at: i64,
    devices: i64,
}

#[derive(FromRow)]
struct DatedRow {
    id: Vec<u8>,
    device: Vec<u8>,
    purpose: String,
    counted: i64,
    reader: String,
    at: i64,
    finished_at: Option<i64>,
    given_back_at: Option<i64>,
}

impl ActivationStore {
    /// The latest personas, the latest first.
    pub async fn list_personas(&self, limit: u32) -> Result<Vec<PersonaRow>, ReadError> {
        let values = arguments![i64::from(limit)];
        let rows: Vec<ListRow> = self.database.all(LIST, values).await?;
        let rows = rows.iter().map(|row| {
            Ok(PersonaRow {
                persona: self.open_persona(&row.persona)?,
                devices: counted("devices", "id", row.devices)?,
                created_at: moment(row.created_at),
            })
        });
        Ok(rows.collect::<Result<_, Damaged>>().map_err(Fault::from)?)
    }

    /// A persona by its id.
    pub async fn show_persona(&self, persona: &PersonaId) -> Result<Option<Persona>, ReadError> {
        match self.find_persona(persona).await? {
            Some(record) => Ok(self.load_persona(record).await?),
            None => Ok(None),
        }
    }

    /// A persona's dated list, the latest first.
    pub async fn list_activations(
        &self,
        record: PersonaRef,
    ) -> Result<Vec<ActivationRow>, ReadError> {
        let values = arguments![record.as_bytes()];
        let rows: Vec<DatedRow> = self.database.all(ACTIVATIONS, values).await?;
        let rows = rows.iter().map(dated);
        Ok(rows.collect::<Result<_, Damaged>>().map_err(Fault::from)?)
    }

    /// Gives the activation that was last counted for a machine back, and releases the machine
    /// where its person has not. Only an operator can; a person who could would have no limit.
    pub async fn give_back(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let id = record.as_bytes();
        let mut write = self.database.write().await?;
        let locked = write.execute(LOCK, arguments![id]).await?;
        let owned = write
            .execute(LOCK_DEVICE, arguments![device.as_bytes(), id])
            .await?;
        if locked == 0 || owned == 0 {
            write.undo().await?;
            return Err(ChangeError::NotFound);
        }
        let released = self.release_within(&mut write, record, device, now).await?;
        let values = arguments![device.as_bytes(), now.unix_ms()];
        let given_back = write.execute(GIVE_BACK, values).await? > 0;
        if given_back {
            write.execute(UNCOUNT, arguments![id]).await?;
        }
        if !released && !given_back {
            write.undo().await?;
            return Err(ChangeError::NotFound);
        }
        write.commit().await?;
        Ok(())
    }

    /// Takes a persona's certificates back and lets it activate nothing more.
    pub async fn withdraw(&self, record: PersonaRef, now: Timestamp) -> Result<(), ChangeError> {
        let values = arguments![record.as_bytes(), now.unix_ms()];
        let mut write = self.database.write().await?;
        if write.execute(WITHDRAW, values).await? == 0 {
            write.undo().await?;
            return Err(ChangeError::NotFound);
        }
        write.execute(REVOKE, values).await?;
        let values = arguments![record.as_bytes()];
        write.execute(DROP_PACKAGES_OF_PERSONA, values).await?;
        write.execute(DROP_ORDERS_OF_PERSONA, values).await?;
        write.commit().await?;
        Ok(())
    }

    /// Lets a withdrawn persona activate again. Its certificates stay revoked; the next activation
    /// of each device brings a new one.
    pub async fn reinstate(&self, record: PersonaRef) -> Result<(), ChangeError> {
        let values = arguments![record.as_bytes()];
        match self.database.execute(REINSTATE, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// Certificates of personas that were taken back and would still be valid, the earliest first.
    pub async fn revoked_certificates(
        &self,
        now: Timestamp,
    ) -> Result<Vec<RevokedCertificate>, ReadError> {
        let values = arguments![now.unix_ms()];
        let rows: Vec<(Vec<u8>, i64)> = self.database.all(REVOKED, values).await?;
        let rows = rows.into_iter().map(|(serial, at)| RevokedCertificate {
            serial,
            at: moment(at),
        });
        Ok(rows.collect())
    }
}

fn dated(row: &DatedRow) -> Result<ActivationRow, Damaged> {
    Ok(ActivationRow {
        activation: ActivationRef::from_bytes(sized("activations", "id", &row.id)?),
        device: DeviceRef::from_bytes(sized("activations", "device", &row.device)?),
        purpose: purpose(Some(&row.purpose))?,
        is_counted: row.counted != 0,
        reader: parsed("activations", "reader", &row.reader)?,
        at: moment(row.at),
        finished_at: row.finished_at.map(moment),
        given_back_at: row.given_back_at.map(moment),
    })
}
