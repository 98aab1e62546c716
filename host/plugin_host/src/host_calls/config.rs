//! What the operator has set for the plug-in.

use crate::bindings::config::Host;
use crate::state::CallState;

impl Host for CallState {
    /// The values are part of what the plug-in was loaded with, so that a call is no news to
    /// anybody: it is not counted, and stands in no transcript.
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let values = self.granted.config.as_ref();
        Ok(values.and_then(|values| values.get(key.as_str())).cloned())
    }
}
