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
const PAGE: usize = 32;

/// Enough decisions to tell a wrong master key from a damaged row.
const DECISIONS_TRIED: u64 = 1000;

const DECISIONS: &str = "SELECT center, id, record FROM plugin_decisions \
    WHERE (center, id) > ($1, $2) ORDER BY center, id LIMIT $3";

const VECTORS: &str = "SELECT center, plugin, number, input FROM plugin_vectors \
    WHERE (center, plugin, number) > ($1, $2, $3) ORDER BY center, plugin, number LIMIT $4";

/// As the database takes it.
fn page() -> i64 {
    i64::try_from(PAGE).unwrap_or(i64::MAX)
}

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
            let after = arguments![center.as_str(), plugin.as_str(), number, page()];
            let rows: Vec<(String, String, i64, Vec<u8>)> =
                self.fulfillment.all(VECTORS, after).await?;
            for (center, plugin, number, sealed) in &rows {
                let row = [center.as_bytes(), plugin.as_bytes(), &number.to_be_bytes()];
                tried.one(self.secrets.opens(INPUT, &frames(&row), sealed));
            }
            match rows.into_iter().nth(PAGE - 1) {
                Some((last_center, last_plugin, last_number, _)) => {
                    (center, plugin, number) = (last_center, last_plugin, last_number);
                }
                None => return Ok(tried),
            }
        }
    }

    async fn tried_decisions(&self) -> Result<Tried, Fault> {
        let mut tried = Tried::default();
        let (mut center, mut id) = (String::new(), Vec::new());
        while tried.all < DECISIONS_TRIED {
            let after = arguments![center.as_str(), &id, page()];
            let rows: Vec<(String, Vec<u8>, Vec<u8>)> =
                self.fulfillment.all(DECISIONS, after).await?;
            for (center, id, sealed) in &rows {
                let row = [center.as_bytes(), id.as_slice()];
                tried.one(self.secrets.opens(RECORD, &frames(&row), sealed));
            }
            match rows.into_iter().nth(PAGE - 1) {
                Some((last_center, last_id, _)) => (center, id) = (last_center, last_id),
                None => break,
            }
        }
        Ok(tried)
    }
}
