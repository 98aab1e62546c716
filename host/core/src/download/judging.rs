//! Stage four: the center's policy is asked, and the sale decided.

use std::sync::Arc;

use super::opening::Opened;
use super::resolving::Resolved;
use crate::catalog::{Money, TitleFacts};
use crate::decide::{Permit, decide};
use crate::delivery::DownloadRequest;
use crate::plugin::{Offer, PluginCalls};
use crate::refusal::Refusal;

/// Asks the policy and decides.
pub(super) async fn judge(
    calls: &mut dyn PluginCalls,
    request: &DownloadRequest,
    opened: &Opened,
    resolved: Resolved,
    facts: Arc<TitleFacts>,
) -> Result<Permit, Refusal> {
    let claims = &opened.receipt.claims;
    let price = claims.retail_price.zip(claims.currency.clone());
    let offer = Offer {
        book: resolved.book,
        resource_class: facts.media_type.as_str().to_owned(),
        price: price.map(|(minor, currency)| Money { minor, currency }),
        requested_protection: claims
            .level
            .map_or(String::new(), |level| level.as_number().to_string()),
        title: facts.attributes.clone(),
        sale: sale(request, opened),
    };
    let verdict = calls.evaluate(offer).await.map_err(Refusal::Plugin)?;
    let permit = decide(
        request.at,
        &opened.center.time_policy,
        &opened.receipt,
        &facts,
        verdict,
    )?;
    let other = |problem| Err(Refusal::PluginAnswer { problem });
    if resolved
        .sha256
        .is_some_and(|expected| expected != permit.form.sha256)
    {
        return other("sha256 is not that of the stored file");
    }
    if resolved
        .size
        .is_some_and(|expected| expected != permit.form.size)
    {
        return other("size is not that of the stored file");
    }
    Ok(permit)
}

/// What the receipt and the request say of the sale; with these a policy can demand that the buyer
/// who ordered is the one who downloads.
fn sale(request: &DownloadRequest, opened: &Opened) -> Vec<(String, String)> {
    let claims = &opened.receipt.claims;
    let text = |text: &colophon_receipt::Text| text.as_ref().to_owned();
    let given = [
        ("transaction", Some(claims.transaction.as_ref().to_owned())),
        ("client-address", Some(request.client.address.to_string())),
        ("customer-id", claims.customer_id.as_ref().map(text)),
        ("user-name", claims.user_name.as_ref().map(text)),
        ("persona", claims.persona.as_ref().map(text)),
    ];
    let given = given.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
