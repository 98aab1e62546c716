//! What lies outside of this host and a plug-in was granted: a mapping database, services on the web.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use colophon_core::capability::{MappingDatabase, Name};
use colophon_core::causes::causes;
use colophon_outbound::system_roots;
use colophon_outbound::web::{SharedWeb, SystemResolver, WebCaps, WebGrant, WebSecret};
use colophon_plugin_host::manifest::{HttpTerms, SecretTerms, SqlTerms};
use colophon_store::database::DatabaseAddress;
use colophon_store::mapping::{GrantedMapping, StatementTurns};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::loading::NotLoaded;

/// The longest file that a secret is read from; its line is shorter.
const SECRET_FILE_BYTES_MAX: u64 = 16 << 10;

/// Connects the mapping database and prepares the statements there.
pub(super) async fn mapping(
    terms: &SqlTerms,
    turns: Arc<StatementTurns>,
) -> Result<Arc<dyn MappingDatabase>, NotLoaded> {
    let address: DatabaseAddress = terms
        .database
        .expose()
        .parse()
        .context("the grant: sql.database")
        .map_err(NotLoaded::Passing)?;
    let opened = GrantedMapping::open(&address, terms.statements.clone(), turns).await;
    // Whatever is refused lies in a database that is somebody else's, with its users and its schema.
    // It may be mended without a word to us.
    match opened {
        Ok(mapping) => Ok(Arc::new(mapping)),
        Err(refused) => Err(NotLoaded::Passing(anyhow!(causes(&refused)))),
    }
}

/// The way to the web that all plug-ins share.
pub(super) fn shared_web() -> Result<Arc<SharedWeb>> {
    let resolver = Arc::new(SystemResolver);
    Ok(SharedWeb::new(
        system_roots(),
        resolver,
        WebCaps::default(),
    )?)
}

/// What may be asked on the web, with the secrets as they are in their files now. Where these lie is
/// the operator's to say, so nobody else waits for the place.
pub(super) async fn web(terms: &HttpTerms) -> Result<WebGrant, NotLoaded> {
    let secrets = terms.secrets.clone();
    let read = spawn_blocking(move || read_secrets(&secrets)).await;
    let secrets = read.map_err(|lost| NotLoaded::Passing(lost.into()))?;
    Ok(WebGrant {
        allow: terms.allow.clone(),
        private: terms.private.clone(),
        secrets: secrets.map_err(NotLoaded::Passing)?,
    })
}

fn read_secrets(terms: &BTreeMap<Name, SecretTerms>) -> Result<BTreeMap<Name, WebSecret>> {
    let read = terms.iter().map(|(name, secret)| {
        let read = read_secret(secret)
            .with_context(|| format!("secret {name}: {}", secret.file.display()));
        Ok((name.clone(), read?))
    });
    read.collect()
}

fn read_secret(secret: &SecretTerms) -> Result<WebSecret> {
    let mut text = Zeroizing::new(String::new());
    // Whoever opens a pipe waits for the other end.
    ensure!(
        std::fs::metadata(&secret.file)?.is_file(),
        "a secret is read from a file"
    );
    let opened = std::fs::File::open(&secret.file)?;
    ensure!(
        opened.metadata()?.len() <= SECRET_FILE_BYTES_MAX,
        "the file is too long for a secret"
    );
    opened
        .take(SECRET_FILE_BYTES_MAX)
        .read_to_string(&mut text)?;
    Ok(WebSecret::new(text, &secret.bound)?)
}
