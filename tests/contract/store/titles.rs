//! The catalog.

pub(crate) mod changing;
pub(crate) mod entering;
pub(crate) mod finding;

use colophon_store::failure::ChangeError;
use colophon_store::store::Store;
use colophon_store::titles::TitleChange;

use crate::place::moment;
use crate::samples::{book, center_id};

async fn show(store: &Store, id: &str) -> colophon_store::titles::TitleRecord {
    store
        .show_title(&center_id(), &book(id))
        .await
        .unwrap()
        .unwrap()
}

async fn update(
    store: &Store,
    id: &str,
    change: TitleChange,
    at: i64,
) -> Result<colophon_core::id::TitleId, ChangeError> {
    store
        .update_title(&center_id(), &book(id), &change, moment(at))
        .await
}
