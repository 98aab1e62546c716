//! What belongs to one instance: its limits, what it has used, and the host it can call.

use std::sync::Arc;

use colophon_core::catalog::{Book, Location};
use colophon_core::ports::{Catalog, Unavailable};
use colophon_receipt::{BookId, BookIdType, CenterId};
use thiserror::Error;
use tokio::time::timeout;
use wasmtime::ResourceLimiter;

use crate::bindings::catalog::{FindError, Host};
use crate::bindings::common;
use crate::granted::Granted;
use crate::limits::Limits;
use crate::sandbox::TICK;

/// A limit that the instance ran into; the cause of the trap that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit of {0} reached")]
pub(crate) struct LimitHit(pub(crate) &'static str);

/// The catalog as the plug-ins of one center see it.
pub(crate) struct BoundCatalog {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) center: CenterId,
}

/// The data of one instance's store.
pub(crate) struct CallState {
    granted: Arc<Granted>,
    /// None while a plug-in is loaded: then there is no center yet.
    catalog: Option<BoundCatalog>,
    memory_bytes: usize,
    host_calls: u32,
    ticks_left: u32,
    host_call_pending: bool,
    host_failed: bool,
}

impl CallState {
    pub(crate) fn new(granted: Arc<Granted>, catalog: Option<BoundCatalog>) -> Self {
        Self {
            granted,
            catalog,
            memory_bytes: 0,
            host_calls: 0,
            ticks_left: 0,
            host_call_pending: false,
            host_failed: false,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.granted.limits
    }

    /// Grants the next call its time. The runtime's timer ends a call at its deadline; the ticks
    /// are for a thread so busy that the timer does not come to its turn.
    pub(crate) fn grant_ticks(&mut self) {
        let ticks = self.limits().deadline.as_millis() / TICK.as_millis();
        self.ticks_left = u32::try_from(ticks).unwrap_or(u32::MAX).saturating_add(4);
    }

    /// Uses one tick up, or says that none is left.
    pub(crate) fn use_tick(&mut self) -> Result<(), LimitHit> {
        self.ticks_left = self.ticks_left.checked_sub(1).ok_or(LimitHit("time"))?;
        Ok(())
    }

    /// Whether the instance waits for the host.
    pub(crate) fn host_call_pending(&self) -> bool {
        self.host_call_pending
    }

    /// Whether a service behind a host call failed this request.
    pub(crate) fn host_failed(&self) -> bool {
        self.host_failed
    }

    fn count_host_call(&mut self) -> Result<(), LimitHit> {
        self.host_calls += 1;
        if self.host_calls > self.limits().host_calls {
            return Err(LimitHit("host calls"));
        }
        Ok(())
    }
}

impl Host for CallState {
    async fn find(
        &mut self,
        book: common::Book,
    ) -> wasmtime::Result<Result<Option<common::Location>, FindError>> {
        self.count_host_call()?;
        let Some(bound) = &self.catalog else {
            let problem = "there is no catalog while a plug-in is loaded";
            return Ok(Err(FindError::Unavailable(problem.to_owned())));
        };
        let Some(book) = parsed(&book) else {
            let problem = "id or id-type is empty, too long or has control characters";
            return Ok(Err(FindError::Invalid(problem.to_owned())));
        };
        self.host_call_pending = true;
        let asked = bound.catalog.find(&bound.center, &book);
        let answer = timeout(self.limits().host_call_timeout, asked).await;
        self.host_call_pending = false;
        let cause = match answer {
            Ok(Ok(found)) => return Ok(Ok(found.map(location))),
            Ok(Err(Unavailable { source, .. })) => source.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        self.host_failed = true;
        tracing::debug!(center.id = %bound.center, cause, "a plug-in's catalog look-up failed");
        let problem = "the catalog did not answer";
        Ok(Err(FindError::Unavailable(problem.to_owned())))
    }
}

fn parsed(book: &common::Book) -> Option<Book> {
    Some(Book {
        id_type: BookIdType::try_from(book.id_type.as_str()).ok()?,
        id: BookId::try_from(book.id.as_str()).ok()?,
    })
}

fn location(found: Location) -> common::Location {
    common::Location {
        root: found.root.as_str().to_owned(),
        path: found.path.as_str().to_owned(),
        sha256: None,
        size: None,
        extra: Vec::new(),
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let others = self.memory_bytes.saturating_sub(current);
        let total = others.saturating_add(desired);
        if total > self.limits().memory_bytes {
            return Err(LimitHit("memory").into());
        }
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        if allowed {
            self.memory_bytes = total;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits().table_elements {
            return Err(LimitHit("table elements").into());
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        8
    }
}
