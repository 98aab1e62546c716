//! Stages seven and eight: the stored form is opened, and this buyer's copy made of it.

use std::sync::Arc;

use bytes::Bytes;
use colophon_receipt::{Receipt, UnixSeconds};
use colophon_title::{CopyId, CopyTerms, Level, SignerRole, StoredTitle, Tail, etag, personalize};

use super::Downloads;
use super::opening::Opened;
use super::planning::{Admitted, DownloadPlan};
use crate::decide::Grant;
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
}

impl Downloads {
    pub(super) async fn fetch(&self, admitted: Admitted) -> Result<Fetched, Refusal> {
        let form = self.open_form(&admitted.plan.grant).await?;
        Ok(Fetched { form, admitted })
    }

    pub(super) async fn open_form(&self, grant: &Grant) -> Result<Arc<OpenedForm>, Refusal> {
        let content = match grant.level {
            Level::Clear => FormContent::Source,
            Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => {
                FormContent::TitleFile
            }
        };
        let opened = self
            .origin
            .open(&grant.facts.location.root, &grant.form, content)
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
        let (body, etag) = match &form.title {
            None => {
                let length = content.size();
                let tag = etag(
                    self.engine.as_ref(),
                    copy_key,
                    &admitted.plan.grant.form.sha256,
                    &[],
                );
                (CopyBytes::new(content, length, Bytes::new()), tag)
            }
            Some(title) => {
                let tail = self.tail(opened, &admitted.plan, title).await?;
                let salt = title.salt().as_bytes();
                let tag = etag(self.engine.as_ref(), copy_key, salt, &tail.bytes);
                (
                    CopyBytes::new(content, title.prefix_length(), tail.bytes.into()),
                    tag,
                )
            }
        };
        Ok(Personalized {
            admitted,
            body,
            etag,
        })
    }

    /// The only bytes made for this copy: signatures, bookplate, seal and directory.
    async fn tail(
        &self,
        opened: &Opened,
        plan: &DownloadPlan,
        title: &StoredTitle,
    ) -> Result<Tail, Refusal> {
        let engine = self.engine.as_ref();
        let key = self
            .catalog
            .content_key(&opened.center.id, &plan.grant.form.version)
            .await?;
        let key = key.ok_or_else(no_content_key)?;
        let provider = opened.center.provider.as_deref();
        let signs = plan.grant.signatures.contains(SignerRole::Provider);
        let signer = if signs {
            Some(provider.ok_or(Refusal::LevelUnavailable)?)
        } else {
            None
        };
        let terms = CopyTerms {
            level: plan.grant.level,
            bookplate: plan.grant.owner.as_deref(),
            copy_id: CopyId::of(engine, &opened.center.copy_key, &plan.purchase.parts()),
            issued_at_unix_s: issue_time(&opened.receipt).get(),
            signers: signer.as_slice(),
            license: None,
        };
        personalize(engine, title, &key, &terms).map_err(Refusal::Bookplate)
    }
}

/// The moment a copy is dated: the sale, so that a later receipt for it makes the same bytes.
fn issue_time(receipt: &Receipt) -> UnixSeconds {
    receipt.claims.sold_at.unwrap_or(receipt.issued_at)
}

fn no_content_key() -> Refusal {
    let problem = "the catalog has no content key for this title version".to_owned();
    Refusal::Origin(OriginError::Damaged { problem })
}
