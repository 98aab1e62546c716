//! Purchases that may be downloaded a limited number of times.

use std::num::NonZeroU32;
use std::sync::Arc;

use colophon_receipt::{Freshness, TimeRefusal};

use crate::delivery::{Download, Sale};
use crate::log::{ByteSpan, Purchase};
use crate::ports::{Resumption, Use, Uses};
use crate::refusal::Refusal;

/// How many copies' worth of bytes a counted download pays for when it is gone on with. The bytes
/// a broken connection swallowed count as sent, some megabytes each time, and those of a connection
/// that hangs are not back yet when its client comes again; so one copy's worth is too little.
const RESUMABLE_COPIES: u64 = 2;

/// A download as the limit of its purchase sees it.
pub(crate) struct Limited {
    downloads: NonZeroU32,
    copy_bytes: u64,
    /// What is asked for by a download that goes on with another.
    resumed_bytes: Option<u64>,
    freshness: Freshness,
}

impl Limited {
    pub(crate) fn of(download: &Download, asked: ByteSpan) -> Option<Self> {
        let asked_bytes = asked.end.saturating_sub(asked.start);
        Some(Self {
            downloads: download.downloads_max?,
            copy_bytes: download.body.length(),
            resumed_bytes: download.resumes.then_some(asked_bytes),
            freshness: download.freshness,
        })
    }

    /// Counts a download of a limited purchase, or reserves the bytes of one that goes on.
    pub(crate) async fn count(
        self,
        uses: &Arc<dyn Uses>,
        sale: &Sale,
    ) -> Result<Option<Reservation>, Refusal> {
        let purchase = &sale.purchase;
        if let Some(bytes) = self.resumed_bytes {
            match uses.resume(purchase, bytes).await? {
                Resumption::Paid => {
                    let reservation = Reservation::new(Arc::clone(uses), purchase.clone(), bytes);
                    return Ok(Some(reservation));
                }
                Resumption::Spent => return Err(Refusal::UsedUp),
                Resumption::NothingCounted => {}
            }
        }
        if self.freshness == Freshness::ResumeOnly {
            return Err(Refusal::OutsideTime(TimeRefusal::Expired));
        }
        let limit = self.downloads.get();
        let resumable = self.copy_bytes.saturating_mul(RESUMABLE_COPIES);
        match uses.take(purchase, limit, resumable, sale.at).await? {
            Use::Taken => Ok(None),
            Use::Exhausted => Err(Refusal::UsedUp),
        }
    }
}

/// Bytes of a resumed download, taken off what the counted ones pay for. Those that are not sent
/// are given back when this is dropped.
pub(crate) struct Reservation {
    uses: Arc<dyn Uses>,
    purchase: Purchase,
    unsent: u64,
}

impl Reservation {
    fn new(uses: Arc<dyn Uses>, purchase: Purchase, bytes: u64) -> Self {
        Self {
            uses,
            purchase,
            unsent: bytes,
        }
    }

    pub(crate) fn settle(mut self, sent: u64) {
        self.unsent = self.unsent.saturating_sub(sent);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.unsent > 0 {
            self.uses.give_back(&self.purchase, self.unsent);
        }
    }
}
