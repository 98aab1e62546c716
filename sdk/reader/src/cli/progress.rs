//! How far long work has come, for somebody who waits.

use std::io::{self, IsTerminal};

use colophon_title::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Does the work with a bar on standard error, where that is a terminal.
pub(crate) fn shown<T>(work: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let bar = bar();
    let done = work(&mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    });
    bar.finish_and_clear();
    done
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
