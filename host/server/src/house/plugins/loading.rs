//! One version of a plug-in, from its papers and its component to a generation that may be called.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use colophon_core::capability::{EachPlugin, PluginValues};
use colophon_core::causes::causes;
use colophon_outbound::web::{GrantedWeb, SharedWeb};
use colophon_plugin_host::manifest::{Grant, Manifest, Permitted};
use colophon_plugin_host::{
    Digested, Generation, Granted, LineQueue, LoadRefused, Sandbox, Services,
};
use colophon_receipt::CenterId;
use colophon_store::mapping::StatementTurns;

use tokio::time::timeout;

use super::outside;

/// What connecting to a mapping database, or reading secrets, may take.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Loads versions, for a serving host and for commands.
pub(crate) struct Loader {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) values: Arc<dyn PluginValues>,
    pub(crate) lines: LineQueue,
    pub(crate) web: Arc<SharedWeb>,
    /// Turns at mapping databases.
    pub(crate) statements: EachPlugin<StatementTurns>,
}

/// A version that is to be loaded.
pub(crate) struct Wanted<'a> {
    /// The center that it is for.
    pub(crate) center: &'a CenterId,
    /// Its manifest.
    pub(crate) manifest: &'a str,
    /// What it may use.
    pub(crate) grant: &'a str,
    /// Its component.
    pub(crate) component: &'a Digested,
}

/// Why a version was not loaded.
///
/// A version on trial is rejected, for all hosts, by the first host that finds a lasting reason. What
/// may hang on this host, its release, its machine or what lies around it is therefore passing,
/// however unlikely it is to pass: it is only tried again.
#[derive(Debug)]
pub(crate) enum NotLoaded {
    /// The component is such that no host will load it.
    Lasting(anyhow::Error),
    /// This host will not load it however often it tries; one of another release may.
    Here(anyhow::Error),
    /// Everything else.
    Passing(anyhow::Error),
}

impl NotLoaded {
    /// The reason, for people.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Lasting(error) | Self::Here(error) | Self::Passing(error) => {
                format!("{error:#}")
            }
        }
    }

    /// The same in the host's words alone, for events: a plug-in's own may quote the settings that it
    /// was granted. Commands that load it show them.
    pub(crate) fn brief(&self) -> String {
        let (Self::Lasting(error) | Self::Here(error) | Self::Passing(error)) = self;
        match error.downcast_ref() {
            Some(LoadRefused::SelfTest { .. }) => "its self-test failed".to_owned(),
            Some(LoadRefused::Failed(failure)) => {
                format!("it failed while it was loaded: {}", failure.brief())
            }
            _ => self.reason(),
        }
    }
}

impl From<NotLoaded> for anyhow::Error {
    fn from(not: NotLoaded) -> Self {
        match not {
            NotLoaded::Lasting(error) | NotLoaded::Here(error) | NotLoaded::Passing(error) => error,
        }
    }
}

impl Loader {
    /// Loads a version, with everything that it may use.
    pub(crate) async fn load(&self, wanted: Wanted<'_>) -> Result<Arc<Generation>, NotLoaded> {
        let (manifest, permitted) =
            permitted(wanted.manifest, wanted.grant).map_err(NotLoaded::Passing)?;
        let services = self.services(wanted.center, &permitted).await?;
        let granted = Granted::connected(permitted, services);
        let loading = self
            .sandbox
            .load_for(wanted.center, wanted.component, granted);
        let generation = loading.await.map_err(refused)?;
        manifest
            .agrees_with(generation.roles())
            .map_err(|error| NotLoaded::Lasting(error.into()))?;
        Ok(generation)
    }

    /// What is counted of a plug-in is counted of all its versions together, which are in each
    /// other's way while one takes another's place.
    async fn services(
        &self,
        center: &CenterId,
        permitted: &Permitted,
    ) -> Result<Services, NotLoaded> {
        let plugin = &permitted.plugin;
        let lines = self.lines.lines_of(center, plugin);
        let mut services = Services::without_outside(Arc::clone(&self.values), lines);
        if let Some(terms) = &permitted.sql {
            let turns = self.statements.of(center, plugin, StatementTurns::default);
            services.database = in_time(outside::mapping(terms, turns)).await?;
        }
        if let Some(terms) = &permitted.http {
            let grant = in_time(outside::web(terms)).await?;
            let web = GrantedWeb::new(center, plugin, grant, Arc::clone(&self.web));
            services.web = Arc::new(web);
        }
        Ok(services)
    }
}

/// What does not answer is looked for again, and nobody else waits for it meanwhile.
async fn in_time<T>(
    connecting: impl Future<Output = Result<T, NotLoaded>>,
) -> Result<T, NotLoaded> {
    let connected = timeout(CONNECT_MAX, connecting).await;
    connected.unwrap_or_else(|_| {
        Err(NotLoaded::Passing(anyhow!(
            "what it was granted does not answer"
        )))
    })
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

/// Tells what lies in the component alone from what a host of another release, with another grant or
/// with more time would take.
fn refused(refused: LoadRefused) -> NotLoaded {
    let not: fn(anyhow::Error) -> NotLoaded = match &refused {
        LoadRefused::TooLarge { .. }
        | LoadRefused::Precompiled
        // The contract says how many parts a plug-in may have.
        | LoadRefused::NoPlace(_)
        | LoadRefused::NotDescribed
        | LoadRefused::NoRole => NotLoaded::Lasting,
        // This release's compiler panics over it each time: to try again would keep it busy for
        // nothing, and another release's may not.
        LoadRefused::BreaksCompiler => NotLoaded::Here,
        // Other releases may know more of WebAssembly and of the contract.
        LoadRefused::NotAComponent(_)
        | LoadRefused::UnknownImport { .. }
        | LoadRefused::UnknownExport { .. }
        | LoadRefused::Mismatch { .. }
        | LoadRefused::NotGranted { .. }
        // What it takes to compile hangs on the machine, and on the release's compiler.
        | LoadRefused::TooCostly(_)
        | LoadRefused::NotCompiled(_)
        // While it tests itself it may ask services that do not answer, on a busy machine.
        | LoadRefused::Failed(_)
        | LoadRefused::SelfTest { .. } => NotLoaded::Passing,
    };
    not(refused.into())
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::PluginFailure;
    use colophon_plugin_host::{CompilerFailed, TooMuch};

    use super::*;

    #[test]
    fn only_what_lies_in_the_component_is_lasting() {
        let lasting = |why| matches!(refused(why), NotLoaded::Lasting(_));
        let seconds = 60;
        for own in [
            LoadRefused::TooLarge { bytes: 1 << 30 },
            LoadRefused::Precompiled,
            LoadRefused::NoRole,
        ] {
            assert!(lasting(own));
        }
        let broken = refused(LoadRefused::BreaksCompiler);
        assert!(matches!(broken, NotLoaded::Here(_)), "{broken:?}");
        let newer = || "colophon:host/mail@1.1.0".to_owned();
        for of_the_host in [
            LoadRefused::UnknownImport { import: newer() },
            LoadRefused::UnknownExport {
                export: newer(),
                known: String::new(),
            },
            LoadRefused::TooCostly(TooMuch::Time { seconds }),
            LoadRefused::NotCompiled(CompilerFailed::Damaged),
            LoadRefused::Failed(PluginFailure::TimedOut),
            LoadRefused::SelfTest {
                problem: "the database is away".to_owned(),
            },
        ] {
            assert!(!lasting(of_the_host));
        }
    }

    #[test]
    fn events_do_not_quote_a_plug_in() {
        let secret = || "the setting is hunter2".to_owned();
        for quoting in [
            LoadRefused::SelfTest { problem: secret() },
            LoadRefused::Failed(PluginFailure::Trapped {
                function: "self-test",
                message: secret(),
            }),
        ] {
            let not = refused(quoting);
            assert!(not.reason().contains("hunter2"), "{not:?}");
            assert!(!not.brief().contains("hunter2"), "{}", not.brief());
        }
    }

    #[test]
    fn papers_of_a_newer_contract_are_for_newer_hosts() {
        let manifest = "id = \"a\"\nversion = \"1\"\napi = \"1.9\"\nroles = [\"naming\"]\n";
        assert!(permitted(manifest, "plugin = \"a\"\n").is_err());
    }
}
