//! The flow up to where something would be delivered, for those who want to know what would happen
//! and nothing more.

use std::sync::Arc;

use colophon_receipt::Receipt;

use super::Downloads;
use super::authenticating::{Licensed, Principal};
use super::judging::judge;
use super::opening::call_context;
use super::planning::plan;
use super::refusing::Trace;
use super::resolving::{book, resolve};
use crate::catalog::TitleFacts;
use crate::decide::Permit;
use crate::delivery::DownloadRequest;
use crate::refusal::Refusal;

/// What would come of a request.
pub struct Explanation {
    /// The receipt, if it opened.
    pub receipt: Option<Receipt>,
    /// The sale as it would be served, or why it would be refused.
    pub outcome: Result<Permit, Refusal>,
}

impl Downloads {
    /// The flow's front half, for callers that want to know of a title and not have it.
    pub(crate) async fn facts_for(
        &self,
        request: &DownloadRequest,
    ) -> Result<Arc<TitleFacts>, Refusal> {
        let opened = self.open(request, &mut Trace::default()).await?;
        let mut calls = opened.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        self.look(&opened, &resolved, calls.as_mut()).await
    }

    /// Tells what would come of a request, and delivers, keeps, counts and logs nothing.
    pub async fn explain(&self, request: &DownloadRequest) -> Explanation {
        let mut trace = Trace::default();
        let outcome = self.judged(request, &mut trace).await;
        Explanation {
            receipt: trace.receipt.map(Arc::unwrap_or_clone),
            outcome,
        }
    }

    async fn judged(
        &self,
        request: &DownloadRequest,
        trace: &mut Trace,
    ) -> Result<Permit, Refusal> {
        let opened = self.open(request, trace).await?;
        let mut calls = opened.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        let facts = self.look(&opened, &resolved, calls.as_mut()).await?;
        let permit = judge(calls.as_mut(), request, &opened, resolved, facts).await?;
        let principal = self.principal(request, &opened, &permit).await?;
        let licensee = principal.map(Principal::licensee).transpose()?;
        let licensed = Licensed { permit, licensee };
        let plan = plan(calls.as_mut(), &opened, licensed).await;
        let form = self.open_form(&plan.permit).await?;
        // All that is made for a copy is made, so that nothing is left that could refuse it: who
        // signs and who licenses, what they may grant, and the title's key.
        if let Some(title) = &form.title {
            self.tail(&opened, &plan, title).await?;
        }
        if let Some(limit) = plan.permit.downloads_max
            && self.uses.taken(&plan.purchase).await? >= limit.get()
        {
            return Err(Refusal::UsedUp);
        }
        Ok(plan.permit)
    }
}
