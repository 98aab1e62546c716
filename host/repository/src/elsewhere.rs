//! Workers that run apart, as the host sees them that orders from them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::activation::ports::{
    Individual, RepositoryFailed, RepositoryOrder, RepositoryWorker,
};
use colophon_core::activation::repository_orders::{RepositoryOrders, Standing};
use colophon_core::time::Clock;
use tokio::time::{Instant, sleep};

use crate::pauses::Pauses;

/// A repository takes well under a second to make, so the first looks follow each other closely.
const LOOKS: Pauses = Pauses::new(Duration::from_millis(20), Duration::from_millis(500));

/// Has repositories made by workers elsewhere: places an order and looks what has become of it.
///
/// Nobody waits for longer than `patience`, and not at all while no worker is at work. The order
/// stays where it is then: whoever asks again finds it, or what was made of it.
pub struct WorkersElsewhere {
    orders: Arc<dyn RepositoryOrders>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

impl WorkersElsewhere {
    /// Orders are placed there.
    pub fn new(
        orders: Arc<dyn RepositoryOrders>,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> WorkersElsewhere {
        WorkersElsewhere {
            orders,
            clock,
            patience,
        }
    }
}

#[async_trait]
impl RepositoryWorker for WorkersElsewhere {
    async fn individualize(&self, order: RepositoryOrder) -> Result<Individual, RepositoryFailed> {
        let begun = Instant::now();
        let Some(placed) = self.orders.place(&order, self.clock.now()).await? else {
            return Err(RepositoryFailed::Gone);
        };
        // It holds a private key, and is not needed any more.
        drop(order);
        let mut pauses = LOOKS;
        loop {
            match self.orders.standing(&placed, self.clock.now()).await? {
                Some(Standing::Made(individual)) => return Ok(individual),
                Some(Standing::Failed(given_up)) => {
                    return Err(RepositoryFailed::Broken(Box::new(given_up)));
                }
                // Who has placed the other one waits for it; the reader that asks again gets what
                // comes of that.
                Some(Standing::Waiting { workers: 0 } | Standing::Replaced) => {
                    return Err(RepositoryFailed::Busy);
                }
                Some(Standing::Waiting { .. }) => {}
                None => return Err(RepositoryFailed::Gone),
            }
            if begun.elapsed() >= self.patience {
                return Err(RepositoryFailed::Busy);
            }
            sleep(pauses.next()).await;
        }
    }
}
