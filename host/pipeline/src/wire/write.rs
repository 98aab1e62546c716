//! From the model to the form.

use colophon_core::log::{DeliveredCopy, DownloadRecord, Outcome};
use colophon_receipt::Claims;

use super::{ClaimsForm, CopyForm, LICENSED_VERSION, OutcomeForm, RecordForm, Text, VERSION};

impl<'a> From<&'a DownloadRecord> for RecordForm<'a> {
    fn from(record: &'a DownloadRecord) -> Self {
        Self {
            v: match &record.copy {
                Some(DeliveredCopy {
                    license: Some(_), ..
                }) => LICENSED_VERSION,
                Some(_) | None => VERSION,
            },
            at_ms: record.at.unix_ms(),
            took_us: record.took_us,
            center: record.center.as_str().into(),
            key: record.key.as_ref().map(|key| key.as_str().into()),
            claims: record.claims.as_deref().map(ClaimsForm::from),
            outcome: match record.outcome {
                Outcome::Completed => OutcomeForm::Completed,
                Outcome::Broken => OutcomeForm::Broken,
                Outcome::Refused(code) => OutcomeForm::Refused(code.slug().into()),
            },
            copy: record.copy.as_ref().map(CopyForm::from),
            address: record.client.address,
            agent: record.client.agent.as_deref().map(Text::from),
        }
    }
}

impl<'a> From<&'a Claims> for ClaimsForm<'a> {
    fn from(claims: &'a Claims) -> Self {
        Self {
            transaction: claims.transaction.as_str().into(),
            book_id: claims.book_id.as_str().into(),
            book_id_type: claims.book_id_type.as_str().into(),
            level: claims.level.map(|level| level.as_number()),
            user_name: claims.user_name.as_ref().map(|text| text.as_str().into()),
            persona: claims.persona.as_ref().map(|text| text.as_str().into()),
            customer_id: claims.customer_id.as_ref().map(|text| text.as_str().into()),
            file_name: claims.file_name.as_ref().map(|text| text.as_str().into()),
            error_url: claims.error_url.as_ref().map(|text| text.as_str().into()),
            retail_price: claims.retail_price,
            cost: claims.cost,
            list_price: claims.list_price,
            currency: claims.currency.as_ref().map(|code| code.as_str().into()),
            sold_at: claims.sold_at.map(|at| at.get()),
            max_downloads: claims.max_downloads.map(|most| most.get()),
        }
    }
}

impl<'a> From<&'a DeliveredCopy> for CopyForm<'a> {
    fn from(copy: &'a DeliveredCopy) -> Self {
        Self {
            level: copy.level.as_number(),
            file_name: copy.file_name.as_str().into(),
            length: copy.length,
            etag: hex(&copy.etag).into(),
            asked: (copy.asked.start, copy.asked.end),
            sent: copy.sent,
            license: copy.license.as_deref().map(Text::from),
        }
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    text
}
