//! The verify flow: does a Book ID exist at a center, and is the title ready to be delivered?
//!
//! A retailer asks with a receipt, so strangers cannot probe the catalog.

use std::sync::Arc;

use crate::catalog::{Availability, Forms, StoredForm, TitleFacts};
use crate::delivery::DownloadRequest;
use crate::download::Downloads;
use crate::ports::FormContent;
use crate::refusal::{Refusal, Refused};

/// A title that can be delivered right now.
#[derive(Debug, Clone)]
pub struct ReadyTitle {
    /// What the catalog knows of it.
    pub facts: Arc<TitleFacts>,
}

impl Downloads {
    /// Answers whether the title in the receipt could be downloaded now. Counts as no download and
    /// takes nothing from the purchase's limit.
    pub async fn verify(&self, request: &DownloadRequest) -> Result<ReadyTitle, Refused> {
        let facts = self.verify_flow(request).await;
        facts.map_err(|refusal| Refused {
            refusal,
            redirect: None,
        })
    }

    async fn verify_flow(&self, request: &DownloadRequest) -> Result<ReadyTitle, Refusal> {
        let facts = self.facts_for(request).await?;
        match facts.availability {
            Availability::Ready => {}
            Availability::Withdrawn => return Err(Refusal::Withdrawn),
        }
        let stored = kept(&facts.forms);
        if stored.is_empty() {
            return Err(Refusal::LevelUnavailable);
        }
        for (form, content) in stored {
            let opened = self.origin.open(&facts.location.root, form, content).await;
            opened.map_err(Refusal::Origin)?;
        }
        Ok(ReadyTitle { facts })
    }
}

fn kept(forms: &Forms) -> Vec<(&StoredForm, FormContent)> {
    let clear = forms.clear.iter().map(|form| (form, FormContent::Source));
    let titles = [&forms.sealed, &forms.licensed].into_iter().flatten();
    clear
        .chain(titles.map(|form| (form, FormContent::TitleFile)))
        .collect()
}
