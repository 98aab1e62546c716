//! Questions that plug-ins were asked, tried a page at a time: each may have a megabyte, and there may
//! be thousands.

use colophon_crypto::frames;

use super::{Problem, Tried};
use crate::database::arguments;
use crate::decisions::RECORD;
use crate::failure::Fault;
use crate::plugins::INPUT;
use crate::store::Store;

/// Rows read at once.
const PAGE: i64 = 32;

/// Enough decisions to tell a wrong master key from a damaged row.
const DECISIONS_TRIED: i64 = 1000;

const CENTERS: &str = "SELECT DISTINCT center FROM plugin_decisions ORDER BY center";

const DECISIONS: &str = "SELECT id, record FROM plugin_decisions \
    WHERE center = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

const VECTORS: &str = "SELECT center, plugin, number, input FROM plugin_vectors \
    WHERE (center, plugin, number) > ($1, $2, $3) ORDER BY center, plugin, number LIMIT $4";

impl Store {
    /// Tries the questions that versions did not survive, and recorded decisions.
    pub(super) async fn question_problems(&self) -> Result<Vec<Problem>, Fault> {
        let database = &self.fulfillment;
        let vectors = self.tried_vectors().await?.problem(database, INPUT);
        let decisions = self.tried_decisions().await?.problem(database, RECORD);
        Ok(vectors.into_iter().chain(decisions).collect())
    }

    async fn tried_vectors(&self) -> Result<Tried, Fault> {
        let mut tried = Tried::default();
        let (mut center, mut plugin, mut number) = (String::new(), String::new(), 0);
        loop {
            let after = arguments![center.as_str(), plugin.as_str(), number, PAGE];
            let rows: Vec<(String, String, i64, Vec<u8>)> =
                self.fulfillment.all(VECTORS, after).await?;
            for (center, plugin, number, sealed) in &rows {
                let row = [center.as_bytes(), plugin.as_bytes(), &number.to_be_bytes()];
                tried.one(self.secrets.opens(INPUT, &frames(&row), sealed));
            }
            match rows.into_iter().next_back() {
                Some((last_center, last_plugin, last_number, _)) => {
                    (center, plugin, number) = (last_center, last_plugin, last_number);
                }
                None => return Ok(tried),
            }
        }
    }

    /// The latest of each center, which has its share of all that are tried.
    async fn tried_decisions(&self) -> Result<Tried, Fault> {
        let mut tried = Tried::default();
        let centers: Vec<(String,)> = self.fulfillment.all(CENTERS, arguments![]).await?;
        let count = i64::try_from(centers.len()).unwrap_or(i64::MAX).max(1);
        let share = (DECISIONS_TRIED / count).max(1);
        for (center,) in &centers {
            let (mut before, mut left) = (vec![255; 16], share);
            while left > 0 {
                let page = arguments![center.as_str(), &before, left.min(PAGE)];
                let rows: Vec<(Vec<u8>, Vec<u8>)> = self.fulfillment.all(DECISIONS, page).await?;
                for (id, sealed) in &rows {
                    let row = [center.as_bytes(), id.as_slice()];
                    tried.one(self.secrets.opens(RECORD, &frames(&row), sealed));
                }
                let Some((last, _)) = rows.into_iter().next_back() else {
                    break;
                };
                (before, left) = (last, left - PAGE);
            }
        }
        Ok(tried)
    }
}
