//! Stages seven and eight: the stored form is opened, and this buyer's copy made of it.

use std::sync::Arc;

use bytes::Bytes;
use colophon_receipt::{Receipt, UnixSeconds};
use colophon_title::license::SignedLicense;
use colophon_title::trust::{CertificateRole, validity};
use colophon_title::{
    CopyId, CopyTerms, Level, Signer, SignerRole, StoredTitle, Tail, etag, personalize,
};

use super::Downloads;
use super::licensing::Licensing;
use super::opening::Opened;
use super::planning::{Admitted, DownloadPlan};
use crate::decide::Permit;
use crate::delivery::CopyBytes;
use crate::ports::{FormContent, OpenedForm, OriginError};
use crate::refusal::Refusal;

/// An admitted plan with the stored form it is made of.
pub(super) struct Fetched {
    pub(super) admitted: Admitted,
    pub(super) form: Arc<OpenedForm>,
}

/// This buyer's copy, not yet counted.
pub(super) struct Personalized {
    pub(super) admitted: Admitted,
    pub(super) body: CopyBytes,
    pub(super) etag: [u8; 32],
    pub(super) license: Option<String>,
}

impl Downloads {
    pub(super) async fn fetch(&self, admitted: Admitted) -> Result<Fetched, Refusal> {
        let form = self.open_form(&admitted.plan.permit).await?;
        Ok(Fetched { form, admitted })
    }

    pub(super) async fn open_form(&self, permit: &Permit) -> Result<Arc<OpenedForm>, Refusal> {
        let content = match permit.level {
            Level::Clear => FormContent::Source,
            Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => {
                FormContent::TitleFile
            }
        };
        let opened = self
            .origin
            .open(&permit.facts.location.root, &permit.form, content)
            .await;
        opened.map_err(Refusal::Origin)
    }

    /// Makes this buyer's copy: the prefix stays as it is, only the tail is new.
    pub(super) async fn personalize(
        &self,
        opened: &Opened,
        fetched: Fetched,
    ) -> Result<Personalized, Refusal> {
        let Fetched { admitted, form } = fetched;
        let copy_key = &opened.center.copy_key;
        let content = Arc::clone(&form.content);
        let (body, etag, license) = match &form.title {
            None => {
                let length = content.size();
                let tag = etag(
                    self.engine.as_ref(),
                    copy_key,
                    &admitted.plan.permit.form.sha256,
                    &[],
                );
                (CopyBytes::new(content, length, Bytes::new()), tag, None)
            }
            Some(title) => {
                let tail = self.tail(opened, &admitted.plan, title).await?;
                let salt = title.salt().as_bytes();
                let tag = etag(self.engine.as_ref(), copy_key, salt, &tail.bytes);
                let license = tail.license.as_ref().map(license_text);
                let body = CopyBytes::new(content, title.prefix_length(), tail.bytes.into());
                (body, tag, license)
            }
        };
        Ok(Personalized {
            admitted,
            body,
            etag,
            license,
        })
    }

    /// The only bytes made for this copy: signatures, bookplate, seal or license, and directory.
    pub(super) async fn tail(
        &self,
        opened: &Opened,
        plan: &DownloadPlan,
        title: &StoredTitle,
    ) -> Result<Tail, Refusal> {
        let engine = self.engine.as_ref();
        let key = self
            .catalog
            .content_key(&opened.center.id, &plan.permit.form.version)
            .await?;
        let key = key.ok_or_else(no_content_key)?;
        let signer = provider(opened, &plan.permit)?;
        let licensing = Licensing::of(&opened.center, plan)?;
        let issued_at = dated(&opened.receipt, signer.and_then(certified_from));
        let mut license = None;
        if let Some(licensing) = &licensing {
            let granted_at = dated(&opened.receipt, Some(licensing.entitled_from()));
            self.believe_licensors(licensing, granted_at)?;
            license = Some(licensing.terms(granted_at));
        }
        let terms = CopyTerms {
            level: plan.permit.level,
            bookplate: plan.permit.owner.as_deref(),
            copy_id: CopyId::of(engine, &opened.center.copy_key, &plan.purchase.parts()),
            issued_at_unix_s: issued_at.get(),
            signers: signer.as_slice(),
            license,
        };
        personalize(engine, title, &key, &terms).map_err(Refusal::Bookplate)
    }

    /// Holds all who license a copy against the trusted roots, each at the time of its grant, as
    /// readers will.
    fn believe_licensors(
        &self,
        licensing: &Licensing<'_>,
        granted_at: UnixSeconds,
    ) -> Result<(), Refusal> {
        let role = CertificateRole::Licensor;
        let own = self.trust.believe(licensing.chain(), role, granted_at);
        own.map_err(Refusal::Licensor)?;
        for grantor in licensing.grantors() {
            let granted_at = UnixSeconds::new(grantor.granted_at_unix_s);
            let believed = self.trust.believe(&grantor.chain, role, granted_at);
            believed.map_err(Refusal::Grantor)?;
        }
        Ok(())
    }
}

/// The license as the log keeps it.
fn license_text(license: &SignedLicense) -> String {
    let document = license.document();
    match std::str::from_utf8(document) {
        Ok(text) => text.to_owned(),
        // No XML of ours is anything but UTF-8.
        Err(_) => String::from_utf8_lossy(document).into_owned(),
    }
}

/// Who signs this copy in the provider's role, if anybody does.
fn provider<'a>(opened: &'a Opened, permit: &Permit) -> Result<Option<&'a dyn Signer>, Refusal> {
    if !permit.signatures.contains(SignerRole::Provider) {
        return Ok(None);
    }
    let provider = opened.center.provider.as_deref();
    provider.map(Some).ok_or(Refusal::LevelUnavailable)
}

/// The moment that a copy's signature, or its license, is dated: the sale, so that a later receipt
/// for it makes the same bytes. It is not dated before the one who signs it was entitled to, or no
/// reader would believe it: a copy that was sold under an earlier certificate is made again under
/// the present one. Signature and license are dated each by its own signer, so that a provider's
/// new certificate does not carry the license of an earlier sale beyond the end of a delegation.
fn dated(receipt: &Receipt, entitled_from: Option<UnixSeconds>) -> UnixSeconds {
    let sold = receipt.claims.sold_at.unwrap_or(receipt.issued_at);
    entitled_from.map_or(sold, |from| sold.max(from))
}

/// From when on a signer's own certificate is valid.
fn certified_from(signer: &dyn Signer) -> Option<UnixSeconds> {
    let (from, _) = validity(signer.chain().first()?).ok()?;
    Some(UnixSeconds::new(from))
}

fn no_content_key() -> Refusal {
    let problem = "the catalog has no content key for this title version".to_owned();
    Refusal::Origin(OriginError::Damaged { problem })
}
