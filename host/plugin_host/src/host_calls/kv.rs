//! The plug-in's own small values.

use colophon_core::capability::{Put, Swap, ValueOwner, ValuePlace};
use colophon_core::ports::Unavailable;

use super::Elapsed;
use super::transcript::{Bytes, Tell, Told};
use crate::bindings::kv::{Host, KvError};
use crate::granted::GrantedValues;
use crate::record::{Bytes as Kept, Call};
use crate::state::CallState;

/// As the contract states them.
const KEY_BYTES_MAX: usize = 256;
const KEYS_LISTED_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 64 << 10;
const NO_KEY: &str = "a key has 1 to 256 bytes, none of them zero";

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, KvError>> {
        self.count_host_call()?;
        let asked = self.asked("kv.get", &key, || Call::KvGet(key.clone()));
        let found = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.get_value(&key).await,
        };
        let told = found.as_ref().map(|value| value.as_deref().map(Bytes));
        self.note(asked, &told, &found);
        Ok(found)
    }

    async fn swap(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, KvError>> {
        self.count_host_call()?;
        let question = (&key, expected.as_deref().map(Bytes), Bytes(&value));
        let asked = self.asked("kv.swap", &question, || Call::KvSwap {
            key: key.clone(),
            expected: expected.as_deref().map(Kept::of),
            value: Kept::of(&value),
        });
        let swapped = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.swap_value(&key, expected.as_deref(), &value).await,
        };
        self.note(asked, &swapped, &swapped);
        Ok(swapped)
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), KvError>> {
        self.count_host_call()?;
        let asked = self.asked("kv.put", &(&key, Bytes(&value)), || Call::KvPut {
            key: key.clone(),
            value: Kept::of(&value),
        });
        let put = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.put_value(&key, &value).await,
        };
        self.note(asked, &put, &put);
        Ok(put)
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<bool, KvError>> {
        self.count_host_call()?;
        let asked = self.asked("kv.delete", &key, || Call::KvDelete(key.clone()));
        let deleted = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.delete_value(&key).await,
        };
        self.note(asked, &deleted, &deleted);
        Ok(deleted)
    }

    async fn list_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
    ) -> wasmtime::Result<Result<Vec<String>, KvError>> {
        self.count_host_call()?;
        let asked = self.asked("kv.list-keys", &(&prefix, &after), || Call::KvListKeys {
            prefix: prefix.clone(),
            after: after.clone(),
        });
        let listed = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.listed_keys(&prefix, after.as_deref()).await,
        };
        self.note(asked, &listed, &listed);
        Ok(listed)
    }
}

impl CallState {
    async fn get_value(&mut self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let (granted, owner) = self.own_values(key)?;
        let found = self.wait(granted.values.get(&owner, key)).await;
        self.kv_answer("kv.get", found)
    }

    async fn swap_value(
        &mut self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, KvError> {
        let (granted, owner) = self.writable_values(key, value)?;
        let place = place(&granted, &owner, key);
        let swapped = self.wait(granted.values.swap(place, expected, value)).await;
        match self.kv_answer("kv.swap", swapped)? {
            Swap::Done => Ok(true),
            Swap::Different => Ok(false),
            Swap::QuotaReached => Err(KvError::Quota),
        }
    }

    async fn put_value(&mut self, key: &str, value: &[u8]) -> Result<(), KvError> {
        let (granted, owner) = self.writable_values(key, value)?;
        let place = place(&granted, &owner, key);
        let put = self.wait(granted.values.put(place, value)).await;
        match self.kv_answer("kv.put", put)? {
            Put::Done => Ok(()),
            Put::QuotaReached => Err(KvError::Quota),
        }
    }

    async fn delete_value(&mut self, key: &str) -> Result<bool, KvError> {
        let (granted, owner) = self.writable_values(key, &[])?;
        let deleted = self.wait(granted.values.delete(&owner, key)).await;
        self.kv_answer("kv.delete", deleted)
    }

    async fn listed_keys(
        &mut self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, KvError> {
        // Neither has to be a key: an empty prefix is that of all, and what is read after may be a
        // text between two keys.
        let fits = |text: &str| text.len() <= KEY_BYTES_MAX && !text.contains('\0');
        if !fits(prefix) || !after.is_none_or(fits) {
            return Err(KvError::Invalid(NO_KEY.to_owned()));
        }
        let (granted, owner) = self.granted_values()?;
        let listed = granted
            .values
            .list_keys(&owner, prefix, after, KEYS_LISTED_MAX);
        let listed = self.wait(listed).await;
        self.kv_answer("kv.list-keys", listed)
    }

    fn writable_values(
        &self,
        key: &str,
        value: &[u8],
    ) -> Result<(GrantedValues, ValueOwner), KvError> {
        let (granted, owner) = self.own_values(key)?;
        if !granted.terms.write {
            return Err(KvError::ReadOnly);
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(KvError::Invalid(
                "the value has more than 64 KiB".to_owned(),
            ));
        }
        Ok((granted, owner))
    }

    fn own_values(&self, key: &str) -> Result<(GrantedValues, ValueOwner), KvError> {
        let own = self.granted_values()?;
        // Databases differ in what they make of a zero byte in a text.
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) || key.contains('\0') {
            return Err(KvError::Invalid(NO_KEY.to_owned()));
        }
        Ok(own)
    }

    fn granted_values(&self) -> Result<(GrantedValues, ValueOwner), KvError> {
        let nobody =
            || KvError::Unavailable("there are no values while a plug-in is loaded".to_owned());
        let granted = self.granted.kv.clone().ok_or_else(nobody)?;
        let bound = self.bound.as_ref().ok_or_else(nobody)?;
        let owner = ValueOwner {
            center: bound.context.center.clone(),
            plugin: granted.plugin.clone(),
        };
        Ok((granted, owner))
    }

    fn kv_answer<T>(
        &mut self,
        call: &'static str,
        answer: Result<Result<T, Unavailable>, Elapsed>,
    ) -> Result<T, KvError> {
        match answer {
            Ok(Ok(given)) => return Ok(given),
            Ok(Err(Unavailable { source, .. })) => self.blame_host(call, &source),
            Err(Elapsed) => self.blame_host(call, &"no answer in time"),
        }
        Err(KvError::Unavailable("the store did not answer".to_owned()))
    }
}

fn place<'a>(granted: &GrantedValues, owner: &'a ValueOwner, key: &'a str) -> ValuePlace<'a> {
    ValuePlace {
        owner,
        key,
        quota_bytes: granted.terms.quota_bytes,
    }
}

impl Tell for KvError {
    fn tell(&self, told: &mut Told) {
        match self {
            Self::Invalid(text) => (0_u8, text).tell(told),
            Self::Quota => told.arm(1),
            Self::ReadOnly => told.arm(2),
            Self::Unavailable(text) => (3_u8, text).tell(told),
            Self::Other(both) => (4_u8, both).tell(told),
        }
    }
}
