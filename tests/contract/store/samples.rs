//! Records to work with.

use std::net::IpAddr;

use colophon_core::catalog::{
    Availability, Book, Forms, Location, Money, ObjectPath, StoreRoot, StoredForm,
};
use colophon_core::event::NamedEvent;
use colophon_core::id::{EventId, NodeId, TitleId};
use colophon_core::log::{
    ByteSpan, Client, DeliveredCopy, DownloadRecord, EventDetails, EventMessage, Outcome,
    ServerEvent, Severity,
};
use colophon_core::title_rights::TitleRights;
use colophon_crypto::Key32;
use colophon_receipt::{CenterId, Claims, KeyId, ReceiptKey, RetailerSecret, SecretMode};
use colophon_store::centers::NewCenter;
use colophon_store::retailers::NewRetailer;
use colophon_store::store::Store;
use colophon_store::titles::{KeptForms, NewTitle, TitleDetails};
use colophon_title::{ContentKey, CopyKey, Level, MediaType, SignerRole, VersionId};

use crate::place::moment;

pub(crate) fn center_id() -> CenterId {
    "main".parse().unwrap()
}

pub(crate) fn center(id: &str) -> NewCenter {
    NewCenter {
        id: id.parse().unwrap(),
        name: "The House".to_owned(),
        time_policy: Default::default(),
        copy_key: CopyKey::new(Key32::new([3; 32])),
    }
}

pub(crate) fn secret(kid: &str, byte: u8) -> RetailerSecret {
    let key = ReceiptKey::new(Key32::new([byte; 32]));
    RetailerSecret::new(SecretMode::Live, kid.parse().unwrap(), key)
}

pub(crate) fn retailer(id: &str) -> NewRetailer {
    NewRetailer {
        center: center_id(),
        id: id.parse().unwrap(),
        name: "Book Shop".to_owned(),
        description: "Sells books".to_owned(),
        error_urls: vec!["https://shop.example/sorry".parse().unwrap()],
    }
}

/// The center `main` with the retailer `shop`, whose first key is made of ones.
pub(crate) async fn furnish(store: &Store) {
    store.add_center(&center("main"), moment(10)).await.unwrap();
    store
        .add_retailer(&retailer("shop"), &secret("shop.1", 1), moment(20))
        .await
        .unwrap();
}

pub(crate) fn book(id: &str) -> Book {
    Book {
        id_type: "ISBN".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

pub(crate) fn place(path: &str) -> Location {
    Location {
        root: StoreRoot::parse("main").unwrap(),
        path: ObjectPath::parse(path).unwrap(),
    }
}

pub(crate) fn version(byte: u8) -> VersionId {
    VersionId::from_bytes([byte; 16])
}

pub(crate) fn form(byte: u8) -> StoredForm {
    StoredForm {
        version: version(byte),
        object: ObjectPath::parse(&format!("books/{byte}.epub")).unwrap(),
        size: 1000 + u64::from(byte),
        sha256: [byte; 32],
    }
}

/// A clear form numbered `first`, and a sealed one after it with its key.
pub(crate) fn kept(first: u8) -> KeptForms {
    KeptForms {
        forms: Forms {
            clear: Some(form(first)),
            sealed: Some(form(first + 1)),
            licensed: None,
        },
        keys: vec![(version(first + 1), content_key(first + 1))],
    }
}

pub(crate) fn content_key(byte: u8) -> ContentKey {
    ContentKey::new(Key32::new([byte; 32]))
}

pub(crate) fn details(title: &str, authors: &[&str]) -> TitleDetails {
    TitleDetails {
        title: title.to_owned(),
        authors: authors.iter().map(|author| (*author).to_owned()).collect(),
        publisher: Some("Press & Sons".to_owned()),
        language: Some("en".to_owned()),
        copyright: Some("© 2026".to_owned()),
        media_type: MediaType::epub(),
    }
}

/// A title whose identity and forms are told from other titles' by `number`, below 100.
pub(crate) fn title(number: u8, id: &str, name: &str) -> NewTitle {
    NewTitle {
        center: center_id(),
        title_id: TitleId::from_bytes([number; 16]),
        book: book(id),
        location: place(&format!("main/{number}")),
        details: details(name, &["Ann Author", "Ben Äuthor"]),
        min_level: Level::SourceSealed,
        signatures: [SignerRole::Tool, SignerRole::Provider]
            .into_iter()
            .collect(),
        availability: Availability::Ready,
        price: Some(Money {
            minor: 999,
            currency: "EUR".parse().unwrap(),
        }),
        price_structure: Some("fixed".to_owned()),
        attributes: vec![
            ("genre".to_owned(), "novel".to_owned()),
            ("year".to_owned(), "1815".to_owned()),
        ],
        rights: TitleRights::Center,
        kept: kept(2 * number),
    }
}

pub(crate) fn node(byte: u8) -> NodeId {
    NodeId::from_bytes([byte; 16])
}

pub(crate) fn event(number: u32) -> EventId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    EventId::from_bytes(bytes)
}

/// The length of every sample copy, in bytes.
pub(crate) const LENGTH: u64 = 1000;

/// A download of a whole copy for a sale of the retailer `shop`, at a moment of its number.
pub(crate) fn download(number: u32, sale: &str) -> DownloadRecord {
    let mut claims = Claims::new(
        sale.parse().unwrap(),
        "111".parse().unwrap(),
        "ISBN".parse().unwrap(),
    );
    claims.user_name = Some("Jane Canaryname".parse().unwrap());
    claims.customer_id = Some("customer-0815".parse().unwrap());
    claims.retail_price = Some(1299);
    claims.cost = Some(700);
    claims.list_price = Some(1500);
    claims.currency = Some("EUR".parse().unwrap());
    DownloadRecord {
        event: event(number),
        at: moment(i64::from(number) * 1000),
        took_us: 1234,
        center: center_id(),
        key: Some("shop.1".parse::<KeyId>().unwrap()),
        claims: Some(Box::new(claims)),
        outcome: Outcome::Completed,
        copy: Some(DeliveredCopy {
            level: Level::IndividuallySealed,
            file_name: "Emma for Jane.epub".to_owned(),
            length: LENGTH,
            etag: [5; 32],
            asked: ByteSpan {
                start: 0,
                end: LENGTH,
            },
            sent: LENGTH,
            license: None,
        }),
        client: Client {
            address: IpAddr::from([192, 0, 2, 77]),
            agent: Some("CanaryAgent/1.0".to_owned()),
        },
    }
}

/// A download of the part from `start` on of which `sent` bytes went out.
pub(crate) fn part(number: u32, sale: &str, start: u64, sent: u64) -> DownloadRecord {
    let mut record = download(number, sale);
    if let Some(copy) = &mut record.copy {
        copy.asked = ByteSpan {
            start,
            end: start + sent,
        };
        copy.sent = sent;
    }
    record
}

/// A named event at a moment of its number.
pub(crate) fn server_event(number: u32) -> ServerEvent {
    let mut details = EventDetails::default();
    details.add("request.form", "action=Canarydetail");
    details.add("client.address", "192.0.2.77");
    ServerEvent {
        event: event(number),
        at: moment(i64::from(number) * 1000),
        name: NamedEvent::RequestIllegal,
        severity: Severity::Warning,
        center: None,
        message: EventMessage::cut("Canarymessage"),
        details,
    }
}
