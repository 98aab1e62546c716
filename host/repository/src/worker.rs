//! The workers that make repositories, beside everything else a host does.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::activation::ports::{
    Individual, RepositoryFailed, RepositoryOrder, RepositoryWorker,
};
use colophon_crypto::{Engine, Randomness};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::{Order, TEMPLATE, Template, TemplateRefused, individualize};

/// Where workers get chance from: a source of its own for each repository.
pub type NewRandomness = fn() -> Box<dyn Randomness + Send>;

/// How much is made at once.
#[derive(Clone, Copy, Debug)]
pub struct Workers {
    /// Repositories in the making: each keeps one core busy.
    pub at_once: usize,
    /// Orders that may wait; more are turned away.
    pub waiting_max: usize,
}

/// Makes repositories on threads that may be kept busy.
pub struct RepositoryWorkers {
    template: Arc<Template<'static>>,
    engine: Arc<dyn Engine>,
    randomness: NewRandomness,
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl RepositoryWorkers {
    /// Reads the template this crate was built with.
    ///
    /// # Errors
    ///
    /// [`TemplateRefused`] if it is none.
    pub fn new(
        workers: Workers,
        engine: Arc<dyn Engine>,
        randomness: NewRandomness,
    ) -> Result<RepositoryWorkers, TemplateRefused> {
        Ok(RepositoryWorkers {
            template: Arc::new(Template::read(TEMPLATE)?),
            engine,
            randomness,
            places: Arc::new(Semaphore::new(workers.at_once.max(1))),
            waiting: Arc::new(Semaphore::new(workers.at_once.max(1) + workers.waiting_max)),
        })
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> RepositoryFailed {
    RepositoryFailed::Broken(Box::new(error))
}

#[async_trait]
impl RepositoryWorker for RepositoryWorkers {
    async fn individualize(&self, order: RepositoryOrder) -> Result<Individual, RepositoryFailed> {
        let waiting = self.waiting.clone().try_acquire_owned();
        let _waiting = waiting.map_err(|_| RepositoryFailed::Busy)?;
        let place = self.places.clone().acquire_owned().await.map_err(broken)?;
        let (template, engine) = (Arc::clone(&self.template), Arc::clone(&self.engine));
        let randomness = self.randomness;
        let made = spawn_blocking(move || {
            // Whoever ordered may be gone; the place is kept until the work is done.
            let _place = place;
            let order = Order {
                persona: &order.persona,
                persona_key_pkcs8: &order.pkcs8,
                machine: &order.machine,
                facts: &order.facts,
                roots: &order.roots,
            };
            individualize(&*engine, &mut *randomness(), &template, &order)
        });
        let made = made.await.map_err(broken)?.map_err(broken)?;
        Ok(Individual {
            module: made.module,
            sealed_key: made.sealed_key,
        })
    }
}
