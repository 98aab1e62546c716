//! The download flow.
//!
//! receipt → open → resolve → look → judge → authenticate → name and plan → admit → fetch →
//! personalize → download.
//!
//! Each stage is a file of its own and consumes the type of the one before it.

mod authenticating;
mod beginning;
mod explaining;
mod identifying;
mod judging;
mod licensing;
mod making;
mod opening;
mod planning;
mod refusing;
mod resolving;

use std::sync::Arc;

use colophon_crypto::Engine;

use self::judging::judge;
use self::opening::call_context;
use self::planning::plan;
use self::refusing::Trace;
use self::resolving::{book, resolve};
use crate::delivery::{Download, DownloadRequest};
use crate::forms::GoodForms;
use crate::plugin::Plugins;
use crate::ports::{Catalog, Centers, Origin, Outbox, Uses};
use crate::principal::{Principals, Registrations, Trust};
use crate::refusal::{Refusal, Refused};

pub use self::explaining::Explanation;

/// The download service of a host: the flow with the ports it runs on.
pub struct Downloads {
    /// Centers and retailer keys.
    pub centers: Arc<dyn Centers>,
    /// The catalogs.
    pub catalog: Arc<dyn Catalog>,
    /// The centers' plug-ins.
    pub plugins: Arc<dyn Plugins>,
    /// The content stores.
    pub origin: Arc<dyn Origin>,
    /// Counts of limited purchases.
    pub uses: Arc<dyn Uses>,
    /// Who is believed.
    pub trust: Arc<dyn Trust>,
    /// The upload forms that were good of late.
    pub forms: GoodForms,
    /// The activation certificates known of personas.
    pub principals: Arc<dyn Principals>,
    /// Where those not known are fetched from.
    pub registrations: Option<Arc<dyn Registrations>>,
    /// The node's outbox.
    pub outbox: Arc<dyn Outbox>,
    /// The cryptographic engine.
    pub engine: Arc<dyn Engine>,
}

impl Downloads {
    /// Turns a request into a personalized copy, or says why not and where the buyer goes.
    ///
    /// Refusals at a known center are logged here; a returned [`Download`] is logged when its
    /// record is closed.
    pub async fn prepare(&self, request: DownloadRequest) -> Result<Download, Refused> {
        let mut trace = Trace::default();
        match self.flow(&request, &mut trace).await {
            Ok(download) => Ok(download),
            Err(refusal) => Err(self.refuse(request, trace, refusal)),
        }
    }

    async fn flow(
        &self,
        request: &DownloadRequest,
        trace: &mut Trace,
    ) -> Result<Download, Refusal> {
        let opened = self.open(request, trace).await?;
        let mut calls = opened.plugins.begin(call_context(request, &opened));
        let resolved = resolve(calls.as_mut(), book(&opened.receipt)).await?;
        let facts = self.look(&opened, &resolved, calls.as_mut()).await?;
        let permit = judge(calls.as_mut(), request, &opened, resolved, facts).await?;
        let licensed = self.authenticate(request, &opened, permit).await?;
        let plan = plan(calls.as_mut(), &opened, licensed).await;
        let admitted = self.admit(plan)?;
        let fetched = self.fetch(admitted).await?;
        let personalized = self.personalize(&opened, fetched).await?;
        Self::ready(request, opened, personalized)
    }
}
