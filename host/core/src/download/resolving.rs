//! Stages two and three: where the title is, and what the catalog knows of it.

use std::sync::Arc;

use colophon_receipt::Receipt;

use super::Downloads;
use super::opening::Opened;
use crate::catalog::{Book, Location, ObjectPath, StoreRoot, TitleFacts};
use crate::plugin::{FoundLocation, PluginCalls, ResolverAnswer};
use crate::refusal::Refusal;

/// A title's place, parsed out of a resolver's answer.
pub(super) struct Resolved {
    pub(super) book: Book,
    pub(super) location: Location,
    pub(super) sha256: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Downloads {
    /// Looks up what the catalog knows of the title at the resolved place. Where there is none, that is
    /// the doing of the plug-in that named it, and nothing that the retailer could mend.
    pub(super) async fn look(
        &self,
        opened: &Opened,
        resolved: &Resolved,
        calls: &mut dyn PluginCalls,
    ) -> Result<Arc<TitleFacts>, Refusal> {
        let facts = self
            .catalog
            .facts(&opened.center.id, &resolved.location)
            .await?;
        facts.ok_or_else(|| match calls.located_by() {
            Some(plugin) => Refusal::NoTitleThere {
                plugin,
                place: format!(
                    "{}/{}",
                    resolved.location.root.as_str(),
                    resolved.location.path.as_str()
                ),
            },
            None => Refusal::UnknownTitle,
        })
    }
}

pub(super) fn book(receipt: &Receipt) -> Book {
    Book {
        id_type: receipt.claims.book_id_type.clone(),
        id: receipt.claims.book_id.clone(),
    }
}

/// Asks the resolver, and takes nothing from its answer that could leave the store's root.
pub(super) async fn resolve(calls: &mut dyn PluginCalls, book: Book) -> Result<Resolved, Refusal> {
    let FoundLocation {
        root,
        path,
        sha256,
        size,
    } = match calls.resolve(&book).await.map_err(Refusal::Plugin)? {
        ResolverAnswer::Found(location) => location,
        ResolverAnswer::NotMine => return Err(Refusal::UnknownTitle),
    };
    let root = StoreRoot::parse(&root).ok_or(Refusal::PluginAnswer {
        problem: "root is not the name of a content-store root",
    })?;
    let path = ObjectPath::parse(&path).map_err(|_| Refusal::PluginAnswer {
        problem: "path leaves the content-store root",
    })?;
    Ok(Resolved {
        book,
        location: Location { root, path },
        sha256,
        size,
    })
}
