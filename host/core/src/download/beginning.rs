//! The last two stages: the copy is handed to the edge, and counted when its first byte is due.

use colophon_receipt::Freshness;

use super::Downloads;
use super::making::Personalized;
use super::opening::Opened;
use super::planning::{Admitted, delivered_media_type};
use super::refusing::error_target;
use crate::delivery::{CopyBytes, Download, DownloadRequest, OpenRecord, Sale};
use crate::limit::Limited;
use crate::log::{ByteSpan, DeliveredCopy, Outcome};
use crate::refusal::{Refusal, Refused};

impl Downloads {
    /// The copy as the edge gets it. A receipt whose time is over goes on only with what it began.
    pub(super) fn ready(
        request: &DownloadRequest,
        opened: Opened,
        personalized: Personalized,
    ) -> Result<Download, Refusal> {
        let Personalized {
            admitted: Admitted { plan, admission },
            body,
            etag,
            license,
        } = personalized;
        let resumes = request.resume == Some(etag);
        if plan.permit.freshness == Freshness::ResumeOnly && !resumes {
            return Err(Refusal::NotResumable);
        }
        let redirect = error_target(request, &opened.key, Some(&opened.receipt));
        Ok(Download {
            sale: Sale {
                event: request.event,
                at: request.at,
                key: opened.key.kid.clone(),
                purchase: plan.purchase,
                receipt: opened.receipt,
                client: request.client.clone(),
            },
            media_type: delivered_media_type(&plan.permit),
            file_name: plan.file_name,
            level: plan.permit.level,
            resumes,
            etag,
            body,
            license,
            downloads_max: plan.permit.downloads_max,
            freshness: plan.permit.freshness,
            redirect,
            admission,
        })
    }

    /// The last decision before the first byte: a download counts against the purchase's limit
    /// unless it goes on with one that was counted and pays for that. Splits the download into
    /// the bytes to send and the log row to close it with.
    ///
    /// Answers that send no bytes (headers only, conditions that fail) never come here, so they
    /// use nothing up.
    pub async fn begin(
        &self,
        download: Download,
        asked: ByteSpan,
    ) -> Result<(CopyBytes, OpenRecord), Refused> {
        let limited = Limited::of(&download, asked);
        let counted = match limited {
            Some(limited) => limited.count(&self.uses, &download.sale).await,
            None => Ok(None),
        };
        let copy = DeliveredCopy {
            level: download.level,
            file_name: download.file_name.as_str().to_owned(),
            length: download.body.length(),
            etag: download.etag,
            asked,
            sent: 0,
            license: download.license,
        };
        let (sale, admission) = (download.sale, download.admission);
        let record = |reservation| OpenRecord {
            sale,
            copy,
            admission,
            reservation,
        };
        match counted {
            Ok(reservation) => Ok((download.body, record(reservation))),
            Err(refusal) => {
                let record = record(None);
                drop(record.close(Outcome::Refused(refusal.code()), 0, 0));
                Err(Refused {
                    refusal,
                    redirect: download.redirect,
                })
            }
        }
    }
}
