//! Whether centers' plug-ins fit their grants and are signed by those who may publish them.

use anyhow::Result;
use colophon_receipt::CenterId;
use colophon_store::plugins::KeptPlugin;

use super::{Finding, finding};
use crate::house::House;
use crate::house::plugins::{Signatures, UnsignedAsked};

pub(super) async fn plug_ins(house: &House) -> Finding {
    let state = match look(house).await {
        Ok(Looked { wrong, told }) if wrong.is_empty() => Ok(match told.is_empty() {
            true => "every center has the built-in one alone".to_owned(),
            false => told.join("; "),
        }),
        Ok(Looked { wrong, .. }) => Err(wrong.join("; ")),
        Err(error) => Err(format!("{error:#}")),
    };
    finding("plug-ins", state)
}

/// What was found of all centers.
#[derive(Default)]
struct Looked {
    wrong: Vec<String>,
    told: Vec<String>,
}

async fn look(house: &House) -> Result<Looked> {
    let mut looked = Looked::default();
    for center in house.store.centers_with_plugins().await? {
        let publishers = house.store.publishers(&center).await?;
        let signatures = match publishers.is_empty() {
            true => "taken without a signature",
            false => "taken with a publisher's signature",
        };
        let kept = house.store.kept_plugins(&center).await?;
        looked
            .told
            .push(format!("{} of center {center}, {signatures}", kept.len()));
        let earlier = kept.iter().flat_map(|plugin| unfit(&center, plugin));
        looked.told.extend(earlier);
        if publishers.is_empty() {
            continue;
        }
        let signatures = Signatures {
            engine: house.engine.as_ref(),
            center: &center,
            publishers: &publishers,
        };
        for plugin in house.store.plugins(&center).await? {
            let unsigned = signatures.unsigned_of(&plugin);
            let unsigned = unsigned.iter().map(|version| words(&center, version));
            looked.wrong.extend(unsigned);
        }
    }
    Ok(looked)
}

fn words(center: &CenterId, version: &UnsignedAsked) -> String {
    let UnsignedAsked { name, on_trial } = version;
    match on_trial {
        true => format!(
            "{name} of center {center} is on trial and signed by nobody who may publish: no host asks it"
        ),
        false => format!(
            "{name} of center {center} is active and signed by nobody who may publish: hosts refuse \
             the center's downloads. Promote a version that one of its publishers has signed"
        ),
    }
}

/// Versions that are asked with more than is granted now.
fn unfit(center: &CenterId, plugin: &KeptPlugin) -> Vec<String> {
    let asked = plugin.rollout().ok();
    let asked = asked.iter().flat_map(|rollout| {
        let canary = rollout.canary().map(|(version, _)| version);
        rollout.active().into_iter().chain(canary)
    });
    let unfit = asked.filter_map(|version| {
        let reason = plugin.version(version)?.unfit.as_ref()?;
        Some(format!(
            "{} {version} of center {center} is asked under an earlier grant and does not fit the \
             present one ({reason}): promote a version that does",
            plugin.id
        ))
    });
    unfit.collect()
}
