//! From the model to the form.

use colophon_core::log::{DeliveredCopy, DownloadRecord, Outcome};
use colophon_receipt::Claims;

use super::{ClaimsForm, CopyForm, LICENSED_VERSION, OutcomeForm, RecordForm, VERSION};

impl From<&DownloadRecord> for RecordForm {
    fn from(record: &DownloadRecord) -> Self {
        Self {
            v: match &record.copy {
                Some(DeliveredCopy {
                    license: Some(_), ..
                }) => LICENSED_VERSION,
                Some(_) | None => VERSION,
            },
            at_ms: record.at.unix_ms(),
            took_us: record.took_us,
            center: record.center.to_string(),
            key: record.key.as_ref().map(ToString::to_string),
            claims: record.claims.as_deref().map(ClaimsForm::from),
            outcome: match record.outcome {
                Outcome::Completed => OutcomeForm::Completed,
                Outcome::Broken => OutcomeForm::Broken,
                Outcome::Refused(code) => OutcomeForm::Refused(code.slug().to_owned()),
            },
            copy: record.copy.as_ref().map(CopyForm::from),
            address: record.client.address,
            agent: record.client.agent.clone(),
        }
    }
}

impl From<&Claims> for ClaimsForm {
    fn from(claims: &Claims) -> Self {
        Self {
            transaction: claims.transaction.to_string(),
            book_id: claims.book_id.to_string(),
            book_id_type: claims.book_id_type.to_string(),
            level: claims.level.map(|level| level.as_number()),
            user_name: claims.user_name.as_ref().map(ToString::to_string),
            persona: claims.persona.as_ref().map(ToString::to_string),
            customer_id: claims.customer_id.as_ref().map(ToString::to_string),
            file_name: claims.file_name.as_ref().map(ToString::to_string),
            error_url: claims.error_url.as_ref().map(ToString::to_string),
            retail_price: claims.retail_price,
            cost: claims.cost,
            list_price: claims.list_price,
            currency: claims.currency.as_ref().map(ToString::to_string),
            sold_at: claims.sold_at.map(|at| at.get()),
            max_downloads: claims.max_downloads.map(|most| most.get()),
        }
    }
}

impl From<&DeliveredCopy> for CopyForm {
    fn from(copy: &DeliveredCopy) -> Self {
        Self {
            level: copy.level.as_number(),
            file_name: copy.file_name.clone(),
            length: copy.length,
            etag: copy.etag.iter().map(|byte| format!("{byte:02x}")).collect(),
            asked: (copy.asked.start, copy.asked.end),
            sent: copy.sent,
            license: copy.license.clone(),
        }
    }
}
