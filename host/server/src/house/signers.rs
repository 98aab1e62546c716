//! A center's own keys: who signs for it, and what upload forms are sealed to.

use anyhow::{Context as _, Result, bail};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_keys::{KeyKind, Leaf, SystemRandom};
use colophon_receipt::CenterId;
use colophon_store::signers::{CenterKeyRole, SignerMaterial};

use super::founding::{LEAF_DAYS, platform, subject, validity};
use super::rehearsal::rehearse_licensor;
use super::second_verifier::SecondOpinion;
use super::{House, SystemClock};

/// The keys every center has.
const OF_EVERY_CENTER: [CenterKeyRole; 4] = [
    CenterKeyRole::Tool,
    CenterKeyRole::Provider,
    CenterKeyRole::Licensor,
    CenterKeyRole::Center,
];

/// Gives a center the keys that every center has and it lacks, under the platform authority. A
/// center made by an earlier version lacks some.
pub(crate) async fn complete_center(house: &House, center: &CenterId) -> Result<()> {
    let listed = house.store.list_signers(center).await?;
    let lacks = |role: &CenterKeyRole| listed.iter().all(|signer| signer.role != *role);
    let missing: Vec<CenterKeyRole> = OF_EVERY_CENTER.into_iter().filter(lacks).collect();
    for role in missing {
        let leaf = match former_licensor(house, center, role).await? {
            Some(leaf) => leaf,
            None => fresh(house, center, role, KeyKind::Rsa2048).await?,
        };
        put(house, center, role, &leaf, SystemClock.now()).await?;
    }
    Ok(())
}

/// Earlier versions kept a center's licensor among the authorities.
async fn former_licensor(
    house: &House,
    center: &CenterId,
    role: CenterKeyRole,
) -> Result<Option<Leaf>> {
    if role != CenterKeyRole::Licensor {
        return Ok(None);
    }
    let kept = house.store.authority(&format!("licensor/{center}")).await?;
    let Some(material) = kept else {
        return Ok(None);
    };
    let Some(key) = material.pkcs8 else {
        return Ok(None);
    };
    Ok(Some(Leaf::from_der(&key, &[material.certificate])?))
}

/// Makes a key and certifies it under the platform authority.
pub(crate) async fn fresh(
    house: &House,
    center: &CenterId,
    role: CenterKeyRole,
    kind: KeyKind,
) -> Result<Leaf> {
    let leaf = platform(house).await?.issue(
        role.certificate(),
        &subject(&format!("{center} {}", role.as_str())),
        kind,
        validity(SystemClock.now(), LEAF_DAYS),
        &mut SystemRandom,
    )?;
    Ok(leaf)
}

/// Replaces one of a center's keys. A licensor is tried first, and what a second verifier says of it
/// is handed back; a key for upload forms goes on to open the forms that retailers keep.
pub(crate) async fn replace(
    house: &House,
    center: &CenterId,
    role: CenterKeyRole,
    leaf: &Leaf,
) -> Result<Option<SecondOpinion>> {
    if leaf.role() != role.certificate() {
        bail!(
            "the certificate is for the role {}, not {}",
            leaf.role(),
            role.certificate()
        );
    }
    let now = SystemClock.now();
    let mut opinion = None;
    match role {
        CenterKeyRole::Tool | CenterKeyRole::Provider => {}
        CenterKeyRole::Licensor => {
            let licensor = leaf.licensor().context("the key signs no licenses")?;
            let center = house.store.show_center(center).await?;
            let rights = center.and_then(|center| center.rights).unwrap_or_default();
            opinion = Some(rehearse_licensor(house, &licensor, &rights, now)?);
        }
        CenterKeyRole::Center => {
            if leaf.algorithm() != colophon_crypto::SignatureAlgorithm::RsaPkcs1Sha256 {
                bail!("upload forms are sealed to RSA keys alone");
            }
            let present = house
                .store
                .signer_material(center, CenterKeyRole::Center)
                .await?;
            if let Some(present) = present {
                let former = SignerMaterial {
                    role: CenterKeyRole::FormerCenter,
                    ..present
                };
                house.store.put_signer(center, &former, now).await?;
            }
        }
        CenterKeyRole::FormerCenter => bail!("replace the center's present key instead"),
    }
    put(house, center, role, leaf, now).await?;
    Ok(opinion)
}

async fn put(
    house: &House,
    center: &CenterId,
    role: CenterKeyRole,
    leaf: &Leaf,
    now: Timestamp,
) -> Result<()> {
    let material = SignerMaterial {
        role,
        chain: leaf.chain().to_vec(),
        pkcs8: leaf.key_der(),
    };
    Ok(house.store.put_signer(center, &material, now).await?)
}
