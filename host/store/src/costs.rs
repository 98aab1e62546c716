//! What plug-ins have cost, in the logging database.
//!
//! It is history and not a record: it stays when a version or a plug-in is removed, as a download
//! stays when its title is. And hosts write it all the time, which is kept away from the fulfillment
//! database, where limited purchases wait for a file's one writer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use colophon_core::capability::Name;
use colophon_core::cost::{CostKey, Costs, Day, Payer, Spender};
use colophon_core::id::RunId;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use sqlx::FromRow;

use crate::database::{Argument, Batch, arguments};
use crate::failure::{ChangeError, Damaged, ReadError};
use crate::parse::{counted, moment, number, parsed, sized};
use crate::store::Store;

const TABLE: &str = "plugin_costs";

/// How long it is remembered what a run has booked, in milliseconds: no host repeats a batch for as
/// long as this.
const RUN_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// As the retailer of [`Payer::Others`]; no retailer is called so.
const OTHERS: &str = "*";

/// Counts no row where the batch was booked before.
const TAKE_BATCH: &str = "INSERT INTO plugin_cost_runs (run, batch, at) VALUES ($1, $2, $3) \
    ON CONFLICT (run) DO UPDATE SET batch = excluded.batch, at = excluded.at \
    WHERE plugin_cost_runs.batch < excluded.batch";

const COLUMNS: usize = 13;

static BOOK: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "INSERT INTO plugin_costs (center, plugin, version, component, retailer, day, role, calls, \
         failures, fuel, host_calls, host_bytes, memory_bytes_max) VALUES",
        COLUMNS,
        "ON CONFLICT (center, plugin, version, component, retailer, day, role) DO UPDATE SET \
         calls = plugin_costs.calls + excluded.calls, \
         failures = plugin_costs.failures + excluded.failures, \
         fuel = plugin_costs.fuel + excluded.fuel, \
         host_calls = plugin_costs.host_calls + excluded.host_calls, \
         host_bytes = plugin_costs.host_bytes + excluded.host_bytes, \
         memory_bytes_max = CASE WHEN excluded.memory_bytes_max > plugin_costs.memory_bytes_max \
         THEN excluded.memory_bytes_max ELSE plugin_costs.memory_bytes_max END",
    )
});

/// The oldest day alone: nobody waits while years go.
const FORGET_DAY: &str = "DELETE FROM plugin_costs \
    WHERE day = (SELECT MIN(day) FROM plugin_costs) AND day < $1";

const FORGET_RUNS: &str = "DELETE FROM plugin_cost_runs WHERE at < $1";

const SUMS: &str = "SELECT plugin, \
    CASE $5 WHEN 'version' THEN version WHEN 'retailer' THEN retailer WHEN 'role' THEN role \
    ELSE '' END AS name, \
    CASE WHEN $5 = 'version' THEN component END AS component, \
    CASE WHEN $5 = 'day' THEN day ELSE 0 END AS day, \
    CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(failures) AS BIGINT) AS failures, \
    CAST(SUM(fuel) AS BIGINT) AS fuel, CAST(SUM(host_calls) AS BIGINT) AS host_calls, \
    CAST(SUM(host_bytes) AS BIGINT) AS host_bytes, MAX(memory_bytes_max) AS memory_bytes_max \
    FROM plugin_costs WHERE center = $1 AND day >= $2 AND day < $3 \
    AND ($4 IS NULL OR plugin = $4) GROUP BY 1, 2, 3, 4 ORDER BY 1, 4, 2, 3";

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// It is booked now.
    Now,
    /// It was booked before, and its answer was lost.
    Before,
}

/// What costs are told by, within each plug-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostsBy {
    /// By day.
    Day,
    /// By retailer.
    Retailer,
    /// By version and component.
    Version,
    /// By what was asked.
    Role,
}

/// Which costs are told.
#[derive(Debug, Clone)]
pub struct CostFilter {
    /// Of one plug-in of the center's own, or of all, the built-in one too.
    pub plugin: Option<Name>,
    /// From this day on.
    pub from: Day,
    /// Before this day.
    pub until: Day,
}

/// What a part of a plug-in's calls has cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLine {
    /// The plug-in.
    pub spender: Spender,
    /// Which part.
    pub part: CostPart,
    /// What it has cost.
    pub costs: Costs,
}

/// A part of a plug-in's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CostPart {
    /// Those of one day.
    Day(Day),
    /// Those for one retailer.
    Retailer(Payer),
    /// Those of one version with one component.
    Version(PluginVersion, [u8; 32]),
    /// Those in one role.
    Role(String),
}

#[derive(FromRow)]
struct Row {
    plugin: String,
    name: String,
    component: Option<Vec<u8>>,
    day: i64,
    calls: i64,
    failures: i64,
    fuel: i64,
    host_calls: i64,
    host_bytes: i64,
    memory_bytes_max: i64,
}

impl CostsBy {
    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Retailer => "retailer",
            Self::Version => "version",
            Self::Role => "role",
        }
    }
}

impl Store {
    /// Adds what calls have cost to what is booked: all of it, once, however often the same batch of
    /// a run is handed in. Batches of a run are numbered from 1 on, and none is begun before the one
    /// before it is booked.
    pub async fn book_costs(
        &self,
        run: RunId,
        batch: u64,
        costs: &[(CostKey, Costs)],
        now: Timestamp,
    ) -> Result<Booked, ChangeError> {
        // Two who take the same rows in another order would wait for each other, and a server takes no
        // row twice in one statement.
        let mut sorted: BTreeMap<&CostKey, Costs> = BTreeMap::new();
        for (key, costs) in costs {
            sorted.entry(key).or_default().add(*costs);
        }
        let rows = sorted.iter().flat_map(|(key, costs)| columns(key, costs));
        let rows: Vec<Argument<'_>> = rows.collect();
        let mut write = self.logging.write().await?;
        let values = arguments![run.as_bytes(), number(batch), now.unix_ms()];
        if write.execute(TAKE_BATCH, values).await? == 0 {
            write.undo().await?;
            return Ok(Booked::Before);
        }
        for (sql, piece) in BOOK.pieces(write.placeholders(), &rows) {
            write.execute(sql, piece).await?;
        }
        write.commit().await?;
        Ok(Booked::Now)
    }

    /// Lets the costs of days before one go, of all centers, and says how many rows there were.
    pub async fn forget_costs_before(
        &self,
        oldest: Day,
        now: Timestamp,
    ) -> Result<u64, ChangeError> {
        let runs = arguments![now.unix_ms().saturating_sub(RUN_KEPT_MS)];
        self.logging.execute(FORGET_RUNS, runs).await?;
        let mut all = 0;
        loop {
            let before = arguments![oldest.begins().unix_ms()];
            match self.logging.execute(FORGET_DAY, before).await? {
                0 => return Ok(all),
                rows => all += rows,
            }
        }
    }

    /// What a center's plug-ins have cost, added up.
    pub async fn costs(
        &self,
        center: &CenterId,
        filter: &CostFilter,
        by: CostsBy,
    ) -> Result<Vec<CostLine>, ReadError> {
        let values = arguments![
            center.as_str(),
            filter.from.begins().unix_ms(),
            filter.until.begins().unix_ms(),
            filter.plugin.as_ref().map(Name::as_str),
            by.word(),
        ];
        let rows: Vec<Row> = self.logging.all(SUMS, values).await?;
        let lines = rows.into_iter().map(|row| line(row, by));
        lines.collect::<Result<_, _>>().map_err(ReadError::Damaged)
    }
}

fn columns<'a>(key: &'a CostKey, costs: &Costs) -> [Argument<'a>; COLUMNS] {
    let CostKey {
        center,
        spender,
        version,
        component,
        payer,
        day,
        role,
    } = key;
    let plugin = match spender {
        Spender::BuiltIn => "",
        Spender::Own(name) => name.as_str(),
    };
    let retailer = match payer {
        Payer::Retailer(retailer) => retailer.as_str(),
        Payer::Claimed => "",
        Payer::Others => OTHERS,
    };
    [
        center.as_str().into(),
        plugin.into(),
        version.as_str().into(),
        component.into(),
        retailer.into(),
        day.begins().unix_ms().into(),
        (*role).into(),
        number(costs.calls).into(),
        number(costs.failures).into(),
        number(costs.fuel).into(),
        number(costs.host_calls).into(),
        number(costs.host_bytes).into(),
        number(costs.memory_bytes_max).into(),
    ]
}

fn line(row: Row, by: CostsBy) -> Result<CostLine, Damaged> {
    let count = |column, value| counted(TABLE, column, value);
    let costs = Costs {
        calls: count("calls", row.calls)?,
        failures: count("failures", row.failures)?,
        fuel: count("fuel", row.fuel)?,
        host_calls: count("host_calls", row.host_calls)?,
        host_bytes: count("host_bytes", row.host_bytes)?,
        memory_bytes_max: count("memory_bytes_max", row.memory_bytes_max)?,
    };
    let spender = match row.plugin.as_str() {
        "" => Spender::BuiltIn,
        name => {
            let name = Name::parse(name);
            Spender::Own(name.map_err(|error| Damaged::new(TABLE, "plugin", error))?)
        }
    };
    let part = match by {
        CostsBy::Day => CostPart::Day(Day::of(moment(row.day))),
        CostsBy::Retailer => CostPart::Retailer(match row.name.as_str() {
            "" => Payer::Claimed,
            OTHERS => Payer::Others,
            retailer => Payer::Retailer(parsed(TABLE, "retailer", retailer)?),
        }),
        CostsBy::Version => {
            let component = row.component.unwrap_or_default();
            CostPart::Version(
                parsed(TABLE, "version", &row.name)?,
                sized(TABLE, "component", &component)?,
            )
        }
        CostsBy::Role => CostPart::Role(row.name),
    };
    Ok(CostLine {
        spender,
        part,
        costs,
    })
}
