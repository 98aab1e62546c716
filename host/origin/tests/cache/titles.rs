//! Title files that were taken in through the store and are served from it.

use std::io::Cursor;

use colophon_core::catalog::Book;
use colophon_core::ingest::{IngestOrder, IngestedTitle, Workshop, ingest};
use colophon_core::ports::{FormContent, Origin, OriginError};
use colophon_core::time::Timestamp;
use colophon_crypto::{Portable, Randomness};
use colophon_origin::{CacheSettings, DirectoryStore};
use colophon_title::source::Limits;
use colophon_title::{Level, SignerRoles, VersionId};

use crate::support::{Shelf, pattern, read_all};

const MIB: usize = 1024 * 1024;

/// Every byte another.
struct Counting(u8);

impl Randomness for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

impl Shelf {
    fn take_in(&self, bytes: Vec<u8>) -> IngestedTitle {
        let store = DirectoryStore::new([(self.root.clone(), self.file(""))]);
        let order = IngestOrder {
            center: "main".parse().unwrap(),
            book: Book {
                id_type: "ISBN".parse().unwrap(),
                id: "978-3-16-148410-0".parse().unwrap(),
            },
            root: self.root.clone(),
            file_name: "noise.bin".to_owned(),
            claimed: "application/octet-stream".parse().unwrap(),
            min_level: Level::Clear,
            licensed: false,
            signatures: SignerRoles::default(),
            title: Some("Noise".to_owned()),
            authors: vec!["Nobody".to_owned()],
            copyright: None,
            price: None,
            attributes: Vec::new(),
            at: Timestamp::from_unix_ms(0),
        };
        let mut workshop = Workshop {
            engine: &Portable,
            random: &mut Counting(0),
            signers: &[],
            writer: &store,
            limits: &Limits::default(),
        };
        ingest(&mut workshop, &order, Cursor::new(bytes), &mut |_| ()).unwrap()
    }
}

async fn check(length: usize) {
    let shelf = Shelf::new(&CacheSettings::with_bytes(4 * MIB as u64));
    let bytes = pattern(length, 1);
    let taken_in = shelf.take_in(bytes.clone());
    let clear = taken_in.forms.clear.unwrap();
    let opened = shelf.open(&clear).await.unwrap();
    assert!(opened.title.is_none());
    assert!(read_all(opened.content.as_ref(), MIB).await.unwrap() == bytes);

    let sealed = taken_in.forms.sealed.unwrap();
    for _ in 0..2 {
        let opened = shelf
            .origin
            .open(&shelf.root, &sealed, FormContent::TitleFile)
            .await
            .unwrap();
        let title = opened.title.as_ref().unwrap();
        assert_eq!(*title.version(), sealed.version);
        assert_eq!(title.metadata().title, "Noise");
        assert!((length as u64..sealed.size).contains(&title.prefix_length()));
        let stored = std::fs::read(shelf.file(sealed.object.as_str())).unwrap();
        assert!(read_all(opened.content.as_ref(), MIB).await.unwrap() == stored);
    }
    assert_eq!(shelf.origin.counts().loads, 2);

    let mut other = sealed;
    other.version = VersionId::from_bytes([99; 16]);
    let opened = shelf
        .origin
        .open(&shelf.root, &other, FormContent::TitleFile)
        .await;
    assert!(matches!(opened, Err(OriginError::Damaged { .. })));
}

#[tokio::test]
async fn a_title_taken_in_is_served_from_memory() {
    check(100_000).await;
}

#[tokio::test]
async fn a_large_title_taken_in_is_served_from_disk() {
    check(3 * MIB).await;
}
