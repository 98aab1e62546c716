//! Fulfillment centers.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::center::{Center, RetailerKey};
use colophon_core::id::RowVersion;
use colophon_core::ports::{Centers, Service, Unavailable};
use colophon_core::time::Timestamp;
use colophon_receipt::{CenterId, KeyId, TimePolicy};
use colophon_title::CopyKey;
use colophon_title::license::RightsTemplate;
use sqlx::FromRow;

use crate::database::arguments;
use crate::failure::{AddError, ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, rights, rights_text};
use crate::secrets::Column;
use crate::signers::{CenterKeyRole, KeyColumns};
use crate::store::Store;

pub(crate) const COPY_KEY: Column = Column {
    table: "centers",
    name: "copy_key",
};

/// A center to be made.
pub struct NewCenter {
    /// Its address segment.
    pub id: CenterId,
    /// Its name for people.
    pub name: String,
    /// How receipts are held against the clock.
    pub time_policy: TimePolicy,
    /// Makes its copy ids and entity tags.
    pub copy_key: CopyKey,
}

/// A center as it is kept, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CenterRecord {
    /// Its address segment.
    pub id: CenterId,
    /// Its name for people.
    pub name: String,
    /// How receipts are held against the clock.
    pub time_policy: TimePolicy,
    /// What its licenses grant, where somebody has said so.
    pub rights: Option<RightsTemplate>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts the changes of the center and its signers.
    pub row_version: RowVersion,
}

const INSERT: &str = "INSERT INTO centers (id, name, receipt_skew_s, receipt_lifetime_s, \
    receipt_resume_s, copy_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";

const UPDATE: &str = "UPDATE centers SET name = $2, receipt_skew_s = $3, receipt_lifetime_s = $4, \
    receipt_resume_s = $5, updated_at = $6 WHERE id = $1";

const UPDATE_RIGHTS: &str = "UPDATE centers SET rights = $2, updated_at = $3 WHERE id = $1";

const SELECT: &str = "SELECT id, name, receipt_skew_s, receipt_lifetime_s, receipt_resume_s, rights, \
    created_at, updated_at, row_version FROM centers WHERE $1 IS NULL OR id = $1 ORDER BY id";

/// One statement, so that a center is never seen with another moment's signer.
const SELECT_WITH_KEYS: &str = "SELECT c.receipt_skew_s, c.receipt_lifetime_s, c.receipt_resume_s, \
    c.copy_key, c.rights, p.chain AS provider_chain, p.private_key AS provider_key, \
    l.chain AS licensor_chain, l.private_key AS licensor_key, u.chain AS upload_chain, \
    u.private_key AS upload_key, f.chain AS former_chain, f.private_key AS former_key \
    FROM centers c LEFT JOIN signers p ON p.center = c.id AND p.role = 'provider' \
    LEFT JOIN signers l ON l.center = c.id AND l.role = 'licensor' \
    LEFT JOIN signers u ON u.center = c.id AND u.role = 'center' \
    LEFT JOIN signers f ON f.center = c.id AND f.role = 'former-center' WHERE c.id = $1";

#[derive(FromRow)]
struct CenterRow {
    id: String,
    name: String,
    receipt_skew_s: i64,
    receipt_lifetime_s: i64,
    receipt_resume_s: i64,
    rights: Option<String>,
    created_at: i64,
    updated_at: i64,
    row_version: i64,
}

#[derive(FromRow)]
struct KeyedRow {
    receipt_skew_s: i64,
    receipt_lifetime_s: i64,
    receipt_resume_s: i64,
    copy_key: Vec<u8>,
    rights: Option<String>,
    provider_chain: Option<Vec<u8>>,
    provider_key: Option<Vec<u8>>,
    licensor_chain: Option<Vec<u8>>,
    licensor_key: Option<Vec<u8>>,
    upload_chain: Option<Vec<u8>>,
    upload_key: Option<Vec<u8>>,
    former_chain: Option<Vec<u8>>,
    former_key: Option<Vec<u8>>,
}

impl Store {
    /// Makes a center.
    pub async fn add_center(&self, center: &NewCenter, now: Timestamp) -> Result<(), AddError> {
        let id = center.id.as_str();
        let copy_key =
            self.secrets
                .seal(COPY_KEY, &[id.as_bytes()], center.copy_key.key().expose());
        let TimePolicy {
            skew_s,
            lifetime_s_max,
            resume_s,
        } = center.time_policy;
        let values = arguments![
            id,
            center.name.as_str(),
            i64::from(skew_s),
            i64::from(lifetime_s_max),
            i64::from(resume_s),
            &copy_key,
            now.unix_ms(),
        ];
        self.fulfillment.execute(INSERT, values).await?;
        Ok(())
    }

    /// Gives a center another name and time policy.
    pub async fn update_center(
        &self,
        id: &CenterId,
        name: &str,
        time_policy: &TimePolicy,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let TimePolicy {
            skew_s,
            lifetime_s_max,
            resume_s,
        } = *time_policy;
        let values = arguments![
            id.as_str(),
            name,
            i64::from(skew_s),
            i64::from(lifetime_s_max),
            i64::from(resume_s),
            now.unix_ms(),
        ];
        match self.fulfillment.execute(UPDATE, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// Says what a center's licenses grant; with none, what they grant where nobody says.
    pub async fn set_center_rights(
        &self,
        id: &CenterId,
        rights: Option<&RightsTemplate>,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let rights = rights.map(rights_text);
        let values = arguments![id.as_str(), rights.as_deref(), now.unix_ms()];
        match self.fulfillment.execute(UPDATE_RIGHTS, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// All centers, by id.
    pub async fn list_centers(&self) -> Result<Vec<CenterRecord>, ReadError> {
        self.select_centers(None).await
    }

    /// One center.
    pub async fn show_center(&self, id: &CenterId) -> Result<Option<CenterRecord>, ReadError> {
        Ok(self.select_centers(Some(id.as_str())).await?.pop())
    }

    async fn select_centers(&self, id: Option<&str>) -> Result<Vec<CenterRecord>, ReadError> {
        let rows: Vec<CenterRow> = self.fulfillment.all(SELECT, arguments![id]).await?;
        let records = rows.into_iter().map(record).collect::<Result<_, _>>();
        Ok(records.map_err(Fault::from)?)
    }

    async fn load_center(&self, id: &CenterId) -> Result<Option<Center>, Fault> {
        let values = arguments![id.as_str()];
        let row: Option<KeyedRow> = self.fulfillment.optional(SELECT_WITH_KEYS, values).await?;
        let Some(row) = row else { return Ok(None) };
        let copy_key = self
            .secrets
            .open_key(COPY_KEY, &[id.as_str().as_bytes()], &row.copy_key)?;
        let provider = KeyColumns::of(row.provider_chain, row.provider_key);
        let provider = provider.map(|columns| self.open_provider(id, &columns));
        let licensor = KeyColumns::of(row.licensor_chain, row.licensor_key);
        let licensor = licensor.map(|columns| self.open_licensor(id, &columns));
        let upload = [
            (CenterKeyRole::Center, row.upload_chain, row.upload_key),
            (
                CenterKeyRole::FormerCenter,
                row.former_chain,
                row.former_key,
            ),
        ];
        let upload = upload
            .into_iter()
            .filter_map(|(role, chain, key)| Some((role, KeyColumns::of(chain, key)?)))
            .map(|(role, columns)| self.open_upload_key(id, role, &columns));
        let rights = rights("centers", row.rights.as_deref())?;
        Ok(Some(Center {
            id: id.clone(),
            time_policy: time_policy(
                row.receipt_skew_s,
                row.receipt_lifetime_s,
                row.receipt_resume_s,
            )?,
            copy_key: CopyKey::new(copy_key),
            provider: provider.transpose()?,
            licensor: licensor.transpose()?,
            rights: Arc::new(rights.unwrap_or_default()),
            upload_keys: upload.collect::<Result<_, _>>()?,
        }))
    }
}

#[async_trait]
impl Centers for Store {
    async fn center(&self, id: &CenterId) -> Result<Option<Arc<Center>>, Unavailable> {
        let center = self.load_center(id).await;
        let center = center.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))?;
        Ok(center.map(Arc::new))
    }

    async fn retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<Arc<RetailerKey>>, Unavailable> {
        let key = self.load_retailer_key(center, kid).await;
        let key = key.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))?;
        Ok(key.map(Arc::new))
    }
}

fn record(row: CenterRow) -> Result<CenterRecord, Damaged> {
    let policy = time_policy(
        row.receipt_skew_s,
        row.receipt_lifetime_s,
        row.receipt_resume_s,
    );
    Ok(CenterRecord {
        id: parsed("centers", "id", &row.id)?,
        name: row.name,
        time_policy: policy?,
        rights: rights("centers", row.rights.as_deref())?,
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
        row_version: RowVersion(row.row_version),
    })
}

fn time_policy(skew_s: i64, lifetime_s: i64, resume_s: i64) -> Result<TimePolicy, Damaged> {
    Ok(TimePolicy {
        skew_s: counted("centers", "receipt_skew_s", skew_s)?,
        lifetime_s_max: counted("centers", "receipt_lifetime_s", lifetime_s)?,
        resume_s: counted("centers", "receipt_resume_s", resume_s)?,
    })
}
