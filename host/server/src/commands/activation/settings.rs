//! What all personas are granted.

use anyhow::{Context as _, Result};
use colophon_core::activation::ports::Settings as _;
use colophon_core::activation::quota::QuotaTerms;
use colophon_core::activation::settings::ActivationSettings;
use colophon_core::time::Clock as _;
use serde::Serialize;

use crate::cli::ActivationSettingsArgs;
use crate::house::{House, SystemClock};
use crate::output::{Output, table};

#[derive(Serialize)]
struct Shown {
    initial: u32,
    period_days: u32,
    total: u32,
    free_repeats: u32,
    keys_min: u32,
    support: Option<String>,
    gift_link: Option<String>,
}

pub(super) async fn run(
    house: &House,
    arguments: &ActivationSettingsArgs,
    output: Output,
) -> Result<()> {
    let before = house.activation.settings().await?;
    let after = changed(&before, arguments)?;
    if after != before {
        house.activation.set(&after, SystemClock.now()).await?;
    }
    output.print(&shown(&after), page)
}

fn changed(
    before: &ActivationSettings,
    arguments: &ActivationSettingsArgs,
) -> Result<ActivationSettings> {
    let quota = before.quota;
    let quota = QuotaTerms::new(
        arguments.initial.unwrap_or(quota.initial()),
        arguments.period_days.unwrap_or(quota.period_days()),
        arguments.total.unwrap_or(quota.total()),
        arguments.free_repeats.unwrap_or(quota.free_repeats()),
    )?;
    Ok(ActivationSettings {
        quota,
        keys_min: arguments.keys_min.unwrap_or(before.keys_min),
        support: replaced(&before.support, arguments.support.as_deref()).context("--support")?,
        gift_link: replaced(&before.gift_link, arguments.gift_link.as_deref())
            .context("--gift-link")?,
    })
}

/// What was given; an empty text takes away what is there.
fn replaced<T>(before: &Option<T>, given: Option<&str>) -> Result<Option<T>>
where
    T: std::str::FromStr + Clone,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match given {
        None => Ok(before.clone()),
        Some("") => Ok(None),
        Some(text) => Ok(Some(text.parse()?)),
    }
}

fn shown(settings: &ActivationSettings) -> Shown {
    let quota = settings.quota;
    Shown {
        initial: quota.initial(),
        period_days: quota.period_days(),
        total: quota.total(),
        free_repeats: quota.free_repeats(),
        keys_min: settings.keys_min,
        support: settings.support.as_ref().map(ToString::to_string),
        gift_link: settings.gift_link.as_ref().map(ToString::to_string),
    }
}

fn page(shown: &Shown) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let rows = [
        ("activations at first", shown.initial.to_string()),
        ("days in a period", shown.period_days.to_string()),
        ("activations at most", shown.total.to_string()),
        (
            "same machine again for nothing",
            format!("{} times", shown.free_repeats),
        ),
        ("key pairs that should wait", shown.keys_min.to_string()),
        ("support contact", text(&shown.support)),
        ("gift link", text(&shown.gift_link)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    table(&["setting", "value"], rows)
}
