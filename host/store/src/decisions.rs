//! What the centers' own plug-ins have decided: the last of each in each role, and some kept by chance.
//!
//! What a record holds is the plug-in host's to say; here it is bytes, encrypted since the buyer
//! stands in them. Decisions are written some at a time, off the way of requests, and go by number
//! and by age.

mod erasing;

use std::collections::BTreeSet;

use colophon_core::capability::Name;
use colophon_core::decision::Keeping;
use colophon_core::id::DecisionId;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_receipt::{CenterId, RetailerId};
use sqlx::FromRow;

pub use self::erasing::Mentions;
pub(crate) use self::erasing::{Concerned, KnownBy, Named};
use crate::database::arguments;
use crate::failure::{AddError, ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};
use crate::secrets::Column;
use crate::store::Store;

const TABLE: &str = "plugin_decisions";

pub(crate) const RECORD: Column = Column {
    table: TABLE,
    name: "record",
};

/// What comes twice is one decision.
const INSERT: &str = "INSERT INTO plugin_decisions (center, id, plugin, version, at, request, \
    retailer, role, outcome, fuel, sampled, contract, sha256, grant_digest, config_digest, record) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
    ON CONFLICT (center, id) DO NOTHING";

/// Those before the last that are kept in a role, so that one that is asked often pushes no other out.
/// With fewer there is none to begin with.
const PRUNE: &str = "DELETE FROM plugin_decisions WHERE center = $1 AND plugin = $2 AND role = $3 \
    AND sampled = 0 AND id <= (SELECT id FROM plugin_decisions WHERE center = $1 AND plugin = $2 \
    AND role = $3 AND sampled = 0 ORDER BY id DESC LIMIT 1 OFFSET $4)";

const PRUNE_OLD: &str = "DELETE FROM plugin_decisions WHERE at < $1";

const SELECT: &str = "SELECT id, plugin, version, at, request, retailer, role, outcome, fuel, sampled, \
    contract, sha256, grant_digest, config_digest, record FROM plugin_decisions \
    WHERE center = $1 AND id = $2";

const LATEST: &str = "SELECT id, plugin, version, at, request, retailer, role, outcome, fuel, sampled, \
    contract, sha256, grant_digest, config_digest, record FROM plugin_decisions \
    WHERE center = $1 AND plugin = $2 AND id < $3 ORDER BY id DESC LIMIT $4";

const COUNT: &str = "SELECT COUNT(*) FROM plugin_decisions WHERE center = $1 AND plugin = $2";

const OF_REQUEST: &str = "SELECT id, plugin, version, at, request, retailer, role, outcome, fuel, \
    sampled, contract, sha256, grant_digest, config_digest, record FROM plugin_decisions \
    WHERE center = $1 AND request = $2 AND plugin = $3 ORDER BY id DESC LIMIT $4";

/// A decision, to be kept or as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// The plug-in that decided.
    pub plugin: Name,
    /// Its version.
    pub version: PluginVersion,
    /// The moment that the request was judged at.
    pub at: Timestamp,
    /// The request's id in the log.
    pub request: String,
    /// The retailer, as far as the request told.
    pub retailer: RetailerId,
    /// What was asked.
    pub role: String,
    /// What came of it, in a word.
    pub outcome: String,
    /// The fuel that it took.
    pub fuel: u64,
    /// Whether chance keeps it, however many follow.
    pub sampled: bool,
    /// The version of the contract.
    pub contract: String,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// Digest of the grant under the master key: parts of it could be guessed.
    pub grant_digest: [u8; 32],
    /// The same of what was set for the plug-in.
    pub config_digest: [u8; 32],
    /// The record, as the plug-in host writes it.
    pub record: Vec<u8>,
}

/// Decisions of one plug-in whose records are encrypted.
pub struct SealedDecisions {
    center: CenterId,
    plugin: Name,
    rows: Vec<DecisionRow>,
}

impl SealedDecisions {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.rows.len() as u64
    }
}

#[derive(FromRow)]
struct Row {
    id: Vec<u8>,
    plugin: String,
    version: String,
    at: i64,
    request: String,
    retailer: String,
    role: String,
    outcome: String,
    fuel: i64,
    sampled: i64,
    contract: String,
    sha256: Vec<u8>,
    grant_digest: Vec<u8>,
    config_digest: Vec<u8>,
    record: Vec<u8>,
}

impl Store {
    /// Makes decisions of one plug-in ready to be kept. That takes time, and asks nobody.
    pub fn seal_decisions(
        &self,
        center: &CenterId,
        plugin: &Name,
        decisions: impl IntoIterator<Item = DecisionRow>,
    ) -> SealedDecisions {
        let sealed = decisions.into_iter().map(|row| {
            let place = [center.as_str().as_bytes(), row.id.as_bytes().as_slice()];
            let record = self.secrets.seal(RECORD, &place, &row.record);
            DecisionRow { record, ..row }
        });
        SealedDecisions {
            center: center.clone(),
            plugin: plugin.clone(),
            rows: sealed.collect(),
        }
    }

    /// Keeps decisions of one plug-in, and lets those go that are too many now. All are kept or none.
    /// Other writers of a file wait meanwhile, so there should not be many.
    pub async fn keep_decisions(
        &self,
        decisions: &SealedDecisions,
        keeping: Keeping,
    ) -> Result<(), AddError> {
        let SealedDecisions {
            center,
            plugin,
            rows,
        } = decisions;
        let mut write = self.fulfillment.write().await?;
        for row in rows {
            let values = arguments![
                center.as_str(),
                row.id.as_bytes(),
                plugin.as_str(),
                row.version.as_str(),
                row.at.unix_ms(),
                row.request.as_str(),
                row.retailer.as_str(),
                row.role.as_str(),
                row.outcome.as_str(),
                i64::try_from(row.fuel).unwrap_or(i64::MAX),
                i64::from(row.sampled),
                row.contract.as_str(),
                &row.sha256,
                &row.grant_digest,
                &row.config_digest,
                &row.record,
            ];
            write.execute(INSERT, values).await?;
        }
        let roles: BTreeSet<&str> = rows.iter().map(|row| row.role.as_str()).collect();
        for role in roles {
            let last = i64::from(keeping.last);
            let values = arguments![center.as_str(), plugin.as_str(), role, last];
            write.execute(PRUNE, values).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Lets decisions of before a moment go, of all centers, and says how many there were.
    pub async fn forget_decisions_before(&self, oldest: Timestamp) -> Result<u64, ChangeError> {
        let values = arguments![oldest.unix_ms()];
        Ok(self.fulfillment.execute(PRUNE_OLD, values).await?)
    }

    /// How many decisions of a plug-in are kept.
    pub async fn count_decisions(
        &self,
        center: &CenterId,
        plugin: &Name,
    ) -> Result<u64, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str()];
        let (count,): (i64,) = self.fulfillment.one(COUNT, values).await?;
        Ok(counted(TABLE, "id", count).map_err(Fault::Damaged)?)
    }

    /// One decision.
    pub async fn decision(
        &self,
        center: &CenterId,
        id: DecisionId,
    ) -> Result<Option<DecisionRow>, ReadError> {
        let values = arguments![center.as_str(), id.as_bytes()];
        let row: Option<Row> = self.fulfillment.optional(SELECT, values).await?;
        Ok(row.map(|row| self.opened(center, row)).transpose()?)
    }

    /// The latest decisions of a plug-in before one, the latest first; without one, the very latest.
    pub async fn decisions(
        &self,
        center: &CenterId,
        plugin: &Name,
        before: Option<DecisionId>,
        limit: u32,
    ) -> Result<Vec<DecisionRow>, ReadError> {
        let before = before.unwrap_or(DecisionId::from_bytes([255; 16]));
        let values = arguments![
            center.as_str(),
            plugin.as_str(),
            before.as_bytes(),
            i64::from(limit),
        ];
        let rows: Vec<Row> = self.fulfillment.all(LATEST, values).await?;
        let rows = rows.into_iter().map(|row| self.opened(center, row));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The decisions of a plug-in for one request, the latest first.
    pub async fn decisions_of_request(
        &self,
        center: &CenterId,
        plugin: &Name,
        request: &str,
        limit: u32,
    ) -> Result<Vec<DecisionRow>, ReadError> {
        let values = arguments![center.as_str(), request, plugin.as_str(), i64::from(limit)];
        let rows: Vec<Row> = self.fulfillment.all(OF_REQUEST, values).await?;
        let rows = rows.into_iter().map(|row| self.opened(center, row));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn opened(&self, center: &CenterId, row: Row) -> Result<DecisionRow, Fault> {
        let id: [u8; 16] = sized(TABLE, "id", &row.id)?;
        let place = [center.as_str().as_bytes(), id.as_slice()];
        let record = self.secrets.open(RECORD, &place, &row.record)?;
        let retailer = RetailerId::try_from(row.retailer.as_str());
        Ok(DecisionRow {
            id: DecisionId::from_bytes(id),
            plugin: Name::parse(&row.plugin)
                .map_err(|error| Damaged::new(TABLE, "plugin", error))?,
            version: parsed(TABLE, "version", &row.version)?,
            at: moment(row.at),
            request: row.request,
            retailer: retailer
                .map_err(|error| Damaged::new(TABLE, "retailer", error.to_string()))?,
            role: row.role,
            outcome: row.outcome,
            fuel: counted(TABLE, "fuel", row.fuel)?,
            sampled: row.sampled != 0,
            contract: row.contract,
            sha256: sized(TABLE, "sha256", &row.sha256)?,
            grant_digest: sized(TABLE, "grant_digest", &row.grant_digest)?,
            config_digest: sized(TABLE, "config_digest", &row.config_digest)?,
            record: record.to_vec(),
        })
    }
}
