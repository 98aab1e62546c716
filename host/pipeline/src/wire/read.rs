//! From the form to the model: every member is parsed as strictly as when it first came in.

use std::num::NonZeroU32;
use std::str::FromStr;

use colophon_core::code::Code;
use colophon_core::id::EventId;
use colophon_core::log::{ByteSpan, Client, DeliveredCopy, DownloadRecord, Outcome};
use colophon_core::time::Timestamp;
use colophon_receipt::{Claims, RequestedLevel, UnixSeconds};
use colophon_title::Level;

use super::{ClaimsForm, CopyForm, OutcomeForm, RecordForm, Text, Unreadable};

impl RecordForm<'_> {
    pub(super) fn into_record(self, event: EventId) -> Result<DownloadRecord, Unreadable> {
        let claims = self.claims.map(ClaimsForm::into_claims).transpose()?;
        Ok(DownloadRecord {
            event,
            at: Timestamp::from_unix_ms(self.at_ms),
            took_us: self.took_us,
            center: parsed(&self.center, "center")?,
            key: optional(self.key, "key")?,
            claims: claims.map(Box::new),
            outcome: self.outcome.into_outcome()?,
            copy: self.copy.map(CopyForm::into_copy).transpose()?,
            client: Client {
                address: self.address,
                agent: self.agent.map(Text::into_owned),
            },
        })
    }
}

impl ClaimsForm<'_> {
    fn into_claims(self) -> Result<Claims, Unreadable> {
        let mut claims = Claims::new(
            parsed(&self.transaction, "transaction")?,
            parsed(&self.book_id, "book_id")?,
            parsed(&self.book_id_type, "book_id_type")?,
        );
        claims.level = present(self.level, RequestedLevel::from_number, "level")?;
        claims.user_name = optional(self.user_name, "user_name")?;
        claims.persona = optional(self.persona, "persona")?;
        claims.customer_id = optional(self.customer_id, "customer_id")?;
        claims.file_name = optional(self.file_name, "file_name")?;
        claims.error_url = optional(self.error_url, "error_url")?;
        claims.retail_price = self.retail_price;
        claims.cost = self.cost;
        claims.list_price = self.list_price;
        claims.currency = optional(self.currency, "currency")?;
        claims.sold_at = self.sold_at.map(UnixSeconds::new);
        claims.max_downloads = present(self.max_downloads, NonZeroU32::new, "max_downloads")?;
        Ok(claims)
    }
}

impl OutcomeForm<'_> {
    fn into_outcome(self) -> Result<Outcome, Unreadable> {
        match self {
            Self::Completed => Ok(Outcome::Completed),
            Self::Broken => Ok(Outcome::Broken),
            Self::Refused(slug) => {
                let code = Code::ALL.iter().find(|code| code.slug() == slug);
                Ok(Outcome::Refused(
                    *code.ok_or(Unreadable::Member("outcome"))?,
                ))
            }
        }
    }
}

impl CopyForm<'_> {
    fn into_copy(self) -> Result<DeliveredCopy, Unreadable> {
        Ok(DeliveredCopy {
            level: Level::from_number(self.level).ok_or(Unreadable::Member("copy.level"))?,
            file_name: self.file_name.into_owned(),
            length: self.length,
            etag: bytes32(&self.etag).ok_or(Unreadable::Member("copy.etag"))?,
            asked: ByteSpan {
                start: self.asked.0,
                end: self.asked.1,
            },
            sent: self.sent,
            license: self.license.map(Text::into_owned),
        })
    }
}

fn parsed<T: FromStr>(text: &str, member: &'static str) -> Result<T, Unreadable> {
    // What exactly is wrong would repeat a piece of what may be personal.
    text.parse().map_err(|_| Unreadable::Member(member))
}

pub(super) fn optional<T: FromStr>(
    text: Option<Text<'_>>,
    member: &'static str,
) -> Result<Option<T>, Unreadable> {
    text.map(|text| parsed(&text, member)).transpose()
}

fn present<N, T>(
    number: Option<N>,
    read: impl Fn(N) -> Option<T>,
    member: &'static str,
) -> Result<Option<T>, Unreadable> {
    let read = number.map(|number| read(number).ok_or(Unreadable::Member(member)));
    read.transpose()
}

fn bytes32(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
