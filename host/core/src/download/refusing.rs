//! A refusal is logged, and the buyer sent where the retailer wishes.

use std::sync::Arc;

use colophon_receipt::{ErrorUrl, Receipt};

use super::Downloads;
use crate::center::{Center, RetailerKey};
use crate::delivery::DownloadRequest;
use crate::log::{DownloadRecord, Outcome};
use crate::refusal::{Refusal, Refused};

/// What is known of a request so far, for the log row of a refusal.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) center: Option<Arc<Center>>,
    pub(super) key: Option<Arc<RetailerKey>>,
    pub(super) receipt: Option<Arc<Receipt>>,
}

impl Downloads {
    /// Logs a refusal and finds where the buyer is sent. Nobody waits for this row: a refusal
    /// delivers nothing that would have to be paid for.
    pub(super) fn refuse(
        &self,
        request: DownloadRequest,
        trace: Trace,
        refusal: Refusal,
    ) -> Refused {
        let redirect = trace
            .key
            .as_deref()
            .and_then(|key| error_target(&request, key, trace.receipt.as_deref()));
        if let (Some(center), Some(admission)) = (trace.center, self.outbox.admit_refusal()) {
            let record = DownloadRecord {
                event: request.event,
                at: request.at,
                took_us: 0,
                center: center.id.clone(),
                key: trace.key.map(|key| key.kid.clone()),
                claims: trace
                    .receipt
                    .map(|receipt| Box::new(Arc::unwrap_or_clone(receipt).claims)),
                outcome: Outcome::Refused(refusal.code()),
                copy: None,
                client: request.client,
            };
            drop(admission.submit(record.into()));
        }
        Refused { refusal, redirect }
    }
}

/// Where a buyer is sent: the receipt's wish, else the form's, else the retailer's default.
pub(super) fn error_target(
    request: &DownloadRequest,
    key: &RetailerKey,
    receipt: Option<&Receipt>,
) -> Option<ErrorUrl> {
    let claimed = receipt.and_then(|receipt| receipt.claims.error_url.as_ref());
    key.error_target([claimed, request.error_url.as_ref()])
        .cloned()
}
