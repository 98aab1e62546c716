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
        attributes: offer_attributes(request, opened, &facts),
    };
    let verdict = calls.evaluate(&offer).await.map_err(Refusal::Plugin)?;
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

/// The title's attributes and, under names that begin with `sale.`, what the receipt and the
/// request say of the sale; with these a policy can demand that the buyer who ordered is the one
/// who downloads.
fn offer_attributes(
    request: &DownloadRequest,
    opened: &Opened,
    facts: &TitleFacts,
) -> Vec<(String, String)> {
    let claims = &opened.receipt.claims;
    let text = |text: &colophon_receipt::Text| text.as_ref().to_owned();
    let mut list = facts.attributes.clone();
    list.push((
        "sale.transaction".to_owned(),
        claims.transaction.as_ref().to_owned(),
    ));
    list.push((
        "sale.client-address".to_owned(),
        request.client.address.to_string(),
    ));
    let optional = [
        ("sale.customer-id", claims.customer_id.as_ref().map(text)),
        ("sale.user-name", claims.user_name.as_ref().map(text)),
        ("sale.persona", claims.persona.as_ref().map(text)),
    ];
    let given = optional.into_iter();
    list.extend(given.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    list
}
