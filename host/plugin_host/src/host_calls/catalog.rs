//! The catalog of the center that is served.

use std::sync::Arc;

use colophon_core::catalog::{Book, Location};
use colophon_core::ports::Unavailable;
use colophon_receipt::{BookId, BookIdType};

use super::transcript::{Tell, Told};
use crate::bindings::catalog::{FindError, Host};
use crate::bindings::common;
use crate::record::Call;
use crate::state::CallState;

type Found = Result<Option<common::Location>, FindError>;

impl Host for CallState {
    async fn find(&mut self, book: common::Book) -> wasmtime::Result<Found> {
        self.count_host_call()?;
        let asked = self.asked("catalog.find", &book, || Call::CatalogFind(book.clone()));
        let found = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.find_in_catalog(&book).await,
        };
        self.note(asked, &found, &found);
        Ok(found)
    }
}

impl CallState {
    async fn find_in_catalog(&mut self, book: &common::Book) -> Found {
        let Some(bound) = &self.bound else {
            let problem = "there is no catalog while a plug-in is loaded";
            return Err(FindError::Unavailable(problem.to_owned()));
        };
        let Some(book) = parsed(book) else {
            let problem = "id or id-type is empty, too long or has control characters";
            return Err(FindError::Invalid(problem.to_owned()));
        };
        let bound = Arc::clone(bound);
        let finding = bound.catalog.find(&bound.context.center, &book);
        let answer = self.wait(finding).await;
        match answer {
            Ok(Ok(found)) => return Ok(found.map(location)),
            Ok(Err(Unavailable { source, .. })) => self.blame_host("catalog.find", &source),
            Err(_) => self.blame_host("catalog.find", &"no answer in time"),
        }
        let problem = "the catalog did not answer";
        Err(FindError::Unavailable(problem.to_owned()))
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

impl Tell for FindError {
    fn tell(&self, told: &mut Told) {
        match self {
            Self::Unavailable(text) => (0_u8, text).tell(told),
            Self::Invalid(text) => (1_u8, text).tell(told),
            Self::Other(both) => (2_u8, both).tell(told),
        }
    }
}
