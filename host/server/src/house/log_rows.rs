//! The way of log rows from this host's outbox to the logging database: straight, or through the
//! message broker.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_core::ports::Readiness;
use colophon_keys::SystemRandom;
use colophon_pipeline::jetstream::{
    Broker, Relay, RelayPorts, Standing, StreamWriter, StreamWriterPorts,
};
use colophon_pipeline::{DurableOutbox, LogWriter, LogWriterPorts, Running};
use colophon_store::node::NodeStore;

use super::House;
use crate::config::Config;

/// What carries log rows on this host.
pub(super) struct LogRows {
    /// Takes rows out of the outbox.
    takes: Running,
    /// Brings what the broker hands out to the logging database, on a host that does.
    brings: Option<Running>,
    /// What is wrong with the broker.
    standing: Option<Arc<Standing>>,
}

/// The broker, if one is set. It need not be there yet.
pub(super) async fn connect(config: &Config) -> Result<Option<Arc<Broker>>> {
    match &config.nats {
        None => Ok(None),
        Some(settings) => Ok(Some(Broker::connect(settings).await.context("nats")?)),
    }
}

impl LogRows {
    /// Straight to the logging database.
    pub(super) fn write(house: &House, node: &Arc<NodeStore>, outbox: &Arc<DurableOutbox>) -> Self {
        let ports = LogWriterPorts {
            node: node.id(),
            rows: node.clone(),
            log: house.store.clone(),
            cipher: house.cipher.clone(),
            backlog: outbox.backlog(),
        };
        Self {
            takes: LogWriter::start(ports, Box::new(SystemRandom)),
            brings: None,
            standing: None,
        }
    }

    /// To the broker; and from there to the logging database, if this host is one of those that
    /// bring.
    pub(super) fn relay(
        house: &House,
        node: &Arc<NodeStore>,
        outbox: &Arc<DurableOutbox>,
        broker: Arc<Broker>,
        brings: bool,
    ) -> Self {
        let standing = broker.standing();
        let brings = brings.then(|| {
            let ports = StreamWriterPorts {
                log: house.store.clone(),
                cipher: house.cipher.clone(),
                broker: broker.clone(),
            };
            StreamWriter::start(ports, Box::new(SystemRandom))
        });
        let ports = RelayPorts {
            node: node.id(),
            rows: node.clone(),
            cipher: house.cipher.clone(),
            backlog: outbox.backlog(),
            broker,
        };
        Self {
            takes: Relay::start(ports, Box::new(SystemRandom)),
            brings,
            standing: Some(standing),
        }
    }

    /// Whether the broker answers, where there is one.
    pub(super) fn readiness(&self) -> Option<Arc<dyn Readiness>> {
        let standing = self.standing.clone()?;
        Some(standing)
    }

    /// Ends in the order in which rows flow.
    pub(super) async fn stop(self) {
        self.takes.stop().await;
        if let Some(brings) = self.brings {
            brings.stop().await;
        }
    }
}
