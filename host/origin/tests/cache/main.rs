//! The cache in front of a directory store, seen as the download flow sees it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that finds something else than it expects has failed"
)]

mod support;
mod titles;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::ports::{FormContent, Origin, OriginError};
use colophon_origin::CacheSettings;

use support::{Events, Shelf, pattern, read_all};

const MIB: usize = 1024 * 1024;

/// Titles up to 1 MiB are taken into memory.
fn settings() -> CacheSettings {
    CacheSettings::with_bytes(4 * MIB as u64)
}

#[tokio::test]
async fn a_title_is_read_once_and_then_shared() {
    let shelf = Shelf::new(&settings());
    let bytes = pattern(300_000, 1);
    let form = shelf.put("a", &bytes);
    let first = shelf.open(&form).await.unwrap();
    let second = shelf.open(&form).await.unwrap();
    assert_eq!(
        read_all(first.content.as_ref(), 65_536).await.unwrap(),
        bytes
    );

    let slices = (
        first.content.read(5, 10).await.unwrap(),
        second.content.read(5, 10).await.unwrap(),
    );
    assert_eq!(
        slices.0.as_ptr(),
        slices.1.as_ptr(),
        "copies share one buffer"
    );

    let counts = shelf.origin.counts();
    assert_eq!((counts.hits, counts.misses, counts.loads), (1, 1, 1));
    assert_eq!(
        (counts.read_bytes, counts.resident_bytes),
        (300_000, 300_000)
    );
}

#[tokio::test]
async fn reading_at_and_past_the_end_gives_nothing() {
    let shelf = Shelf::new(&settings());
    for (name, length) in [("empty", 0), ("small", 10), ("large", 2 * MIB)] {
        let form = shelf.put(name, &pattern(length, 2));
        let opened = shelf.open(&form).await.unwrap();
        assert_eq!(opened.content.size(), length as u64);
        for offset in [length as u64, length as u64 + 1, u64::MAX] {
            assert_eq!(opened.content.read(offset, 100).await.unwrap().len(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_misses_at_once_read_the_store_once() {
    let shelf = Arc::new(Shelf::new(&settings()));
    let form = shelf.put("a", &pattern(500_000, 3));
    let requests = (0..10_000).map(|_| {
        let (shelf, form) = (Arc::clone(&shelf), form.clone());
        tokio::spawn(async move { shelf.open(&form).await.map(|opened| opened.content.size()) })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().unwrap(), 500_000);
    }
    let counts = shelf.origin.counts();
    assert_eq!((counts.loads, counts.read_bytes), (1, 500_000));
    assert_eq!(counts.hits + counts.misses, 10_000);
}

#[tokio::test]
async fn a_missing_title_is_found_as_soon_as_it_is_there() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let form = shelf.describe("a", b"text");
    for _ in 0..2 {
        assert!(matches!(
            shelf.open(&form).await,
            Err(OriginError::NotFound)
        ));
    }
    assert_eq!(events.take(), ["title-file-missing", "title-file-missing"]);
    shelf.put("a", b"text");
    shelf.open(&form).await.unwrap();
}

#[tokio::test]
async fn a_path_over_a_link_or_to_an_unknown_root_is_told_apart() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let form = shelf.put("a", b"text");
    std::os::unix::fs::symlink("a", shelf.file("link")).unwrap();
    let linked = shelf.describe("link", b"text");
    assert!(matches!(
        shelf.open(&linked).await,
        Err(OriginError::NotFound)
    ));
    let elsewhere = colophon_core::catalog::StoreRoot::parse("elsewhere").unwrap();
    let opened = shelf
        .origin
        .open(&elsewhere, &form, FormContent::Source)
        .await;
    assert!(matches!(opened, Err(OriginError::NotFound)));
    assert_eq!(
        events.take(),
        ["content-path-invalid", "content-path-invalid"]
    );
}

#[tokio::test]
async fn a_damaged_title_is_refused_and_not_read_again_until_it_is_replaced() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let bytes = pattern(100_000, 4);
    let form = shelf.describe("a", &bytes);
    let mut damaged = bytes.clone();
    damaged[50_000] ^= 1;
    shelf.put("a", &damaged);
    for _ in 0..3 {
        let opened = shelf.open(&form).await;
        assert!(matches!(opened, Err(OriginError::Damaged { .. })));
    }
    assert_eq!(events.take(), ["title-file-damaged"; 3]);
    assert_eq!(shelf.origin.counts().read_bytes, 100_000);
    assert_eq!(shelf.origin.counts().resident_bytes, 0);

    shelf.put("a", &bytes[..99_999]);
    assert!(matches!(
        shelf.open(&form).await,
        Err(OriginError::Damaged { .. })
    ));
    shelf.put("a", &bytes);
    shelf.open(&form).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_title_file_is_damaged() {
    let shelf = Shelf::new(&settings());
    for (name, length) in [("small", 1_000), ("large", 2 * MIB)] {
        let form = shelf.put(name, &pattern(length, 5));
        let opened = shelf
            .origin
            .open(&shelf.root, &form, FormContent::TitleFile)
            .await;
        assert!(matches!(opened, Err(OriginError::Damaged { .. })), "{name}");
        assert!(shelf.open(&form).await.unwrap().title.is_none());
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_reported_once_and_serves_again_without_a_restart() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let cached = shelf.put("cached", b"in memory");
    let other = shelf.put("other", b"on disk");
    shelf.open(&cached).await.unwrap();

    shelf.hide();
    for _ in 0..3 {
        assert!(matches!(
            shelf.open(&other).await,
            Err(OriginError::Unreachable(_))
        ));
    }
    shelf.open(&cached).await.unwrap();
    assert!(
        shelf
            .origin
            .check()
            .await
            .iter()
            .all(|(_, answer)| answer.is_err())
    );
    assert_eq!(events.take(), ["content-store-unreachable"]);

    shelf.show();
    shelf.open(&other).await.unwrap();
    shelf.open(&other).await.unwrap();
    assert_eq!(events.take(), ["content-store-recovered"]);

    shelf.hide();
    assert!(
        shelf
            .origin
            .check()
            .await
            .iter()
            .all(|(_, answer)| answer.is_err())
    );
    shelf.show();
    assert!(
        shelf
            .origin
            .check()
            .await
            .iter()
            .all(|(_, answer)| answer.is_ok())
    );
    assert_eq!(
        events.take(),
        ["content-store-unreachable", "content-store-recovered"]
    );
}

#[tokio::test]
async fn a_large_title_is_read_from_disk_in_bounded_chunks() {
    let shelf = Shelf::new(&settings());
    let bytes = pattern(5 * MIB + 123, 6);
    let form = shelf.put("large", &bytes);
    let opened = shelf.open(&form).await.unwrap();
    let chunk = opened.content.read(100, usize::MAX).await.unwrap();
    assert!((1..=256 * 1024).contains(&chunk.len()));
    assert_eq!(chunk, &bytes[100..100 + chunk.len()]);
    assert!(read_all(opened.content.as_ref(), 100_000).await.unwrap() == bytes);
    shelf.open(&form).await.unwrap();
    let counts = shelf.origin.counts();
    assert_eq!(
        (counts.hits, counts.loads, counts.resident_bytes),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_large_title_cut_while_it_is_sent_breaks_the_download() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let bytes = pattern(3 * MIB, 7);
    let form = shelf.put("large", &bytes);
    let opened = shelf.open(&form).await.unwrap();
    opened.content.read(0, 1000).await.unwrap();
    OpenOptions::new()
        .write(true)
        .open(shelf.file("large"))
        .unwrap()
        .set_len(MIB as u64)
        .unwrap();
    for _ in 0..2 {
        let read = opened.content.read(1000, 1000).await;
        assert!(matches!(read, Err(OriginError::Damaged { .. })));
    }
    assert!(matches!(
        shelf.open(&form).await,
        Err(OriginError::Damaged { .. })
    ));
    assert_eq!(events.take(), ["title-file-damaged", "title-file-damaged"]);

    fs::remove_file(shelf.file("large")).unwrap();
    shelf.put("large", &bytes);
    let again = shelf.open(&form).await.unwrap();
    assert!(read_all(again.content.as_ref(), MIB).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_large_title_written_to_in_place_never_mixes_two_states() {
    let shelf = Shelf::new(&settings());
    let bytes = pattern(3 * MIB, 8);
    let form = shelf.put("large", &bytes);
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(shelf.file("large"))
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let opened = shelf.open(&form).await.unwrap();
    opened.content.read(0, 1000).await.unwrap();
    let mut file = OpenOptions::new()
        .write(true)
        .open(shelf.file("large"))
        .unwrap();
    file.write_all(b"other bytes").unwrap();
    assert!(matches!(
        opened.content.read(0, 1000).await,
        Err(OriginError::Damaged { .. })
    ));
}

/// Replacing a file by another of the same name leaves the open one whole: its reader finishes.
#[tokio::test]
async fn a_large_title_removed_while_it_is_sent_is_sent_to_the_end() {
    let shelf = Shelf::new(&settings());
    let bytes = pattern(3 * MIB, 9);
    let form = shelf.put("large", &bytes);
    let opened = shelf.open(&form).await.unwrap();
    fs::remove_file(shelf.file("large")).unwrap();
    assert!(read_all(opened.content.as_ref(), MIB).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_large_title_with_other_bytes_is_found_out_while_it_is_served() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let bytes = pattern(3 * MIB, 10);
    let form = shelf.describe("large", &bytes);
    let mut damaged = bytes.clone();
    damaged[2 * MIB] ^= 1;
    shelf.put("large", &damaged);
    let opened = shelf.open(&form).await.unwrap();
    let found_out = async {
        while opened.content.read(0, 1000).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found_out)
        .await
        .unwrap();
    assert_eq!(events.take(), ["title-file-damaged"]);
    let read_bytes = shelf.origin.counts().read_bytes;
    assert!(matches!(
        shelf.open(&form).await,
        Err(OriginError::Damaged { .. })
    ));
    assert_eq!(
        shelf.origin.counts().read_bytes,
        read_bytes,
        "it is not read again"
    );
}

#[tokio::test]
async fn memory_stays_bounded_while_slow_clients_hold_on_to_evicted_titles() {
    let shelf = Shelf::new(&settings());
    let events = Events::listen();
    let mut held = Vec::new();
    for number in 0..64_u64 {
        let bytes = pattern(MIB / 4, number);
        let form = shelf.put(&number.to_string(), &bytes);
        let opened = shelf.open(&form).await.unwrap();
        held.push((opened.content.read(0, usize::MAX).await.unwrap(), bytes));
        assert!(shelf.origin.counts().resident_bytes <= settings().bytes_max);
    }
    assert!(held.iter().all(|(slice, bytes)| bytes.starts_with(slice)));
    assert_eq!(events.take(), ["cache-failed"]);

    // Once the clients are done, titles are taken into memory again; a title has to be asked for
    // more than once before it displaces another.
    drop(held);
    let form = shelf.put("after", &pattern(MIB / 4, 100));
    for _ in 0..4 {
        shelf.open(&form).await.unwrap();
    }
    let opened = shelf.open(&form).await.unwrap();
    let slices = (
        opened.content.read(0, 10).await.unwrap(),
        opened.content.read(0, 10).await.unwrap(),
    );
    assert_eq!(slices.0.as_ptr(), slices.1.as_ptr());
}

#[tokio::test]
async fn titles_leave_when_there_are_too_many() {
    let shelf = Shelf::new(&settings());
    for number in 0..40_u64 {
        let form = shelf.put(&number.to_string(), &pattern(MIB / 4, number));
        // Asked for more than once, or it would not displace what is there.
        for _ in 0..3 {
            shelf.open(&form).await.unwrap();
        }
    }
    let counts = shelf.origin.counts();
    assert!(counts.evictions > 0);
    assert!(counts.resident_bytes <= settings().bytes_max);
}

#[tokio::test]
async fn without_memory_everything_is_served_from_disk() {
    let shelf = Shelf::new(&CacheSettings::with_bytes(0));
    let bytes = pattern(100_000, 11);
    let form = shelf.put("a", &bytes);
    let opened = shelf.open(&form).await.unwrap();
    assert_eq!(
        read_all(opened.content.as_ref(), 4096).await.unwrap(),
        bytes
    );
    assert_eq!(shelf.origin.counts().resident_bytes, 0);
}
