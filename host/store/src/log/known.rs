//! What is known of a buyer, for whoever wants them erased.

use std::collections::BTreeMap;

use colophon_core::id::EventId;
use colophon_receipt::{CenterId, RetailerId};
use sqlx::FromRow;

use super::persons::{DATA_KEY, open};
use super::{PersonName, Personal};
use crate::database::arguments;
use crate::failure::{ChangeError, Fault};
use crate::parse::sized;
use crate::store::Store;

/// Rows read at once.
const PAGE: i64 = 1_000;

/// A retailer's rows of persons that were not erased, the latest first.
const ROWS: &str = "SELECT d.event, d.at, d.sale, d.person, d.personal, p.data_key, p.pseudonym \
    FROM downloads d JOIN persons p ON p.id = d.person WHERE d.center = $1 AND d.retailer = $2 \
    AND (d.at < $3 OR (d.at = $3 AND d.event < $4)) ORDER BY d.at DESC, d.event DESC LIMIT $5";

/// What is known of a buyer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownOf {
    /// Rows of the log that are kept under this name.
    pub rows: u64,
    /// Decisions of plug-ins that were made for the buyer's requests.
    pub decisions: u64,
    /// Decisions that were made for others, and in whose records the buyer stands.
    pub of_others: u64,
    /// Decisions that nobody can read.
    pub unreadable: u64,
    /// Rows of the retailer's that are kept under something else and that nobody can read, so that
    /// nobody knows whether the buyer stands in them.
    pub unreadable_rows: u64,
    /// Rows in which this very id, name or sale stands and that are kept under something else, by what
    /// that is: receipts had more than this to know the buyer by.
    pub elsewhere: BTreeMap<PersonName, u64>,
    /// The same of rows in which the text is something else: an id where a name was meant.
    pub otherwise: BTreeMap<PersonName, u64>,
}

#[derive(FromRow)]
struct Row {
    event: Vec<u8>,
    at: i64,
    sale: Option<String>,
    person: Vec<u8>,
    personal: Vec<u8>,
    data_key: Vec<u8>,
    pseudonym: Vec<u8>,
}

impl Store {
    /// What is known of a buyer. Reads all that the log has of the retailer: what tells who somebody
    /// is can be looked for in no other way.
    pub async fn known_of(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        person: &PersonName,
    ) -> Result<KnownOf, ChangeError> {
        let (pseudonym, concerned) = self.about(center, retailer, person).await?;
        let mut known = KnownOf {
            decisions: concerned.decisions,
            of_others: concerned.of_others,
            unreadable: concerned.unreadable,
            ..KnownOf::default()
        };
        let (mut at, mut event) = (i64::MAX, Vec::new());
        loop {
            let values = arguments![center.as_str(), retailer.as_str(), at, &event, PAGE];
            let rows: Vec<Row> = self.logging.all(ROWS, values).await?;
            let Some(last) = rows.last() else { break };
            (at, event) = (last.at, last.event.clone());
            for row in &rows {
                if row.pseudonym == pseudonym {
                    known.rows += 1;
                    continue;
                }
                match self.personal_of(row) {
                    Ok(personal) => known.note(person, row, &personal),
                    Err(Fault::Damaged(_)) => known.unreadable_rows += 1,
                    Err(fault) => return Err(fault.into()),
                }
            }
        }
        Ok(known)
    }

    /// What a row tells of its person.
    fn personal_of(&self, row: &Row) -> Result<Personal, Fault> {
        let event = EventId::from_bytes(sized("downloads", "event", &row.event)?);
        let key = self
            .secrets
            .open_key(DATA_KEY, &[&row.person], &row.data_key)?;
        Ok(open(&self.secrets, &key, event, &row.personal)?)
    }
}

impl KnownOf {
    /// Notes a row that is kept under something else, if the person stands in it.
    fn note(&mut self, person: &PersonName, row: &Row, personal: &Personal) {
        let (wanted, same) = match person {
            PersonName::Customer(id) => (id.as_str(), &personal.customer_id),
            PersonName::UserName(name) => (name.as_str(), &personal.user_name),
            PersonName::Sale(sale) => (sale.as_str(), &row.sale),
        };
        let is_wanted = |text: &Option<String>| text.as_deref() == Some(wanted);
        let noted = if is_wanted(same) {
            &mut self.elsewhere
        } else if [&personal.customer_id, &personal.user_name, &row.sale]
            .into_iter()
            .any(is_wanted)
        {
            &mut self.otherwise
        } else {
            return;
        };
        if let Some(kept) = kept_under(row, personal) {
            *noted.entry(kept).or_default() += 1;
        }
    }
}

/// What a row is kept under: the first that its receipt had.
fn kept_under(row: &Row, personal: &Personal) -> Option<PersonName> {
    match (&personal.customer_id, &personal.user_name, &row.sale) {
        (Some(id), _, _) => id.parse().ok().map(PersonName::Customer),
        (None, Some(name), _) => name.parse().ok().map(PersonName::UserName),
        (None, None, Some(sale)) => sale.parse().ok().map(PersonName::Sale),
        (None, None, None) => None,
    }
}
