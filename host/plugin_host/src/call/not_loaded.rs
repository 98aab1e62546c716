//! The calls of a center whose plug-ins could not be loaded.

use async_trait::async_trait;
use colophon_core::catalog::Book;
use colophon_core::plugin::{
    CallContext, Offer, PluginCalls, PluginFailure, ResolverAnswer, RetailerAnswer, Verdict,
};
use colophon_receipt::RetailerId;

use crate::contract::Role;
use crate::observation::Observed;

/// Answers nothing: a center's sales are not judged by anybody else's rules.
pub(crate) struct NotLoaded {
    context: CallContext,
}

impl NotLoaded {
    pub(crate) fn new(context: CallContext) -> Self {
        Self { context }
    }

    fn failure(&self, role: Role) -> PluginFailure {
        Observed::nobody(role, &self.context, &PluginFailure::NotLoaded);
        PluginFailure::NotLoaded
    }
}

#[async_trait]
impl PluginCalls for NotLoaded {
    async fn resolve(&mut self, _: &Book) -> Result<ResolverAnswer, PluginFailure> {
        Err(self.failure(Role::Resolver))
    }

    async fn evaluate(&mut self, _: Offer) -> Result<Verdict, PluginFailure> {
        Err(self.failure(Role::Policy))
    }

    async fn file_name(&mut self, _: Vec<(String, String)>) -> Result<String, PluginFailure> {
        Err(self.failure(Role::Naming))
    }

    async fn identify(&mut self, _: &RetailerId) -> Result<RetailerAnswer, PluginFailure> {
        Err(self.failure(Role::Retailers))
    }
}
