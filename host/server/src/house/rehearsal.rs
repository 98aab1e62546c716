//! Licenses made on trial, before a template or a licensor makes them for buyers.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use colophon_core::time::Timestamp;
use colophon_crypto::{Engine, Key32, Portable};
use colophon_keys::{Authority, AwsLc, KeyKind, Leaf, Subject, SystemRandom, Validity};
use colophon_title::license::{
    Access, ActivationCertificate, Delegation, License, LicenseReport, LicenseSigner, LicenseTerms,
    Line, Object, PERSONA, PersonaTerms, ReadyLicensor, RightsGroup, RightsTemplate, verify,
};
use colophon_title::trust::{CertificateRole, TrustRoots};
use colophon_title::{CopyKey, SignerRoles};

use super::House;
use super::second_verifier::{SecondOpinion, second_opinion};

/// Whom licenses on trial are made for.
const NOBODY: &str = "rehearsal";

/// Copies of a title that get a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LicensedCopies {
    /// Those at level 5, for one persona each.
    ForPersonas,
    /// Signed ones below it, for whoever has them.
    ForAnybody,
}

impl LicensedCopies {
    /// Which copies of a title get one that is under a delegation, and so has rights of its own.
    pub(crate) fn of(forms: OfferedForms, signatures: SignerRoles) -> Vec<Self> {
        let mut copies = Vec::new();
        if forms.licensed {
            copies.push(Self::ForPersonas);
        }
        if forms.sealed && !signatures.is_empty() {
            copies.push(Self::ForAnybody);
        }
        copies
    }
}

/// The forms that a title is or will be kept in, as far as licenses ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfferedForms {
    /// A sealed one, for levels 2 and 3.
    pub(crate) sealed: bool,
    /// One for level 5.
    pub(crate) licensed: bool,
}

/// Keys that no host has and nobody trusts, for one rehearsal.
struct Throwaway {
    root: Authority,
    licensor: Leaf,
    persona: Leaf,
}

impl Throwaway {
    fn make(now: Timestamp) -> Result<Self> {
        let now_s = now.unix_seconds().get();
        let validity = Validity {
            from_unix_s: now_s - 3600,
            until_unix_s: now_s + 3600,
        };
        let subject = |name: &str| Subject {
            common_name: name.to_owned(),
            organization: None,
        };
        let random = &mut SystemRandom;
        let root = Authority::create_root(&subject("rehearsal"), KeyKind::P256, validity, random)?;
        let licensor = root.issue(
            CertificateRole::Licensor,
            &subject("rehearsal licensor"),
            KeyKind::P256,
            validity,
            random,
        )?;
        let persona = root.issue(
            CertificateRole::Activation,
            &subject(NOBODY),
            KeyKind::Rsa2048,
            validity,
            random,
        )?;
        Ok(Self {
            root,
            licensor,
            persona,
        })
    }

    /// A license with the template's rights, signed by `signer`.
    fn license(
        &self,
        template: &RightsTemplate,
        signer: &dyn LicenseSigner,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let named = Object {
            id_type: Line::parse("center")?,
            id: Line::parse(NOBODY)?,
            name: None,
        };
        let licensor = ReadyLicensor::new(&AwsLc, named, Arc::new(signer))?;
        self.license_of(LicensedCopies::ForPersonas, &licensor, template, None, now)
    }

    /// The license of a copy of some kind with the template's rights, by a licensor under a
    /// delegation.
    fn license_of(
        &self,
        copies: LicensedCopies,
        licensor: &ReadyLicensor<'_>,
        template: &RightsTemplate,
        delegated_by: Option<&Delegation>,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let certificate = self.persona.chain().first();
        let certificate = certificate.context("a certificate was issued")?;
        let (id, certificate) = (
            Line::parse(NOBODY)?,
            ActivationCertificate::read(certificate)?,
        );
        let persona = PersonaTerms {
            id: &id,
            certificate: &certificate,
        };
        let terms = LicenseTerms {
            copy_key: &CopyKey::new(Key32::new([0; 32])),
            licensor,
            granted_at_unix_s: now.unix_seconds().get(),
            rights: &template.rights,
            principals: &template.principals,
            persona: match copies {
                LicensedCopies::ForPersonas => Some(persona),
                LicensedCopies::ForAnybody => None,
            },
            delegated_by,
        };
        let signed = terms.rehearse(&AwsLc)?;
        Ok(signed.document().to_vec())
    }
}

/// Tries a template: a license is made with it, signed with a throwaway key, and verified by both
/// engines and by a program that is not ours, if it is there.
pub(crate) fn rehearse_rights(template: &RightsTemplate, now: Timestamp) -> Result<SecondOpinion> {
    let keys = Throwaway::make(now)?;
    let signer = keys.licensor.licensor();
    let signer = signer.context("a licensor's certificate was issued")?;
    let document = keys
        .license(template, &signer, now)
        .context("no license can be made with these rights")?;
    let mut roots = TrustRoots::new();
    roots.add_roots(keys.root.certificate_der())?;
    let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
    for engine in engines {
        let report = verify(engine, &document, &roots)
            .context("a license with these rights does not verify")?;
        check(&report, template)?;
    }
    second_opinion(&document, &[keys.root.certificate_der().to_vec()])
}

/// Tries a licensor: a license is signed with it, and verified under this host's trusted roots, by
/// us and by a program that is not ours, if it is there.
pub(crate) fn rehearse_licensor(
    house: &House,
    signer: &dyn LicenseSigner,
    template: &RightsTemplate,
    now: Timestamp,
) -> Result<SecondOpinion> {
    rehearse_rights(template, now)?;
    let document = Throwaway::make(now)?
        .license(template, signer, now)
        .context("the licensor can sign no license")?;
    let trust = house.trust()?;
    let report = trust
        .verify_license(&document)
        .context("a license by this licensor does not verify under this host's trusted roots")?;
    check(&report, template)?;
    second_opinion(&document, &trust.roots())
}

/// Tries what a title is licensed with under a delegation: for each kind of copy that gets one, a
/// license with its rights is signed by the center's licensor and verified under this host's
/// trusted roots, delegation and all. Of a title that has no such copy yet, one for a persona is.
pub(crate) fn rehearse_delegation(
    house: &House,
    licensor: &ReadyLicensor<'_>,
    rights: &RightsTemplate,
    delegation: &Delegation,
    copies: &[LicensedCopies],
    now: Timestamp,
) -> Result<SecondOpinion> {
    let keys = Throwaway::make(now)?;
    let trust = house.trust()?;
    let by = Some(delegation);
    let rehearsed = |copies: LicensedCopies| {
        let what = match copies {
            LicensedCopies::ForPersonas => "of copies at level 5",
            LicensedCopies::ForAnybody => "of signed copies below level 5, which name no persona,",
        };
        let document = keys.license_of(copies, licensor, rights, by, now);
        let document = document.with_context(|| {
            format!("no license {what} can be made with the title's rights under the delegation")
        })?;
        let report = trust.verify_license(&document);
        let report = report
            .with_context(|| format!("a license {what} does not verify under the delegation"))?;
        check(&report, rights)?;
        second_opinion(&document, &trust.roots())
    };
    let Some((last, others)) = copies.split_last() else {
        return rehearsed(LicensedCopies::ForPersonas);
    };
    for copies in others {
        rehearsed(*copies)?;
    }
    rehearsed(*last)
}

/// What was verified must say what the template says, no less and no more; the persona aside, who
/// is put in with every license.
fn check(report: &LicenseReport, template: &RightsTemplate) -> Result<()> {
    let License {
        rights, principals, ..
    } = &report.license;
    let said = RightsTemplate {
        rights: rights.iter().map(without_persona).collect(),
        principals: principals
            .iter()
            .filter(|principal| principal.reference.as_str() != PERSONA)
            .cloned()
            .collect(),
    };
    ensure!(
        said == *template,
        "the license says something else than the template"
    );
    Ok(())
}

/// The group with the conditions it had before a persona was put in.
fn without_persona(group: &RightsGroup) -> RightsGroup {
    let mut group = group.clone();
    let access = group
        .bundle
        .access
        .into_iter()
        .filter_map(|access| match access {
            Access::Licensor => Some(access),
            Access::Principals(mut needed) => {
                needed.retain(|needed| needed.reference.as_str() != PERSONA);
                (!needed.is_empty()).then_some(Access::Principals(needed))
            }
        });
    group.bundle.access = access.collect();
    group
}
