//! The worked examples in JavaScript and Python, fresh and used again, against the same rules in Rust.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, SqlRows, SqlStatement, SqlType, SqlValue, StatementText,
};
use colophon_core::plugin::{Offer, PluginFailure, Plugins, PolicyTerms, Verdict};
use colophon_plugin_host::{
    Granted, GrantedStatements, Limits, LineQueue, Lines, Registry, Sandbox,
};

use crate::Rows;
use crate::measured::measure;
use crate::sale::{OnePlace, Sale, sale, sandbox, warm};

/// A fresh interpreter takes its time.
const FRESH: usize = 200;
const WARM: usize = 5_000;

const PRICES: &str = "EUR 499";
const LEVEL: &str = "3";
const NAMED: &str = "Moby Dick; or, The Whale (German, 2nd edition) - Herman Melville";

/// A plug-in with a fresh instance for each request, and the same with instances that are used again.
struct Both {
    fresh: Registry,
    warm: Registry,
}

impl Both {
    async fn load(
        sandbox: &Arc<Sandbox>,
        component: &Path,
        granted: Granted,
    ) -> Result<Self, Box<dyn Error>> {
        let wasm = fs::read(component)?;
        let catalog = OnePlace::new()?;
        let again = Granted {
            warm: Some(warm()),
            ..granted.clone()
        };
        let fresh = sandbox.load(&wasm, granted).await?;
        let again = sandbox.load(&wasm, again).await?;
        Ok(Self {
            fresh: Registry::new(Arc::clone(sandbox), catalog.clone(), [fresh]),
            warm: Registry::new(Arc::clone(sandbox), catalog, [again]),
        })
    }
}

/// `plugins/terms`, in JavaScript: its policy reads two settings.
pub(crate) async fn terms(component: &Path) -> Result<Rows, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let config = BTreeMap::from([
        (Name::parse("prices")?, PRICES.to_owned()),
        (Name::parse("level")?, LEVEL.to_owned()),
    ]);
    let granted = Granted {
        config: Some(config),
        log: Some(lines("terms")?),
        ..Granted::default()
    };
    let both = Both::load(&sandbox, component, granted).await?;
    let sale = sale()?;
    let fresh = measure(FRESH, async || judged(&both.fresh, &sale).await).await?;
    let warm = measure(WARM, async || judged(&both.warm, &sale).await).await?;
    let native = measure(WARM, async || {
        allowed(&native_terms(PRICES, LEVEL, &sale.offer))
    });
    let native = native.await?;
    Ok(vec![
        ("javascript_fresh_p50_us", fresh.p50_us()),
        ("javascript_fresh_p99_us", fresh.p99_us()),
        ("javascript_warm_p50_us", warm.p50_us()),
        ("javascript_warm_p99_us", warm.p99_us()),
        ("native_terms_p50_us", native.p50_us()),
    ])
}

async fn judged(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    allowed(&calls.evaluate(sale.offer.clone()).await?)
}

fn allowed(verdict: &Verdict) -> Result<(), PluginFailure> {
    match black_box(verdict) {
        Verdict::Allow(terms) if terms.min_protection == LEVEL => Ok(()),
        Verdict::Allow(_) | Verdict::Deny { .. } => Err(another_answer()),
    }
}

fn another_answer() -> PluginFailure {
    PluginFailure::Unusable {
        problem: "another answer than expected",
    }
}

/// The same rule: the least prices are read from the setting each time.
fn native_terms(prices: &str, level: &str, offer: &Offer) -> Verdict {
    let mut words = prices.split_whitespace();
    let mut least: HashMap<&str, u64> = HashMap::new();
    while let (Some(currency), Some(minor)) = (words.next(), words.next()) {
        least.insert(currency, minor.parse().unwrap_or(u64::MAX));
    }
    let enough = offer.price.as_ref().is_some_and(|price| {
        let least = least.get(price.currency.as_ref());
        least.is_some_and(|least| price.minor >= *least)
    });
    if !enough {
        let reason = "price".to_owned();
        return Verdict::Deny { reason };
    }
    Verdict::Allow(PolicyTerms {
        min_protection: level.to_owned(),
        ..PolicyTerms::default()
    })
}

/// `plugins/edition_names`, in Python: its naming runs one statement.
pub(crate) async fn edition_names(component: &Path) -> Result<Rows, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let statement = SqlStatement {
        text: StatementText::parse("select edition from editions where id_type = $1 and id = $2")?,
        parameters: vec![SqlType::Text, SqlType::Text],
        rows_max: 1,
        time_max: Duration::from_millis(50),
    };
    let granted = Granted {
        limits: Limits {
            deadline: Duration::from_secs(1),
            ..Limits::default()
        },
        log: Some(lines("edition-names")?),
        sql: Some(GrantedStatements {
            statements: BTreeMap::from([(Name::parse("edition")?, statement)]),
            database: Arc::new(SecondEditions),
        }),
        ..Granted::default()
    };
    let both = Both::load(&sandbox, component, granted).await?;
    let sale = sale()?;
    let fresh = measure(FRESH, async || named(&both.fresh, &sale).await).await?;
    let warm = measure(WARM, async || named(&both.warm, &sale).await).await?;
    let native = measure(WARM, async || {
        is_expected(&native_name(&sale.facts, &SecondEditions).await?)
    });
    let native = native.await?;
    Ok(vec![
        ("python_fresh_p50_us", fresh.p50_us()),
        ("python_fresh_p99_us", fresh.p99_us()),
        ("python_warm_p50_us", warm.p50_us()),
        ("python_warm_p99_us", warm.p99_us()),
        ("native_name_p50_us", native.p50_us()),
    ])
}

async fn named(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    is_expected(&calls.file_name(sale.facts.clone()).await?)
}

fn is_expected(name: &str) -> Result<(), PluginFailure> {
    if black_box(name) == NAMED {
        return Ok(());
    }
    Err(another_answer())
}

/// The same rule, as far as it is needed for this title.
async fn native_name(
    facts: &[(String, String)],
    editions: &dyn MappingDatabase,
) -> Result<String, PluginFailure> {
    let known: HashMap<&str, &str> = facts
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let fact = |name: &str| known.get(name).copied().unwrap_or_default();
    let book = ["book-id-type", "book-id"].map(|name| SqlValue::Text(fact(name).to_owned()));
    let found = editions.run("edition", &book, 1 << 18).await;
    let rows = found.map_err(|_| PluginFailure::HostUnavailable)?.rows;
    let language = match fact("language") {
        "de" => "German",
        other => other,
    };
    let mut remarks = language.to_owned();
    if let Some(SqlValue::Integer(edition)) = rows.first().and_then(|row| row.first()) {
        let ending = match edition {
            2 => "nd",
            _ => "th",
        };
        remarks.push_str(&format!(", {edition}{ending} edition"));
    }
    let (title, authors) = (fact("title"), fact("authors"));
    Ok(format!("{title} ({remarks}) - {authors}"))
}

/// Every book is a second edition.
struct SecondEditions;

#[async_trait]
impl MappingDatabase for SecondEditions {
    async fn run(&self, _: &str, _: &[SqlValue], _: usize) -> Result<SqlRows, MappingFailure> {
        Ok(SqlRows {
            columns: vec!["edition".to_owned()],
            rows: vec![vec![SqlValue::Integer(2)]],
            truncated: false,
        })
    }
}

/// Lines that nobody reads.
fn lines(plugin: &str) -> Result<Arc<Lines>, Box<dyn Error>> {
    let (queue, _) = LineQueue::to_reader();
    Ok(Arc::new(Lines::of(Name::parse(plugin)?, queue)))
}
