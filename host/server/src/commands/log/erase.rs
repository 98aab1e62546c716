//! `colophon log erase`: what is known of a buyer goes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::ports::{OutboxRows as _, SetAside};
use colophon_receipt::{CenterId, RetailerId};
use colophon_store::decisions::Mentions;
use colophon_store::log::{Erased, KnownOf, PersonName};
use colophon_store::node::NodeStore;
use serde::Serialize;

use super::super::NOBODY_KNOWN;
use crate::cli::{BuyerArg, EraseArgs};
use crate::commands::known_center;
use crate::config::Config;
use crate::house::{House, look_into_node};
use crate::output::{Output, confirm, plain};

/// What was erased, and what was not.
#[derive(Serialize)]
struct Told<'a> {
    center: &'a str,
    retailer: &'a str,
    /// Whether the log knew the buyer by this.
    logged: bool,
    /// Rows of the log that nobody can read any more as to whose they were.
    rows: u64,
    decisions: u64,
    /// Decisions that were made for other buyers and in which this one stands: they stay.
    decisions_of_others: u64,
    unreadable_decisions: u64,
    /// Rows of the retailer's that nobody can read, in which this one may stand.
    unreadable_rows: u64,
    /// Rows in which this very name or sale stands and that are kept under something else: they stay.
    kept_elsewhere: Vec<Elsewhere>,
    /// Log rows that wait in the outbox of this host; none where that is not known.
    rows_waiting: Option<u64>,
}

/// What a buyer's rows are kept under, as the command takes it.
#[derive(Serialize)]
struct Elsewhere {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<String>,
    rows: u64,
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    arguments: &EraseArgs,
    output: Output,
) -> Result<ExitCode> {
    let center = known_center(house, &arguments.center.center).await?;
    let retailer = RetailerId::try_from(arguments.retailer.as_str());
    let retailer = retailer.with_context(|| format!("retailer {:?}", arguments.retailer))?;
    let buyer = buyer(&arguments.buyer)?;
    let told = shown(&buyer);
    let (store, mentions) = (&house.store, mentions(arguments));
    // A row may leave the outbox for the log at any moment: what left it before the log was read is
    // there, and what leaves it later is counted here.
    let before = waiting(config).await;
    let known = store.known_of(&center, &retailer, &buyer).await?;
    tell_unreadable_rows(known.unreadable_rows);
    let is_kept_elsewhere = known.rows == 0 && !known.elsewhere.is_empty();
    if is_kept_elsewhere || is_nothing(&known, mentions) {
        // Rows may be there of one that is not any more.
        if !is_kept_elsewhere && store.show_retailer(&center, &retailer).await?.is_none() {
            bail!("center {center} has no retailer {retailer}; see `colophon retailer list`");
        }
        tell_waiting(before.as_ref());
        tell_unreadable(known.unreadable);
        let nothing = Erased {
            logged: false,
            rows: 0,
            decisions: 0,
            unreadable: known.unreadable,
        };
        let answer = answer(&center, &retailer, &known, nothing, before.as_ref());
        output.print(&answer, |_| match is_kept_elsewhere {
            true => kept_elsewhere(&center, &retailer, &buyer, &known),
            false => nothing_known(&center, &retailer, &buyer, &known),
        })?;
        return Ok(ExitCode::from(NOBODY_KNOWN));
    }
    let question = question(&center, &retailer, &told, &known, mentions);
    confirm(&question, arguments.yes)?;
    let erased = store
        .erase_person(&center, &retailer, &buyer, mentions)
        .await?;
    tell_unreadable(erased.unreadable);
    if !known.elsewhere.is_empty() {
        eprintln!(
            "{} stands in other rows of the log as well, which stay: they are kept under {}. Where that \
             is the same buyer, erase it too.",
            plain(&told),
            plain(&listed(&known.elsewhere))
        );
    }
    let waiting = match before {
        Some(before) => Some(before),
        None => waiting(config).await,
    };
    tell_waiting(waiting.as_ref());
    let answer = answer(&center, &retailer, &known, erased, waiting.as_ref());
    output.print(&answer, |answer| {
        let log = match erased.logged {
            true => format!(
                "nobody can read any more in {} rows of the log who that was",
                answer.rows
            ),
            false => "the log knew nothing".to_owned(),
        };
        let others = match (answer.decisions_of_others, mentions) {
            (0, _) | (_, Mentions::Go) => String::new(),
            (others, Mentions::Stay) => format!(
                " {others} decisions that were made for other buyers, or for this one under another name, \
                 hold it too and stay; --mentions erases them as well."
            ),
        };
        format!(
            "Erased {told} of {retailer}: {log}; decisions of plug-ins that went: {}.{others}",
            answer.decisions
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn mentions(arguments: &EraseArgs) -> Mentions {
    match arguments.mentions {
        true => Mentions::Go,
        false => Mentions::Stay,
    }
}

/// Whether there is nothing to erase.
fn is_nothing(known: &KnownOf, mentions: Mentions) -> bool {
    let of_others = match mentions {
        Mentions::Stay => 0,
        Mentions::Go => known.of_others,
    };
    known.rows == 0 && known.decisions == 0 && of_others == 0
}

/// What the operator is asked, with how much of each kind goes.
fn question(
    center: &CenterId,
    retailer: &RetailerId,
    told: &str,
    known: &KnownOf,
    mentions: Mentions,
) -> String {
    let KnownOf {
        rows,
        decisions,
        of_others,
        ..
    } = known;
    let others = match (of_others, mentions) {
        (0, _) | (_, Mentions::Stay) => String::new(),
        (others, Mentions::Go) => {
            format!(", and {others} that were made for others and in which it stands")
        }
    };
    format!(
        "Erase {told} of {retailer} in center {center} for good: {rows} rows of the log, {decisions} \
         decisions of plug-ins{others}? What was sold and what is billed stays."
    )
}

/// That nothing was erased, since that would leave the buyer in rows that are kept under something else.
fn kept_elsewhere(
    center: &CenterId,
    retailer: &RetailerId,
    buyer: &PersonName,
    known: &KnownOf,
) -> String {
    format!(
        "Nothing was erased: the log keeps rows of {} of {retailer} in center {center} under {}. Erase \
         them under that.",
        shown(buyer),
        listed(&known.elsewhere)
    )
}

/// That there was nothing to erase, and where else to look.
fn nothing_known(
    center: &CenterId,
    retailer: &RetailerId,
    buyer: &PersonName,
    known: &KnownOf,
) -> String {
    let mut text = format!(
        "Nothing was erased: nothing is known of {} of {retailer} in center {center}. Rows of the log are \
         kept under the id of the customer, or the name where a receipt had none, or the sale where it \
         had neither.",
        shown(buyer)
    );
    if !known.otherwise.is_empty() {
        text.push_str(&format!(
            " It knows {}, in whose rows this stands as something else.",
            listed(&known.otherwise)
        ));
    }
    if known.of_others > 0 {
        text.push_str(&format!(
            " {} decisions that were made for others hold it; --mentions erases them.",
            known.of_others
        ));
    }
    text
}

fn answer<'a>(
    center: &'a CenterId,
    retailer: &'a RetailerId,
    known: &KnownOf,
    erased: Erased,
    waiting: Option<&Result<u64>>,
) -> Told<'a> {
    let elsewhere = known.elsewhere.iter().map(|(name, rows)| {
        let mut elsewhere = Elsewhere {
            customer: None,
            name: None,
            sale: None,
            rows: *rows,
        };
        match name {
            PersonName::Customer(id) => elsewhere.customer = Some(id.to_string()),
            PersonName::UserName(name) => elsewhere.name = Some(name.to_string()),
            PersonName::Sale(sale) => elsewhere.sale = Some(sale.to_string()),
        }
        elsewhere
    });
    Told {
        center: center.as_str(),
        retailer: retailer.as_str(),
        logged: erased.logged,
        rows: erased.rows,
        decisions: erased.decisions,
        decisions_of_others: known.of_others,
        unreadable_decisions: erased.unreadable,
        unreadable_rows: known.unreadable_rows,
        kept_elsewhere: elsewhere.collect(),
        rows_waiting: match waiting {
            None => Some(0),
            Some(rows) => rows.as_ref().ok().copied(),
        },
    }
}

fn tell_unreadable_rows(unreadable: u64) {
    if unreadable > 0 {
        eprintln!(
            "{unreadable} rows of the log that are kept under something else could not be read: whether this \
             buyer stands in them nobody knows. `colophon doctor` tells of damage."
        );
    }
}

fn tell_unreadable(unreadable: u64) {
    if unreadable > 0 {
        eprintln!(
            "{unreadable} decisions of plug-ins could not be read and stay; `colophon doctor` tells of \
             damage."
        );
    }
}

/// Rows that wait in the outbox of this host, or why that is not known; none where none wait or no
/// host has run.
async fn waiting(config: &Config) -> Option<Result<u64>> {
    let file = config.database.node.strip_prefix("sqlite://");
    if !file.is_some_and(|file| Path::new(file).exists()) {
        return None;
    }
    let looked_up = async {
        let node = look_into_node(config).await?;
        let waiting = waiting_in(&node).await;
        node.close().await;
        waiting
    };
    let rows = looked_up.await;
    Some(rows).filter(|rows| !matches!(rows, Ok(0)))
}

/// Those that were set aside and are tried again are among them.
async fn waiting_in(node: &NodeStore) -> Result<u64> {
    let (mut rows, _) = node.waiting().await?;
    for reason in SetAside::ALL {
        if reason.is_tried_again() {
            rows += node.count_set_aside(reason).await?;
        }
    }
    Ok(rows)
}

/// Rows that wait in an outbox are not in the log yet, and come there as if nobody had been erased.
fn tell_waiting(waiting: Option<&Result<u64>>) {
    match waiting {
        None => {}
        Some(Ok(rows)) => eprintln!(
            "{rows} log rows wait in the outbox of this host, or were set aside there until its next start, and \
             may be this buyer's: erase once more when `colophon doctor` tells of none. What waits on other hosts \
             is not seen from here."
        ),
        Some(Err(error)) => eprintln!(
            "Whether log rows wait in the outbox of this host could not be looked up: {}. Look into \
             `colophon doctor`, and erase once more when none wait.",
            plain(&format!("{error:#}"))
        ),
    }
}

/// The buyer that is meant.
fn buyer(buyer: &BuyerArg) -> Result<PersonName> {
    let BuyerArg {
        customer,
        name,
        sale,
    } = buyer;
    Ok(match (customer, name, sale) {
        (Some(id), _, _) => {
            PersonName::Customer(id.parse().with_context(|| format!("customer {id:?}"))?)
        }
        (None, Some(text), _) => {
            PersonName::UserName(text.parse().with_context(|| format!("name {text:?}"))?)
        }
        (None, None, Some(text)) => {
            PersonName::Sale(text.parse().with_context(|| format!("sale {text:?}"))?)
        }
        // The command line asks for one of them.
        (None, None, None) => bail!("say whom: --customer-id, --name or --sale"),
    })
}

/// How people are told of a buyer.
fn shown(buyer: &PersonName) -> String {
    match buyer {
        PersonName::Customer(id) => format!("customer {id}"),
        PersonName::UserName(name) => format!("the buyer {name}"),
        PersonName::Sale(sale) => format!("the sale {sale}"),
    }
}

/// What rows are kept under, as the command takes it.
fn listed(names: &BTreeMap<PersonName, u64>) -> String {
    let names = names.iter().map(|(name, rows)| {
        let name = match name {
            PersonName::Customer(id) => format!("--customer-id {:?}", id.as_str()),
            PersonName::UserName(name) => format!("--name {:?}", name.as_str()),
            PersonName::Sale(sale) => format!("--sale {:?}", sale.as_str()),
        };
        format!("{name} ({rows} rows)")
    });
    names.collect::<Vec<_>>().join(", ")
}
