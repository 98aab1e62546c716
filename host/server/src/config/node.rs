//! What this node is called, and how it says that it is there.

use std::num::NonZeroU16;
use std::time::Duration;

use anyhow::Result;

use super::Read;

/// Where Linux keeps the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// So many turns without news of a node are silence.
const TURNS_MISSED: u32 = 4;

/// A node is not called silent sooner than this, however often it says something.
const SILENCE_MIN: Duration = Duration::from_secs(5);

/// Longest name of a node, in bytes. Machines have at most 253.
const NAME_BYTES_MAX: usize = 255;

/// This node, as others see it.
#[derive(Debug)]
pub(crate) struct Node {
    /// None: the machine does not say what it is called either.
    pub(crate) name: Option<String>,
    /// How often it says that it is there.
    pub(crate) renew: Duration,
    /// How long a node is remembered that nobody has seen.
    pub(crate) kept: Duration,
}

impl Node {
    /// Without news for so long, others take it that a node is not there any more.
    pub(crate) fn silent_after(&self) -> Duration {
        (self.renew * TURNS_MISSED).max(SILENCE_MIN)
    }
}

impl Read<'_> {
    pub(super) fn node(&self) -> Result<Node> {
        let (name, wanted) = (
            "node.renew_ms",
            "whole milliseconds from 100 to 600000, which is ten minutes",
        );
        let renew = match self.parsed::<u64>(name, wanted)? {
            renew_ms @ 100..=600_000 => Duration::from_millis(renew_ms),
            _ => return Err(self.wrong(name, wanted)),
        };
        let days = self.parsed::<NonZeroU16>("node.kept_days", "a whole number of days above 0")?;
        Ok(Node {
            name: self.node_name()?,
            renew,
            kept: Duration::from_hours(24 * u64::from(days.get())),
        })
    }

    fn node_name(&self) -> Result<Option<String>> {
        let set = self.text("node.name");
        let is_name = |text: &str| {
            (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
        };
        if set.is_empty() {
            let machine = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
            let machine = machine.trim();
            return Ok(is_name(machine).then(|| machine.to_owned()));
        }
        match is_name(set) {
            true => Ok(Some(set.to_owned())),
            false => Err(self.wrong("node.name", "a name of one line, at most 255 bytes long")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, FILE_NAME, Layers, parse};
    use super::*;

    fn with(text: &str) -> Result<Config> {
        let data = Path::new("d");
        let mut layers = Layers::defaults(data);
        layers.lay_file(Path::new(FILE_NAME), &format!("[node]\n{text}\n"), data)?;
        parse(&layers, data)
    }

    #[test]
    fn a_node_is_silent_after_some_turns_and_never_at_once() {
        for (renew_ms, silent_ms) in [(100, 5_000), (5_000, 20_000), (600_000, 2_400_000)] {
            let node = with(&format!("renew_ms = {renew_ms}")).unwrap().node;
            assert_eq!(node.renew, Duration::from_millis(renew_ms));
            assert_eq!(node.silent_after(), Duration::from_millis(silent_ms));
        }
        for renew_ms in ["0", "99", "600001", "-1"] {
            let error = with(&format!("renew_ms = {renew_ms}")).unwrap_err();
            assert!(error.to_string().contains("node.renew_ms"), "{error}");
        }
    }

    #[test]
    fn nodes_are_remembered_for_a_day_at_least() {
        let kept = with("kept_days = 1").unwrap().node.kept;
        assert_eq!(kept, Duration::from_hours(24));
        let error = with("kept_days = 0").unwrap_err().to_string();
        assert!(error.contains("node.kept_days"), "{error}");
    }

    #[test]
    fn a_name_is_one_line() {
        let named = with("name = \"shop 1\"").unwrap().node.name;
        assert_eq!(named.as_deref(), Some("shop 1"));
        let long = "x".repeat(256);
        for name in ["a\\nb", &long] {
            let error = with(&format!("name = \"{name}\"")).unwrap_err().to_string();
            assert!(error.contains("node.name"), "{error}");
        }
    }
}
