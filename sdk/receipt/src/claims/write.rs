//! Claims into JSON.

use colophon_claims::{CenterId, UnixSeconds};
use serde::Serialize;

use super::Claims;
use crate::ids::KeyId;

/// The members of a receipt that are not about the sale.
pub(crate) struct ReceiptFields<'a> {
    pub(crate) kid: &'a KeyId,
    pub(crate) center: &'a CenterId,
    pub(crate) issued_at: UnixSeconds,
    pub(crate) expires_at: UnixSeconds,
    pub(crate) id: &'a str,
}

/// The members of a new receipt, in the order in which they are written.
#[derive(Serialize)]
struct Written<'a> {
    v: u8,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    transaction: &'a str,
    book_id: &'a str,
    book_id_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persona: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retail_price: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list_price: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sold_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_downloads: Option<u32>,
}

/// Writes compact JSON.
pub(crate) fn write_claims(
    fields: &ReceiptFields<'_>,
    claims: &Claims,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        v: 1,
        iss: fields.kid.retailer().as_str(),
        aud: fields.center.as_str(),
        iat: fields.issued_at.get(),
        exp: fields.expires_at.get(),
        jti: fields.id,
        transaction: claims.transaction.as_str(),
        book_id: claims.book_id.as_str(),
        book_id_type: claims.book_id_type.as_str(),
        level: claims.level.map(|level| level.as_number()),
        user_name: claims.user_name.as_ref().map(AsRef::as_ref),
        persona: claims.persona.as_ref().map(AsRef::as_ref),
        customer_id: claims.customer_id.as_ref().map(AsRef::as_ref),
        file_name: claims.file_name.as_ref().map(AsRef::as_ref),
        error_url: claims.error_url.as_ref().map(AsRef::as_ref),
        retail_price: claims.retail_price,
        cost: claims.cost,
        list_price: claims.list_price,
        currency: claims.currency.as_ref().map(AsRef::as_ref),
        sold_at: claims.sold_at.map(UnixSeconds::get),
        max_downloads: claims.max_downloads.map(Into::into),
    })
}
