//! How long calls take, one after the other.

use std::time::{Duration, Instant};

use colophon_core::plugin::PluginFailure;

/// Times of many calls, the shortest first.
pub(crate) struct Measured(Vec<Duration>);

impl Measured {
    pub(crate) fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    /// The time that this share of the calls, in percent, did not exceed.
    pub(crate) fn percentile_us(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).copied().map_or(0.0, us)
    }

    pub(crate) fn p50_us(&self) -> f64 {
        self.percentile_us(50)
    }

    pub(crate) fn p99_us(&self) -> f64 {
        self.percentile_us(99)
    }
}

pub(crate) fn us(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Calls a tenth as often unmeasured before.
pub(crate) async fn measure(
    calls: usize,
    mut call: impl AsyncFnMut() -> Result<(), PluginFailure>,
) -> Result<Measured, PluginFailure> {
    for _ in 0..calls / 10 {
        call().await?;
    }
    let mut took = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        call().await?;
        took.push(begun.elapsed());
    }
    Ok(Measured::of(took))
}
