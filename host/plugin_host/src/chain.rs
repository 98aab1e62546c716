//! A center's plug-ins in the order in which they are asked.

use std::sync::Arc;

use colophon_core::plugin::{CallContext, PluginFailure};
use colophon_core::rollout::{PluginVersion, PurchaseMark, Share};
use serde_json::Value;

use crate::contract::Role;
use crate::generation::Generation;
use crate::record::Recorder;

/// A center's plug-ins in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Chain {
    places: Vec<Place>,
}

/// A plug-in's place in a chain.
#[derive(Clone)]
pub struct Place {
    active: Option<Asked>,
    canary: Option<Canary>,
}

/// A version on trial: asked in the active one's place for a share of the purchases.
#[derive(Clone)]
struct Canary {
    asked: Asked,
    version: PluginVersion,
    share: Share,
}

/// A generation with whoever follows its calls.
#[derive(Clone)]
pub struct Asked {
    pub(crate) generation: Arc<Generation>,
    pub(crate) follower: Option<Arc<dyn Follower>>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
}

/// Is told of every call of a generation after it was answered. The request waits meanwhile, so
/// what takes time is done elsewhere.
pub trait Follower: Send + Sync {
    /// A call was answered, or failed.
    fn followed(&self, call: &FollowedCall<'_>);
}

/// A call that is over.
pub struct FollowedCall<'a> {
    /// What was asked.
    pub role: Role,
    /// The request that it served.
    pub context: &'a CallContext,
    /// Why there was no answer that a host can use.
    pub failure: Option<&'a PluginFailure>,
    /// Fuel, with that of the start.
    pub fuel: u64,
    /// Linear memory of the instance in bytes; none if there was no instance.
    pub memory_bytes: usize,
    /// Calls into the host.
    pub host_calls: usize,
    /// Bytes of what was asked and answered in them.
    pub host_bytes: u64,
    /// The question as JSON, as cases hold it: made only when it is wanted.
    pub input: &'a dyn Fn() -> Value,
}

impl Asked {
    /// A generation whose calls somebody follows.
    pub fn followed_by(generation: Arc<Generation>, follower: Arc<dyn Follower>) -> Self {
        Self {
            generation,
            follower: Some(follower),
            recorder: None,
        }
    }

    /// The same, with its decisions recorded.
    #[must_use]
    pub fn recorded_by(self, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            recorder: Some(recorder),
            ..self
        }
    }
}

impl From<Arc<Generation>> for Asked {
    fn from(generation: Arc<Generation>) -> Self {
        Self {
            generation,
            follower: None,
            recorder: None,
        }
    }
}

impl From<Asked> for Place {
    fn from(asked: Asked) -> Self {
        Self {
            active: Some(asked),
            canary: None,
        }
    }
}

impl From<Arc<Generation>> for Place {
    fn from(generation: Arc<Generation>) -> Self {
        Asked::from(generation).into()
    }
}

impl Place {
    /// A place in which nobody is asked but a version on trial.
    pub fn empty() -> Self {
        Self {
            active: None,
            canary: None,
        }
    }

    /// The same with a version on trial.
    #[must_use]
    pub fn trying(self, asked: Asked, version: PluginVersion, share: Share) -> Self {
        Self {
            canary: Some(Canary {
                asked,
                version,
                share,
            }),
            ..self
        }
    }

    /// Everybody who is asked here for some purchases.
    fn all(&self) -> impl Iterator<Item = &Asked> {
        let canary = self.canary.as_ref().map(|canary| &canary.asked);
        self.active.iter().chain(canary)
    }

    /// Who is asked here for a purchase: always the same for the same one.
    fn asked(&self, purchase: Option<PurchaseMark>) -> Option<&Asked> {
        let canary = self.canary.as_ref().filter(|canary| {
            purchase.is_some_and(|purchase| canary.share.takes(purchase, &canary.version))
        });
        canary.map(|canary| &canary.asked).or(self.active.as_ref())
    }
}

impl Chain {
    /// Those who are asked for a purchase, in order.
    pub(crate) fn asked(&self, purchase: Option<PurchaseMark>) -> impl Iterator<Item = &Asked> {
        self.places
            .iter()
            .filter_map(move |place| place.asked(purchase))
    }

    /// Whether somebody in it plays a role, if only on trial.
    pub(crate) fn plays(&self, role: Role) -> bool {
        self.places
            .iter()
            .flat_map(Place::all)
            .any(|asked| asked.generation.roles().any(|played| played == role))
    }
}

impl<P: Into<Place>> FromIterator<P> for Chain {
    fn from_iter<I: IntoIterator<Item = P>>(places: I) -> Self {
        Self {
            places: places.into_iter().map(Into::into).collect(),
        }
    }
}

impl<P: Into<Place>> From<Vec<P>> for Chain {
    fn from(places: Vec<P>) -> Self {
        places.into_iter().collect()
    }
}

impl<P: Into<Place>, const N: usize> From<[P; N]> for Chain {
    fn from(places: [P; N]) -> Self {
        places.into_iter().collect()
    }
}
