//! `colophon log erase`: what is known of a buyer goes.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use colophon_core::ports::{OutboxRows as _, SetAside};
use colophon_receipt::RetailerId;
use colophon_store::log::{Erased, PersonName};
use colophon_store::node::NodeStore;
use serde_json::json;

use crate::cli::{BuyerArg, EraseArgs};
use crate::commands::known_center;
use crate::config::Config;
use crate::house::{House, open_node};
use crate::output::{Output, confirm};

pub(super) async fn run(
    config: &Config,
    house: &House,
    arguments: &EraseArgs,
    output: Output,
) -> Result<()> {
    let center = known_center(house, &arguments.center.center).await?;
    let retailer = RetailerId::try_from(arguments.retailer.as_str());
    let retailer = retailer.with_context(|| format!("retailer {:?}", arguments.retailer))?;
    let (buyer, told) = buyer(&arguments.buyer)?;
    let store = &house.store;
    let going = store.count_decisions_about(&center, &retailer, &buyer);
    let question = format!(
        "Erase {told} of {retailer} in center {center} for good, with {} decisions of plug-ins? What was \
         sold and what is billed stays.",
        going.await?
    );
    confirm(&question, arguments.yes)?;
    // A row may leave the outbox for the log at any moment, so both before and after count.
    let before = waiting(config).await;
    let Erased {
        logged,
        decisions,
        unreadable,
    } = store.erase_person(&center, &retailer, &buyer).await?;
    if unreadable > 0 {
        eprintln!(
            "{unreadable} decisions of plug-ins could not be read and stay; `colophon doctor` tells of \
             damage."
        );
    }
    tell_waiting(before.or(waiting(config).await));
    if !logged && decisions == 0 {
        bail!(
            "nothing is known of {told} of {retailer} in center {center}. Rows of the log are kept under \
             the id of the customer, or the name where a receipt had none, or the sale where it had \
             neither"
        );
    }
    let erased = json!({
        "center": center.as_str(),
        "retailer": retailer.as_str(),
        "logged": logged,
        "decisions": decisions,
        "unreadable_decisions": unreadable,
    });
    output.print(&erased, |_| {
        let log = match logged {
            true => "nobody can read in the log any more who that was",
            false => "the log knew nothing",
        };
        format!("Erased {told} of {retailer}: {log}; decisions of plug-ins that went: {decisions}.")
    })
}

/// Rows that wait in the outbox of this host, or why that is not known; none where none wait or no
/// host has run.
async fn waiting(config: &Config) -> Option<Result<u64>> {
    let file = config.database.node.strip_prefix("sqlite://");
    if !file.is_some_and(|file| Path::new(file).exists()) {
        return None;
    }
    let looked_up = async {
        let node = open_node(config).await?;
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
fn tell_waiting(waiting: Option<Result<u64>>) {
    match waiting {
        None => {}
        Some(Ok(rows)) => eprintln!(
            "{rows} log rows wait in the outbox of this host, or were set aside there until its next start, and \
             may be this buyer's: erase once more when `colophon doctor` tells of none. What waits on other hosts \
             is not seen from here."
        ),
        Some(Err(error)) => eprintln!(
            "Whether log rows wait in the outbox of this host could not be looked up: {error:#}. Look into \
             `colophon doctor`, and erase once more when none wait."
        ),
    }
}

/// The buyer, and how people are told of them.
fn buyer(buyer: &BuyerArg) -> Result<(PersonName, String)> {
    let BuyerArg {
        customer,
        name,
        sale,
    } = buyer;
    Ok(match (customer, name, sale) {
        (Some(id), _, _) => {
            let customer = id.parse().with_context(|| format!("customer {id:?}"))?;
            (PersonName::Customer(customer), format!("customer {id}"))
        }
        (None, Some(text), _) => {
            let name = text.parse().with_context(|| format!("name {text:?}"))?;
            (PersonName::UserName(name), format!("the buyer {text}"))
        }
        (None, None, Some(text)) => {
            let sale = text.parse().with_context(|| format!("sale {text:?}"))?;
            (PersonName::Sale(sale), format!("the sale {text}"))
        }
        // The command line asks for one of them.
        (None, None, None) => bail!("say whom: --customer, --name or --sale"),
    })
}
