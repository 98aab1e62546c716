//! Counts, favorites and bills.

use colophon_core::catalog::Book;
use colophon_core::id::NodeId;
use colophon_receipt::CenterId;
use sqlx::FromRow;

use super::list::amounts;
use super::{BillingLine, NodeProgress, Period, Step, StepCounts, TitleCount};
use crate::database::arguments;
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};
use crate::store::Store;

const STEPS: &str = "SELECT at / $4 AS step, COUNT(*) AS requests, \
    COUNT(CASE WHEN outcome = 'completed' AND (sent > 0 OR length = 0) THEN 1 END) AS completed, \
    COUNT(CASE WHEN outcome = 'completed' AND sent = 0 AND length > 0 THEN 1 END) AS unchanged, \
    COUNT(CASE WHEN outcome = 'broken' THEN 1 END) AS broken, \
    COUNT(CASE WHEN outcome = 'refused' THEN 1 END) AS refused, \
    COUNT(DISTINCT CASE WHEN sent > 0 THEN purchase END) AS purchases, \
    CAST(COALESCE(SUM(sent), 0) AS BIGINT) AS bytes FROM downloads \
    WHERE center = $1 AND at >= $2 AND at < $3 GROUP BY 1 ORDER BY 1";

const TITLES: &str = "SELECT book_id_type, book_id, COUNT(*) AS purchases FROM purchases \
    WHERE center = $1 AND completed_at >= $2 AND completed_at < $3 \
    GROUP BY book_id_type, book_id ORDER BY purchases DESC, book_id_type, book_id LIMIT $4";

const BILLING: &str = "SELECT key_id, currency, COUNT(*) AS purchases, \
    CAST(SUM(retail_price) AS BIGINT) AS retail_price, CAST(SUM(cost) AS BIGINT) AS cost, \
    CAST(SUM(list_price) AS BIGINT) AS list_price FROM purchases \
    WHERE center = $1 AND completed_at >= $2 AND completed_at < $3 \
    GROUP BY retailer, key_id, currency ORDER BY retailer, key_id, currency";

const PROGRESS: &str = "SELECT node, complete, highest FROM node_progress ORDER BY node";

#[derive(FromRow)]
struct StepRow {
    step: i64,
    requests: i64,
    completed: i64,
    unchanged: i64,
    broken: i64,
    refused: i64,
    purchases: i64,
    bytes: i64,
}

#[derive(FromRow)]
struct BillingRow {
    key_id: String,
    currency: Option<String>,
    purchases: i64,
    retail_price: Option<i64>,
    cost: Option<i64>,
    list_price: Option<i64>,
}

impl Step {
    fn ms(self) -> i64 {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
            Self::Week => 7 * 24 * HOUR_MS,
        }
    }
}

impl Store {
    /// What happened at a center, step by step; steps in which nothing did are left out.
    pub async fn count_downloads(
        &self,
        center: &CenterId,
        period: Period,
        step: Step,
    ) -> Result<Vec<StepCounts>, ReadError> {
        let (from, until) = (period.from.unix_ms(), period.until.unix_ms());
        let values = arguments![center.as_str(), from, until, step.ms()];
        let rows: Vec<StepRow> = self.logging.all(STEPS, values).await?;
        let rows = rows.into_iter().map(|row| step_counts(step, &row));
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::from)?)
    }

    /// The titles that were bought and delivered most often.
    pub async fn most_downloaded(
        &self,
        center: &CenterId,
        period: Period,
        limit: u32,
    ) -> Result<Vec<TitleCount>, ReadError> {
        let (from, until) = (period.from.unix_ms(), period.until.unix_ms());
        let values = arguments![center.as_str(), from, until, i64::from(limit)];
        let rows: Vec<(String, String, i64)> = self.logging.all(TITLES, values).await?;
        let rows = rows.into_iter().map(|(id_type, id, purchases)| {
            let id_type = parsed("purchases", "book_id_type", &id_type)?;
            let book = Book {
                id_type,
                id: parsed("purchases", "book_id", &id)?,
            };
            Ok(TitleCount {
                book,
                purchases: counted("purchases", "purchase", purchases)?,
            })
        });
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::Damaged)?)
    }

    /// What retailers are billed: purchases of which every byte of one copy has been sent, each
    /// once, in the period in which that came about.
    pub async fn bill(
        &self,
        center: &CenterId,
        period: Period,
    ) -> Result<Vec<BillingLine>, ReadError> {
        let (from, until) = (period.from.unix_ms(), period.until.unix_ms());
        let values = arguments![center.as_str(), from, until];
        let rows: Vec<BillingRow> = self.logging.all(BILLING, values).await?;
        let rows = rows.into_iter().map(|row| {
            let sums = [row.retail_price, row.cost, row.list_price];
            Ok(BillingLine {
                key: parsed("purchases", "key_id", &row.key_id)?,
                purchases: counted("purchases", "purchase", row.purchases)?,
                sums: amounts("purchases", sums, row.currency.as_deref())?,
            })
        });
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::Damaged)?)
    }

    /// How far each node's outbox has arrived in the log.
    pub async fn node_progress(&self) -> Result<Vec<NodeProgress>, ReadError> {
        let rows: Vec<(Vec<u8>, i64, i64)> = self.logging.all(PROGRESS, arguments![]).await?;
        let rows = rows.into_iter().map(|(node, complete, highest)| {
            Ok(NodeProgress {
                node: NodeId::from_bytes(sized("node_progress", "node", &node)?),
                complete: counted("node_progress", "complete", complete)?,
                highest: counted("node_progress", "highest", highest)?,
            })
        });
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::Damaged)?)
    }
}

fn step_counts(step: Step, row: &StepRow) -> Result<StepCounts, Damaged> {
    let count = |number| counted("downloads", "event", number);
    Ok(StepCounts {
        from: moment(row.step.saturating_mul(step.ms())),
        requests: count(row.requests)?,
        completed: count(row.completed)?,
        unchanged: count(row.unchanged)?,
        broken: count(row.broken)?,
        refused: count(row.refused)?,
        purchases: count(row.purchases)?,
        bytes: count(row.bytes)?,
    })
}
