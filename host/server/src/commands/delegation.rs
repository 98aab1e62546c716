//! Delegations: by whose leave a center's licensor grants the rights of a title, and leave that it
//! gives itself.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use colophon_core::catalog::{Book, TitleFacts};
use colophon_core::ports::Centers as _;
use colophon_core::time::Clock as _;
use colophon_crypto::Randomness as _;
use colophon_keys::{AwsLc, SystemRandom, certificates_from_pem};
use colophon_receipt::CenterId;
use colophon_store::titles::Edit;
use colophon_title::license::{
    Delegation, DelegationTerms, LICENSE_BYTES_MAX, LicenseId, Line, Object, ReadyLicensor,
    RightsTemplate,
};
use colophon_title::trust::EndCertificate;

use super::rights::read_rights;
use crate::cli::DelegateArgs;
use crate::commands::title::parsed;
use crate::house::{House, SystemClock, rehearse_delegation};

/// What becomes of a title's rights, and of the delegation behind them.
pub(super) struct RightsChange {
    pub(super) rights: Edit<RightsTemplate>,
    pub(super) delegation: Edit<Delegation>,
}

impl RightsChange {
    /// Tries what a title is to be licensed with, if anything about that changes: its rights must
    /// lie within its delegation, and the delegation must be believed.
    pub(super) async fn check(
        &self,
        house: &House,
        center: &CenterId,
        before: Option<&TitleFacts>,
    ) -> Result<()> {
        if self.rights == Edit::Keep && self.delegation == Edit::Keep {
            return Ok(());
        }
        let kept = before.and_then(|facts| facts.delegation.as_deref());
        let Some(delegation) = after(&self.delegation, kept) else {
            return Ok(());
        };
        let kept = before.and_then(|facts| facts.rights.as_deref());
        let Some(rights) = after(&self.rights, kept) else {
            bail!(
                "a title under a delegation needs rights of its own, so that a change of the \
                 center's cannot go beyond it: give them with --rights, or end the delegation \
                 with --no-delegation"
            );
        };
        let licensor = licensor(house, center).await?;
        let opinion = rehearse_delegation(house, &licensor, rights, delegation, SystemClock.now())?;
        eprintln!("{}", opinion.sentence());
        Ok(())
    }
}

/// The center's licensor.
async fn licensor(house: &House, center: &CenterId) -> Result<Arc<ReadyLicensor<'static>>> {
    let found = house.store.center(center).await?;
    let licensor = found.and_then(|center| center.licensor.clone());
    licensor.with_context(|| {
        format!(
            "center {center} has no licensor; make one with `colophon center signer new --role \
             licensor`"
        )
    })
}

/// What a value is after an edit.
fn after<'a, T>(edit: &'a Edit<T>, kept: Option<&'a T>) -> Option<&'a T> {
    match edit {
        Edit::Keep => kept,
        Edit::Remove => None,
        Edit::Set(value) => Some(value),
    }
}

/// Reads a delegation for a title, verified under this host's trusted roots.
pub(super) fn read_delegation(house: &House, file: &Path, book: &Book) -> Result<Delegation> {
    let cannot = || format!("{} cannot be used", file.display());
    let document =
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(
        document.len() <= LICENSE_BYTES_MAX,
        "{} is longer than any license",
        file.display()
    );
    let delegation = house.trust()?.verify_delegation(&document);
    let delegation = delegation.with_context(cannot)?;
    let work = &delegation.license().work.object;
    if (work.id_type.as_str(), work.id.as_str()) != (book.id_type.as_str(), book.id.as_str()) {
        bail!(
            "{} is about {} {}, not about {} {}",
            file.display(),
            work.id_type.as_str(),
            work.id.as_str(),
            book.id_type,
            book.id
        );
    }
    Ok(delegation)
}

/// Lets another licensor grant rights of one work, by a license that the center signs.
pub(super) async fn delegate(
    house: &House,
    center: &CenterId,
    arguments: &DelegateArgs,
) -> Result<Vec<u8>> {
    let book = parsed(&arguments.book)?;
    let pem = std::fs::read_to_string(&arguments.to)
        .with_context(|| format!("cannot read {}", arguments.to.display()))?;
    let certificates = certificates_from_pem(&pem)
        .with_context(|| format!("{} cannot be used", arguments.to.display()))?;
    let own = certificates
        .first()
        .context("the file holds no certificate")?;
    let delegate = EndCertificate::parse(own)
        .with_context(|| format!("{} cannot be used", arguments.to.display()))?;
    let rights = read_rights(&arguments.rights)?;
    let licensor = licensor(house, center).await?;
    // What a center holds by a delegation, it can only pass on under it.
    let title = house.store.show_title(center, &book).await?;
    let held = title.and_then(|title| title.facts.delegation);
    let mut id = [0; 16];
    SystemRandom.fill(&mut id);
    let terms = DelegationTerms {
        id: LicenseId::from_bytes(id),
        granted_at_unix_s: SystemClock.now().unix_seconds().get(),
        work: &Object {
            id_type: Line::parse(book.id_type.as_str())?,
            id: Line::parse(book.id.as_str())?,
            name: None,
        },
        delegate: &delegate,
        rights: &rights,
        delegated_by: held.as_deref(),
    };
    let signed = terms.sign(&AwsLc, &licensor)?;
    // Nobody is handed a delegation that this host would refuse itself.
    let verified = house.trust()?.verify_delegation(signed.document());
    verified.context("the delegation does not verify under this host's trusted roots")?;
    Ok(signed.document().to_vec())
}
