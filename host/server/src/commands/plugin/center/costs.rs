//! `colophon plugin costs`: what a center's plug-ins have cost.

use anyhow::{Context as _, Result, bail, ensure};
use colophon_core::capability::Name;
use colophon_core::cost::{Costs, Day, Payer, Spender};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_receipt::CenterId;
use colophon_store::costs::{CostFilter, CostLine, CostPart, CostsBy};
use serde::Serialize;

use super::grant::similar;
use super::name;
use crate::cli::{CostsByArg, PluginCostsArgs};
use crate::house::{House, SystemClock};
use crate::output::{Output, hex, table};

/// How many days are told where no first one is named.
const DAYS: u16 = 30;

/// Digits of a component's SHA-256 that are shown to people.
const DIGITS: usize = 12;

#[derive(Serialize)]
struct Report {
    center: String,
    /// The first day, and the last.
    from: String,
    until: String,
    by: &'static str,
    rows: Vec<Row>,
    total: Figures,
}

#[derive(Serialize)]
struct Row {
    /// None for the built-in one.
    plugin: Option<String>,
    #[serde(flatten)]
    part: Part,
    #[serde(flatten)]
    figures: Figures,
    /// Of the fuel of all rows, in percent.
    fuel_percent: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Day {
        day: String,
    },
    Retailer {
        /// None where `booked_as` is not `retailer`.
        retailer: Option<String>,
        booked_as: &'static str,
    },
    Version {
        version: String,
        sha256: String,
    },
    Role {
        role: String,
    },
}

#[derive(Serialize)]
struct Figures {
    calls: u64,
    failures: u64,
    fuel: u64,
    host_calls: u64,
    host_bytes: u64,
    memory_bytes_max: u64,
}

pub(super) async fn run(
    house: &House,
    center: &CenterId,
    arguments: &PluginCostsArgs,
    output: Output,
) -> Result<()> {
    let today = Day::of(SystemClock.now());
    let first = arguments.from.map(day).transpose()?;
    let last = arguments.until.map(day).transpose()?.unwrap_or(today);
    let first = first.unwrap_or_else(|| last.before(DAYS - 1));
    ensure!(first <= last, "--from is a day after --until");
    let plugin = arguments.plugin.as_deref().map(name).transpose()?;
    let filter = CostFilter {
        plugin,
        from: first,
        until: last.next(),
    };
    let by = match arguments.by {
        CostsByArg::Day => CostsBy::Day,
        CostsByArg::Retailer => CostsBy::Retailer,
        CostsByArg::Version => CostsBy::Version,
        CostsByArg::Role => CostsBy::Role,
    };
    let lines = house.store.costs(center, &filter, by).await?;
    let mut total = Costs::default();
    for line in &lines {
        total.add(line.costs);
    }
    let report = Report {
        center: center.to_string(),
        from: shown_day(first),
        until: shown_day(last),
        by: heading(arguments.by),
        rows: lines.into_iter().map(|line| row(line, &total)).collect(),
        total: figures(&total),
    };
    // What it has cost outlives a plug-in, so that only a name under which nothing stands is one too many.
    if let Some(plugin) = filter.plugin.as_ref().filter(|_| report.rows.is_empty()) {
        refuse_unknown(house, center, plugin).await?;
    }
    output.print(&report, |report| words(report, filter.plugin.as_ref()))
}

/// Refuses a plug-in that the center does not have.
async fn refuse_unknown(house: &House, center: &CenterId, plugin: &Name) -> Result<()> {
    if house.store.kept_plugin(center, plugin).await?.is_some() {
        return Ok(());
    }
    let meant = similar(house, center, plugin).await?;
    let meant = meant.map_or_else(String::new, |near| format!("; there is one called {near}"));
    bail!(
        "center {center} has no plug-in {plugin}, and nothing is booked under this name in these \
         days{meant}; see `colophon plugin list --center {center}`"
    )
}

fn heading(by: CostsByArg) -> &'static str {
    match by {
        CostsByArg::Day => "day",
        CostsByArg::Retailer => "retailer",
        CostsByArg::Version => "version",
        CostsByArg::Role => "role",
    }
}

fn row(line: CostLine, total: &Costs) -> Row {
    let fuel_percent = match total.fuel {
        0 => 0.0,
        all => 100.0 * line.costs.fuel as f64 / all as f64,
    };
    Row {
        plugin: match line.spender {
            Spender::BuiltIn => None,
            Spender::Own(name) => Some(name.to_string()),
        },
        part: part(line.part),
        figures: figures(&line.costs),
        fuel_percent,
    }
}

fn part(part: CostPart) -> Part {
    match part {
        CostPart::Day(day) => Part::Day {
            day: shown_day(day),
        },
        CostPart::Retailer(payer) => {
            let (retailer, booked_as) = match payer {
                Payer::Retailer(retailer) => (Some(retailer.to_string()), "retailer"),
                Payer::Claimed => (None, "claimed"),
                Payer::Others => (None, "others"),
            };
            Part::Retailer {
                retailer,
                booked_as,
            }
        }
        CostPart::Version(version, sha256) => Part::Version {
            version: version.to_string(),
            sha256: hex(&sha256),
        },
        CostPart::Role(role) => Part::Role { role },
    }
}

fn figures(costs: &Costs) -> Figures {
    let Costs {
        calls,
        failures,
        fuel,
        host_calls,
        host_bytes,
        memory_bytes_max,
    } = *costs;
    Figures {
        calls,
        failures,
        fuel,
        host_calls,
        host_bytes,
        memory_bytes_max,
    }
}

fn words(report: &Report, plugin: Option<&Name>) -> String {
    let Report {
        center,
        from,
        until,
        ..
    } = report;
    if report.rows.is_empty() {
        return match plugin {
            Some(plugin) => {
                format!("Nothing is booked of {plugin} in center {center} from {from} to {until}.")
            }
            None => format!("Nothing is booked of center {center} from {from} to {until}."),
        };
    }
    let rows = report.rows.iter().map(|row| {
        let plugin = row.plugin.clone();
        let plugin = plugin.unwrap_or_else(|| "(built-in)".to_owned());
        let share = format!("{:.1} %", row.fuel_percent);
        cells(plugin, shown(&row.part), &row.figures, share)
    });
    let all = cells(
        "all".to_owned(),
        String::new(),
        &report.total,
        String::new(),
    );
    let headings = [
        "plug-in",
        report.by,
        "calls",
        "failed",
        "fuel",
        "share",
        "a call",
        "host calls",
        "host bytes",
        "memory",
    ];
    let mut text = table(&headings, rows.chain([all]));
    let booked = |wanted: &str| {
        let mut parts = report.rows.iter().map(|row| &row.part);
        parts.any(|part| matches!(part, Part::Retailer { booked_as, .. } if *booked_as == wanted))
    };
    if booked("claimed") {
        text.push_str(
            "\n\n(claimed): calls for receipts that were still closed, or never opened. Anybody can name \
             any retailer in one.",
        );
    }
    if booked("others") {
        text.push_str(
            "\n\n(others): retailers for which a host had no row left until it wrote the next time.",
        );
    }
    text + &format!(
        "\n\nCenter {center}, {from} to {until} (UTC). Fuel is that of whole calls, with starts; memory \
         is the most that one instance had. What a host had not booked when it was killed is missing: \
         ten seconds, or since the database was away. So is what was given up because the client was \
         gone."
    )
}

fn cells(plugin: String, part: String, figures: &Figures, share: String) -> Vec<String> {
    let Figures {
        calls,
        failures,
        fuel,
        host_calls,
        host_bytes,
        memory_bytes_max,
    } = figures;
    vec![
        plugin,
        part,
        calls.to_string(),
        failures.to_string(),
        fuel.to_string(),
        share,
        fuel.checked_div(*calls).unwrap_or(0).to_string(),
        host_calls.to_string(),
        host_bytes.to_string(),
        format!("{} KiB", memory_bytes_max.div_ceil(1024)),
    ]
}

fn shown(part: &Part) -> String {
    match part {
        Part::Day { day } => day.clone(),
        Part::Retailer {
            retailer,
            booked_as,
        } => match retailer {
            Some(retailer) => retailer.clone(),
            None => format!("({booked_as})"),
        },
        Part::Version { version, sha256 } => {
            format!("{version} {}", sha256.get(..DIGITS).unwrap_or_default())
        }
        Part::Role { role } => role.clone(),
    }
}

/// A day as it is written on the command line.
fn day(date: jiff::civil::Date) -> Result<Day> {
    let begins = date.to_zoned(jiff::tz::TimeZone::UTC);
    let begins = begins.with_context(|| format!("{date} is no day that is counted"))?;
    let ms = begins.timestamp().as_millisecond();
    Ok(Day::of(Timestamp::from_unix_ms(ms)))
}

fn shown_day(day: Day) -> String {
    let begins = jiff::Timestamp::from_millisecond(day.begins().unix_ms());
    begins
        .map(|begins| begins.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}
