//! What happened, as a table.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{LineStyle, Table};

use crate::demo::story::Story;

/// The table and the host's log report under it.
pub(crate) fn render(story: &Story) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_header([
        "",
        "What was done",
        "What the host answered",
        "What the reader says",
    ]);
    for line in story.lines() {
        let mark = if line.right { "✓" } else { "✗" };
        table.add_row([mark, &line.done, &line.answer, &line.reader]);
    }
    format!("{table}\n\n{}", story.log_report())
}
