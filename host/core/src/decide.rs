//! Whether a sale is served and how: pure functions over facts already gathered.

use std::num::NonZeroU32;
use std::sync::Arc;

use colophon_activation::PersonaId;
use colophon_receipt::{Freshness, Receipt, RequestedLevel, TimePolicy, TimeRefusal};
use colophon_title::{Level, SignerRole, SignerRoles};

use crate::catalog::{Availability, StoredForm, TitleFacts};
use crate::plugin::{PolicyTerms, Verdict};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// A sale that is served, and what the copy has to be.
#[derive(Debug, Clone)]
pub struct Permit {
    /// The title.
    pub facts: Arc<TitleFacts>,
    /// The level the copy is made at.
    pub level: Level,
    /// The stored form it is made of.
    pub form: StoredForm,
    /// Signatures the copy must carry.
    pub signatures: SignerRoles,
    /// What is bound into the copy; present at levels 3 and 5.
    pub owner: Option<String>,
    /// Whose devices may open the copy; present at level 5.
    pub persona: Option<PersonaId>,
    /// What the receipt is good for: any download, or only one already begun.
    pub freshness: Freshness,
    /// How often the purchase may be downloaded, where limited.
    pub downloads_max: Option<NonZeroU32>,
}

/// Judges a sale by receipt, catalog and policy. The strictest of the three holds.
pub fn decide(
    now: Timestamp,
    policy: &TimePolicy,
    receipt: &Receipt,
    facts: &Arc<TitleFacts>,
    verdict: Verdict,
) -> Result<Permit, Refusal> {
    let terms = match verdict {
        Verdict::Allow(terms) => terms,
        Verdict::Deny { reason } => return Err(Refusal::Denied { reason }),
    };
    match facts.availability {
        Availability::Ready => {}
        Availability::Withdrawn => return Err(Refusal::Withdrawn),
    }
    let freshness = freshness(now, policy, receipt, &terms)?;
    let floor = floor(facts, &terms)?;
    let asked = asked(receipt, facts, floor)?;
    if asked.level < floor {
        return Err(Refusal::LevelTooLow);
    }
    let form = facts
        .forms
        .at(asked.level)
        .ok_or(Refusal::LevelUnavailable)?;
    let owner = owner(receipt, asked.level)?;
    Ok(Permit {
        facts: Arc::clone(facts),
        level: asked.level,
        form: form.clone(),
        signatures: asked.signatures,
        owner,
        persona: persona(receipt, asked.level)?,
        freshness,
        downloads_max: strictest(receipt.claims.max_downloads, terms.max_downloads),
    })
}

/// What the receipt is good for now; the policy may shorten its life below what receipt and
/// center allow, or end it at a moment of its own, which is the host's time and needs no skew.
fn freshness(
    now: Timestamp,
    policy: &TimePolicy,
    receipt: &Receipt,
    terms: &PolicyTerms,
) -> Result<Freshness, Refusal> {
    let granted = terms.receipt_lifetime_s.unwrap_or(u64::MAX);
    let lifetime_s_max = u32::try_from(granted)
        .unwrap_or(u32::MAX)
        .min(policy.lifetime_s_max);
    let strictest = TimePolicy {
        lifetime_s_max,
        ..*policy
    };
    let by_receipt = receipt
        .freshness(now.unix_seconds(), &strictest)
        .map_err(Refusal::OutsideTime)?;
    let Some(end) = terms.expires_at.filter(|end| now > *end) else {
        return Ok(by_receipt);
    };
    let resume_ms = i64::from(policy.resume_s).saturating_mul(1000);
    if now.unix_ms() <= end.unix_ms().saturating_add(resume_ms) {
        Ok(Freshness::ResumeOnly)
    } else {
        Err(Refusal::OutsideTime(TimeRefusal::Expired))
    }
}

/// The least level that catalog and policy accept.
fn floor(facts: &TitleFacts, terms: &PolicyTerms) -> Result<Level, Refusal> {
    let demanded = match terms.min_protection.as_str() {
        "" | "1" => Level::Clear,
        "2" => Level::SourceSealed,
        "3" => Level::IndividuallySealed,
        "5" => Level::FullyIndividualized,
        _ => {
            return Err(Refusal::PluginAnswer {
                problem: "min-protection is not 1, 2, 3 or 5",
            });
        }
    };
    Ok(facts.min_level.max(demanded))
}

/// A level and the signatures on top of it.
struct Asked {
    level: Level,
    signatures: SignerRoles,
}

/// What the receipt asks for. Level 4 is no level of its own: it is the highest sealed level the
/// receipt has the data for, with every signature the title can have.
fn asked(receipt: &Receipt, facts: &TitleFacts, floor: Level) -> Result<Asked, Refusal> {
    let plain = |level| Asked {
        level,
        signatures: facts.signatures,
    };
    match receipt.claims.level {
        None => Ok(plain(floor)),
        Some(RequestedLevel::One) => Ok(plain(Level::Clear)),
        Some(RequestedLevel::Two) => Ok(plain(Level::SourceSealed)),
        Some(RequestedLevel::Three) => Ok(plain(Level::IndividuallySealed)),
        Some(RequestedLevel::Five) => Ok(plain(Level::FullyIndividualized)),
        Some(RequestedLevel::Four) => signed(receipt, facts),
    }
}

/// Owner and provider sign over the tool's signature, which only ingest can make.
fn signed(receipt: &Receipt, facts: &TitleFacts) -> Result<Asked, Refusal> {
    if !facts.signatures.contains(SignerRole::Tool) {
        return Err(Refusal::LevelUnavailable);
    }
    let level = match receipt.claims.user_name {
        Some(_) => Level::IndividuallySealed,
        None => Level::SourceSealed,
    };
    let mut signatures = facts.signatures;
    signatures.insert(SignerRole::Provider);
    Ok(Asked { level, signatures })
}

/// Levels 3 and 5 always bind something; an empty bookplate would make every copy the same.
fn owner(receipt: &Receipt, level: Level) -> Result<Option<String>, Refusal> {
    match level {
        Level::Clear | Level::SourceSealed => Ok(None),
        Level::IndividuallySealed | Level::FullyIndividualized => {
            let name = receipt
                .claims
                .user_name
                .as_ref()
                .ok_or(Refusal::NameMissing)?;
            Ok(Some(name.as_ref().to_owned()))
        }
    }
}

/// Level 5 binds the copy to a persona, which the receipt has to name.
fn persona(receipt: &Receipt, level: Level) -> Result<Option<PersonaId>, Refusal> {
    match level {
        Level::Clear | Level::SourceSealed | Level::IndividuallySealed => Ok(None),
        Level::FullyIndividualized => {
            let persona = receipt.claims.persona.as_ref();
            let persona = persona.and_then(|text| PersonaId::try_from(text.as_ref()).ok());
            persona.map(Some).ok_or(Refusal::PersonaMissing)
        }
    }
}

/// The smaller limit; a policy's limit of zero is one, since a sale that may not be downloaded at
/// all is denied, not limited.
fn strictest(receipt: Option<NonZeroU32>, policy: Option<u32>) -> Option<NonZeroU32> {
    let policy = policy.map(|limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN));
    match (receipt, policy) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
