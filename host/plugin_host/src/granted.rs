//! What a plug-in may use of the host, with whoever answers its calls.

mod unconnected;

use std::collections::BTreeMap;
use std::sync::Arc;

use colophon_core::capability::{MappingDatabase, Name, PluginValues, SqlStatement, WebServices};

use self::unconnected::Unconnected;
use crate::contract::Capability;
use crate::limits::Limits;
use crate::lines::Lines;
use crate::manifest::{KvTerms, Manifest, Permitted};
use crate::warm::WarmTerms;

/// What one plug-in may use. Without a grant there is nothing that it can call.
#[derive(Clone, Default)]
pub struct Granted {
    /// How much of everything.
    pub limits: Limits,
    /// Whether it may look titles up in the catalog of the center that it serves.
    pub catalog: bool,
    /// What is set for it.
    pub config: Option<BTreeMap<Name, String>>,
    /// Who asks services on the web for it.
    pub http: Option<Arc<dyn WebServices>>,
    /// Where its values are kept.
    pub kv: Option<GrantedValues>,
    /// Where its lines go.
    pub log: Option<Arc<Lines>>,
    /// Where its statements are run.
    pub sql: Option<GrantedStatements>,
    /// How far its instances are used again; each serves one request without.
    pub warm: Option<WarmTerms>,
}

/// Where a plug-in's values are kept.
#[derive(Clone)]
pub struct GrantedValues {
    /// The plug-in they are kept for.
    pub plugin: Name,
    /// How much, and whether they may be changed.
    pub terms: KvTerms,
    /// Who keeps them.
    pub values: Arc<dyn PluginValues>,
}

/// Where a plug-in's statements are run.
#[derive(Clone)]
pub struct GrantedStatements {
    /// The statements by name.
    pub statements: BTreeMap<Name, SqlStatement>,
    /// Who runs them.
    pub database: Arc<dyn MappingDatabase>,
}

/// Whoever answers the calls of a plug-in; who is not needed is not asked.
#[derive(Clone)]
pub struct Services {
    /// Keeps its values.
    pub values: Arc<dyn PluginValues>,
    /// Runs its statements.
    pub database: Arc<dyn MappingDatabase>,
    /// Asks services on the web.
    pub web: Arc<dyn WebServices>,
    /// Takes its lines.
    pub lines: Arc<Lines>,
}

impl Services {
    /// Services of a plug-in that was granted neither statements nor addresses; a call of one of
    /// these would fail as unavailable.
    pub fn without_outside(values: Arc<dyn PluginValues>, lines: Arc<Lines>) -> Self {
        let nobody = Arc::new(Unconnected);
        Self {
            values,
            database: nobody.clone(),
            web: nobody,
            lines,
        }
    }
}

impl Granted {
    /// What the built-in plug-in has: the catalog, within limits.
    pub fn catalog(limits: Limits) -> Self {
        Self {
            limits,
            catalog: true,
            ..Self::default()
        }
    }

    /// What manifest and grant say, answered by these services.
    pub fn connected(permitted: Permitted, services: Services) -> Self {
        let Permitted {
            plugin,
            limits,
            catalog,
            log,
            config,
            kv,
            sql,
            http,
            warm,
        } = permitted;
        let values = services.values;
        let database = services.database;
        Self {
            limits,
            catalog,
            config,
            http: http.map(|_| services.web),
            kv: kv.map(|terms| GrantedValues {
                plugin,
                terms,
                values,
            }),
            log: log.then_some(services.lines),
            sql: sql.map(|sql| GrantedStatements {
                statements: sql.statements,
                database,
            }),
            warm,
        }
    }

    /// All that a manifest asks for, where nobody answers: to see whether the component can be
    /// loaded. Nothing is set, and every call fails as unavailable.
    pub fn unconnected(manifest: &Manifest) -> Self {
        let nobody = Arc::new(Unconnected);
        Self {
            limits: manifest.limits_as_asked(),
            catalog: manifest.catalog,
            config: (!manifest.config.is_empty()).then(BTreeMap::new),
            http: (!manifest.http.is_empty()).then(|| nobody.clone() as Arc<dyn WebServices>),
            kv: manifest.kv.map(|terms| GrantedValues {
                plugin: manifest.id.clone(),
                terms,
                values: nobody.clone(),
            }),
            log: manifest.log.then(|| Arc::new(Lines::unheard())),
            sql: (!manifest.statements.is_empty()).then(|| GrantedStatements {
                statements: manifest.statements.clone(),
                database: nobody,
            }),
            warm: None,
        }
    }

    /// The same with other limits.
    pub(crate) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::Catalog => self.catalog,
            Capability::Config => self.config.is_some(),
            Capability::Http => self.http.is_some(),
            Capability::Kv => self.kv.is_some(),
            Capability::Log => self.log.is_some(),
            Capability::Sql => self.sql.is_some(),
        }
    }
}
