//! What an operator sets for all personas.

use async_trait::async_trait;
use colophon_core::activation::ports::Settings;
use colophon_core::activation::quota::QuotaTerms;
use colophon_core::activation::settings::ActivationSettings;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::{ActivationStore, unavailable};
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, parsed};

const SELECT: &str = "SELECT quota_initial, period_days, quota_total, free_repeats, keys_min, \
    support, gift_link FROM activation_settings";

const PUT: &str = "INSERT INTO activation_settings (one, quota_initial, period_days, quota_total, \
    free_repeats, keys_min, support, gift_link, updated_at) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (one) DO UPDATE SET quota_initial = excluded.quota_initial, \
    period_days = excluded.period_days, quota_total = excluded.quota_total, \
    free_repeats = excluded.free_repeats, keys_min = excluded.keys_min, \
    support = excluded.support, gift_link = excluded.gift_link, updated_at = excluded.updated_at";

#[derive(FromRow)]
struct SettingsRow {
    quota_initial: i64,
    period_days: i64,
    quota_total: i64,
    free_repeats: i64,
    keys_min: i64,
    support: Option<String>,
    gift_link: Option<String>,
}

/// What holds within a transaction.
pub(super) async fn read_settings(write: &mut Write) -> Result<ActivationSettings, Fault> {
    let row: Option<SettingsRow> = write.optional(SELECT, arguments![]).await?;
    Ok(settings(row.as_ref())?)
}

#[async_trait]
impl Settings for ActivationStore {
    async fn settings(&self) -> Result<ActivationSettings, Unavailable> {
        let row: Result<Option<SettingsRow>, Fault> =
            self.database.optional(SELECT, arguments![]).await;
        let row = row.map_err(unavailable)?;
        settings(row.as_ref()).map_err(|damaged| unavailable(damaged.into()))
    }

    async fn set(&self, settings: &ActivationSettings, now: Timestamp) -> Result<(), Unavailable> {
        let quota = settings.quota;
        let gift_link = settings.gift_link.as_ref();
        let support = settings.support.as_ref();
        let values = arguments![
            i64::from(quota.initial()),
            i64::from(quota.period_days()),
            i64::from(quota.total()),
            i64::from(quota.free_repeats()),
            i64::from(settings.keys_min),
            support.map(|support| support.as_str()),
            gift_link.map(|link| link.as_str()),
            now.unix_ms(),
        ];
        let put = self.database.execute(PUT, values).await;
        put.map(drop).map_err(unavailable)
    }
}

/// Nothing set yet is what a new host grants.
fn settings(row: Option<&SettingsRow>) -> Result<ActivationSettings, Damaged> {
    const TABLE: &str = "activation_settings";
    let Some(row) = row else {
        return Ok(ActivationSettings::default());
    };
    let quota = QuotaTerms::new(
        counted(TABLE, "quota_initial", row.quota_initial)?,
        counted(TABLE, "period_days", row.period_days)?,
        counted(TABLE, "quota_total", row.quota_total)?,
        counted(TABLE, "free_repeats", row.free_repeats)?,
    );
    let support = row.support.as_deref();
    let gift_link = row.gift_link.as_deref();
    Ok(ActivationSettings {
        quota: quota.map_err(|error| Damaged::new(TABLE, "quota_total", error))?,
        keys_min: counted(TABLE, "keys_min", row.keys_min)?,
        support: support
            .map(|text| parsed(TABLE, "support", text))
            .transpose()?,
        gift_link: gift_link
            .map(|text| parsed(TABLE, "gift_link", text))
            .transpose()?,
    })
}
