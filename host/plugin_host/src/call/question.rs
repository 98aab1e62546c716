//! The questions a plug-in can be asked, one for each exported function.

use std::sync::Arc;

use colophon_core::plugin::{PluginFailure, ResolverAnswer, RetailerAnswer, Verdict};
use serde_json::{Value, json};
use wasmtime::Store;

use super::answer;
use super::running::Running;
use crate::bindings::{common, meta, naming, policy, resolver, retailers};
use crate::contract::Role;
use crate::record::Input;
use crate::state::CallState;

/// What a plug-in's function gave: an answer in core's terms, or a failure of its own, or one that
/// the host finds in the answer.
pub(crate) type Given<Answer> = Result<Answer, Refused>;

/// Why an answer that was given is none.
pub(crate) enum Refused {
    /// The plug-in said so.
    ByPlugin(common::Failure),
    /// The answer is not as the contract has it.
    ByHost(PluginFailure),
}

impl From<common::Failure> for Refused {
    fn from(failure: common::Failure) -> Self {
        Self::ByPlugin(failure)
    }
}

impl From<PluginFailure> for Refused {
    fn from(failure: PluginFailure) -> Self {
        Self::ByHost(failure)
    }
}

/// One call of an exported function.
pub(crate) trait Question: Send {
    /// What it is answered by.
    type Answer: Send;

    /// The function's name, as traps are reported.
    const FUNCTION: &'static str;

    /// Calls the function in a running instance. An error has killed the instance.
    fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> impl Future<Output = wasmtime::Result<Given<Self::Answer>>> + Send;
}

/// A question in one of the roles, which can be written down.
pub(crate) trait RoleQuestion: Question + Copy + Sync {
    /// The role.
    const ROLE: Role;

    /// The function's parameters by name, in the contract's terms, as cases hold them.
    fn input(&self) -> Value;

    /// The same as it is recorded.
    fn recorded(&self) -> Input;

    /// Why no host can use an answer that is as the contract has it. Core refuses it where it is
    /// needed; here it is known whose it is.
    fn defect(_answer: &Self::Answer) -> Option<PluginFailure> {
        None
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Resolve<'a> {
    pub(crate) indices: &'a resolver::GuestIndices,
    pub(crate) context: &'a Arc<common::Context>,
    pub(crate) book: &'a common::Book,
}

impl Question for Resolve<'_> {
    type Answer = ResolverAnswer;

    const FUNCTION: &'static str = "resolve";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = running.resolver(store, self.indices)?;
        let answer = guest
            .call_resolve(&mut *store, self.context, self.book, None)
            .await?;
        store.data_mut().gave(&answer);
        Ok(answer
            .map_err(Refused::from)
            .and_then(|found| Ok(answer::resolved(found)?)))
    }
}

impl RoleQuestion for Resolve<'_> {
    const ROLE: Role = Role::Resolver;

    fn input(&self) -> Value {
        json!({ "ctx": told(self.context), "book": book(self.book) })
    }

    fn recorded(&self) -> Input {
        Input::Resolver {
            context: Arc::clone(self.context),
            book: self.book.clone(),
        }
    }

    fn defect(answer: &ResolverAnswer) -> Option<PluginFailure> {
        answer::usable(answer).err()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Evaluate<'a> {
    pub(crate) indices: &'a policy::GuestIndices,
    pub(crate) context: &'a Arc<common::Context>,
    pub(crate) offer: &'a Arc<policy::Offer>,
}

impl Question for Evaluate<'_> {
    type Answer = Verdict;

    const FUNCTION: &'static str = "evaluate";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = running.policy(store, self.indices)?;
        let answer = guest
            .call_evaluate(&mut *store, self.context, self.offer)
            .await?;
        store.data_mut().gave(&answer);
        Ok(answer
            .map_err(Refused::from)
            .and_then(|verdict| Ok(answer::verdict(verdict)?)))
    }
}

impl RoleQuestion for Evaluate<'_> {
    const ROLE: Role = Role::Policy;

    fn input(&self) -> Value {
        let policy::Offer {
            book: sold,
            resource_class,
            price,
            requested_protection,
            title,
            sale,
            extra,
        } = self.offer.as_ref();
        let price = price.as_ref();
        let price = price.map(|price| json!({ "minor": price.minor, "currency": price.currency }));
        json!({
            "ctx": told(self.context),
            "offer": {
                "book": book(sold),
                "resource-class": resource_class,
                "price": price,
                "requested-protection": requested_protection,
                "title": title,
                "sale": sale,
                "extra": extra,
            },
        })
    }

    fn recorded(&self) -> Input {
        Input::Policy {
            context: Arc::clone(self.context),
            offer: Arc::clone(self.offer),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct FileName<'a> {
    pub(crate) indices: &'a naming::GuestIndices,
    pub(crate) context: &'a Arc<common::Context>,
    pub(crate) facts: &'a Arc<common::Attributes>,
}

impl Question for FileName<'_> {
    type Answer = String;

    const FUNCTION: &'static str = "file-name";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = running.naming(store, self.indices)?;
        let answer = guest
            .call_file_name(&mut *store, self.context, self.facts)
            .await?;
        store.data_mut().gave(&answer);
        Ok(answer
            .map_err(Refused::from)
            .and_then(|name| Ok(answer::file_name(name)?)))
    }
}

impl RoleQuestion for FileName<'_> {
    const ROLE: Role = Role::Naming;

    fn input(&self) -> Value {
        json!({ "ctx": told(self.context), "facts": self.facts.as_ref() })
    }

    fn recorded(&self) -> Input {
        Input::Naming {
            context: Arc::clone(self.context),
            facts: Arc::clone(self.facts),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Identify<'a> {
    pub(crate) indices: &'a retailers::GuestIndices,
    pub(crate) inquiry: &'a retailers::Inquiry,
    pub(crate) retailer: &'a str,
}

impl Question for Identify<'_> {
    type Answer = RetailerAnswer;

    const FUNCTION: &'static str = "identify";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = running.retailers(store, self.indices)?;
        let answer = guest
            .call_identify(&mut *store, self.inquiry, self.retailer)
            .await?;
        store.data_mut().gave(&answer);
        Ok(answer
            .map_err(Refused::from)
            .and_then(|found| Ok(answer::identified(found)?)))
    }
}

impl RoleQuestion for Identify<'_> {
    const ROLE: Role = Role::Retailers;

    fn input(&self) -> Value {
        let retailers::Inquiry {
            request_id,
            now_ms,
            center,
            extra,
        } = self.inquiry;
        json!({
            "ctx": {
                "request-id": request_id,
                "now-ms": now_ms,
                "center": center,
                "extra": extra,
            },
            "retailer": self.retailer,
        })
    }

    fn recorded(&self) -> Input {
        Input::Retailers {
            inquiry: self.inquiry.clone(),
            retailer: self.retailer.to_owned(),
        }
    }

    fn defect(answer: &RetailerAnswer) -> Option<PluginFailure> {
        answer::nameable(answer).err()
    }
}

/// What the host says of the request, as cases hold it.
fn told(context: &common::Context) -> Value {
    let common::Context {
        request_id,
        now_ms,
        center,
        retailer,
        territory,
        extra,
    } = context;
    json!({
        "request-id": request_id,
        "now-ms": now_ms,
        "center": center,
        "retailer": retailer,
        "territory": territory,
        "extra": extra,
    })
}

fn book(book: &common::Book) -> Value {
    json!({ "id-type": book.id_type, "id": book.id })
}

pub(crate) struct Describe<'a> {
    pub(crate) indices: &'a meta::GuestIndices,
}

impl Question for Describe<'_> {
    type Answer = meta::Info;

    const FUNCTION: &'static str = "describe";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = self.indices.load(&mut *store, running.instance())?;
        let info = guest.call_describe(store).await?;
        Ok(answer::described(info).map_err(Refused::from))
    }
}

pub(crate) struct SelfTest<'a> {
    pub(crate) indices: &'a meta::GuestIndices,
}

impl Question for SelfTest<'_> {
    /// A test that failed is an answer: it says what is wrong.
    type Answer = Result<(), String>;

    const FUNCTION: &'static str = "self-test";

    async fn ask(
        self,
        store: &mut Store<CallState>,
        running: &mut Running,
    ) -> wasmtime::Result<Given<Self::Answer>> {
        let guest = self.indices.load(&mut *store, running.instance())?;
        let tested = guest.call_self_test(store).await?;
        Ok(Ok(tested.map_err(|problem| answer::told_text(&problem))))
    }
}
