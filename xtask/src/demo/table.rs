//! What happened, as a table.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, LineStyle, Table, Width};

use crate::demo::story::Story;

/// The widest an answer becomes before it goes on in a second line.
const ANSWER_COLUMNS_MAX: u16 = 66;

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
    let most = ColumnConstraint::UpperBoundary(Width::Fixed(ANSWER_COLUMNS_MAX));
    for column in table.column_iter_mut().skip(2) {
        column.set_constraint(most);
    }
    format!("{table}\n\n{}", story.log_report())
}
