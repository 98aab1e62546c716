//! Books what plug-ins cost, off the way of requests.
//!
//! A call adds to a tally in memory and goes on. A task takes the tally every few seconds and writes
//! it as one batch; where that fails the batch stays as it is and is handed in again, while later calls
//! add to the next. The tally has a limited number of rows; what is beyond them is booked under nobody's
//! name. A host that is killed loses what it had not written: the calls of the last seconds, or since
//! the database was away.

use std::collections::HashMap;
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
use colophon_store::store::Store;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::house::{House, SystemClock};

/// Rows that come together until they are written; what is beyond them is booked as
/// [`Payer::Others`].
const ROWS_MAX: usize = 10_000;

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

/// What has come together since the last batch.
struct Tally {
    rows_max: usize,
    rows: Mutex<HashMap<CostKey, Costs>>,
}

/// Books the calls of one version of a plug-in.
pub(super) struct Account {
    tally: Arc<Tally>,
    spender: Spender,
    version: PluginVersion,
    component: [u8; 32],
}

impl Booking {
    /// Starts the writer, which also lets costs go that are older than so many days. There is nobody
    /// to book with if none are kept.
    pub(crate) fn start(house: &House, days: u16) -> (Option<Self>, CostWriter) {
        let tally = Arc::new(Tally {
            rows_max: ROWS_MAX,
            rows: Mutex::default(),
        });
        let mut run = [0; 16];
        SystemRandom.fill(&mut run);
        let writer = Writer {
            store: Arc::clone(&house.store),
            tally: Arc::clone(&tally),
            days,
            run: RunId::from_bytes(run),
            number: 0,
            waiting: None,
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
        let has_room = rows.len() < self.rows_max || rows.contains_key(&key);
        let key = match has_room {
            true => key,
            false => CostKey {
                payer: Payer::Others,
                ..key
            },
        };
        rows.entry(key).or_default().add(costs);
    }

    fn take(&self) -> Vec<(CostKey, Costs)> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rows).into_iter().collect()
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
    /// Of the last batch.
    number: u64,
    /// What is not booked yet, or may be without anybody having said so: it is handed in again as it
    /// is, and the database knows by its number whether it has it.
    waiting: Option<Vec<(CostKey, Costs)>>,
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
        if let Some(lost) = &self.waiting {
            let rows = lost.len();
            tracing::error!(rows, "what plug-ins have cost last is not booked and lost");
        }
    }

    async fn write_all(&mut self) {
        while self.write().await == Written::Batch {}
    }

    async fn write(&mut self) -> Written {
        let batch = match self.waiting.take() {
            Some(batch) => batch,
            None => {
                let batch = self.tally.take();
                if batch.is_empty() {
                    return Written::Nothing;
                }
                self.number += 1;
                tell_overflow(&batch);
                batch
            }
        };
        let now = SystemClock.now();
        let booked = self.store.book_costs(self.run, self.number, &batch, now);
        match booked.await {
            Ok(_) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!("what plug-ins cost is booked again; nothing is missing");
                }
                Written::Batch
            }
            Err(error) => {
                self.waiting = Some(batch);
                // Told once, not at every turn.
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(%error, "what plug-ins cost is not booked for now; it is kept");
                }
                Written::Failed
            }
        }
    }

    async fn forget_old(&self) {
        let now = SystemClock.now();
        // Of no days at all, today is too old as well.
        let oldest = Day::of(now).next().before(self.days);
        if let Err(error) = self.store.forget_costs_before(oldest, now).await {
            tracing::warn!(%error, "old costs of plug-ins stay for another hour");
        }
    }
}

fn tell_overflow(batch: &[(CostKey, Costs)]) {
    let others = batch.iter().filter(|(key, _)| key.payer == Payer::Others);
    let calls: u64 = others.map(|(_, costs)| costs.calls).sum();
    if calls > 0 {
        tracing::warn!(
            calls,
            rows_max = ROWS_MAX,
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
        Account {
            tally: Arc::new(Tally {
                rows_max,
                rows: Mutex::default(),
            }),
            spender: Spender::Own(Name::parse("acme").unwrap()),
            version: "1".parse().unwrap(),
            component: [1; 32],
        }
    }

    fn call(account: &Account, retailer: &str, proven: bool, failure: Option<&PluginFailure>) {
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
                center: "main".parse().unwrap(),
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
        let rows = account.tally.take().into_iter();
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
}
