//! Stage one: a receipt is opened under the one key it names and held against the clock.

use std::sync::Arc;

use colophon_crypto::Engine;
use colophon_receipt::{Freshness, Receipt, TimeRefusal};

use super::Downloads;
use super::refusing::Trace;
use crate::center::{Center, KeyState, RetailerKey};
use crate::delivery::DownloadRequest;
use crate::log::Purchase;
use crate::plugin::CallContext;
use crate::refusal::Refusal;
use crate::rollout::PurchaseMark;

/// A receipt that opened under its key, with everything that speaks for the sale.
pub(super) struct Opened {
    pub(super) center: Arc<Center>,
    pub(super) key: Arc<RetailerKey>,
    pub(super) receipt: Arc<Receipt>,
}

impl Downloads {
    /// Opens the receipt under the one key it names and holds it against the clock.
    pub(super) async fn open(
        &self,
        request: &DownloadRequest,
        trace: &mut Trace,
    ) -> Result<Opened, Refusal> {
        let center = self
            .centers
            .center(&request.center)
            .await?
            .ok_or(Refusal::UnknownCenter)?;
        trace.center = Some(Arc::clone(&center));
        let key = self.key(request).await?;
        trace.key = Some(Arc::clone(&key));
        let receipt = Arc::new(open_receipt(self.engine.as_ref(), request, &key)?);
        trace.receipt = Some(Arc::clone(&receipt));
        let freshness = receipt.freshness(request.at.unix_seconds(), &center.time_policy);
        let freshness = freshness.map_err(Refusal::OutsideTime)?;
        match freshness {
            Freshness::ResumeOnly if request.resume.is_none() => {
                return Err(Refusal::OutsideTime(TimeRefusal::Expired));
            }
            Freshness::ResumeOnly | Freshness::Valid => {}
        }
        Ok(Opened {
            center,
            key,
            receipt,
        })
    }
}

pub(super) fn open_receipt(
    engine: &dyn Engine,
    request: &DownloadRequest,
    key: &RetailerKey,
) -> Result<Receipt, Refusal> {
    match key.state {
        KeyState::Active => {}
        KeyState::Revoked => return Err(Refusal::UnknownKey),
    }
    let receipt = request.receipt.open(engine, &key.key, &request.center);
    let receipt = receipt.map_err(Refusal::NotOpened)?;
    match &request.retailer {
        Some(named) if *named != receipt.issuer => Err(Refusal::OtherRetailer),
        Some(_) | None => Ok(receipt),
    }
}

pub(super) fn call_context(request: &DownloadRequest, opened: &Opened) -> CallContext {
    let claims = &opened.receipt.claims;
    let retailer = &opened.key.retailer;
    CallContext {
        request_id: request.event.to_string(),
        now: request.at,
        center: opened.center.id.clone(),
        retailer: retailer.clone(),
        purchase: Some(PurchaseMark::of(
            retailer,
            &claims.transaction,
            &claims.book_id,
        )),
    }
}

pub(super) fn purchase(opened: &Opened) -> Purchase {
    let claims = &opened.receipt.claims;
    Purchase {
        center: opened.center.id.clone(),
        retailer: opened.key.retailer.clone(),
        transaction: claims.transaction.clone(),
        book_id: claims.book_id.clone(),
        book_id_type: claims.book_id_type.clone(),
    }
}
