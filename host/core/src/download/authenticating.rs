//! Between judging and naming: at level 5, the persona that the copy is licensed to is found and
//! its activation certificate judged.

use std::sync::Arc;

use colophon_activation::{CertificateChain, PersonaId};
use colophon_receipt::UnixSeconds;
use colophon_title::license::{ActivationCertificate, Line};

use super::Downloads;
use super::opening::Opened;
use crate::center::Center;
use crate::decide::Permit;
use crate::delivery::DownloadRequest;
use crate::forms::SuppliedForm;
use crate::principal::{CertificateRefused, judge};
use crate::refusal::Refusal;

/// A permitted sale with whom the copy is licensed to, at level 5.
pub(super) struct Licensed {
    pub(super) permit: Permit,
    pub(super) licensee: Option<Licensee>,
}

/// A persona with its activation certificate, which is believed.
pub(super) struct Licensee {
    pub(super) persona: Line,
    pub(super) certificate: Arc<ActivationCertificate>,
}

/// A believed certificate, and whether it has to be kept.
pub(super) struct Principal {
    persona: PersonaId,
    believed: Believed,
    origin: PrincipalOrigin,
}

impl Principal {
    /// As a license names it.
    pub(super) fn licensee(self) -> Result<Licensee, Refusal> {
        let persona = Line::parse(self.persona.as_str());
        Ok(Licensee {
            persona: persona.map_err(|_| Refusal::PersonaMissing)?,
            certificate: self.believed.certificate,
        })
    }
}

/// A chain of certificates that is believed, with the persona's own.
struct Believed {
    chain: CertificateChain,
    certificate: Arc<ActivationCertificate>,
}

/// Where a certificate was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PrincipalOrigin {
    Supplied,
    Known,
    Fetched,
}

impl Downloads {
    /// Finds whom the copy is licensed to, and keeps the certificate for the next purchase.
    pub(super) async fn authenticate(
        &self,
        request: &DownloadRequest,
        opened: &Opened,
        permit: Permit,
    ) -> Result<Licensed, Refusal> {
        let Some(principal) = self.principal(request, opened, &permit).await? else {
            let licensee = None;
            return Ok(Licensed { permit, licensee });
        };
        if principal.origin != PrincipalOrigin::Known {
            let Principal {
                persona, believed, ..
            } = &principal;
            let center = &opened.center.id;
            self.principals
                .keep(center, persona, &believed.chain, request.at);
        }
        let licensee = Some(principal.licensee()?);
        Ok(Licensed { permit, licensee })
    }

    /// The persona's believed certificate, where the copy is licensed to one. Keeps nothing.
    pub(super) async fn principal(
        &self,
        request: &DownloadRequest,
        opened: &Opened,
        permit: &Permit,
    ) -> Result<Option<Principal>, Refusal> {
        let Some(persona) = &permit.persona else {
            return Ok(None);
        };
        let now = request.at.unix_seconds();
        let (believed, origin) = match &request.certificate {
            Some(supplied) => {
                let believed = self.supplied(&opened.center, supplied, persona, now);
                (believed.map_err(refused)?, PrincipalOrigin::Supplied)
            }
            None => self.known_or_fetched(&opened.center, persona, now).await?,
        };
        Ok(Some(Principal {
            persona: persona.clone(),
            believed,
            origin,
        }))
    }

    /// Opens the form that came with the request and judges what is in it.
    fn supplied(
        &self,
        center: &Center,
        supplied: &SuppliedForm,
        persona: &PersonaId,
        now: UnixSeconds,
    ) -> Result<Believed, CertificateRefused> {
        let named = self.forms.open(self.engine.as_ref(), center, supplied)?;
        let claims = &named.form.claims;
        let in_time = claims.check_time(now, center.time_policy.skew_s);
        in_time.map_err(CertificateRefused::Form)?;
        let certificate = judge(
            self.trust.as_ref(),
            &claims.certificates,
            &claims.persona,
            now,
        )?;
        let same = claims.check_persona(persona);
        same.map_err(CertificateRefused::Form)?;
        self.forms.keep(&named);
        Ok(Believed {
            chain: claims.certificates.clone(),
            certificate,
        })
    }

    /// The certificate of a request that brings none. One that was kept and is not believed any
    /// more may have been replaced where it is registered.
    async fn known_or_fetched(
        &self,
        center: &Center,
        persona: &PersonaId,
        now: UnixSeconds,
    ) -> Result<(Believed, PrincipalOrigin), Refusal> {
        let trust = self.trust.as_ref();
        let known = self.principals.certificate_of(&center.id, persona).await?;
        let believed = |chain: CertificateChain| {
            let certificate = judge(trust, &chain, persona, now)?;
            Ok(Believed { chain, certificate })
        };
        let otherwise = match known.map(believed) {
            Some(Ok(believed)) => return Ok((believed, PrincipalOrigin::Known)),
            Some(Err(cause)) => refused(cause),
            None => Refusal::CertificateMissing,
        };
        let Some(registrations) = &self.registrations else {
            return Err(otherwise);
        };
        let fetched = registrations.fetch(persona).await;
        match fetched.map_err(Refusal::Registration)? {
            Some(chain) => {
                let believed = believed(chain).map_err(refused)?;
                Ok((believed, PrincipalOrigin::Fetched))
            }
            None => Err(otherwise),
        }
    }
}

fn refused(cause: CertificateRefused) -> Refusal {
    Refusal::Certificate(cause)
}
