//! Finding titles.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::catalog::{
    Availability, Book, Forms, Location, Money, ObjectPath, StoreRoot, StoredForm, TitleFacts,
};
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::ports::{Catalog, Service, Unavailable};
use colophon_core::title_rights::TitleRights;
use colophon_receipt::CenterId;
use colophon_title::license::{Delegation, RightsTemplate};
use colophon_title::{ContentKey, Level, SignerRole, SignerRoles, VersionId};
use sqlx::FromRow;

use super::write::availability;
use super::{
    CONTENT_KEY, DelegatedTitle, KeptRights, TitleCursor, TitleFilter, TitlePage, TitleRecord,
};
use crate::database::arguments;
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, rights, sized};
use crate::store::Store;

/// Titles with everything that is cached together with them, in one statement, so that no title is
/// seen with another moment's forms: one row for each attribute, or one without.
macro_rules! select_titles {
    ($titles:literal) => {
        concat!(
            "SELECT t.id, t.center, t.book_id_type, t.book_id, t.root, t.path, t.title, t.authors, \
             t.publisher, t.language, t.copyright, t.media_type, t.min_level, t.signatures, \
             t.availability, t.price, t.currency, t.price_structure, t.rights, t.delegation, t.sort_name, t.created_at, \
             t.updated_at, t.row_version, c.version AS clear_version, c.object AS clear_object, \
             c.size AS clear_size, c.sha256 AS clear_sha256, s.version AS sealed_version, \
             s.object AS sealed_object, s.size AS sealed_size, s.sha256 AS sealed_sha256, \
             l.version AS licensed_version, l.object AS licensed_object, l.size AS licensed_size, \
             l.sha256 AS licensed_sha256, a.name AS attribute_name, a.value AS attribute_value \
             FROM (SELECT * FROM titles WHERE ",
            $titles,
            ") t LEFT JOIN title_forms c ON c.title_id = t.id AND c.form = 'clear' \
             LEFT JOIN title_forms s ON s.title_id = t.id AND s.form = 'sealed' \
             LEFT JOIN title_forms l ON l.title_id = t.id AND l.form = 'licensed' \
             LEFT JOIN title_attributes a ON a.title_id = t.id \
             ORDER BY t.sort_name, t.id, a.name"
        )
    };
}

const SELECT_AT: &str = select_titles!("center = $1 AND root = $2 AND path = $3");

const SELECT_BOOK: &str = select_titles!("center = $1 AND book_id_type = $2 AND book_id = $3");

const SELECT_PAGE: &str = select_titles!(
    "center = $1 AND ($2 IS NULL OR search LIKE $2 ESCAPE '!') AND min_level >= $3 \
     AND ($4 IS NULL OR availability = $4) AND (sort_name > $5 OR (sort_name = $5 AND id > $6)) \
     ORDER BY sort_name, id LIMIT $7"
);

const SELECT_LOCATION: &str =
    "SELECT root, path FROM titles WHERE center = $1 AND book_id_type = $2 AND book_id = $3";

const SELECT_RIGHTS: &str = "SELECT rights, delegation, row_version FROM titles \
    WHERE center = $1 AND book_id_type = $2 AND book_id = $3";

const SELECT_DELEGATED: &str = "SELECT book_id_type, book_id, rights, delegation FROM titles \
    WHERE center = $1 AND delegation IS NOT NULL ORDER BY sort_name, id";

const SELECT_KEY: &str = "SELECT key FROM content_keys WHERE version = $1 AND center = $2";

#[derive(FromRow)]
struct TitleRow {
    id: Vec<u8>,
    center: String,
    book_id_type: String,
    book_id: String,
    root: String,
    path: String,
    title: String,
    authors: String,
    publisher: Option<String>,
    language: Option<String>,
    copyright: Option<String>,
    media_type: String,
    min_level: i64,
    signatures: String,
    availability: String,
    price: Option<i64>,
    currency: Option<String>,
    price_structure: Option<String>,
    rights: Option<String>,
    delegation: Option<Vec<u8>>,
    sort_name: String,
    created_at: i64,
    updated_at: i64,
    row_version: i64,
    clear_version: Option<Vec<u8>>,
    clear_object: Option<String>,
    clear_size: Option<i64>,
    clear_sha256: Option<Vec<u8>>,
    sealed_version: Option<Vec<u8>>,
    sealed_object: Option<String>,
    sealed_size: Option<i64>,
    sealed_sha256: Option<Vec<u8>>,
    licensed_version: Option<Vec<u8>>,
    licensed_object: Option<String>,
    licensed_size: Option<i64>,
    licensed_sha256: Option<Vec<u8>>,
    attribute_name: Option<String>,
    attribute_value: Option<String>,
}

impl Store {
    /// One title by its Book ID.
    pub async fn show_title(
        &self,
        center: &CenterId,
        book: &Book,
    ) -> Result<Option<TitleRecord>, ReadError> {
        let values = arguments![center.as_str(), book.id_type.as_str(), book.id.as_str()];
        let rows: Vec<TitleRow> = self.fulfillment.all(SELECT_BOOK, values).await?;
        Ok(gathered(rows).map_err(Fault::from)?.pop())
    }

    /// At most `limit` titles of a center, in the order of their names.
    pub async fn list_titles(
        &self,
        center: &CenterId,
        filter: &TitleFilter,
        after: Option<&TitleCursor>,
        limit: u32,
    ) -> Result<TitlePage, ReadError> {
        let pattern = filter.text.as_deref().map(pattern);
        let after_id = after.map_or([].as_slice(), |cursor| &cursor.title_id);
        let values = arguments![
            center.as_str(),
            pattern.as_deref(),
            i64::from(filter.min_level.map_or(0, Level::as_number)),
            filter.availability.map(availability),
            after.map_or("", |cursor| &cursor.sort_name),
            after_id,
            i64::from(limit),
        ];
        let rows: Vec<TitleRow> = self.fulfillment.all(SELECT_PAGE, values).await?;
        let last = rows
            .last()
            .map(|row| (row.sort_name.clone(), row.id.clone()));
        let titles = gathered(rows).map_err(Fault::from)?;
        let next = match last.filter(|_| titles.len() == limit as usize) {
            Some((sort_name, id)) => {
                let title_id = sized("titles", "id", &id).map_err(Fault::from)?;
                Some(TitleCursor {
                    sort_name,
                    title_id,
                })
            }
            None => None,
        };
        Ok(TitlePage { titles, next })
    }

    async fn location_of(&self, center: &CenterId, book: &Book) -> Result<Option<Location>, Fault> {
        let values = arguments![center.as_str(), book.id_type.as_str(), book.id.as_str()];
        let row: Option<(String, String)> =
            self.fulfillment.optional(SELECT_LOCATION, values).await?;
        Ok(row.map(|(root, path)| location(&root, &path)).transpose()?)
    }

    async fn facts_at(
        &self,
        center: &CenterId,
        location: &Location,
    ) -> Result<Option<TitleFacts>, Fault> {
        let values = arguments![
            center.as_str(),
            location.root.as_str(),
            location.path.as_str()
        ];
        let rows: Vec<TitleRow> = self.fulfillment.all(SELECT_AT, values).await?;
        Ok(gathered(rows)?.pop().map(|record| record.facts))
    }

    /// The rights of one title, for whoever changes them: damage in them is no failure here.
    pub async fn kept_rights(
        &self,
        center: &CenterId,
        book: &Book,
    ) -> Result<Option<KeptRights>, ReadError> {
        let values = arguments![center.as_str(), book.id_type.as_str(), book.id.as_str()];
        let row: Option<(Option<String>, Option<Vec<u8>>, i64)> =
            self.fulfillment.optional(SELECT_RIGHTS, values).await?;
        Ok(row.map(|(own, document, version)| KeptRights {
            own: rights("titles", own.as_deref()),
            delegation: delegation(document.as_deref()),
            seen: RowVersion(version),
        }))
    }

    /// The titles whose rights the center's licensor holds by a delegation, with it. It names the
    /// licensor's key, so another key needs other delegations.
    pub async fn delegated_titles(
        &self,
        center: &CenterId,
    ) -> Result<Vec<DelegatedTitle>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<(String, String, Option<String>, Vec<u8>)> =
            self.fulfillment.all(SELECT_DELEGATED, values).await?;
        let title = |(id_type, id, own, document): (String, String, Option<String>, Vec<u8>)| {
            let book = Book {
                id_type: parsed("titles", "book_id_type", &id_type)?,
                id: parsed("titles", "book_id", &id)?,
            };
            let kept = delegated(own.as_deref(), &document);
            let delegation = kept.map(|(_, delegation)| delegation);
            Ok(DelegatedTitle { book, delegation })
        };
        let titles: Result<Vec<_>, Damaged> = rows.into_iter().map(title).collect();
        Ok(titles.map_err(Fault::from)?)
    }

    async fn key_of(
        &self,
        center: &CenterId,
        version: &VersionId,
    ) -> Result<Option<ContentKey>, Fault> {
        let values = arguments![version.as_bytes(), center.as_str()];
        let row: Option<(Vec<u8>,)> = self.fulfillment.optional(SELECT_KEY, values).await?;
        let Some((sealed,)) = row else {
            return Ok(None);
        };
        let place = [center.as_str().as_bytes(), version.as_bytes().as_slice()];
        let key = self.secrets.open_key(CONTENT_KEY, &place, &sealed)?;
        Ok(Some(ContentKey::new(key)))
    }
}

#[async_trait]
impl Catalog for Store {
    async fn find(&self, center: &CenterId, book: &Book) -> Result<Option<Location>, Unavailable> {
        let location = self.location_of(center, book).await;
        location.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))
    }

    async fn facts(
        &self,
        center: &CenterId,
        location: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        let facts = self.facts_at(center, location).await;
        let facts = facts.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))?;
        Ok(facts.map(Arc::new))
    }

    async fn content_key(
        &self,
        center: &CenterId,
        version: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        let key = self.key_of(center, version).await;
        let key = key.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))?;
        Ok(key.map(Arc::new))
    }
}

/// A pattern that finds the text anywhere, whatever characters are in it.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Folds the rows of each title into one record.
fn gathered(rows: Vec<TitleRow>) -> Result<Vec<TitleRecord>, Damaged> {
    let mut records: Vec<TitleRecord> = Vec::new();
    for mut row in rows {
        let attribute = row.attribute_name.take().zip(row.attribute_value.take());
        let last = records
            .last_mut()
            .filter(|last| last.facts.title_id.as_bytes()[..] == row.id);
        match last {
            Some(same) => same.facts.attributes.extend(attribute),
            None => records.push(record(row, attribute)?),
        }
    }
    Ok(records)
}

fn record(row: TitleRow, attribute: Option<(String, String)>) -> Result<TitleRecord, Damaged> {
    let location = location(&row.root, &row.path)?;
    let forms = Forms {
        clear: form(
            row.clear_version,
            row.clear_object,
            row.clear_size,
            row.clear_sha256,
        )?,
        sealed: form(
            row.sealed_version,
            row.sealed_object,
            row.sealed_size,
            row.sealed_sha256,
        )?,
        licensed: form(
            row.licensed_version,
            row.licensed_object,
            row.licensed_size,
            row.licensed_sha256,
        )?,
    };
    let level = u8::try_from(row.min_level)
        .ok()
        .and_then(Level::from_number);
    let authors = serde_json::from_str(&row.authors);
    let facts = TitleFacts {
        center: parsed("titles", "center", &row.center)?,
        title_id: TitleId::from_bytes(sized("titles", "id", &row.id)?),
        book: Book {
            id_type: parsed("titles", "book_id_type", &row.book_id_type)?,
            id: parsed("titles", "book_id", &row.book_id)?,
        },
        location,
        row_version: RowVersion(row.row_version),
        title: row.title,
        authors: authors.map_err(|error| Damaged::new("titles", "authors", error))?,
        language: row.language,
        media_type: parsed("titles", "media_type", &row.media_type)?,
        min_level: level.ok_or_else(|| Damaged::new("titles", "min_level", "not a level"))?,
        signatures: roles(&row.signatures)?,
        forms,
        availability: match row.availability.as_str() {
            "ready" => Availability::Ready,
            "withdrawn" => Availability::Withdrawn,
            _ => {
                return Err(Damaged::new(
                    "titles",
                    "availability",
                    "not an availability",
                ));
            }
        },
        price: price(row.price, row.currency.as_deref())?,
        attributes: attribute.into_iter().collect(),
        rights: title_rights(row.rights.as_deref(), row.delegation.as_deref())?,
    };
    Ok(TitleRecord {
        facts,
        publisher: row.publisher,
        copyright: row.copyright,
        price_structure: row.price_structure,
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
    })
}

/// What the columns `rights` and `delegation` say together.
fn title_rights(own: Option<&str>, document: Option<&[u8]>) -> Result<TitleRights, Damaged> {
    let Some(document) = document else {
        let own = rights("titles", own)?;
        return Ok(own.map_or(TitleRights::Center, |own| TitleRights::Own(Arc::new(own))));
    };
    let (rights, delegation) = delegated(own, document)?;
    Ok(TitleRights::Delegated {
        rights: Arc::new(rights),
        delegation: Arc::new(delegation),
    })
}

/// The same of a title under a delegation, which has rights of its own.
fn delegated(own: Option<&str>, document: &[u8]) -> Result<(RightsTemplate, Delegation), Damaged> {
    let alone = || Damaged::new("titles", "rights", "there are none, but a delegation");
    let rights = rights("titles", own)?.ok_or_else(alone)?;
    Ok((rights, read_delegation(document)?))
}

fn delegation(document: Option<&[u8]>) -> Result<Option<Delegation>, Damaged> {
    document.map(read_delegation).transpose()
}

fn read_delegation(document: &[u8]) -> Result<Delegation, Damaged> {
    let read = Delegation::read(document);
    read.map_err(|error| Damaged::new("titles", "delegation", error))
}

fn location(root: &str, path: &str) -> Result<Location, Damaged> {
    let root = StoreRoot::parse(root);
    let path = ObjectPath::parse(path);
    Ok(Location {
        root: root.ok_or_else(|| Damaged::new("titles", "root", "not the name of a root"))?,
        path: path.map_err(|error| Damaged::new("titles", "path", error))?,
    })
}

fn form(
    version: Option<Vec<u8>>,
    object: Option<String>,
    size: Option<i64>,
    sha256: Option<Vec<u8>>,
) -> Result<Option<StoredForm>, Damaged> {
    let (Some(version), Some(object), Some(size), Some(sha256)) = (version, object, size, sha256)
    else {
        return Ok(None);
    };
    let object = ObjectPath::parse(&object);
    Ok(Some(StoredForm {
        version: VersionId::from_bytes(sized("title_forms", "version", &version)?),
        object: object.map_err(|error| Damaged::new("title_forms", "object", error))?,
        size: counted("title_forms", "size", size)?,
        sha256: sized("title_forms", "sha256", &sha256)?,
    }))
}

fn roles(words: &str) -> Result<SignerRoles, Damaged> {
    let role = |word| {
        let role = SignerRole::from_word(word);
        role.ok_or_else(|| Damaged::new("titles", "signatures", "not a role"))
    };
    words.split_whitespace().map(role).collect()
}

fn price(minor: Option<i64>, currency: Option<&str>) -> Result<Option<Money>, Damaged> {
    let (Some(minor), Some(currency)) = (minor, currency) else {
        return Ok(None);
    };
    Ok(Some(Money {
        minor: counted("titles", "price", minor)?,
        currency: parsed("titles", "currency", currency)?,
    }))
}
