//! Durable log rows through one outbox, against one transaction for each row.

use std::sync::Arc;
use std::time::Instant;

use colophon_core::id::EventId;
use colophon_core::log::{Client, DownloadRecord, LogRecord, Outcome};
use colophon_core::ports::{FieldCipher, Outbox as _, OutboxRows as _};
use colophon_core::time::Timestamp;
use colophon_keys::{AwsLc, Envelope, MasterKeys, SystemRandom};
use colophon_pipeline::{DurableOutbox, OutboxLimits, OutboxPorts};
use colophon_store::node::{NodeDatabase, NodeStore};

use crate::figure::{Figure, Target};

/// Downloads that end at the same time and wait for their rows together.
const AT_ONCE: usize = 64;
const ROWS: usize = 20_000;
const SINGLE_ROWS: usize = 400;

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| error.to_string())?
        .block_on(rates())
}

async fn rates() -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let single_node = open(&folder.path().join("single.db")).await?;
    let single = one_row_a_transaction(&single_node).await?;
    let grouped = through_the_outbox(open(&folder.path().join("node.db")).await?).await?;
    Ok(vec![Figure {
        name: format!("durable log rows through one outbox, {AT_ONCE} downloads at once"),
        ours: grouped,
        peer: Some((
            "one transaction for each row, same database".to_owned(),
            single,
        )),
        unit: "rows/s",
        target: Target::RatioAtLeast(10.0),
    }])
}

async fn open(path: &std::path::Path) -> Result<Arc<NodeStore>, String> {
    let address = format!("sqlite://{}", path.display());
    let address = address.parse().map_err(|error| format!("{error}"))?;
    let database = NodeDatabase::open(&address)
        .await
        .map_err(|error| error.to_string())?;
    database
        .migrate(Timestamp::from_unix_ms(0))
        .await
        .map_err(|error| error.to_string())?;
    let store = database
        .into_store()
        .await
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(store))
}

async fn one_row_a_transaction(node: &NodeStore) -> Result<f64, String> {
    let payload = vec![0x5a; 600];
    let begun = Instant::now();
    for number in 0..SINGLE_ROWS {
        let rows = vec![(event(number), payload.clone())];
        node.append(rows).await.map_err(|error| error.to_string())?;
    }
    Ok(SINGLE_ROWS as f64 / begun.elapsed().as_secs_f64())
}

async fn through_the_outbox(node: Arc<NodeStore>) -> Result<f64, String> {
    let master = MasterKeys::generate(&mut SystemRandom);
    let cipher: Arc<dyn FieldCipher> = Arc::new(Envelope::new(Arc::new(AwsLc), master));
    let ports = OutboxPorts {
        rows: node,
        cipher,
        disk: Arc::new(|| Ok(u64::MAX)),
    };
    let outbox = DurableOutbox::open(ports, OutboxLimits::default()).await;
    let outbox = Arc::new(outbox.map_err(|error| error.to_string())?);
    let begun = Instant::now();
    let mut downloads = tokio::task::JoinSet::new();
    for download in 0..AT_ONCE {
        let outbox = Arc::clone(&outbox);
        downloads.spawn(async move {
            for number in 0..ROWS / AT_ONCE {
                let admission = outbox.admit().ok_or("no room")?;
                let commit = admission.submit(record(download * ROWS + number));
                commit.await.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(done) = downloads.join_next().await {
        done.map_err(|error| error.to_string())??;
    }
    Ok((ROWS / AT_ONCE * AT_ONCE) as f64 / begun.elapsed().as_secs_f64())
}

fn event(number: usize) -> EventId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&(number as u64).to_be_bytes());
    EventId::from_bytes(bytes)
}

fn record(number: usize) -> LogRecord {
    let mut claims = colophon_receipt::Claims::new(
        "transaction-1".parse().expect("an id"),
        "9780000000002".parse().expect("an id"),
        "ISBN".parse().expect("a type"),
    );
    claims.user_name = "Bea Buyer".parse().ok();
    LogRecord::Download(DownloadRecord {
        event: event(number),
        at: Timestamp::from_unix_ms(1_800_000_000_000),
        took_us: 900,
        center: "main".parse().expect("a center"),
        key: "shop.1".parse().ok(),
        claims: Some(Box::new(claims)),
        outcome: Outcome::Completed,
        copy: None,
        client: Client {
            address: [127, 0, 0, 1].into(),
            agent: Some("bench".to_owned()),
        },
    })
}
