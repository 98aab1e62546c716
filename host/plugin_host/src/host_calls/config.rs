//! What the operator has set for the plug-in.

use crate::bindings::config::Host;
use crate::record::Call;
use crate::state::CallState;

impl Host for CallState {
    /// The values are part of what the plug-in was loaded with, so that a call is no news to
    /// anybody: it is not counted, and stands in no transcript.
    ///
    /// A record has it all the same, so that the decision can be replayed when the values are others.
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        if !self.is_heard() {
            return Ok(self.setting(&key));
        }
        let call = || Call::ConfigGet(key.clone());
        let mut asked = self.asked("config.get", &key, call);
        let found = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.setting(&key),
        };
        self.keep(&mut asked, &found);
        Ok(found)
    }
}

impl CallState {
    fn setting(&self, key: &str) -> Option<String> {
        let values = self.granted.config.as_ref();
        values.and_then(|values| values.get(key)).cloned()
    }
}
