//! Delegations: by whose leave a center's licensor grants the rights of a title, and leave that it
//! gives itself.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_core::catalog::Book;
use colophon_core::ports::Centers as _;
use colophon_core::time::Clock as _;
use colophon_core::title_rights::TitleRights;
use colophon_crypto::{Engine as _, Randomness as _};
use colophon_keys::{AwsLc, SystemRandom, certificates_from_pem};
use colophon_receipt::CenterId;
use colophon_store::failure::Damaged;
use colophon_store::titles::{Edit, KeptRights};
use colophon_title::license::{
    Delegation, DelegationTerms, LicenseId, Line, Object, ReadyLicensor, RightsTemplate,
};
use colophon_title::trust::EndCertificate;

use super::rights::read_rights;
use crate::cli::DelegateArgs;
use crate::commands::title::parsed;
use crate::house::{House, LicensedCopies, SystemClock, rehearse_delegation};
use crate::output::hex;

/// What becomes of a title's rights, and of the delegation behind them.
pub(super) struct RightsChange {
    pub(super) rights: Edit<RightsTemplate>,
    pub(super) delegation: Edit<Delegation>,
}

/// What a title has been licensed with so far.
pub(super) struct RightsBefore {
    own: Result<Option<RightsTemplate>, Damaged>,
    delegation: Result<Option<Delegation>, Damaged>,
}

impl RightsBefore {
    /// A title that is not in the catalog yet.
    pub(super) fn none() -> Self {
        Self {
            own: Ok(None),
            delegation: Ok(None),
        }
    }
}

impl From<KeptRights> for RightsBefore {
    fn from(kept: KeptRights) -> Self {
        Self {
            own: kept.own,
            delegation: kept.delegation,
        }
    }
}

/// The kinds of a title's copies that get a license, before a command and after it.
pub(super) struct CopiesOffered {
    pub(super) before: Vec<LicensedCopies>,
    pub(super) after: Vec<LicensedCopies>,
}

impl CopiesOffered {
    /// Whether there is a kind after the command that was not there before.
    fn has_more(&self) -> bool {
        self.after.iter().any(|kind| !self.before.contains(kind))
    }
}

impl RightsChange {
    /// What a title is licensed with from now on; nothing if nothing about that changes. It is
    /// tried for each kind of copy that gets a license, also where only a kind of copy is new: its
    /// rights must lie within its delegation, and the delegation must be believed. Of what it has,
    /// only what stays is read, so that what is damaged can be replaced.
    pub(super) async fn decide(
        self,
        house: &House,
        center: &CenterId,
        before: RightsBefore,
        copies: &CopiesOffered,
    ) -> Result<Option<TitleRights>> {
        let stays = self.rights == Edit::Keep && self.delegation == Edit::Keep;
        if stays && !copies.has_more() {
            return Ok(None);
        }
        let is_new = matches!(self.delegation, Edit::Set(_));
        let was_delegated = !matches!(before.delegation, Ok(None));
        let delegation = after(self.delegation, before.delegation).context(
            "the title's delegation cannot be read: end it with --no-delegation, or replace it \
             with --delegation",
        )?;
        let rights = after(self.rights, before.own).context(
            "the title's rights cannot be read: replace them with --rights or --center-rights",
        )?;
        let (rights, delegation) = match (rights, delegation) {
            (_, None) if stays => return Ok(None),
            (None, None) => return Ok(Some(TitleRights::Center)),
            (Some(rights), None) => return Ok(Some(TitleRights::Own(Arc::new(rights)))),
            (Some(rights), Some(delegation)) => (rights, delegation),
            (None, Some(_)) => bail!(
                "a title under a delegation needs rights of its own, so that a change of the \
                 center's cannot go beyond it: give them with --rights, or end the delegation \
                 with --no-delegation"
            ),
        };
        if is_new && copies.after.is_empty() {
            bail!(
                "no copy of this title gets a license, which is all that a delegation is for: \
                 sell it at level 5 (--licensed, or --level 5), or hand it in anew with \
                 signatures (`colophon title add --sign tool`)"
            );
        }
        let licensor = licensor(house, center).await?;
        let now = SystemClock.now();
        let copies = &copies.after;
        let opinion = rehearse_delegation(house, &licensor, &rights, &delegation, copies, now)?;
        eprintln!("{}", opinion.sentence());
        if !was_delegated {
            eprintln!(
                "Readers open copies under the delegation if they were activated after the other \
                 licensor's root was put into the trust folder; others have to be activated again."
            );
        }
        if stays {
            return Ok(None);
        }
        Ok(Some(TitleRights::Delegated {
            rights: Arc::new(rights),
            delegation: Arc::new(delegation),
        }))
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

/// A certificate so that people can tell it from another of the same name.
pub(super) fn certificate_text(der: &[u8]) -> String {
    let digest = AwsLc.digest(&[der]);
    let digest = hex(&digest);
    match EndCertificate::parse(der) {
        Ok(own) => format!("{} by {} (SHA-256 {digest})", own.subject, own.issuer),
        Err(_) => format!("a certificate that cannot be read (SHA-256 {digest})"),
    }
}

/// What a value is after an edit. What is damaged is a failure only where it stays.
fn after<T>(edit: Edit<T>, kept: Result<Option<T>, Damaged>) -> Result<Option<T>, Damaged> {
    match edit {
        Edit::Keep => kept,
        Edit::Remove => Ok(None),
        Edit::Set(value) => Ok(Some(value)),
    }
}

/// Reads a delegation for a title, verified under this host's trusted roots.
pub(super) fn read_delegation(house: &House, file: &Path, book: &Book) -> Result<Delegation> {
    let cannot = || format!("{} cannot be used", file.display());
    let document =
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    // Mail programs put line ends behind a file.
    let delegation = house.trust()?.verify_delegation(document.trim_ascii());
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
    let held = title
        .as_ref()
        .and_then(|title| title.facts.rights.delegation());
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
        until_unix_s: arguments.until.map(beginning).transpose()?,
        delegated_by: held,
    };
    let signed = terms.sign(&AwsLc, &licensor)?;
    let authority = match &held {
        Some(_) => "under the delegation that this center holds",
        None => "on this center's own authority",
    };
    // Nobody is handed a delegation that this host would refuse itself.
    let verified = house.trust()?.verify_delegation(signed.document());
    let verified =
        verified.context("the delegation does not verify under this host's trusted roots")?;
    let until = match verified.license().grants_until_unix_s {
        Some(end) => format!("until {}", day(end)),
        None => "without an end".to_owned(),
    };
    eprintln!(
        "Granted to {}, {authority}, {until}.",
        certificate_text(own)
    );
    Ok(signed.document().to_vec())
}

/// The first second of a day, since 1970.
fn beginning(day: jiff::civil::Date) -> Result<i64> {
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC)?;
    Ok(begins.timestamp().as_second())
}

/// A moment as people read it: its day alone where it is the first second of it.
pub(super) fn day(unix_s: i64) -> String {
    match jiff::Timestamp::from_second(unix_s) {
        Ok(at) if unix_s.rem_euclid(86_400) == 0 => at.strftime("%Y-%m-%d").to_string(),
        Ok(at) => at.to_string(),
        Err(_) => unix_s.to_string(),
    }
}
