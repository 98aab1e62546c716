//! How far limits have to go.

use super::{Narrowing, Proposed, shown_bytes};
use crate::limits::Limits;
use crate::manifest::SomeLimits;

/// A limit in the grant, in the manifests, and where nobody says anything.
struct Limit {
    line: &'static str,
    wide: Option<u64>,
    asked: Option<u64>,
    usual: u64,
    shown: fn(u64) -> String,
}

impl Narrowing<'_> {
    /// Limits go no further than manifests do. One that is below what is usual holds a plug-in back,
    /// and stays.
    pub(super) fn limits(&mut self) -> SomeLimits {
        let (wide, usual) = (self.wide.limits, Limits::default());
        let asked = |limit: fn(&SomeLimits) -> Option<u64>| {
            let limits = self.manifests.iter();
            limits.filter_map(|manifest| limit(&manifest.limits)).max()
        };
        let bytes = |bytes: usize| bytes as u64;
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let memory = Limit {
            line: "limits.memory",
            wide: wide.memory_bytes.map(bytes),
            asked: asked(|limits| limits.memory_bytes.map(|bytes| bytes as u64)),
            usual: bytes(usual.memory_bytes),
            shown: shown_bytes,
        };
        let time = Limit {
            line: "limits.time_ms",
            wide: wide.time_ms,
            asked: asked(|limits| limits.time_ms),
            usual: ms(usual.deadline),
            shown: |number| number.to_string(),
        };
        let host_call = Limit {
            line: "limits.host_call_ms",
            wide: wide.host_call_ms,
            asked: asked(|limits| limits.host_call_ms),
            usual: ms(usual.host_call_timeout),
            shown: |number| number.to_string(),
        };
        let fuel = Limit {
            line: "limits.fuel",
            wide: wide.fuel,
            asked: asked(|limits| limits.fuel),
            usual: usual.fuel,
            shown: |number| number.to_string(),
        };
        let host_calls = Limit {
            line: "limits.host_calls",
            wide: wide.host_calls.map(u64::from),
            asked: asked(|limits| limits.host_calls.map(u64::from)),
            usual: u64::from(usual.host_calls),
            shown: |number| number.to_string(),
        };
        SomeLimits {
            memory_bytes: self
                .limit(memory)
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            time_ms: self.limit(time),
            host_call_ms: self.limit(host_call),
            fuel: self.limit(fuel),
            host_calls: self
                .limit(host_calls)
                .map(|calls| u32::try_from(calls).unwrap_or(u32::MAX)),
        }
    }

    fn limit(&mut self, limit: Limit) -> Option<u64> {
        let Limit {
            line,
            wide,
            asked,
            usual,
            shown,
        } = limit;
        let wide = wide?;
        let needed = asked.filter(|asked| *asked > usual);
        let (kept, proposed) = match needed {
            _ if wide <= usual => (Some(wide), Proposed::Stays),
            Some(asked) if asked < wide => (Some(asked), Proposed::Narrower(shown(asked))),
            Some(_) => (Some(wide), Proposed::Stays),
            None => (None, Proposed::Goes),
        };
        self.part(line.to_owned(), None, proposed);
        kept
    }
}
