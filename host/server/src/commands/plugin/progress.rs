//! What a person sees of a command that takes its time: what it is at, and for how long.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The steps of a command, on standard error where somebody looks on. It is gone when it is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn begin() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        // The template is ours and always parses; without it there is no time behind the words.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// The next step, whose time begins now.
    pub(super) fn step(&self, words: impl Into<String>) {
        self.0.set_message(words.into());
        self.0.reset_elapsed();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The step that can take a minute.
pub(super) fn compiling(name: &str, bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    const KIB: usize = 1 << 10;
    let name = crate::output::plain(name);
    match bytes {
        ..MIB => format!("compiling {name} ({} KiB)", bytes.div_ceil(KIB)),
        MIB.. => format!("compiling {name} ({} MiB)", bytes.div_ceil(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_is_named_with_its_size() {
        assert_eq!(compiling("shelf", 44_000), "compiling shelf (43 KiB)");
        let interpreter = compiling("edition-names", 18 << 20);
        assert_eq!(interpreter, "compiling edition-names (18 MiB)");
        assert!(!compiling("\u{1b}[2J", 1).contains('\u{1b}'));
    }
}
