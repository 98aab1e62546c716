//! Whether repositories are made for those who order them, seen from a host that people talk to or
//! from one that does nothing else.

use colophon_core::activation::repository_orders::backlog::{Backlog, Stalled};
use colophon_core::activation::repository_orders::{
    Demand, RepositoryOrders as _, RepositoryWork as _,
};
use colophon_core::causes::causes;
use colophon_core::ports::Readiness as _;
use colophon_core::time::{Clock as _, Timestamp};
use colophon_store::activation::ActivationStore;

use super::{Finding, answering, finding, integrity, master_key};
use crate::config::Config;
use crate::house::{SystemClock, Workplace, advice, peoples_files};

/// What a host stands on that only makes repositories.
pub(super) async fn workplace(config: &Config) -> Vec<Finding> {
    let what = format!(
        "only makes repositories: its folder holds a master key and nothing else that a host \
         makes; if people talk to this host, what is missing is {}",
        peoples_files(config).join(", ")
    );
    let mut findings = vec![finding("this host", Ok(what))];
    match Workplace::open(config).await {
        Ok(place) => {
            let store = &place.activation;
            findings.extend(answering(store.check().await));
            findings.push(front_ends(store).await);
            findings.push(orders(store).await);
            findings.extend(integrity(store.check_orders().await));
            store.close().await;
        }
        Err(error) => findings.push(finding("activation database", Err(format!("{error:#}")))),
    }
    findings.push(master_key(config));
    findings
}

/// Whether those who order can be served under this master key.
async fn front_ends(store: &ActivationStore) -> Finding {
    let demand = store.demand(SystemClock.now()).await;
    let state = match demand {
        Ok(demand) => demanded(demand),
        Err(error) => Err(causes(&error)),
    };
    finding("hosts that order", state)
}

fn demanded(demand: Demand) -> Result<String, String> {
    match demand {
        Demand { strangers: 1.., .. } => Err(
            "they work under another master key: copy the master key of the activation service here"
                .to_owned(),
        ),
        Demand { front_ends: 0, .. } => {
            Ok("none runs now that has its repositories made elsewhere".to_owned())
        }
        Demand { front_ends, .. } => Ok(format!("{front_ends}, under this master key")),
    }
}

/// How much waits, and whether it is made. A host that makes its own repositories orders none, so
/// that no worker is at work is wrong only where something waits.
pub(super) async fn orders(store: &ActivationStore) -> Finding {
    let now = SystemClock.now();
    let state = match store.backlog(now).await {
        Ok(backlog) => judged(backlog, now),
        Err(error) => Err(causes(&error)),
    };
    finding("repository orders", state)
}

fn judged(backlog: Backlog, now: Timestamp) -> Result<String, String> {
    match backlog.check(now) {
        Ok(()) | Err(Stalled::NobodyAtWork { waiting: 0 }) => {}
        Err(stalled) => return Err(format!("{stalled}; {}", advice(&stalled))),
    }
    match backlog.problem {
        Some(problem) => {
            let failed = backlog.failed;
            let stalled = Stalled::GivenUp { failed, problem };
            Err(format!("{stalled}; {}", advice(&stalled)))
        }
        None => Ok(format!("{} wait", backlog.waiting)),
    }
}
