//! `[warm]`: instances that serve more than one request.

use std::time::Duration;

use serde::Deserialize;

use super::reading::{MEMORY_BYTES_MAX, PaperRefused, bytes, within};
use super::{Grant, Manifest, NotPermitted};
use crate::limits::Limits;
use crate::warm::WarmTerms;

/// How far an operator lets instances be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmGrant {
    /// Requests that one serves at most.
    pub requests: u32,
    /// How long one rests.
    pub idle: Duration,
    /// Memory up to which one is kept; half of what the plug-in may have if nothing is said.
    pub memory_bytes: Option<usize>,
    /// How many rest at once on one host.
    pub instances: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WarmShape {
    requests: u32,
    #[serde(default = "idle_s")]
    idle_s: u64,
    memory: Option<String>,
    #[serde(default = "instances")]
    instances: usize,
}

fn idle_s() -> u64 {
    10
}

fn instances() -> usize {
    4
}

impl WarmShape {
    pub(super) fn read(self) -> Result<WarmGrant, PaperRefused> {
        let requests_max = WarmTerms::REQUESTS_MAX;
        let idle_s_max = WarmTerms::IDLE_MAX.as_secs();
        let idle_s = within("warm.idle_s", self.idle_s, 1, idle_s_max)?;
        let memory = self.memory.as_deref();
        let memory = memory.map(|text| bytes("warm.memory", text, MEMORY_BYTES_MAX));
        let memory_bytes = memory.transpose()?;
        let instances_max = WarmTerms::INSTANCES_MAX;
        Ok(WarmGrant {
            requests: within("warm.requests", self.requests, 2, requests_max)?,
            idle: Duration::from_secs(idle_s),
            memory_bytes: memory_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            instances: within("warm.instances", self.instances, 1, instances_max)?,
        })
    }
}

impl Manifest {
    /// A plug-in that does not say that it bears it might fill its memory, or tell one buyer what it
    /// remembers of another.
    pub(super) fn warm_under(
        &self,
        grant: &Grant,
        limits: &Limits,
    ) -> Result<Option<WarmTerms>, NotPermitted> {
        let Some(granted) = grant.warm else {
            return Ok(None);
        };
        if !self.warm {
            let entry = "[warm]".to_owned();
            return Err(NotPermitted::Unasked { entry });
        }
        Ok(Some(WarmTerms {
            requests: granted.requests,
            idle: granted.idle,
            memory_bytes: granted.memory_bytes.unwrap_or(limits.memory_bytes / 2),
            instances: granted.instances,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "id = \"acme\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"policy\"]\n";

    fn permitted(manifest: &str, grant: &str) -> Result<Option<WarmTerms>, NotPermitted> {
        let manifest = Manifest::parse(&format!("{MANIFEST}{manifest}")).unwrap();
        let grant = Grant::parse(&format!("plugin = \"acme\"\n{grant}")).unwrap();
        Ok(manifest.permitted(&grant)?.warm)
    }

    #[test]
    fn an_instance_is_used_again_if_both_say_so() {
        assert_eq!(permitted("", ""), Ok(None));
        assert_eq!(permitted("warm = true", ""), Ok(None));
        let usual = WarmTerms {
            requests: 500,
            idle: Duration::from_secs(10),
            memory_bytes: 32 << 20,
            instances: 4,
        };
        let granted = "[warm]\nrequests = 500\n";
        assert_eq!(permitted("warm = true", granted), Ok(Some(usual)));
        let all = "idle_s = 30\nmemory = \"48MiB\"\ninstances = 16";
        let most = WarmTerms {
            idle: Duration::from_secs(30),
            memory_bytes: 48 << 20,
            instances: 16,
            ..usual
        };
        let granted = format!("{granted}{all}");
        assert_eq!(permitted("warm = true", &granted), Ok(Some(most)));
    }

    #[test]
    fn a_plug_in_that_does_not_say_that_it_bears_it_is_not_used_again() {
        let entry = "[warm]".to_owned();
        for manifest in ["", "warm = false"] {
            let refused = permitted(manifest, "[warm]\nrequests = 2");
            let entry = entry.clone();
            assert_eq!(refused, Err(NotPermitted::Unasked { entry }));
        }
    }

    #[test]
    fn bounds_of_the_contract_cannot_be_granted_away() {
        for (line, place) in [
            ("requests = 1", "warm.requests: 1 is not within 2 and 1000"),
            ("requests = 1001", "warm.requests: "),
            ("requests = 2\nidle_s = 0", "warm.idle_s: "),
            ("requests = 2\nidle_s = 31", "warm.idle_s: "),
            ("requests = 2\nmemory = \"257MiB\"", "warm.memory: "),
            ("requests = 2\ninstances = 0", "warm.instances: "),
            ("requests = 2\ninstances = 17", "warm.instances: "),
        ] {
            let refused = Grant::parse(&format!("plugin = \"acme\"\n[warm]\n{line}"));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.starts_with(place), "{refused}");
        }
        for malformed in ["warm = true", "[warm]", "[warm]\nrequests = 2\ncalls = 2"] {
            assert!(Grant::parse(&format!("plugin = \"acme\"\n{malformed}")).is_err());
        }
    }
}
