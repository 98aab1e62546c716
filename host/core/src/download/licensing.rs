//! What the license of a copy is made with. A copy at level 5 always has one; a signed copy below
//! it has one if its title has rights of its own, without a persona and without a key.

use std::sync::Arc;

use colophon_receipt::UnixSeconds;
use colophon_title::CopyKey;
use colophon_title::license::{
    Delegation, Grantor, LicenseTerms, PersonaTerms, ReadyLicensor, RightsTemplate,
};

use super::authenticating::Licensee;
use super::planning::DownloadPlan;
use crate::center::Center;
use crate::refusal::Refusal;

/// Everything that a license is made with, of the center, the title and the persona.
pub(super) struct Licensing<'a> {
    copy_key: &'a CopyKey,
    licensor: &'a ReadyLicensor<'static>,
    rights: &'a Arc<RightsTemplate>,
    delegation: Option<&'a Delegation>,
    licensee: Option<&'a Licensee>,
}

impl<'a> Licensing<'a> {
    /// The license that a planned copy gets, if it gets one. The center's own licensor grants the
    /// title's rights, or else the center's.
    pub(super) fn of(center: &'a Center, plan: &'a DownloadPlan) -> Result<Option<Self>, Refusal> {
        let facts = &plan.permit.facts;
        let licensee = plan.licensee.as_ref();
        let is_signed = !plan.permit.signatures.is_empty();
        if licensee.is_none() && (!is_signed || facts.rights.own().is_none()) {
            return Ok(None);
        }
        let licensor = center.licensor.as_deref();
        Ok(Some(Self {
            copy_key: &center.copy_key,
            licensor: licensor.ok_or(Refusal::LevelUnavailable)?,
            rights: facts.rights.own().unwrap_or(&center.rights),
            delegation: facts.rights.delegation(),
            licensee,
        }))
    }

    /// The licensor's certificates.
    pub(super) fn chain(&self) -> &'a [Vec<u8>] {
        self.licensor.chain()
    }

    /// The licensors that the center's own holds the rights from.
    pub(super) fn grantors(&self) -> &'a [Grantor] {
        self.delegation.map_or(&[], Delegation::grantors)
    }

    /// From when on the licensor may grant: its own certificate is valid, and what it holds from
    /// another was granted.
    pub(super) fn entitled_from(&self) -> UnixSeconds {
        let granted = self
            .grantors()
            .iter()
            .map(|grantor| grantor.granted_at_unix_s);
        let own = self.licensor.valid_from_unix_s();
        UnixSeconds::new(granted.fold(own, i64::max))
    }

    /// A license granted at a moment.
    pub(super) fn terms(&self, granted_at: UnixSeconds) -> LicenseTerms<'_> {
        LicenseTerms {
            copy_key: self.copy_key,
            licensor: self.licensor,
            granted_at_unix_s: granted_at.get(),
            rights: &self.rights.rights,
            principals: &self.rights.principals,
            persona: self.licensee.map(|licensee| PersonaTerms {
                id: &licensee.persona,
                certificate: &licensee.certificate,
            }),
            delegated_by: self.delegation,
        }
    }
}
