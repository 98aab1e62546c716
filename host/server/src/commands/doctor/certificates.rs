//! Whether every center has its keys, and whether anybody would believe their certificates.

use anyhow::Result;
use colophon_core::activation::ports::LicenseRoots as _;
use colophon_core::causes::causes;
use colophon_core::principal::Trust as _;
use colophon_core::time::Clock as _;
use colophon_keys::TrustFolder;
use colophon_receipt::CenterId;
use colophon_store::signers::CenterKeyRole;
use colophon_store::titles::DelegatedTitle;
use colophon_title::trust::EndCertificate;

use super::{Finding, finding};
use crate::commands::delegation::day;
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
        problems.extend(of_delegations(house, &trust, &center.id).await?);
    }
    Ok(problems)
}

/// Delegations that no reader would believe, or that are to another key than the center has now.
async fn of_delegations(
    house: &House,
    trust: &TrustFolder,
    center: &CenterId,
) -> Result<Vec<String>> {
    let signers = house.store.list_signers(center).await?;
    let mut licensors = signers.iter();
    let licensor = licensors.find(|signer| signer.role == CenterKeyRole::Licensor);
    let own = licensor.and_then(|signer| EndCertificate::parse(signer.chain.first()?).ok());
    let key = own.map(|own| own.public_key_spki_der);
    let titles = house.store.delegated_titles(center).await?;
    let now = SystemClock.now().unix_seconds().get();
    let problem = |DelegatedTitle { book, delegation }: &DelegatedTitle| {
        let delegation = match delegation {
            Ok(delegation) => delegation,
            Err(damaged) => {
                return Some(format!(
                    "the rights of {} {} of {center} are damaged ({}); give them anew with \
                     `colophon title update`, --delegation or --no-delegation, and --rights or \
                     --center-rights",
                    book.id_type,
                    book.id,
                    causes(damaged)
                ));
            }
        };
        let wrong = match trust.verify_delegation(delegation.document()) {
            Err(refused) => causes(&refused),
            Ok(held) if held.delegate_key() != key.as_deref() => {
                "it was made to another key than the licensor has now".to_owned()
            }
            Ok(held) => match held.license().grants_until_unix_s {
                Some(end) if end <= now => format!("it ended on {}", day(end)),
                Some(_) | None => return None,
            },
        };
        Some(format!(
            "the delegation of {} {} to {center} is no good: {wrong}; ask who made it for another \
             and take that in with `colophon title update --delegation`",
            book.id_type, book.id
        ))
    };
    Ok(titles.iter().filter_map(problem).collect())
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
