//! Activations per day, week and month.

use anyhow::{Context as _, Result};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_store::activation::{ActivationCounts, ActivationReader, Period, Totals};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use serde::Serialize;

use crate::cli::{ActivationReportArgs, PeriodArg};
use crate::house::SystemClock;
use crate::output::{Output, table};

#[derive(Serialize)]
struct Report {
    by: &'static str,
    periods: Vec<Line>,
    total: TotalLine,
}

#[derive(Serialize)]
struct Line {
    /// The first day of the period.
    from: String,
    activations: u64,
    counted: u64,
    repeats: u64,
    recoveries: u64,
    personas: u64,
    new_personas: u64,
    average_per_persona: Option<f64>,
}

#[derive(Serialize)]
struct TotalLine {
    personas: u64,
    activations: u64,
    counted: u64,
    average_per_persona: Option<f64>,
    devices_in_use: u64,
    keys_waiting: u64,
}

/// On a database that is only read.
pub(super) async fn on_another(arguments: &ActivationReportArgs, output: Output) -> Result<()> {
    let address = arguments.database.as_deref().unwrap_or_default();
    let address = address.parse().context("--database")?;
    let reader = ActivationReader::open(&address).await?;
    let reported = on(&reader, arguments, output).await;
    reader.close().await;
    reported
}

/// On a database that is open.
pub(super) async fn on(
    reader: &ActivationReader,
    arguments: &ActivationReportArgs,
    output: Output,
) -> Result<()> {
    let today = jiff::Timestamp::from_millisecond(SystemClock.now().unix_ms())?;
    let today = today.to_zoned(TimeZone::UTC).date();
    let mut periods = Vec::new();
    for (first, next) in calendar(today, arguments.by, arguments.periods)? {
        let period = Period {
            from: midnight(first)?,
            until: midnight(next)?,
        };
        periods.push(line(first, reader.count(period).await?));
    }
    let report = Report {
        by: match arguments.by {
            PeriodArg::Day => "day",
            PeriodArg::Week => "week",
            PeriodArg::Month => "month",
        },
        periods,
        total: total(reader.totals().await?),
    };
    output.print(&report, page)
}

/// The last so many periods, the earliest first, each with its first day and that of the next.
fn calendar(today: Date, by: PeriodArg, count: u16) -> Result<Vec<(Date, Date)>> {
    let (mut first, step): (Date, Span) = match by {
        PeriodArg::Day => (today, 1.day()),
        PeriodArg::Week => {
            let since = today.weekday().since(Weekday::Monday);
            (today.checked_sub(i64::from(since).days())?, 1.week())
        }
        PeriodArg::Month => (today.first_of_month(), 1.month()),
    };
    let mut periods = Vec::new();
    for _ in 0..count {
        periods.push((first, first.checked_add(step)?));
        first = first.checked_sub(step)?;
    }
    periods.reverse();
    Ok(periods)
}

fn midnight(date: Date) -> Result<Timestamp> {
    let midnight = date.to_zoned(TimeZone::UTC)?;
    let ms = midnight.timestamp().as_millisecond();
    Ok(Timestamp::from_unix_ms(ms))
}

fn line(first: Date, counts: ActivationCounts) -> Line {
    Line {
        from: first.to_string(),
        activations: counts.activations,
        counted: counts.counted,
        repeats: counts.repeats,
        recoveries: counts.recoveries,
        personas: counts.personas,
        new_personas: counts.new_personas,
        average_per_persona: average(counts.activations, counts.personas),
    }
}

fn total(totals: Totals) -> TotalLine {
    TotalLine {
        personas: totals.personas,
        activations: totals.activations,
        counted: totals.counted,
        average_per_persona: average(totals.activations, totals.personas),
        devices_in_use: totals.devices,
        keys_waiting: totals.keys_waiting,
    }
}

/// To two places.
fn average(activations: u64, personas: u64) -> Option<f64> {
    let average = activations as f64 / personas as f64;
    (personas > 0).then(|| (average * 100.0).round() / 100.0)
}

fn page(report: &Report) -> String {
    let shown =
        |average: Option<f64>| average.map_or(String::new(), |average| format!("{average:.2}"));
    let rows = report.periods.iter().map(|line| {
        let counts = [
            line.activations,
            line.counted,
            line.repeats,
            line.recoveries,
            line.personas,
            line.new_personas,
        ];
        let mut cells = vec![line.from.clone()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(shown(line.average_per_persona));
        cells
    });
    let heading = format!("{} (UTC)", report.by);
    let headings = [
        heading.as_str(),
        "activations",
        "counted",
        "same machine",
        "recoveries",
        "personas",
        "new personas",
        "per persona",
    ];
    let total = &report.total;
    format!(
        "{}\n\n{} personas have made {} activations, {} on average; {} devices are in use, {} key pairs wait.",
        table(&headings, rows),
        total.personas,
        total.activations,
        total
            .average_per_persona
            .map_or_else(|| "none".to_owned(), |average| format!("{average:.2}")),
        total.devices_in_use,
        total.keys_waiting,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(today: &str, by: PeriodArg, expected: &[&str]) {
        let today: Date = today.parse().unwrap();
        let count = expected.len() as u16 - 1;
        let periods = calendar(today, by, count).unwrap();
        let mut firsts: Vec<String> = periods.iter().map(|(first, _)| first.to_string()).collect();
        firsts.push(periods.last().unwrap().1.to_string());
        assert_eq!(firsts, expected);
        // No moment between two periods is left out.
        assert!(periods.windows(2).all(|two| two[0].1 == two[1].0));
    }

    #[test]
    fn periods_follow_the_calendar() {
        check(
            "2028-03-01",
            PeriodArg::Day,
            &["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"],
        );
        check(
            "2026-11-22",
            PeriodArg::Week,
            &["2026-11-09", "2026-11-16", "2026-11-23"],
        );
        check(
            "2026-11-23",
            PeriodArg::Week,
            &["2026-11-16", "2026-11-23", "2026-11-30"],
        );
        check(
            "2027-01-31",
            PeriodArg::Month,
            &["2026-11-01", "2026-12-01", "2027-01-01", "2027-02-01"],
        );
    }

    #[test]
    fn nobody_has_no_average() {
        assert_eq!(average(0, 0), None);
        assert_eq!(average(10, 3), Some(3.33));
    }
}
