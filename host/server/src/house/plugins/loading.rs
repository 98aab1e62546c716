//! One version of a plug-in, from its papers and its component to a generation that may be called.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use colophon_core::capability::PluginValues;
use colophon_core::causes::causes;
use colophon_outbound::web::SharedWeb;
use colophon_plugin_host::manifest::{Grant, Manifest, Permitted};
use colophon_plugin_host::{Generation, Granted, LineQueue, Lines, LoadRefused, Sandbox, Services};
use tokio::runtime::Handle;

use super::outside;

/// Loads versions, for a serving host and for commands.
pub(crate) struct Loader {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) values: Arc<dyn PluginValues>,
    pub(crate) lines: LineQueue,
    pub(crate) web: Arc<SharedWeb>,
}

/// A version that is to be loaded.
pub(crate) struct Wanted<'a> {
    /// Its manifest.
    pub(crate) manifest: &'a str,
    /// What it may use.
    pub(crate) grant: &'a str,
    /// Its component.
    pub(crate) component: Vec<u8>,
}

/// Why a version was not loaded.
#[derive(Debug)]
pub(crate) enum NotLoaded {
    /// It will not be loaded the next time either: the component or one of its papers is wrong.
    Lasting(anyhow::Error),
    /// Something that it needs is not there now.
    Passing(anyhow::Error),
}

impl NotLoaded {
    /// The reason, for people.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Lasting(error) | Self::Passing(error) => format!("{error:#}"),
        }
    }
}

impl From<NotLoaded> for anyhow::Error {
    fn from(not: NotLoaded) -> Self {
        match not {
            NotLoaded::Lasting(error) | NotLoaded::Passing(error) => error,
        }
    }
}

impl Loader {
    /// Loads a version, with everything that it may use.
    pub(crate) async fn load(&self, wanted: Wanted<'_>) -> Result<Arc<Generation>, NotLoaded> {
        let (manifest, permitted) =
            permitted(wanted.manifest, wanted.grant).map_err(NotLoaded::Lasting)?;
        let services = self.services(&permitted).await?;
        let granted = Granted::connected(permitted, services);
        // Compiling keeps a thread busy for as long as it takes, and requests are served meanwhile.
        let (sandbox, runtime) = (Arc::clone(&self.sandbox), Handle::current());
        let component = wanted.component;
        let loading = tokio::task::spawn_blocking(move || {
            runtime.block_on(sandbox.load(&component, granted))
        });
        let loaded = loading
            .await
            .map_err(|panic| NotLoaded::Passing(anyhow!(panic)))?;
        let generation = loaded.map_err(refused)?;
        manifest
            .agrees_with(generation.roles())
            .map_err(|error| NotLoaded::Lasting(error.into()))?;
        Ok(generation)
    }

    async fn services(&self, permitted: &Permitted) -> Result<Services, NotLoaded> {
        let lines = Lines::of(permitted.plugin.clone(), self.lines.clone());
        let mut services = Services::without_outside(Arc::clone(&self.values), Arc::new(lines));
        if let Some(terms) = &permitted.sql {
            services.database = outside::mapping(terms).await?;
        }
        if let Some(terms) = &permitted.http {
            services.web = outside::web(terms, &self.web)?;
        }
        Ok(services)
    }
}

/// What both papers allow.
pub(crate) fn permitted(manifest: &str, grant: &str) -> anyhow::Result<(Manifest, Permitted)> {
    let manifest = Manifest::parse(manifest);
    let manifest = manifest.map_err(|refused| anyhow!("plugin.toml: {}", causes(&refused)))?;
    let grant = Grant::parse(grant);
    let grant = grant.map_err(|refused| anyhow!("the grant: {}", causes(&refused)))?;
    let permitted = manifest
        .permitted(&grant)
        .context("manifest and grant do not agree")?;
    Ok((manifest, permitted))
}

/// A plug-in that fails while it is loaded may have met a busy machine.
fn refused(refused: LoadRefused) -> NotLoaded {
    let passes = matches!(refused, LoadRefused::Failed(_));
    let error = anyhow!(causes(&refused));
    match passes {
        true => NotLoaded::Passing(error),
        false => NotLoaded::Lasting(error),
    }
}
