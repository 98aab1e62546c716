//! Books what plug-ins cost, off the way of requests.
//!
//! A call adds to a tally in memory and goes on. A task takes the tally every few seconds and writes
//! it in numbered batches; where one fails it stays as it is and is handed in again, while later calls
//! add to the tally. That has a limited number of rows, and each center a part of them; what is beyond
//! them is booked under nobody's name. A host that is killed loses what it had not written: the calls of
//! the last seconds, or since the database was away. A call that is given up because whoever waited for
//! it is gone is not booked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use colophon_core::capability::Name;
use colophon_core::cost::{CostKey, Costs, Day, Payer, Spender};
use colophon_core::id::RunId;
use colophon_core::rollout::{PluginVersion, PurchaseMark};
use colophon_core::time::Clock as _;
use colophon_crypto::Randomness as _;
use colophon_keys::SystemRandom;
use colophon_plugin_host::{FollowedCall, Follower, Generation};
use colophon_receipt::CenterId;
use colophon_store::store::Store;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::house::{House, SystemClock};

/// Rows that come together until they are written; what is beyond them is booked as
/// [`Payer::Others`].
const ROOM: Room = Room {
    all: 10_000,
    center: 2_000,
};

/// Rows of one batch: it is one transaction, and others wait meanwhile.
const BATCH_ROWS_MAX: usize = 500;

const WRITE_EVERY: Duration = Duration::from_secs(10);

/// How long a host that ends waits for the last batch.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How often what is too old goes.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Takes what calls have cost.
#[derive(Clone)]
pub(crate) struct Booking {
    tally: Arc<Tally>,
}

/// The task that writes it.
pub(crate) struct CostWriter {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What has come together since it was last taken.
struct Tally {
    room: Room,
    rows: Mutex<Rows>,
}

/// How many rows there may be.
#[derive(Clone, Copy)]
struct Room {
    all: usize,
    /// Of one center, so that none takes the room of the others.
    center: usize,
}

#[derive(Default)]
struct Rows {
    costs: HashMap<CostKey, Costs>,
    /// How many of them each center has.
    of_centers: HashMap<CenterId, usize>,
}

type Booked = (CostKey, Costs);

/// Books the calls of one version of a plug-in.
pub(super) struct Account {
    tally: Arc<Tally>,
    spender: Spender,
    version: PluginVersion,
    component: [u8; 32],
}

impl Booking {
    /// Starts the writer, which also lets costs go that are older than so many days. With no days this
    /// host books nothing, and lets nothing go that others have booked.
    pub(crate) fn start(house: &House, days: u16) -> (Option<Self>, CostWriter) {
        let tally = Arc::new(Tally {
            room: ROOM,
            rows: Mutex::default(),
        });
        let mut run = [0; 16];
        SystemRandom.fill(&mut run);
        let writer = Writer {
            store: Arc::clone(&house.store),
            tally: Arc::clone(&tally),
            days,
            run: RunId::from_bytes(run),
            number: 1,
            waiting: VecDeque::new(),
            fails: false,
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        let booking = (days > 0).then_some(Self { tally });
        (booking, CostWriter { stop, task })
    }

    /// Books the calls of one version of a center's own plug-in.
    pub(super) fn of(
        &self,
        plugin: &Name,
        version: &PluginVersion,
        component: [u8; 32],
    ) -> Account {
        Account {
            tally: Arc::clone(&self.tally),
            spender: Spender::Own(plugin.clone()),
            version: version.clone(),
            component,
        }
    }

    /// Books the calls of the built-in plug-in, whatever center asks it.
    pub(super) fn of_built_in(&self, built_in: &Generation) -> Result<Account> {
        let version = built_in.description().version.parse();
        Ok(Account {
            tally: Arc::clone(&self.tally),
            spender: Spender::BuiltIn,
            version: version.context("the built-in plug-in's version")?,
            component: *built_in.sha256(),
        })
    }
}

impl Account {
    /// Books a call.
    pub(super) fn book(&self, call: &FollowedCall<'_>) {
        let context = call.context;
        // Before a receipt has opened anybody can name any retailer in it.
        let opened = context.purchase.is_some_and(PurchaseMark::is_proven);
        let payer = match opened {
            true => Payer::Retailer(context.retailer.clone()),
            false => Payer::Claimed,
        };
        let key = CostKey {
            center: context.center.clone(),
            spender: self.spender.clone(),
            version: self.version.clone(),
            component: self.component,
            payer,
            day: Day::of(context.now),
            role: call.role.as_str(),
        };
        let costs = Costs {
            calls: 1,
            failures: u64::from(call.failure.is_some()),
            fuel: call.fuel,
            host_calls: call.host_calls as u64,
            host_bytes: call.host_bytes,
            memory_bytes_max: call.memory_bytes as u64,
        };
        self.tally.add(key, costs);
    }
}

impl Follower for Account {
    fn followed(&self, call: &FollowedCall<'_>) {
        self.book(call);
    }
}

impl Tally {
    /// Rows of [`Payer::Others`] always find room: there are no more of them than versions are
    /// loaded, times roles and days.
    fn add(&self, key: CostKey, costs: Costs) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.costs.get_mut(&key) {
            return row.add(costs);
        }
        let of_center = rows.of_centers.get(&key.center).copied().unwrap_or(0);
        if rows.costs.len() < self.room.all && of_center < self.room.center {
            rows.of_centers.insert(key.center.clone(), of_center + 1);
            rows.costs.insert(key, costs);
            return;
        }
        let others = CostKey {
            payer: Payer::Others,
            ..key
        };
        rows.costs.entry(others).or_default().add(costs);
    }

    /// What came together, in batches. Nobody who adds waits while they are made.
    fn take(&self) -> VecDeque<Vec<Booked>> {
        let rows = {
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *rows)
        };
        let mut rows = rows.costs.into_iter();
        let batches = std::iter::from_fn(|| {
            let batch: Vec<Booked> = rows.by_ref().take(BATCH_ROWS_MAX).collect();
            (!batch.is_empty()).then_some(batch)
        });
        batches.collect()
    }
}

impl CostWriter {
    /// Writes what is left, as far as the database takes it in time, and ends.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if timeout(STOP_MAX, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("what plug-ins have cost last was not booked in time");
        }
    }
}

struct Writer {
    store: Arc<Store>,
    tally: Arc<Tally>,
    days: u16,
    run: RunId,
    /// Of the batch that is booked next.
    number: u64,
    /// What is not booked yet. The first may be without anybody having said so: it is handed in again
    /// as it is, and the database knows by its number whether it has it.
    waiting: VecDeque<Vec<Booked>>,
    fails: bool,
}

/// What came of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// A batch is booked; another may have come together behind it.
    Batch,
    /// There was nothing.
    Nothing,
    /// The database did not take it.
    Failed,
}

impl Writer {
    async fn run(mut self, stop: CancellationToken) {
        let mut forget = interval(FORGET_EVERY);
        let mut write = interval(WRITE_EVERY);
        for turns in [&mut forget, &mut write] {
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = forget.tick() => self.forget_old().await,
                _ = write.tick() => self.write_all().await,
            }
        }
        self.write_all().await;
        let rows: usize = self.waiting.iter().map(Vec::len).sum();
        if rows > 0 {
            tracing::error!(rows, "what plug-ins have cost last is not booked and lost");
        }
    }

    async fn write_all(&mut self) {
        while self.write().await == Written::Batch {}
    }

    async fn write(&mut self) -> Written {
        if self.waiting.is_empty() {
            self.waiting = self.tally.take();
            tell_overflow(&self.waiting);
        }
        let Some(batch) = self.waiting.front() else {
            return Written::Nothing;
        };
        let now = SystemClock.now();
        let booked = self.store.book_costs(self.run, self.number, batch, now);
        match booked.await {
            Ok(_) => {
                self.waiting.pop_front();
                self.number += 1;
                if std::mem::take(&mut self.fails) {
                    tracing::info!("what plug-ins cost is booked again; nothing is missing");
                }
                Written::Batch
            }
            Err(error) => {
                // Told once, not at every turn.
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(%error, "what plug-ins cost is not booked for now; it is kept");
                }
                Written::Failed
            }
        }
    }

    async fn forget_old(&self) {
        if self.days == 0 {
            return;
        }
        let now = SystemClock.now();
        let oldest = Day::of(now).next().before(self.days);
        if let Err(error) = self.store.forget_costs_before(oldest, now).await {
            tracing::warn!(%error, "old costs of plug-ins stay for another hour");
        }
    }
}

fn tell_overflow(batches: &VecDeque<Vec<Booked>>) {
    let rows = batches.iter().flatten();
    let others = rows.filter(|(key, _)| key.payer == Payer::Others);
    let calls: u64 = others.map(|(_, costs)| costs.calls).sum();
    if calls > 0 {
        tracing::warn!(
            calls,
            rows_max = ROOM.all,
            rows_of_center_max = ROOM.center,
            "more retailers at once than rows for them: what these calls cost is booked under none"
        );
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::{CallContext, PluginFailure};
    use colophon_core::time::Timestamp;
    use colophon_plugin_host::Role;

    use super::*;

    fn account(rows_max: usize) -> Account {
        account_in(Room {
            all: rows_max,
            center: rows_max,
        })
    }

    fn account_in(room: Room) -> Account {
        Account {
            tally: Arc::new(Tally {
                room,
                rows: Mutex::default(),
            }),
            spender: Spender::Own(Name::parse("acme").unwrap()),
            version: "1".parse().unwrap(),
            component: [1; 32],
        }
    }

    fn call(account: &Account, retailer: &str, proven: bool, failure: Option<&PluginFailure>) {
        call_in("main", account, retailer, proven, failure);
    }

    fn call_in(
        center: &str,
        account: &Account,
        retailer: &str,
        proven: bool,
        failure: Option<&PluginFailure>,
    ) {
        let retailer = retailer.try_into().unwrap();
        let claimed = PurchaseMark::claimed(&retailer);
        let purchase = match proven {
            true => claimed.proven(&retailer, &"t-1".try_into().unwrap()),
            false => claimed,
        };
        account.book(&FollowedCall {
            role: Role::Retailers,
            context: &CallContext {
                request_id: "1".to_owned(),
                now: Timestamp::from_unix_ms(5),
                center: center.parse().unwrap(),
                retailer,
                purchase: Some(purchase),
            },
            failure,
            fuel: 10,
            memory_bytes: 3,
            host_calls: 2,
            host_bytes: 7,
            input: &|| serde_json::Value::Null,
        });
    }

    fn taken(account: &Account) -> Vec<(Payer, Costs)> {
        let rows = account.tally.take().into_iter().flatten();
        let mut rows: Vec<_> = rows.map(|(key, costs)| (key.payer, costs)).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows
    }

    fn shop(id: &str) -> Payer {
        Payer::Retailer(id.try_into().unwrap())
    }

    #[test]
    fn calls_for_one_retailer_are_added_up_and_taken_once() {
        let account = account(10);
        call(&account, "shop", true, None);
        call(&account, "shop", true, Some(&PluginFailure::OutOfFuel));
        let expected = Costs {
            calls: 2,
            failures: 1,
            fuel: 20,
            host_calls: 4,
            host_bytes: 14,
            memory_bytes_max: 3,
        };
        assert_eq!(taken(&account), [(shop("shop"), expected)]);
        assert_eq!(taken(&account), []);
    }

    #[test]
    fn whoever_sends_closed_receipts_is_booked_as_one() {
        let account = account(10);
        for number in 0..50 {
            call(&account, &format!("shop-{number}"), false, None);
        }
        let [(payer, costs)] = taken(&account).try_into().unwrap();
        assert_eq!((payer, costs.calls), (Payer::Claimed, 50));
    }

    #[test]
    fn what_is_beyond_the_rows_is_booked_under_nobodys_name() {
        let account = account(2);
        for number in 0..5 {
            call(&account, &format!("shop-{number}"), true, None);
        }
        // Those that have a row go on in it.
        call(&account, "shop-0", true, None);
        let rows = taken(&account).into_iter();
        let rows: Vec<_> = rows.map(|(payer, costs)| (payer, costs.calls)).collect();
        let expected = [(shop("shop-0"), 2), (shop("shop-1"), 1), (Payer::Others, 3)];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_center_leaves_the_others_their_rows() {
        let account = account_in(Room { all: 10, center: 2 });
        for number in 0..20 {
            call(&account, &format!("shop-{number}"), true, None);
        }
        call_in("other", &account, "shop", true, None);
        let rows = taken(&account).into_iter();
        let rows: Vec<_> = rows.map(|(payer, costs)| (payer, costs.calls)).collect();
        let expected = [
            (shop("shop"), 1),
            (shop("shop-0"), 1),
            (shop("shop-1"), 1),
            (Payer::Others, 18),
        ];
        assert_eq!(rows, expected);
        // The next rows are counted from none.
        call(&account, "shop-9", true, None);
        assert_eq!(taken(&account)[0].0, shop("shop-9"));
    }

    #[test]
    fn many_rows_are_taken_in_batches() {
        let account = account(10 * BATCH_ROWS_MAX);
        for number in 0..=2 * BATCH_ROWS_MAX {
            call(&account, &format!("shop-{number}"), true, None);
        }
        let batches = account.tally.take();
        let sizes: Vec<_> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [BATCH_ROWS_MAX, BATCH_ROWS_MAX, 1]);
    }
}
