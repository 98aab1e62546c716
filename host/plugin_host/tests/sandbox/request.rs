//! The request that tests and measurements of the sandbox make, where they do not say otherwise.

use colophon_core::catalog::Book;
use colophon_core::plugin::CallContext;
use colophon_core::rollout::PurchaseMark;
use colophon_core::time::Timestamp;
use colophon_receipt::{BookId, BookIdType, CenterId, RetailerId};

pub(crate) fn book(id: &str) -> Book {
    Book {
        id_type: BookIdType::try_from("ISBN").expect("an id type"),
        id: BookId::try_from(id).expect("an id"),
    }
}

pub(crate) fn center(name: &str) -> CenterId {
    CenterId::try_from(name).expect("a center")
}

/// A purchase in this center, of a receipt that has opened.
pub(crate) fn request(at: &str) -> CallContext {
    CallContext {
        request_id: "0190a5c2e1f07b6c8a5d3e2f1a0b9c8d".to_owned(),
        now: Timestamp::from_unix_ms(1_800_000_000_000),
        center: center(at),
        retailer: RetailerId::try_from("shop").expect("a retailer"),
        purchase: Some(PurchaseMark::from_number(1)),
    }
}
