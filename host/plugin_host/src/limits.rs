//! What a plug-in may use, and how many may run.

use std::time::Duration;

/// Limits of one plug-in; the documentation of the contract states the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time of one call, with waiting for a place and all host calls. A call is
    /// stopped at the latest one tick of 1 ms after it.
    pub deadline: Duration,
    /// Time of one host call.
    pub host_call_timeout: Duration,
    /// Fuel of one call; about one unit an instruction, the same on every machine.
    pub fuel: u64,
    /// Linear memory of one component instance in bytes, all its memories together.
    pub memory_bytes: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Calls into the host during one request.
    pub host_calls: u32,
    /// What one call or one answer may hand to the host, in bytes.
    pub handover_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(200),
            host_call_timeout: Duration::from_millis(150),
            fuel: 100_000_000,
            memory_bytes: 64 << 20,
            table_elements: 50_000,
            host_calls: 64,
            handover_bytes: 1 << 20,
        }
    }
}

/// How many instances may live at once. A call that finds none free waits until its deadline.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Of all centers; at most [`Capacity::INSTANCES_MAX`].
    pub instances: usize,
    /// Of one center, so that one cannot take the places of all.
    pub instances_per_center: usize,
}

impl Capacity {
    /// What the pool has room for. It has more places than this, since a place is free again only
    /// some time after its instance is gone.
    pub const INSTANCES_MAX: usize = 448;
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            instances: Self::INSTANCES_MAX,
            instances_per_center: 128,
        }
    }
}
