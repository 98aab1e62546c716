//! `colophon log report|export|events|erase`.

mod erase;
mod events;

use std::process::ExitCode;

use anyhow::Result;
use colophon_core::time::{Clock as _, Timestamp};
use colophon_receipt::CenterId;
use colophon_store::log::{
    Amounts, BillingLine, DownloadRow, LoggedOutcome, LoggedPerson, Period, RowCursor, RowFilter,
    Step, StepCounts, TitleCount,
};
use serde::Serialize;

use super::known_center;
use crate::cli::LogCommand;
use crate::config::Config;
use crate::house::{House, SystemClock};
use crate::output::{Output, table};

const DAY_MS: i64 = 86_400_000;
const TITLES: u32 = 20;
/// Rows read at once.
const PAGE: u32 = 1_000;

#[derive(Serialize)]
struct Report {
    downloads: Counts,
    days: Vec<Counts>,
    titles: Vec<TitleLine>,
    billing: Vec<BillLine>,
}

#[derive(Serialize, Default)]
struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    requests: u64,
    completed: u64,
    unchanged: u64,
    broken: u64,
    refused: u64,
    purchases: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct TitleLine {
    book_id: String,
    book_id_type: String,
    purchases: u64,
}

#[derive(Serialize)]
struct BillLine {
    retailer: String,
    kid: String,
    purchases: u64,
    currency: Option<String>,
    retail_price: Option<u64>,
    cost: Option<u64>,
    list_price: Option<u64>,
}

#[derive(Serialize)]
struct Row {
    event: String,
    at: String,
    outcome: String,
    kid: Option<String>,
    transaction: Option<String>,
    book_id: Option<String>,
    book_id_type: Option<String>,
    level: Option<u8>,
    length: Option<u64>,
    from: Option<u64>,
    sent: Option<u64>,
    took_us: u64,
    user_name: Option<String>,
    customer_id: Option<String>,
    address: Option<String>,
    agent: Option<String>,
    file_name: Option<String>,
    license: Option<String>,
}

pub(super) async fn run(config: &Config, command: LogCommand, output: Output) -> Result<ExitCode> {
    let house = House::open(config).await?;
    let done = operate(config, &house, command, output).await;
    house.close().await;
    done
}

async fn operate(
    config: &Config,
    house: &House,
    command: LogCommand,
    output: Output,
) -> Result<ExitCode> {
    match command {
        LogCommand::Report { center, days } => {
            report(
                house,
                &known_center(house, &center.center).await?,
                period(days),
                output,
            )
            .await?;
        }
        LogCommand::Export { center, days } => {
            export(
                house,
                &known_center(house, &center.center).await?,
                period(days),
                output,
            )
            .await?;
        }
        LogCommand::Events(arguments) => events::list(house, &arguments, output).await?,
        LogCommand::Erase(arguments) => return erase::run(config, house, &arguments, output).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The last so many days, up to a little after now: clocks of other nodes may be ahead.
fn period(days: u32) -> Period {
    let now = SystemClock.now().unix_ms();
    Period {
        from: Timestamp::from_unix_ms(now - i64::from(days) * DAY_MS),
        until: Timestamp::from_unix_ms(now + DAY_MS),
    }
}

async fn report(house: &House, center: &CenterId, period: Period, output: Output) -> Result<()> {
    let days = house
        .store
        .count_downloads(center, period, Step::Day)
        .await?;
    let titles = house.store.most_downloaded(center, period, TITLES).await?;
    let billing = house.store.bill(center, period).await?;
    let days: Vec<Counts> = days.iter().map(day).collect();
    let report = Report {
        downloads: total(&days),
        days,
        titles: titles.iter().map(title).collect(),
        billing: billing.iter().map(bill).collect(),
    };
    output.print(&report, page)
}

fn day(step: &StepCounts) -> Counts {
    Counts {
        day: Some(date(step.from)),
        requests: step.requests,
        completed: step.completed,
        unchanged: step.unchanged,
        broken: step.broken,
        refused: step.refused,
        purchases: step.purchases,
        bytes: step.bytes,
    }
}

/// Purchases are left out of the sum: one purchase may be downloaded on several days.
fn total(days: &[Counts]) -> Counts {
    days.iter().fold(Counts::default(), |sum, day| Counts {
        day: None,
        requests: sum.requests + day.requests,
        completed: sum.completed + day.completed,
        unchanged: sum.unchanged + day.unchanged,
        broken: sum.broken + day.broken,
        refused: sum.refused + day.refused,
        purchases: sum.purchases.max(day.purchases),
        bytes: sum.bytes + day.bytes,
    })
}

fn title(count: &TitleCount) -> TitleLine {
    TitleLine {
        book_id: count.book.id.to_string(),
        book_id_type: count.book.id_type.to_string(),
        purchases: count.purchases,
    }
}

fn bill(line: &BillingLine) -> BillLine {
    let Amounts {
        retail_price,
        cost,
        list_price,
        currency,
    } = &line.sums;
    BillLine {
        retailer: line.key.retailer().to_string(),
        kid: line.key.to_string(),
        purchases: line.purchases,
        currency: currency.as_ref().map(ToString::to_string),
        retail_price: *retail_price,
        cost: *cost,
        list_price: *list_price,
    }
}

fn page(report: &Report) -> String {
    let days = report.days.iter().map(|day| {
        let counts = [
            day.requests,
            day.completed,
            day.unchanged,
            day.broken,
            day.refused,
            day.purchases,
            day.bytes,
        ];
        let mut cells = vec![day.day.clone().unwrap_or_default()];
        cells.extend(counts.map(|count| count.to_string()));
        cells
    });
    let titles = report.titles.iter().map(|title| {
        vec![
            format!("{} {}", title.book_id_type, title.book_id),
            title.purchases.to_string(),
        ]
    });
    let amount = |amount: Option<u64>| amount.map_or(String::new(), |minor| minor.to_string());
    let billing = report.billing.iter().map(|line| {
        vec![
            line.retailer.clone(),
            line.kid.clone(),
            line.purchases.to_string(),
            line.currency.clone().unwrap_or_default(),
            amount(line.retail_price),
            amount(line.cost),
            amount(line.list_price),
        ]
    });
    format!(
        "{}\n\n{}\n\n{}",
        table(
            &[
                "day (UTC)",
                "requests",
                "completed",
                "unchanged",
                "broken",
                "refused",
                "purchases",
                "bytes"
            ],
            days
        ),
        table(&["most downloaded", "purchases"], titles),
        table(
            &[
                "bill to",
                "key",
                "purchases",
                "currency",
                "retail price",
                "cost",
                "list price"
            ],
            billing
        ),
    )
}

fn date(at: Timestamp) -> String {
    instant(at).map_or_else(String::new, |instant| {
        instant.strftime("%Y-%m-%d").to_string()
    })
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.unix_ms()).ok()
}

/// Prints every row, oldest first.
async fn export(house: &House, center: &CenterId, period: Period, output: Output) -> Result<()> {
    let filter = RowFilter {
        period,
        retailer: None,
        transaction: None,
    };
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = house
            .store
            .list_downloads(center, &filter, after, PAGE)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(RowCursor {
            at: last.at,
            event: last.event,
        });
        rows.extend(page.iter().map(row));
    }
    rows.reverse();
    output.print(&serde_json::json!({ "rows": &rows }), |_| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = rows.iter().map(|row| {
            vec![
                row.at.clone(),
                row.event.clone(),
                row.outcome.clone(),
                text(&row.kid),
                text(&row.transaction),
                text(&row.book_id),
                row.level.map_or(String::new(), |level| level.to_string()),
                row.sent.map_or(String::new(), |sent| sent.to_string()),
            ]
        });
        table(
            &[
                "time (UTC)",
                "event",
                "outcome",
                "key",
                "transaction",
                "Book ID",
                "level",
                "bytes",
            ],
            cells,
        )
    })
}

fn row(logged: &DownloadRow) -> Row {
    let sale = logged.sale.as_ref();
    let copy = logged.copy.as_ref();
    let person = match &logged.person {
        LoggedPerson::Known(person) => Some(person),
        LoggedPerson::Erased => None,
    };
    Row {
        event: logged.event.to_string(),
        at: instant(logged.at).map_or_else(String::new, |instant| instant.to_string()),
        outcome: match &logged.outcome {
            LoggedOutcome::Completed if is_unchanged(logged) => "unchanged".to_owned(),
            LoggedOutcome::Completed => "completed".to_owned(),
            LoggedOutcome::Broken => "broken".to_owned(),
            LoggedOutcome::Refused(code) => format!("refused: {code}"),
        },
        kid: logged.key.as_ref().map(ToString::to_string),
        transaction: sale.map(|sale| sale.transaction.to_string()),
        book_id: sale.map(|sale| sale.book.id.to_string()),
        book_id_type: sale.map(|sale| sale.book.id_type.to_string()),
        level: copy.map(|copy| copy.level.as_number()),
        length: copy.map(|copy| copy.length),
        from: copy.map(|copy| copy.asked.start),
        sent: copy.map(|copy| copy.sent),
        took_us: logged.took_us,
        user_name: person.and_then(|person| person.user_name.clone()),
        customer_id: person.and_then(|person| person.customer_id.clone()),
        address: person.map(|person| person.address.to_string()),
        agent: person.and_then(|person| person.agent.clone()),
        file_name: person.and_then(|person| person.file_name.clone()),
        license: logged.license.clone(),
    }
}

/// Whether nothing was sent because the client had the copy already.
fn is_unchanged(logged: &DownloadRow) -> bool {
    let copy = logged.copy.as_ref();
    copy.is_some_and(|copy| copy.sent == 0 && copy.length > 0)
}
