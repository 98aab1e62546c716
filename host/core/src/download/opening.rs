//! Stage one: a receipt is opened under the one key it names and held against the clock.

use std::borrow::Cow;
use std::sync::Arc;

use colophon_crypto::Engine;
use colophon_receipt::{Freshness, KeyId, Receipt, RetailerId, TimeRefusal};

use super::Downloads;
use super::refusing::Trace;
use crate::center::{Center, KeyState, RetailerKey};
use crate::delivery::DownloadRequest;
use crate::log::Purchase;
use crate::plugin::{CallContext, CenterPlugins, RetailerAnswer, RetailerEntry};
use crate::refusal::Refusal;
use crate::rollout::PurchaseMark;

/// A receipt that opened under its key, with everything that speaks for the sale.
pub(super) struct Opened {
    pub(super) center: Arc<Center>,
    pub(super) key: Arc<RetailerKey>,
    pub(super) receipt: Arc<Receipt>,
    /// The center's plug-ins for all of this request.
    pub(super) plugins: Box<dyn CenterPlugins>,
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
        let plugins = self.plugins.of_center(&request.center);
        let key = self.key(request, plugins.as_ref()).await?;
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
            plugins,
        })
    }

    /// The one key that the receipt is to be opened under.
    async fn key(
        &self,
        request: &DownloadRequest,
        plugins: &dyn CenterPlugins,
    ) -> Result<Arc<RetailerKey>, Refusal> {
        let kid = key_id(request, plugins).await?;
        let key = self.centers.retailer_key(&request.center, &kid).await?;
        key.ok_or(match kid {
            Cow::Borrowed(_) => Refusal::UnknownKey,
            Cow::Owned(_) => Refusal::PluginAnswer {
                problem: "the center has no such retailer record, or it has no such key",
            },
        })
    }
}

/// The key that the receipt names, unless one of the center's plug-ins knows its retailer under
/// another record. Whatever a plug-in says, the receipt has to open under the key.
async fn key_id<'a>(
    request: &'a DownloadRequest,
    plugins: &dyn CenterPlugins,
) -> Result<Cow<'a, KeyId>, Refusal> {
    let named = request.receipt.kid();
    if !plugins.tells_retailers() {
        return Ok(Cow::Borrowed(named));
    }
    let mut calls = plugins.begin(CallContext {
        request_id: request.event.to_string(),
        now: request.at,
        center: request.center.clone(),
        retailer: named.retailer().clone(),
        purchase: None,
    });
    let told = calls.identify(named.retailer()).await;
    match told.map_err(Refusal::Plugin)? {
        RetailerAnswer::NotMine => Ok(Cow::Borrowed(named)),
        RetailerAnswer::Known(entry) => told_key(&entry, named).map(Cow::Owned),
    }
}

/// A key's id, parsed out of a plug-in's answer.
fn told_key(entry: &RetailerEntry, named: &KeyId) -> Result<KeyId, Refusal> {
    let unusable = |problem| Refusal::PluginAnswer { problem };
    let retailer = RetailerId::try_from(entry.retailer.as_str())
        .map_err(|_| unusable("retailer is no id of a retailer record"))?;
    let kid = match &entry.key {
        None => KeyId::new(&retailer, named.number()),
        Some(key) => KeyId::try_from(key.as_str()),
    };
    let kid = kid.map_err(|_| unusable("key is no name of a key"))?;
    if *kid.retailer() != retailer {
        return Err(unusable("key is another retailer's"));
    }
    Ok(kid)
}

fn open_receipt(
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
