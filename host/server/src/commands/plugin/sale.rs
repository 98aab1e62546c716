//! Which sale a recorded decision was about, as an operator and a retailer call it.

use colophon_core::id::EventId;
use colophon_plugin_host::Record;
use colophon_receipt::CenterId;
use colophon_store::decisions::DecisionRow;
use serde::Serialize;

use crate::house::House;

/// A sale, as far as the record or the log tells.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Sale {
    pub(super) transaction: Option<String>,
    pub(super) book_id_type: Option<String>,
    pub(super) book_id: Option<String>,
}

/// The sale of a decision. Where the plug-in was not told all of it, the log knows, once the request
/// has arrived there.
pub(super) async fn of(
    house: &House,
    center: &CenterId,
    row: &DecisionRow,
    record: Option<&Record>,
) -> Sale {
    let book = record.and_then(Record::book);
    let told = Sale {
        transaction: record.and_then(Record::transaction).map(str::to_owned),
        book_id_type: book.map(|(id_type, _)| id_type.to_owned()),
        book_id: book.map(|(_, id)| id.to_owned()),
    };
    if told.transaction.is_some() && told.book_id.is_some() {
        return told;
    }
    let logged = match event(&row.request) {
        Some(event) => house.store.show_download(center, event).await,
        None => Ok(None),
    };
    // The report does without what cannot be read.
    let logged = logged.ok().flatten().and_then(|row| row.sale);
    match logged {
        Some(sale) => Sale {
            transaction: Some(sale.transaction.to_string()),
            book_id_type: Some(sale.book.id_type.to_string()),
            book_id: Some(sale.book.id.to_string()),
        },
        None => told,
    }
}

/// A request's id, as it is shown.
pub(super) fn event(text: &str) -> Option<EventId> {
    let number = u128::from_str_radix(text, 16).ok()?;
    let event = EventId::from_bytes(number.to_be_bytes());
    (event.to_string() == text).then_some(event)
}
