//! Lines for the operator.

use crate::bindings::common::Attributes;
use crate::bindings::log::{Host, Level};
use crate::call::told_text;
use crate::lines::{Line, LineLevel};
use crate::state::CallState;

/// As the contract states it.
const FIELDS_MAX: usize = 16;

impl Host for CallState {
    async fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Attributes,
    ) -> wasmtime::Result<()> {
        let Some(lines) = &self.granted.log else {
            return Ok(());
        };
        let context = self.bound.as_ref().map(|bound| &bound.context);
        lines.write(|plugin| Line {
            plugin,
            center: context.map(|context| context.center.as_str().to_owned()),
            request_id: context.map(|context| context.request_id.clone()),
            level: match level {
                Level::Debug => LineLevel::Debug,
                Level::Info => LineLevel::Info,
                Level::Warning => LineLevel::Warning,
            },
            message: told_text(&message),
            fields: fields
                .iter()
                .take(FIELDS_MAX)
                .map(|(name, value)| (told_text(name), told_text(value)))
                .collect(),
        });
        Ok(())
    }
}
