//! Whose key a receipt is opened under, where a plug-in of the center knows more than the receipt.

use std::sync::Arc;

use colophon_crypto::Engine;
use colophon_receipt::{CenterId, KeyId, RetailerId};

use super::Downloads;
use super::opening::open_receipt;
use crate::center::RetailerKey;
use crate::delivery::DownloadRequest;
use crate::plugin::{CallContext, RetailerAnswer, RetailerEntry};
use crate::refusal::Refusal;
use crate::rollout::PurchaseMark;

/// Where a plug-in says that a retailer's secrets are.
struct Told {
    retailer: RetailerId,
    /// None to let the receipt choose.
    key: Option<KeyId>,
}

impl Downloads {
    /// The one key that the receipt is to be opened under: the one that it names, unless one of the
    /// center's plug-ins knows its retailer under another record. Whatever a plug-in says, the
    /// receipt has to open under the key.
    pub(super) async fn key(&self, request: &DownloadRequest) -> Result<Arc<RetailerKey>, Refusal> {
        let (center, named) = (&request.center, request.receipt.kid());
        let own = self.centers.retailer_key(center, named).await?;
        if !self.plugins.tells_retailers(center) {
            return own.ok_or(Refusal::UnknownKey);
        }
        let mut calls = self.plugins.begin(CallContext {
            request_id: request.event.to_string(),
            now: request.at,
            center: center.clone(),
            retailer: named.retailer().clone(),
            purchase: Some(claimed(self.engine.as_ref(), request, own.as_deref())),
        });
        let told = calls.identify(named.retailer()).await;
        match told.map_err(Refusal::Plugin)? {
            RetailerAnswer::NotMine => own.ok_or(Refusal::UnknownKey),
            RetailerAnswer::Known(entry) => self.told_key(center, &told_by(&entry)?, named).await,
        }
    }

    /// The key that a plug-in has told. That a record or a key is not there which it names itself
    /// is its mistake; that the record has no key of the receipt's number is the receipt's.
    async fn told_key(
        &self,
        center: &CenterId,
        told: &Told,
        named: &KeyId,
    ) -> Result<Arc<RetailerKey>, Refusal> {
        let numbered = |number| {
            let unusable = |_| Refusal::PluginAnswer {
                problem: "key is no name of a key",
            };
            KeyId::new(&told.retailer, number).map_err(unusable)
        };
        let chosen = match &told.key {
            Some(key) => key.clone(),
            None => numbered(named.number())?,
        };
        if let Some(key) = self.centers.retailer_key(center, &chosen).await? {
            return Ok(key);
        }
        // A record has its first key for as long as it is there, if only as a revoked one.
        let is_receipts = told.key.is_none();
        let first = self.centers.retailer_key(center, &numbered(1)?).await?;
        if is_receipts && first.is_some() {
            return Err(Refusal::UnknownKey);
        }
        Err(Refusal::PluginAnswer {
            problem: "the center has no such retailer record, or it has no such key",
        })
    }
}

/// What is known of a purchase whose receipt is still closed: the retailer that it claims, and that
/// there was a sale if it opens under the key that it names itself.
fn claimed(
    engine: &dyn Engine,
    request: &DownloadRequest,
    own: Option<&RetailerKey>,
) -> PurchaseMark {
    let retailer = request.receipt.kid().retailer();
    let claimed = PurchaseMark::claimed(retailer);
    let opened = own.and_then(|key| open_receipt(engine, request, key).ok());
    match opened {
        Some(receipt) => claimed.proven(retailer, &receipt.claims.transaction),
        None => claimed,
    }
}

/// Parses a plug-in's answer.
fn told_by(entry: &RetailerEntry) -> Result<Told, Refusal> {
    let unusable = |problem| Refusal::PluginAnswer { problem };
    let retailer = RetailerId::try_from(entry.retailer.as_str())
        .map_err(|_| unusable("retailer is no id of a retailer record"))?;
    let key = entry.key.as_deref().map(KeyId::try_from).transpose();
    let key = key.map_err(|_| unusable("key is no name of a key"))?;
    if key.as_ref().is_some_and(|key| *key.retailer() != retailer) {
        return Err(unusable("key is another retailer's"));
    }
    Ok(Told { retailer, key })
}
