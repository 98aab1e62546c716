//! A running edge with one center, one retailer and some titles.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use axum::Router;
use colophon_core::catalog::{
    Availability, Book, Forms, Location, ObjectPath, StoreRoot, StoredForm, TitleFacts,
};
use colophon_core::center::{Center, KeyState, RetailerKey};
use colophon_core::download::Downloads;
use colophon_core::forms::GoodForms;
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::ports::{Content, OpenedForm};
use colophon_core::time::Clock;
use colophon_core::title_rights::TitleRights;
use colophon_crypto::{Key32, Portable, Randomness};
use colophon_http::client_address::TrustedProxies;
use colophon_http::counters::{CounterValues, Counters};
use colophon_http::edge::{Edge, Listeners, Stopped};
use colophon_http::limits::Limits;
use colophon_http::tls::Tls;
use colophon_receipt::{Claims, KeyId, Mint, ReceiptKey, TimePolicy};
use colophon_title::{CopyKey, Level, MediaType, SignerRoles, VersionId};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::content::Pattern;
use crate::support::ports::{
    Checkup, CountedUses, Health, MemoryOutbox, Nobody, Obliging, OneCenter, Shelf, StandingClock,
    Store,
};

pub(crate) const NOW: i64 = 1_800_000_000;

/// Where this retailer's buyers are sent by default.
pub(crate) const SORRY: &str = "https://shop.example/sorry?shop=1";

/// Another address that the retailer registered.
pub(crate) const OTHER_SORRY: &str = "https://shop.example/other";

/// Room for log rows.
pub(crate) const ROOM: u32 = 100;

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) error_urls: &'static [&'static str],
    pub(crate) room: u32,
    pub(crate) pages: Router,
    pub(crate) plugins: Obliging,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            trusted_proxies: TrustedProxies::default(),
            tls: None,
            error_urls: &[SORRY, OTHER_SORRY],
            room: ROOM,
            pages: Router::new(),
            plugins: Obliging::default(),
        }
    }
}

pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) administration: SocketAddr,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) outbox: Arc<MemoryOutbox>,
    pub(crate) uses: Arc<CountedUses>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) store: Arc<Store>,
    pub(crate) checkup: Arc<Checkup>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: CancellationToken,
    serving: JoinHandle<Stopped>,
    minted: Mutex<u8>,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::with(Options {
            limits,
            ..Options::default()
        })
        .await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(StandingClock::at(NOW));
        let outbox = Arc::new(MemoryOutbox::with_room(options.room));
        let uses = Arc::new(CountedUses::default());
        let shelf = Arc::new(Shelf::default());
        let store = Arc::new(Store::default());
        let checkup = Arc::new(Checkup(Mutex::new(Health::Good)));
        let counters = Arc::new(Counters::new());
        let downloads = Downloads {
            centers: Arc::new(center(options.error_urls)),
            catalog: shelf.clone(),
            plugins: Arc::new(options.plugins),
            origin: store.clone(),
            uses: uses.clone(),
            trust: Arc::new(Nobody),
            forms: GoodForms::default(),
            principals: Arc::new(Nobody),
            registrations: None,
            outbox: outbox.clone(),
            engine: Arc::new(Portable),
        };
        let edge = Edge {
            downloads: Some(Arc::new(downloads)),
            readiness: checkup.clone(),
            metrics_render: Arc::new(|| "colophon_test 1\n".to_owned()),
            clock: clock.clone() as Arc<dyn Clock>,
            limits: options.limits,
            trusted_proxies: options.trusted_proxies,
            counters: counters.clone(),
            pages: options.pages,
        };
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = public.local_addr().unwrap();
        let private = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let administration = private.local_addr().unwrap();
        let listeners = Listeners {
            public: vec![public],
            administration: vec![private],
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move {
                let serving = edge.start(listeners, options.tls, stop).unwrap();
                serving.until_stopped().await
            }
        });
        Self {
            address,
            administration,
            clock,
            outbox,
            uses,
            shelf,
            store,
            checkup,
            counters,
            stop,
            serving,
            minted: Mutex::new(0),
        }
    }

    /// Puts a clear title of these bytes on sale.
    pub(crate) fn sell(&self, book_id: &str, content: Arc<dyn Content>) {
        self.sell_as(book_id, book_id, content);
    }

    pub(crate) fn sell_pattern(&self, book_id: &str, length: u64) {
        self.sell(book_id, Pattern::new(length).shared());
    }

    pub(crate) fn sell_as(&self, book_id: &str, title: &str, content: Arc<dyn Content>) {
        let form = StoredForm {
            version: VersionId::from_bytes([7; 16]),
            object: ObjectPath::parse(&format!("{book_id}/clear")).unwrap(),
            size: content.size(),
            sha256: [9; 32],
        };
        let opened = Arc::new(OpenedForm {
            title: None,
            content,
        });
        let forms = Forms {
            clear: Some(form),
            ..Forms::default()
        };
        self.shelve(
            book_id,
            title,
            MediaType::epub(),
            Level::Clear,
            forms,
            opened,
        );
    }

    /// Puts a title on sale that is kept in one form.
    pub(crate) fn shelve(
        &self,
        book_id: &str,
        title: &str,
        media_type: MediaType,
        min_level: Level,
        forms: Forms,
        opened: Arc<OpenedForm>,
    ) {
        let stored = [&forms.clear, &forms.sealed].into_iter().flatten();
        for form in stored {
            let mut store = self.store.forms.lock().unwrap();
            store.insert(form.object.clone(), Arc::clone(&opened));
        }
        let facts = TitleFacts {
            center: "main".parse().unwrap(),
            title_id: TitleId::from_bytes([3; 16]),
            book: Book {
                id_type: "ISBN".parse().unwrap(),
                id: book_id.parse().unwrap(),
            },
            location: Location {
                root: StoreRoot::parse("books").unwrap(),
                path: ObjectPath::parse(book_id).unwrap(),
            },
            row_version: RowVersion(1),
            title: title.to_owned(),
            authors: vec!["A. Author".to_owned()],
            language: Some("en".to_owned()),
            media_type,
            min_level,
            signatures: SignerRoles::default(),
            forms,
            availability: Availability::Ready,
            price: None,
            attributes: Vec::new(),
            rights: TitleRights::Center,
        };
        self.shelf
            .titles
            .lock()
            .unwrap()
            .insert(book_id.to_owned(), Arc::new(facts));
    }

    /// A fresh receipt for a title.
    pub(crate) fn receipt(&self, book_id: &str) -> String {
        self.receipt_with(book_id, |_| {})
    }

    pub(crate) fn limited_receipt(&self, book_id: &str, downloads: u32) -> String {
        self.receipt_with(book_id, |claims| {
            claims.max_downloads = NonZeroU32::new(downloads)
        })
    }

    /// A receipt that names another key than the one it is made with.
    pub(crate) fn receipt_naming(&self, book_id: &str, named: &str) -> String {
        self.minted_with(book_id, &kid(named), |_| {})
    }

    pub(crate) fn receipt_with(&self, book_id: &str, change: impl FnOnce(&mut Claims)) -> String {
        self.minted_with(book_id, &kid("shop.1"), change)
    }

    fn minted_with(&self, book_id: &str, kid: &KeyId, change: impl FnOnce(&mut Claims)) -> String {
        let transaction = format!("order-{book_id}").parse().unwrap();
        let mut claims = Claims::new(
            transaction,
            book_id.parse().unwrap(),
            "ISBN".parse().unwrap(),
        );
        change(&mut claims);
        let mut minted = self.minted.lock().unwrap();
        *minted += 1;
        let mint = Mint {
            engine: &Portable,
            kid,
            key: &shop_key(),
            center: &"main".parse().unwrap(),
        };
        let now = self.clock.now().unix_seconds();
        mint.mint(&claims, now, 900, &mut Same(*minted)).unwrap()
    }

    /// The counters once no download is under way.
    pub(crate) async fn settled(&self) -> CounterValues {
        loop {
            let values = self.counters.values();
            if values.pending == 0 {
                return values;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Stops the edge and waits for its end.
    pub(crate) async fn stopped(self) -> Stopped {
        self.stop.cancel();
        self.serving.await.unwrap()
    }
}

/// The same byte over and over.
pub(crate) struct Same(pub(crate) u8);

impl Randomness for Same {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

pub(crate) fn kid(text: &str) -> KeyId {
    text.parse().unwrap()
}

pub(crate) fn shop_key() -> ReceiptKey {
    ReceiptKey::new(Key32::new([5; 32]))
}

pub(crate) fn copy_key() -> CopyKey {
    CopyKey::new(Key32::new([6; 32]))
}

fn center(error_urls: &[&str]) -> OneCenter {
    let center = Center {
        id: "main".parse().unwrap(),
        time_policy: TimePolicy::default(),
        copy_key: copy_key(),
        provider: None,
        licensor: None,
        rights: Arc::default(),
        upload_keys: Vec::new(),
    };
    let key = RetailerKey {
        retailer: "shop".parse().unwrap(),
        kid: kid("shop.1"),
        state: KeyState::Active,
        key: shop_key(),
        error_urls: error_urls.iter().map(|url| url.parse().unwrap()).collect(),
    };
    OneCenter {
        center: Arc::new(center),
        keys: [(kid("shop.1"), Arc::new(key))].into(),
    }
}
