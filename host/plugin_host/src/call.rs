//! The calls of one request.

pub(crate) mod answer;
pub(crate) mod failure;
pub(crate) mod live;
mod not_loaded;
mod question;
mod running;
mod starting;

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::catalog::Book;
use colophon_core::plugin::{
    CallContext, HostCall, Offer, PluginCalls, PluginFailure, PolicyTerms, ResolverAnswer,
    RetailerAnswer, Verdict,
};
use colophon_core::ports::Catalog;
use colophon_core::rollout::PurchaseMark;
use colophon_receipt::RetailerId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) use self::answer::told_text;
pub(crate) use self::live::{Live, NotStarted, Places};
pub(crate) use self::not_loaded::NotLoaded;
use self::question::RoleQuestion;
pub(crate) use self::question::{Describe, Evaluate, FileName, Identify, Resolve, SelfTest};
use crate::bindings::{common, policy};
use crate::chain::{Asked, Chain, FollowedCall};
use crate::contract::Role;
use crate::observation::Observed;
use crate::record::{Decided, Record, Recorder};
use crate::rooms::Room;
use crate::sandbox::Sandbox;
use crate::state::Bound;

/// One request's calls: the chain as it was when the request began, and the instances so far.
pub(crate) struct RequestCalls {
    request: Request,
    links: Vec<Link>,
    host_calls: Vec<HostCall>,
    /// Whose answer was heard as to where the title lies.
    located_by: Option<usize>,
}

/// A plug-in of the chain, with its instance once it has been asked.
struct Link {
    asked: Asked,
    live: Option<Live>,
}

/// What all calls of the request have in common.
struct Request {
    sandbox: Arc<Sandbox>,
    center_places: Arc<Semaphore>,
    bound: Arc<Bound>,
    told: Arc<common::Context>,
}

impl RequestCalls {
    pub(crate) fn new(
        sandbox: Arc<Sandbox>,
        catalog: Arc<dyn Catalog>,
        room: Room,
        context: CallContext,
        chain: &Chain,
    ) -> Self {
        let told = Arc::new(answer::told(&context));
        let Room { places, share } = room;
        let links = chain.asked(context.purchase).map(|asked| Link {
            asked: asked.clone(),
            live: None,
        });
        Self {
            links: links.collect(),
            host_calls: Vec::new(),
            located_by: None,
            request: Request {
                sandbox,
                center_places: places,
                bound: Arc::new(Bound {
                    catalog,
                    context,
                    share,
                }),
                told,
            },
        }
    }
}

#[async_trait]
impl PluginCalls for RequestCalls {
    /// The first resolver that does not say "not mine" is heard.
    async fn resolve(&mut self, book: &Book) -> Result<ResolverAnswer, PluginFailure> {
        let book = answer::book(book);
        let mut asked = false;
        for (at, Link { asked: one, live }) in self.links.iter_mut().enumerate() {
            let Some(indices) = &one.generation.exported().resolver else {
                continue;
            };
            asked = true;
            let question = Resolve {
                indices,
                context: &self.request.told,
                book: &book,
            };
            let found = self
                .request
                .ask(one, live, question, &mut self.host_calls)
                .await?;
            if found != ResolverAnswer::NotMine {
                self.located_by = Some(at);
                return Ok(found);
            }
        }
        if asked {
            Ok(ResolverAnswer::NotMine)
        } else {
            Err(self.nobody(Role::Resolver))
        }
    }

    /// Every policy is asked; one denial or failure denies, and the strictest terms hold.
    async fn evaluate(&mut self, offer: Offer) -> Result<Verdict, PluginFailure> {
        let offer: Arc<policy::Offer> = Arc::new(answer::offer(offer));
        let mut strictest: Option<PolicyTerms> = None;
        for Link { asked: one, live } in &mut self.links {
            let Some(indices) = &one.generation.exported().policy else {
                continue;
            };
            let question = Evaluate {
                indices,
                context: &self.request.told,
                offer: &offer,
            };
            match self
                .request
                .ask(one, live, question, &mut self.host_calls)
                .await?
            {
                Verdict::Allow(terms) => {
                    strictest = Some(match strictest {
                        Some(others) => answer::strictest(others, terms),
                        None => terms,
                    });
                }
                denied @ Verdict::Deny { .. } => return Ok(denied),
            }
        }
        strictest
            .map(Verdict::Allow)
            .ok_or_else(|| self.nobody(Role::Policy))
    }

    /// The first naming that does not fail is heard.
    ///
    /// This is the last question of a request: the instances go back to the pool here, before
    /// content is fetched.
    async fn file_name(&mut self, facts: Vec<(String, String)>) -> Result<String, PluginFailure> {
        let facts = Arc::new(facts);
        let mut failed = None;
        let mut named = None;
        for Link { asked: one, live } in &mut self.links {
            let Some(indices) = &one.generation.exported().naming else {
                continue;
            };
            let question = FileName {
                indices,
                context: &self.request.told,
                facts: &facts,
            };
            match self
                .request
                .ask(one, live, question, &mut self.host_calls)
                .await
            {
                Ok(name) => {
                    named = Some(name);
                    break;
                }
                Err(failure) => failed = Some(failure),
            }
        }
        self.rest();
        named.ok_or_else(|| failed.unwrap_or_else(|| self.nobody(Role::Naming)))
    }

    /// The first that does not say "not mine" is heard. The instances are gone afterwards: what
    /// follows is another part of the request, which knows more.
    async fn identify(&mut self, retailer: &RetailerId) -> Result<RetailerAnswer, PluginFailure> {
        let inquiry = answer::inquiry(&self.request.bound.context);
        let mut given = Ok(RetailerAnswer::NotMine);
        for Link { asked: one, live } in &mut self.links {
            let Some(indices) = &one.generation.exported().retailers else {
                continue;
            };
            let question = Identify {
                indices,
                inquiry: &inquiry,
                retailer: retailer.as_ref(),
            };
            given = self
                .request
                .ask(one, live, question, &mut self.host_calls)
                .await;
            if let Some(live) = live.take() {
                self.request.sandbox.ending.end(live);
            }
            if given != Ok(RetailerAnswer::NotMine) {
                break;
            }
        }
        given
    }

    fn located_by(&self) -> Option<String> {
        let link = self.links.get(self.located_by?)?;
        let description = link.asked.generation.description();
        Some(format!("{} {}", description.name, description.version))
    }

    fn host_calls(&self) -> &[HostCall] {
        &self.host_calls
    }
}

impl RequestCalls {
    /// Ends all instances, or puts them to rest.
    fn rest(&mut self) {
        for Link { asked, live } in &mut self.links {
            let Some(live) = live.take() else { continue };
            let ends = match asked.generation.warm() {
                Some(warm) if !live.is_given_up() => warm.rest(&self.request.bound.context, live),
                Some(_) | None => vec![live],
            };
            for live in ends {
                self.request.sandbox.ending.end(live);
            }
        }
    }

    fn nobody(&self, role: Role) -> PluginFailure {
        let failure = PluginFailure::NoSuchRole {
            role: role.as_str(),
        };
        Observed::nobody(role, &self.request.bound.context, &failure);
        failure
    }
}

impl Drop for RequestCalls {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Request {
    /// Asks one plug-in one question and accounts for it.
    async fn ask<Q: RoleQuestion>(
        &self,
        asked: &Asked,
        live: &mut Option<Live>,
        question: Q,
        host_calls: &mut Vec<HostCall>,
    ) -> Result<Q::Answer, PluginFailure> {
        let generation = &asked.generation;
        let meters = &self.sandbox.meters;
        let (context, begun) = (&self.bound.context, Instant::now());
        let mut observed = Observed::begin(meters, Q::ROLE, generation, context, begun);
        let put = self.put(asked, live, question, (&mut observed, begun));
        let answer = put.await;
        if let Some(follower) = &asked.follower {
            let defect = answer.as_ref().ok().and_then(Q::defect);
            follower.followed(&FollowedCall {
                role: Q::ROLE,
                context,
                failure: answer.as_ref().err().or(defect.as_ref()),
                fuel: observed.fuel(),
                memory_bytes: observed.memory_bytes(),
                host_calls: observed.host_calls_made(),
                host_bytes: observed.host_bytes(),
                input: &|| question.input(),
            });
        }
        if let Some(recorder) = self.recorder(asked, Q::ROLE)
            && let Some(record) = observed.record()
        {
            recorder.record(Decided {
                context: context.clone(),
                record,
            });
        }
        host_calls.append(&mut observed.host_calls());
        observed.end(&answer);
        answer
    }

    /// Who records what is asked. Of whose a retailer id is only what receipts ask that open: others
    /// could push out what was decided of real sales.
    fn recorder<'a>(&self, asked: &'a Asked, role: Role) -> Option<&'a Arc<dyn Recorder>> {
        let purchase = self.bound.context.purchase;
        let claimed = role == Role::Retailers && !purchase.is_some_and(PurchaseMark::is_proven);
        asked.recorder.as_ref().filter(|_| !claimed)
    }

    /// The instance stays in its place while it is asked, so that it ends like all others where the
    /// request is given up meanwhile, and afterwards only if it can be asked again.
    async fn put<Q: RoleQuestion>(
        &self,
        asked: &Asked,
        place: &mut Option<Live>,
        question: Q,
        (observed, begun): (&mut Observed<'_>, Instant),
    ) -> Result<Q::Answer, PluginFailure> {
        let generation = &asked.generation;
        let recorded = self.recorder(asked, Q::ROLE).is_some();
        if let Some(given_up) = place.take_if(|live| live.is_given_up()) {
            self.sandbox.ending.end(given_up);
        }
        let started = match place {
            Some(live) => {
                let deadline = begun + generation.granted().limits.deadline;
                live.take_slice(self.slice(deadline).await?);
                live.grant(begun);
                if recorded {
                    live.listen();
                }
                Ok(live)
            }
            None => {
                let fresh = self.start(generation, Q::ROLE, begun, recorded).await;
                fresh.map(|live| place.insert(live))
            }
        };
        let live = match started {
            Ok(live) => live,
            Err(mut not) => {
                let (fuel, memory_bytes, host_calls) = not.used();
                observed.used(fuel, memory_bytes, host_calls);
                if !recorded {
                    return Err(not.failure());
                }
                let (turn, _, failure) = not.into_turn(question.recorded());
                observed.keep(Record::of(generation, Arc::new(turn)));
                return Err(failure);
            }
        };
        let answer = live.ask(question).await;
        observed.used(live.fuel_used(), live.memory_bytes(), live.host_calls());
        if recorded && let Some(turn) = live.heard(question.recorded(), answer.as_ref().err()) {
            let turn = Arc::new(turn);
            let record = Record::of(generation, Arc::clone(&turn));
            observed.keep(record.in_instance(live.turns(), live.start_before()));
            live.remember(turn);
        }
        let usable = match &answer {
            Ok(_) => true,
            Err(failure) => {
                live.serve_no_more();
                failure::leaves_usable(failure)
            }
        };
        // The turn lasts until somebody has been told why, if the instance goes here and now.
        observed.end_with(live.part());
        if let Some(unusable) = place.take_if(|_| !usable) {
            self.sandbox.ending.end(unusable);
        }
        answer
    }
}
