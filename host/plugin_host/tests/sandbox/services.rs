//! Whoever answers the calls of plug-ins: stores, databases and services that do as told.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, PluginValues, Put, SqlRows, SqlStatement, SqlType,
    SqlValue, StatementText, Swap, ValueOwner, ValuePlace, WebFailure, WebRequest, WebResponse,
    WebServices,
};
use colophon_core::ports::{Service, Unavailable};
use colophon_plugin_host::manifest::KvTerms;
use colophon_plugin_host::{Granted, GrantedStatements, GrantedValues, Limits};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Values in memory, by center and key.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) kept: Mutex<HashMap<(String, String), Vec<u8>>>,
    pub(crate) hangs: bool,
    pub(crate) away: bool,
}

impl Values {
    async fn answer<T>(
        &self,
        owner: &ValueOwner,
        key: &str,
        change: impl FnOnce(&mut HashMap<(String, String), Vec<u8>>, (String, String)) -> T + Send,
    ) -> Result<T, Unavailable> {
        if self.hangs {
            return pending().await;
        }
        if self.away {
            return Err(Unavailable::new(Service::FulfillmentDatabase, "away"));
        }
        assert_eq!(owner.plugin.as_str(), "acme");
        let place = (owner.center.as_str().to_owned(), key.to_owned());
        Ok(change(&mut self.kept.lock().expect("values"), place))
    }
}

#[async_trait]
impl PluginValues for Values {
    async fn get(&self, owner: &ValueOwner, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.answer(owner, key, |kept, place| kept.get(&place).cloned())
            .await
    }

    async fn put(&self, place: ValuePlace<'_>, value: &[u8]) -> Result<Put, Unavailable> {
        let fits = (place.key.len() + value.len()) as u64 <= place.quota_bytes;
        let value = value.to_vec();
        let put = |kept: &mut HashMap<_, _>, place| {
            if !fits {
                return Put::QuotaReached;
            }
            kept.insert(place, value);
            Put::Done
        };
        self.answer(place.owner, place.key, put).await
    }

    async fn swap(
        &self,
        place: ValuePlace<'_>,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Swap, Unavailable> {
        let (expected, value) = (expected.map(<[u8]>::to_vec), value.to_vec());
        let swap = |kept: &mut HashMap<_, _>, place| {
            if kept.get(&place).cloned() != expected {
                return Swap::Different;
            }
            kept.insert(place, value);
            Swap::Done
        };
        self.answer(place.owner, place.key, swap).await
    }

    async fn delete(&self, owner: &ValueOwner, key: &str) -> Result<bool, Unavailable> {
        self.answer(owner, key, |kept, place| kept.remove(&place).is_some())
            .await
    }

    async fn list_keys(
        &self,
        owner: &ValueOwner,
        prefix: &str,
        after: Option<&str>,
        keys_max: usize,
    ) -> Result<Vec<String>, Unavailable> {
        assert_eq!(keys_max, 128);
        let center = owner.center.as_str().to_owned();
        let wanted = |key: &&String| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        };
        self.answer(owner, "", |kept, _| {
            let own = kept.keys().filter(|(of, _)| *of == center);
            let mut keys: Vec<String> = own.map(|(_, key)| key).filter(wanted).cloned().collect();
            keys.sort();
            keys
        })
        .await
    }
}

/// A mapping database that gives back what it is asked for.
pub(crate) enum Mapping {
    Echoing,
    Hanging,
    Away,
    Overflowing,
    Unfit,
}

#[async_trait]
impl MappingDatabase for Mapping {
    async fn run(
        &self,
        statement: &str,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        assert_eq!(bytes_max, 256 << 10);
        match self {
            Self::Echoing => Ok(SqlRows {
                columns: vec![statement.to_owned()],
                rows: vec![parameters.to_vec()],
                truncated: true,
            }),
            Self::Hanging => pending().await,
            Self::Away => Err(MappingFailure::Unavailable("away".into())),
            Self::Overflowing => Err(MappingFailure::TooLarge),
            Self::Unfit => Err(MappingFailure::Unfit {
                code: "22P02".to_owned(),
            }),
        }
    }
}

/// Services that answer with the address they were asked for.
pub(crate) enum Web {
    Echoing,
    Hanging,
    Failing(WebFailure),
}

#[async_trait]
impl WebServices for Web {
    async fn fetch(&self, request: WebRequest) -> Result<WebResponse, WebFailure> {
        match self {
            Self::Echoing => Ok(WebResponse {
                status: 200,
                fields: request.fields,
                body: request.url.into_bytes(),
            }),
            Self::Hanging => pending().await,
            Self::Failing(failure) => Err(failure.clone()),
        }
    }
}

/// Short enough to wait for.
pub(crate) fn hasty() -> Limits {
    Limits {
        host_call_timeout: Duration::from_millis(20),
        ..Limits::default()
    }
}

pub(crate) fn granted_values(values: Values, write: bool) -> (Granted, Arc<Values>) {
    let values = Arc::new(values);
    let terms = KvTerms {
        quota_bytes: 100,
        write,
    };
    let granted = Granted {
        kv: Some(GrantedValues {
            plugin: name("acme"),
            terms,
            values: values.clone(),
        }),
        ..Granted::catalog(hasty())
    };
    (granted, values)
}

/// One statement, `by_id`, with one text as its parameter.
pub(crate) fn granted_statements(mapping: Mapping, time_max: Duration) -> Granted {
    let statement = SqlStatement {
        text: StatementText::parse("select path from books where id = $1").expect("a statement"),
        parameters: vec![SqlType::Text],
        rows_max: 1,
        time_max,
    };
    Granted {
        sql: Some(GrantedStatements {
            statements: BTreeMap::from([(name("by_id"), statement)]),
            database: Arc::new(mapping),
        }),
        ..Granted::catalog(hasty())
    }
}

pub(crate) fn granted_web(web: Web) -> Granted {
    Granted {
        http: Some(Arc::new(web)),
        ..Granted::catalog(hasty())
    }
}
