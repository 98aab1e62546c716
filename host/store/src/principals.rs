//! Personas' activation certificates, as they last came.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use colophon_activation::{CertificateChain, PersonaId};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::principal::Principals;
use colophon_core::time::Timestamp;
use colophon_crypto::frames;
use colophon_receipt::CenterId;
use tokio::runtime::Handle;

use crate::database::arguments;
use crate::failure::{Damaged, Fault};
use crate::secrets::Column;
use crate::signers::{join, split};
use crate::store::Store;

pub(crate) const CHAIN: Column = Column {
    table: "principals",
    name: "chain",
};

/// Certificates remembered as kept, so that one that comes with every request is written once.
const REMEMBERED_MAX: usize = 10_000;

const PUT: &str = "INSERT INTO principals (center, pseudonym, chain, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (center, pseudonym) DO UPDATE \
    SET chain = excluded.chain, updated_at = excluded.updated_at";

const SELECT: &str = "SELECT chain FROM principals WHERE center = $1 AND pseudonym = $2";

/// Which certificates this process has kept of late, by digest.
pub(crate) type Kept = Arc<Mutex<HashSet<[u8; 32]>>>;

impl Store {
    fn persona_pseudonym(&self, center: &CenterId, persona: &PersonaId) -> [u8; 32] {
        let parts = [center.as_str().as_bytes(), persona.as_str().as_bytes()];
        self.secrets.pseudonym("principal", &parts)
    }

    async fn principal(
        &self,
        center: &CenterId,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, Fault> {
        let pseudonym = self.persona_pseudonym(center, persona);
        let values = arguments![center.as_str(), &pseudonym];
        let row: Option<(Vec<u8>,)> = self.fulfillment.optional(SELECT, values).await?;
        let Some((sealed,)) = row else {
            return Ok(None);
        };
        let place = [center.as_str().as_bytes(), &pseudonym];
        let chain = split(&self.secrets.open(CHAIN, &place, &sealed)?)?;
        let chain = CertificateChain::new(chain);
        let chain = chain.map_err(|error| Damaged::new("principals", "chain", error))?;
        Ok(Some(chain))
    }
}

#[async_trait]
impl Principals for Store {
    async fn certificate_of(
        &self,
        center: &CenterId,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, Unavailable> {
        let found = self.principal(center, persona).await;
        found.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))
    }

    fn keep(
        &self,
        center: &CenterId,
        persona: &PersonaId,
        chain: &CertificateChain,
        now: Timestamp,
    ) {
        let engine = self.secrets.engine();
        let names = [center.as_str().as_bytes(), persona.as_str().as_bytes()];
        let digest = engine.digest(&[&frames(&names), &chain.sha256(engine)]);
        if !remember(&self.kept_principals, digest) {
            return;
        }
        let joined = join(chain.as_slice());
        let pseudonym = self.persona_pseudonym(center, persona);
        let place = [center.as_str().as_bytes(), &pseudonym];
        let sealed = self.secrets.seal(CHAIN, &place, &joined);
        let (database, center) = (self.fulfillment.clone(), center.clone());
        let kept = Arc::clone(&self.kept_principals);
        let keeping = async move {
            let values = arguments![center.as_str(), &pseudonym, &sealed, now.unix_ms()];
            if let Err(fault) = database.execute(PUT, values).await {
                forget(&kept, &digest);
                let error = fault.unavailable(database.service());
                tracing::warn!(?error, "a persona's certificate was not kept");
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(self.under_way.spawn_on(keeping, &runtime)),
            Err(_) => forget(&self.kept_principals, &digest),
        }
    }
}

/// Whether this is the first time, as far as is known.
fn remember(kept: &Kept, digest: [u8; 32]) -> bool {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= REMEMBERED_MAX {
        kept.clear();
    }
    kept.insert(digest)
}

fn forget(kept: &Kept, digest: &[u8; 32]) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.remove(digest);
}
