//! Whether every center has its keys, and whether anybody would believe their certificates.

use anyhow::Result;
use colophon_core::activation::ports::LicenseRoots as _;
use colophon_core::principal::Trust as _;
use colophon_core::time::Clock as _;
use colophon_keys::TrustFolder;
use colophon_receipt::CenterId;
use colophon_store::signers::CenterKeyRole;

use super::{Finding, finding};
use crate::house::{House, SystemClock};

/// The keys a center sells and delivers with. Forms sealed to a former key are few and pass.
const NEEDED: [CenterKeyRole; 4] = [
    CenterKeyRole::Tool,
    CenterKeyRole::Provider,
    CenterKeyRole::Licensor,
    CenterKeyRole::Center,
];

pub(super) async fn certificates(house: &House) -> Finding {
    let state = match problems(house).await {
        Ok(problems) if problems.is_empty() => Ok("every center's are believed here".to_owned()),
        Ok(problems) => Err(problems.join("; ")),
        Err(error) => Err(format!("{error:#}")),
    };
    finding("certificates", state)
}

async fn problems(house: &House) -> Result<Vec<String>> {
    let trust = house.trust()?;
    let mut problems = Vec::new();
    if let Err(invalid) = trust.pinned() {
        problems.push(format!(
            "trust.folder: no reader can be activated: {invalid}"
        ));
    }
    for center in house.store.list_centers().await? {
        problems.extend(of_center(house, &trust, &center.id).await?);
    }
    Ok(problems)
}

async fn of_center(house: &House, trust: &TrustFolder, center: &CenterId) -> Result<Vec<String>> {
    let signers = house.store.list_signers(center).await?;
    let now = SystemClock.now().unix_seconds();
    let problem = |role: CenterKeyRole| {
        let name = role.as_str();
        let signer = signers.iter().find(|signer| signer.role == role);
        let wrong = match signer {
            None => "is missing".to_owned(),
            Some(signer) => {
                let judged = trust.judge(&signer.chain, role.certificate(), now);
                format!("is not believed: {}", judged.err()?)
            }
        };
        Some(format!(
            "the {name} key of {center} {wrong}; replace it with `colophon center signer new \
             --center {center} --role {name}`"
        ))
    };
    Ok(NEEDED.into_iter().filter_map(problem).collect())
}
