//! What the license of a copy is made with. A copy at level 5 always has one; a signed copy below
//! it has one if its title has rights of its own, without a persona and without a key.

use std::sync::Arc;

use colophon_title::CopyKey;
use colophon_title::license::{
    LicenseSigner, LicenseTerms, Line, Object, PersonaTerms, RightsTemplate,
};

use super::authenticating::Licensee;
use super::planning::DownloadPlan;
use crate::center::Center;
use crate::refusal::Refusal;

/// Everything that a license is made with, of the center, the title and the persona.
pub(super) struct Licensing<'a> {
    copy_key: &'a CopyKey,
    signer: &'a dyn LicenseSigner,
    licensor: Object,
    rights: &'a Arc<RightsTemplate>,
    licensee: Option<&'a Licensee>,
}

impl<'a> Licensing<'a> {
    /// The license that a planned copy gets, if it gets one. The center's own licensor grants the
    /// title's rights, or else the center's.
    pub(super) fn of(center: &'a Center, plan: &'a DownloadPlan) -> Result<Option<Self>, Refusal> {
        let facts = &plan.permit.facts;
        let licensee = plan.licensee.as_ref();
        let is_signed = !plan.permit.signatures.is_empty();
        if licensee.is_none() && (!is_signed || facts.rights.is_none()) {
            return Ok(None);
        }
        let signer = center.licensor.as_deref();
        let licensor = licensor_of(center);
        Ok(Some(Self {
            copy_key: &center.copy_key,
            signer: signer.ok_or(Refusal::LevelUnavailable)?,
            licensor: licensor.ok_or(Refusal::LevelUnavailable)?,
            rights: facts.rights.as_ref().unwrap_or(&center.rights),
            licensee,
        }))
    }

    /// The licensor's certificates.
    pub(super) fn chain(&self) -> &'a [Vec<u8>] {
        self.signer.chain()
    }

    pub(super) fn terms(&self) -> LicenseTerms<'_> {
        LicenseTerms {
            copy_key: self.copy_key,
            signer: self.signer,
            licensor: &self.licensor,
            rights: &self.rights.rights,
            principals: &self.rights.principals,
            persona: self.licensee.map(|licensee| PersonaTerms {
                id: &licensee.persona,
                certificate_der: &licensee.certificate_der,
            }),
            delegated_by: None,
        }
    }
}

/// The center as a licensor. Its name is a line of plain letters.
fn licensor_of(center: &Center) -> Option<Object> {
    Some(Object {
        id_type: Line::parse("center").ok()?,
        id: Line::parse(center.id.as_str()).ok()?,
        name: None,
    })
}
