//! What is asked, the same every time, and a catalog that knows it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, Money, ObjectPath, StoreRoot, TitleFacts};
use colophon_core::plugin::{CallContext, Offer};
use colophon_core::ports::{Catalog, Unavailable};
use colophon_plugin_host::{Chance, Sandbox, Settings, WarmTerms};
use colophon_receipt::{CenterId, Currency};
use colophon_title::{ContentKey, VersionId};

use crate::request::{book, request};

/// A catalog in memory that holds every book at one place.
pub(crate) struct OnePlace(Location);

impl OnePlace {
    pub(crate) fn new() -> Result<Arc<Self>, Box<dyn Error>> {
        let root = StoreRoot::parse("main").ok_or("no root")?;
        let path = ObjectPath::parse("books/moby-dick")?;
        Ok(Arc::new(Self(Location { root, path })))
    }
}

#[async_trait]
impl Catalog for OnePlace {
    async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
        Ok(Some(self.0.clone()))
    }

    async fn facts(
        &self,
        _: &CenterId,
        _: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        Ok(None)
    }

    async fn content_key(
        &self,
        _: &CenterId,
        _: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        Ok(None)
    }
}

/// What is asked.
pub(crate) struct Sale {
    pub(crate) context: CallContext,
    pub(crate) offer: Offer,
    pub(crate) facts: Vec<(String, String)>,
}

pub(crate) fn sale() -> Result<Sale, Box<dyn Error>> {
    let price = Money {
        minor: 999,
        currency: Currency::try_from("EUR")?,
    };
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Sale {
        context: request("demo"),
        offer: Offer {
            book: book("9780142437247"),
            resource_class: "application/epub+zip".to_owned(),
            price: Some(price),
            requested_protection: "3".to_owned(),
            title: vec![fact("series", "classics")],
            sale: Vec::new(),
        },
        facts: vec![
            fact("title", "Moby Dick; or, The Whale"),
            fact("authors", "Herman Melville"),
            fact("book-id", "9780142437247"),
            fact("book-id-type", "ISBN"),
            fact("media-type", "application/epub+zip"),
            fact("level", "3"),
            fact("extension", "epub"),
            fact("language", "de"),
        ],
    })
}

/// A sandbox that keeps what it compiles in this folder, and instances for as long as they may.
pub(crate) fn sandbox(folder: &Path) -> Result<Arc<Sandbox>, Box<dyn Error>> {
    let settings = Settings {
        precompiled: Some(folder.join("compiled")),
        // The last of the 501 numbers from 500 to 1000.
        chance: Some(Chance::of(|| 500)),
        ..Settings::default()
    };
    Ok(Sandbox::start(&settings)?)
}

pub(crate) fn warm() -> WarmTerms {
    WarmTerms {
        requests: WarmTerms::REQUESTS_MAX,
        idle: WarmTerms::IDLE_MAX,
        memory_bytes: 256 << 20,
        instances: 4,
    }
}
