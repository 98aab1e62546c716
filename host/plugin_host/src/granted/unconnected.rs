//! Nobody.

use async_trait::async_trait;
use colophon_core::capability::{
    MappingDatabase, MappingFailure, PluginValues, Put, SqlRows, SqlValue, Swap, ValueOwner,
    ValuePlace, WebFailure, WebRequest, WebResponse, WebServices,
};
use colophon_core::ports::{Service, Unavailable};

/// Keeps all ports by not answering.
pub(super) struct Unconnected;

const PROBLEM: &str = "nothing is connected here";

fn unavailable<T>() -> Result<T, Unavailable> {
    Err(Unavailable::new(Service::FulfillmentDatabase, PROBLEM))
}

#[async_trait]
impl PluginValues for Unconnected {
    async fn get(&self, _: &ValueOwner, _: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        unavailable()
    }

    async fn put(&self, _: ValuePlace<'_>, _: &[u8]) -> Result<Put, Unavailable> {
        unavailable()
    }

    async fn swap(
        &self,
        _: ValuePlace<'_>,
        _: Option<&[u8]>,
        _: &[u8],
    ) -> Result<Swap, Unavailable> {
        unavailable()
    }

    async fn delete(&self, _: &ValueOwner, _: &str) -> Result<bool, Unavailable> {
        unavailable()
    }

    async fn list_keys(
        &self,
        _: &ValueOwner,
        _: &str,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<String>, Unavailable> {
        unavailable()
    }
}

#[async_trait]
impl MappingDatabase for Unconnected {
    async fn run(&self, _: &str, _: &[SqlValue], _: usize) -> Result<SqlRows, MappingFailure> {
        Err(MappingFailure::Unavailable(PROBLEM.into()))
    }
}

#[async_trait]
impl WebServices for Unconnected {
    async fn fetch(&self, _: WebRequest) -> Result<WebResponse, WebFailure> {
        Err(WebFailure::Unavailable(PROBLEM.to_owned()))
    }
}
