//! Whether a process does anything.

use std::fs;

/// What the system tells of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activity {
    /// Processor time of all its threads so far, in the system's ticks.
    pub(super) ticks: u64,
    /// Whether it has the processor, or waits for nothing but that.
    pub(super) runs: bool,
}

impl Activity {
    /// That of a process; none if it is gone, or the system does not say.
    pub(super) fn of(process: u32) -> Option<Self> {
        Self::in_stat(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    fn in_stat(stat: &str) -> Option<Self> {
        /// The state stands first behind the name, the times as the 12th and 13th.
        const BETWEEN: usize = 10;
        // A program is called whatever its file is called, with blanks and parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let runs = fields.next()? == "R";
        let mut times = fields.skip(BETWEEN);
        let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
        let ticks = user.checked_add(system)?;
        Some(Self { ticks, runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_stands_behind_whatever_name() {
        let stat = |state: &str| {
            Activity::in_stat(&format!(
                "7 (a) b (c) {state} 1 7 7 0 -1 4194560 100 0 2 0 31 11 5 6 20 0 1 0 9 0 0\n"
            ))
        };
        let activity = |runs| Some(Activity { ticks: 42, runs });
        assert_eq!(stat("S"), activity(false));
        assert_eq!(stat("R"), activity(true));
        for none in ["", "7 (a) S 1", "7 (a) S 1 7 7 0 -1 4194560 100 0 2 0 x 11"] {
            assert_eq!(Activity::in_stat(none), None, "{none}");
        }
        assert!(Activity::of(std::process::id()).is_some());
    }
}
