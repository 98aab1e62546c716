//! The ports, played by memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::event::NamedEvent;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::{
    Client, DownloadRecord, EventDetails, EventMessage, LogRecord, Outcome, ServerEvent, Severity,
};
use colophon_core::ports::{
    FieldCipher, FieldDamaged, FieldPlace, LogRows, NotLogged, OutboxRow, OutboxRows,
    RecordRefused, Service, SetAside, Unavailable,
};
use colophon_core::time::Timestamp;
use colophon_crypto::Randomness;

pub(crate) const NODE: [u8; 16] = [1; 16];

/// The record of the `number`-th event.
pub(crate) fn record(number: u64) -> LogRecord {
    LogRecord::Download(DownloadRecord {
        event: event(number),
        at: Timestamp::from_unix_ms(0),
        took_us: number,
        center: "main".parse().unwrap(),
        key: None,
        claims: None,
        outcome: Outcome::Completed,
        copy: None,
        client: Client {
            address: "192.0.2.1".parse().unwrap(),
            agent: None,
        },
    })
}

/// The record of the `number`-th event as a named one, which has the number in its details.
pub(crate) fn named_record(number: u64) -> LogRecord {
    let mut details = EventDetails::default();
    details.add("number", &number.to_string());
    LogRecord::Event(ServerEvent {
        event: event(number),
        at: Timestamp::from_unix_ms(0),
        name: NamedEvent::RequestIllegal,
        severity: Severity::Warning,
        center: None,
        message: EventMessage::cut("an illegal request was refused"),
        details,
    })
}

pub(crate) fn event(number: u64) -> EventId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    EventId::from_bytes(bytes)
}

fn number(event: &EventId) -> u64 {
    u64::from_be_bytes(event.as_bytes()[8..].try_into().unwrap())
}

fn gone(service: Service) -> Unavailable {
    Unavailable::new(service, "the test says no")
}

/// A node database that takes a millisecond for a commit.
#[derive(Default)]
pub(crate) struct Node {
    rows: Mutex<Vec<OutboxRow>>,
    last: AtomicU64,
    /// The sizes of the commits, in order.
    pub(crate) commits: Mutex<Vec<usize>>,
    /// The commit that fails, counted from 1.
    fails_at: AtomicU64,
    /// Whether anything but a commit fails.
    pub(crate) silent: AtomicBool,
    pub(crate) dead: Mutex<Vec<(i64, String)>>,
    /// How many rows were read back.
    pub(crate) rows_read: AtomicU64,
}

impl Node {
    /// Puts the row of another outbox in front of all others, as where its file is restored.
    pub(crate) fn restore(&self, row: OutboxRow) {
        self.rows.lock().unwrap().insert(0, row);
    }

    /// The oldest row, as it stands in the outbox.
    pub(crate) fn oldest(&self) -> OutboxRow {
        self.rows.lock().unwrap()[0].clone()
    }

    pub(crate) fn failing_at(commit: u64) -> Self {
        Self {
            fails_at: AtomicU64::new(commit),
            ..Self::default()
        }
    }

    /// The events in the outbox, in order.
    pub(crate) fn events(&self) -> Vec<u64> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|row| number(&row.event)).collect()
    }

    /// Flips one bit of a row's payload.
    pub(crate) fn damage(&self, index: usize, bit: usize) {
        let mut rows = self.rows.lock().unwrap();
        rows[index].payload[bit / 8] ^= 1 << (bit % 8);
    }

    pub(crate) fn payload_bits(&self, index: usize) -> usize {
        self.rows.lock().unwrap()[index].payload.len() * 8
    }

    fn answer(&self) -> Result<(), Unavailable> {
        if self.silent.load(Ordering::Relaxed) {
            Err(gone(Service::NodeDatabase))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl OutboxRows for Node {
    async fn append(&self, rows: Vec<(EventId, Vec<u8>)>) -> Result<Option<i64>, Unavailable> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let count = {
            let mut commits = self.commits.lock().unwrap();
            commits.push(rows.len());
            commits.len() as u64
        };
        if count == self.fails_at.load(Ordering::Relaxed) {
            return Err(gone(Service::NodeDatabase));
        }
        for (event, payload) in rows {
            let sequence = self.last.fetch_add(1, Ordering::Relaxed) as i64 + 1;
            let row = OutboxRow {
                sequence,
                event,
                payload,
            };
            self.rows.lock().unwrap().push(row);
        }
        Ok(Some(self.last.load(Ordering::Relaxed) as i64))
    }

    async fn after(&self, sequence: i64, limit: u32) -> Result<Vec<OutboxRow>, Unavailable> {
        self.answer()?;
        let rows = self.rows.lock().unwrap();
        let later = rows.iter().filter(|row| row.sequence > sequence);
        let read: Vec<OutboxRow> = later.take(limit as usize).cloned().collect();
        self.rows_read
            .fetch_add(read.len() as u64, Ordering::Relaxed);
        Ok(read)
    }

    async fn remove(&self, rows: &[(i64, EventId)]) -> Result<(), Unavailable> {
        self.answer()?;
        self.rows
            .lock()
            .unwrap()
            .retain(|row| !rows.contains(&(row.sequence, row.event)));
        Ok(())
    }

    async fn set_aside(
        &self,
        _reason: SetAside,
        rows: &[(i64, String)],
    ) -> Result<(), Unavailable> {
        self.answer()?;
        for (sequence, _) in rows {
            let mut waiting = self.rows.lock().unwrap();
            waiting.retain(|row| row.sequence != *sequence);
        }
        self.dead.lock().unwrap().extend(rows.iter().cloned());
        Ok(())
    }

    async fn waiting(&self) -> Result<(u64, u64), Unavailable> {
        self.answer()?;
        let rows = self.rows.lock().unwrap();
        let bytes = rows.iter().map(|row| row.payload.len() as u64).sum();
        Ok((rows.len() as u64, bytes))
    }
}

/// A logging database.
#[derive(Default)]
pub(crate) struct Log {
    /// Records by event, each with the sequence it came under first.
    rows: Mutex<BTreeMap<u64, i64>>,
    /// The events in the order in which they first arrived.
    pub(crate) order: Mutex<Vec<u64>>,
    /// Which of them are named events.
    pub(crate) named: Mutex<BTreeSet<u64>>,
    /// How many records were handed in, those already there included.
    pub(crate) handed_in: AtomicU64,
    pub(crate) silent: AtomicBool,
    /// Whether it stores what it is given and then says that it did not.
    pub(crate) forgets_to_answer: AtomicBool,
    /// How often it was asked.
    pub(crate) asked: AtomicU64,
    /// The events it takes no record of.
    pub(crate) refused: Mutex<BTreeSet<u64>>,
}

impl Log {
    /// Loses a record that was stored.
    pub(crate) fn forget(&self, number: u64) {
        self.rows.lock().unwrap().remove(&number);
        self.order.lock().unwrap().retain(|known| *known != number);
    }
}

#[async_trait]
impl LogRows for Log {
    async fn append(&self, node: NodeId, records: &[(i64, LogRecord)]) -> Result<(), NotLogged> {
        assert_eq!(node.as_bytes(), &NODE);
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent.load(Ordering::Relaxed) {
            return Err(gone(Service::LoggingDatabase).into());
        }
        let refuses = |event| self.refused.lock().unwrap().contains(&number(&event));
        if records.iter().any(|(_, record)| refuses(record.event())) {
            let reason = "code 7".to_owned();
            return Err(RecordRefused { reason }.into());
        }
        for (sequence, record) in records {
            self.handed_in.fetch_add(1, Ordering::Relaxed);
            let event = number(&record.event());
            match record {
                LogRecord::Download(record) => assert_eq!(record.took_us, event),
                LogRecord::Event(record) => {
                    let pair = ("number".to_owned(), event.to_string());
                    assert_eq!(record.details.pairs(), [pair]);
                    self.named.lock().unwrap().insert(event);
                }
            }
            if self.rows.lock().unwrap().insert(event, *sequence).is_none() {
                self.order.lock().unwrap().push(event);
            }
        }
        if self.forgets_to_answer.swap(false, Ordering::Relaxed) {
            return Err(gone(Service::LoggingDatabase).into());
        }
        Ok(())
    }

    async fn arrived(
        &self,
        _node: NodeId,
        sequences: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, EventId)>, Unavailable> {
        let rows = self.rows.lock().unwrap();
        let arrived = rows
            .iter()
            .filter(|(_, sequence)| sequences.contains(sequence));
        let mut arrived: Vec<_> = arrived
            .map(|(number, sequence)| (*sequence, event(*number)))
            .collect();
        arrived.sort_by_key(|(sequence, _)| *sequence);
        Ok(arrived)
    }
}

/// A cipher that hides nothing and notices every change: the place and a sum are in front.
pub(crate) struct Sum;

impl Sum {
    fn over(place: FieldPlace<'_>, plain: &[u8]) -> [u8; 8] {
        let parts = [
            place.table.as_bytes(),
            place.row,
            place.column.as_bytes(),
            plain,
        ];
        let mut sum = 14_695_981_039_346_656_037_u64;
        for byte in parts.concat() {
            sum = (sum ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
        }
        sum.to_be_bytes()
    }
}

impl FieldCipher for Sum {
    fn seal(&self, place: FieldPlace<'_>, plain: &[u8]) -> Vec<u8> {
        [&Self::over(place, plain), plain].concat()
    }

    fn open(&self, place: FieldPlace<'_>, sealed: &[u8]) -> Result<Vec<u8>, FieldDamaged> {
        let (sum, plain) = sealed.split_at_checked(8).ok_or(FieldDamaged)?;
        if Self::over(place, plain) == sum {
            Ok(plain.to_vec())
        } else {
            Err(FieldDamaged)
        }
    }

    fn pseudonym(&self, _purpose: &str, _parts: &[&[u8]]) -> [u8; 32] {
        [0; 32]
    }

    fn key_name(&self) -> [u8; 32] {
        [0; 32]
    }
}

/// A disk of which the test says how full it is.
pub(crate) fn disk(free_bytes: &Arc<AtomicU64>) -> Arc<dyn colophon_pipeline::DiskSpace> {
    let free_bytes = Arc::clone(free_bytes);
    Arc::new(move || Ok(free_bytes.load(Ordering::Relaxed)))
}

/// Chance that always falls on the longest wait.
pub(crate) struct NoChance;

impl Randomness for NoChance {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}
