//! Repositories made by workers, as a host orders them.

use std::sync::Arc;

use colophon_activation::MachineId;
use colophon_core::activation::ports::{RepositoryFailed, RepositoryOrder, RepositoryWorker};
use colophon_core::id::ActivationRef;
use colophon_crypto::{Portable, Randomness};
use colophon_individual::{RepositoryWorkers, Workers};

use crate::support::{PERSONA, Seeded, facts, make, persona_key, pinned, trust};

fn seeded() -> Box<dyn Randomness + Send> {
    Box::new(Seeded::new("workers"))
}

fn workers(at_once: usize, waiting_max: usize) -> RepositoryWorkers {
    let workers = Workers {
        at_once,
        waiting_max,
    };
    RepositoryWorkers::new(workers, Arc::new(Portable), seeded).expect("workers")
}

pub(crate) fn order() -> RepositoryOrder {
    RepositoryOrder {
        activation: ActivationRef::from_bytes([9; 16]),
        persona: PERSONA.parse().expect("a persona"),
        machine: MachineId::from_bytes([1; 16]),
        facts: facts("abcdef"),
        roots: pinned(&trust().roots),
        pkcs8: persona_key().into(),
    }
}

#[tokio::test]
async fn an_order_is_what_was_ordered() {
    let made = workers(1, 0)
        .individualize(order())
        .await
        .expect("a repository");
    let expected = make("workers", PERSONA, [1; 16], "abcdef").individual;
    assert_eq!(made.module, expected.module);
    assert_eq!(made.sealed_key, expected.sealed_key);
}

#[tokio::test]
async fn what_cannot_wait_is_turned_away() {
    let workers = workers(1, 1);
    let (one, two, three) = tokio::join!(
        workers.individualize(order()),
        workers.individualize(order()),
        workers.individualize(order()),
    );
    assert!(one.is_ok() && two.is_ok());
    assert!(matches!(three, Err(RepositoryFailed::Busy)));
    assert!(workers.individualize(order()).await.is_ok());
}

#[tokio::test]
async fn a_key_that_cannot_be_sealed_is_told() {
    let empty = RepositoryOrder {
        pkcs8: Vec::new().into(),
        ..order()
    };
    let failed = workers(1, 0).individualize(empty).await;
    assert!(matches!(failed, Err(RepositoryFailed::Broken(_))));
}
