//! Entering, changing and removing titles.

use colophon_core::catalog::{Availability, Book, Forms, Money, StoredForm};
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::time::Timestamp;
use colophon_core::title_rights::TitleRights;
use colophon_receipt::CenterId;
use colophon_title::SignerRoles;
use colophon_title::license::Delegation;

use super::{CONTENT_KEY, Edit, KeptForms, NewTitle, TitleChange, TitleDetails};
use crate::database::{Write, arguments};
use crate::failure::{AddError, ChangeError, Fault};
use crate::parse::{number, rights_text};
use crate::store::Store;

/// Bytes of a title that its place in lists is decided by.
const SORT_NAME_BYTES_MAX: usize = 200;

const INSERT: &str = "INSERT INTO titles (id, center, book_id_type, book_id, root, path, title, \
    authors, publisher, language, copyright, media_type, min_level, signatures, availability, \
    price, currency, price_structure, sort_name, search, created_at, updated_at, rights, \
    delegation) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
    $20, $21, $21, $22, $23)";

const UPDATE: &str = "UPDATE titles SET root = COALESCE($4, root), path = COALESCE($5, path), \
    title = COALESCE($6, title), authors = COALESCE($7, authors), \
    publisher = CASE WHEN $6 IS NULL THEN publisher ELSE $8 END, \
    language = CASE WHEN $6 IS NULL THEN language ELSE $9 END, \
    copyright = CASE WHEN $6 IS NULL THEN copyright ELSE $10 END, \
    media_type = COALESCE($11, media_type), sort_name = COALESCE($12, sort_name), \
    search = COALESCE($13, search), min_level = COALESCE($14, min_level), \
    signatures = COALESCE($15, signatures), availability = COALESCE($16, availability), \
    price = CASE WHEN $17 = 1 THEN $18 ELSE price END, \
    currency = CASE WHEN $17 = 1 THEN $19 ELSE currency END, \
    price_structure = CASE WHEN $20 = 1 THEN $21 ELSE price_structure END, \
    rights = CASE WHEN $22 = 1 THEN $23 ELSE rights END, \
    delegation = CASE WHEN $22 = 1 THEN $24 ELSE delegation END, updated_at = $25 \
    WHERE center = $1 AND book_id_type = $2 AND book_id = $3 \
    AND row_version = COALESCE($26, row_version) RETURNING id";

const IS_THERE: &str =
    "SELECT row_version FROM titles WHERE center = $1 AND book_id_type = $2 AND book_id = $3";

const DELETE: &str = "DELETE FROM titles WHERE center = $1 AND book_id_type = $2 AND book_id = $3";

const INSERT_ATTRIBUTE: &str =
    "INSERT INTO title_attributes (title_id, name, value) VALUES ($1, $2, $3)";

const DELETE_ATTRIBUTES: &str = "DELETE FROM title_attributes WHERE title_id = $1";

const PUT_FORM: &str = "INSERT INTO title_forms (version, title_id, form, object, size, sha256, \
    created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (version) DO UPDATE \
    SET object = excluded.object, size = excluded.size, sha256 = excluded.sha256 \
    WHERE title_forms.title_id = excluded.title_id AND title_forms.form = excluded.form";

const DELETE_OTHER_FORMS: &str = "DELETE FROM title_forms \
    WHERE title_id = $1 AND version <> $2 AND version <> $3 AND version <> $4";

const PUT_KEY: &str = "INSERT INTO content_keys (version, center, key, created_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO UPDATE SET key = excluded.key \
    WHERE content_keys.center = excluded.center";

impl Store {
    /// Enters a title with its forms, keys and attributes.
    pub async fn add_title(&self, title: &NewTitle, now: Timestamp) -> Result<(), AddError> {
        let id = title.title_id.as_bytes();
        let details = DetailColumns::of(&title.details, &title.book);
        let signatures = roles(title.signatures);
        let (rights, delegation) = rights_columns(&title.rights);
        let mut write = self.fulfillment.write().await?;
        let values = arguments![
            id,
            title.center.as_str(),
            title.book.id_type.as_str(),
            title.book.id.as_str(),
            title.location.root.as_str(),
            title.location.path.as_str(),
            title.details.title.as_str(),
            details.authors.as_str(),
            title.details.publisher.as_deref(),
            title.details.language.as_deref(),
            title.details.copyright.as_deref(),
            title.details.media_type.as_str(),
            i64::from(title.min_level.as_number()),
            signatures.as_str(),
            availability(title.availability),
            title.price.as_ref().map(|price| number(price.minor)),
            title.price.as_ref().map(|price| price.currency.as_str()),
            title.price_structure.as_deref(),
            details.sort_name.as_str(),
            details.search.as_str(),
            now.unix_ms(),
            rights.as_deref(),
            delegation,
        ];
        write.execute(INSERT, values).await?;
        insert_attributes(&mut write, id, &title.attributes).await?;
        self.put_forms(&mut write, &title.center, id, &title.kept, now)
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Changes a title. All of the change takes effect, or nothing.
    pub async fn update_title(
        &self,
        center: &CenterId,
        book: &Book,
        change: &TitleChange,
        now: Timestamp,
    ) -> Result<TitleId, ChangeError> {
        let mut write = self.fulfillment.write().await?;
        let id = update_row(&mut write, center, book, change, now).await?;
        let Some(id) = id else {
            let book = arguments![center.as_str(), book.id_type.as_str(), book.id.as_str()];
            let row: Option<(i64,)> = write.optional(IS_THERE, book).await?;
            return Err(match row {
                Some(_) => ChangeError::ChangedMeanwhile,
                None => ChangeError::NotFound,
            });
        };
        if let Some(attributes) = &change.attributes {
            write.execute(DELETE_ATTRIBUTES, arguments![&id]).await?;
            insert_attributes(&mut write, &id, attributes).await?;
        }
        if let Some(kept) = &change.kept {
            let [clear, sealed, licensed] = versions(&kept.forms);
            let others = arguments![&id, clear, sealed, licensed];
            write.execute(DELETE_OTHER_FORMS, others).await?;
            self.put_forms(&mut write, center, &id, kept, now).await?;
        }
        write.commit().await?;
        Ok(TitleId::from_bytes(id))
    }

    /// Takes a title out of the catalog with its forms and keys. Its objects in the content store
    /// are left where they are.
    pub async fn remove_title(&self, center: &CenterId, book: &Book) -> Result<(), ChangeError> {
        let values = arguments![center.as_str(), book.id_type.as_str(), book.id.as_str()];
        match self.fulfillment.execute(DELETE, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    async fn put_forms(
        &self,
        write: &mut Write,
        center: &CenterId,
        title_id: &[u8; 16],
        kept: &KeptForms,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Forms {
            clear,
            sealed,
            licensed,
        } = &kept.forms;
        for (name, form) in [("clear", clear), ("sealed", sealed), ("licensed", licensed)] {
            let Some(StoredForm {
                version,
                object,
                size,
                sha256,
            }) = form
            else {
                continue;
            };
            let values = arguments![
                version.as_bytes(),
                title_id,
                name,
                object.as_str(),
                number(*size),
                sha256,
                now.unix_ms(),
            ];
            // A title version names one file of one title for good.
            if write.execute(PUT_FORM, values).await? == 0 {
                return Err(Fault::Taken);
            }
        }
        for (version, key) in &kept.keys {
            let place = [center.as_str().as_bytes(), version.as_bytes().as_slice()];
            let sealed = self.secrets.seal(CONTENT_KEY, &place, key.key().expose());
            let values = arguments![version.as_bytes(), center.as_str(), &sealed, now.unix_ms()];
            if write.execute(PUT_KEY, values).await? == 0 {
                return Err(Fault::Taken);
            }
        }
        Ok(())
    }
}

async fn update_row(
    write: &mut Write,
    center: &CenterId,
    book: &Book,
    change: &TitleChange,
    now: Timestamp,
) -> Result<Option<[u8; 16]>, Fault> {
    let details = change.details.as_ref();
    let columns = details.map(|details| DetailColumns::of(details, book));
    let signatures = change.signatures.map(roles);
    let (price_set, price) = edited(&change.price);
    let (structure_set, structure) = edited(&change.price_structure);
    let rights_set = i64::from(change.rights.is_some());
    let (rights, delegation) = match &change.rights {
        Some(rights) => rights_columns(rights),
        None => (None, None),
    };
    let price: Option<&Money> = price;
    let values = arguments![
        center.as_str(),
        book.id_type.as_str(),
        book.id.as_str(),
        change
            .location
            .as_ref()
            .map(|location| location.root.as_str()),
        change
            .location
            .as_ref()
            .map(|location| location.path.as_str()),
        details.map(|details| details.title.as_str()),
        columns.as_ref().map(|columns| columns.authors.as_str()),
        details.and_then(|details| details.publisher.as_deref()),
        details.and_then(|details| details.language.as_deref()),
        details.and_then(|details| details.copyright.as_deref()),
        details.map(|details| details.media_type.as_str()),
        columns.as_ref().map(|columns| columns.sort_name.as_str()),
        columns.as_ref().map(|columns| columns.search.as_str()),
        change.min_level.map(|level| i64::from(level.as_number())),
        signatures.as_deref(),
        change.availability.map(availability),
        price_set,
        price.map(|price| number(price.minor)),
        price.map(|price| price.currency.as_str()),
        structure_set,
        structure.map(String::as_str),
        rights_set,
        rights.as_deref(),
        delegation,
        now.unix_ms(),
        change.seen.map(|RowVersion(seen)| seen),
    ];
    let row: Option<(Vec<u8>,)> = write.optional(UPDATE, values).await?;
    row.map(|(id,)| crate::parse::sized("titles", "id", &id))
        .transpose()
        .map_err(Fault::from)
}

async fn insert_attributes(
    write: &mut Write,
    title_id: &[u8; 16],
    attributes: &[(String, String)],
) -> Result<(), Fault> {
    for (name, value) in attributes {
        let values = arguments![title_id, name.as_str(), value.as_str()];
        write.execute(INSERT_ATTRIBUTE, values).await?;
    }
    Ok(())
}

/// Columns made of a title's details.
struct DetailColumns {
    authors: String,
    sort_name: String,
    search: String,
}

impl DetailColumns {
    fn of(details: &TitleDetails, book: &Book) -> Self {
        let name = details.title.to_lowercase();
        let mut search = vec![name.clone(), book.id.as_str().to_lowercase()];
        search.extend(details.authors.iter().map(|author| author.to_lowercase()));
        Self {
            authors: serde_json::Value::from(details.authors.clone()).to_string(),
            sort_name: name[..name.floor_char_boundary(SORT_NAME_BYTES_MAX)].to_owned(),
            search: search.join("\n"),
        }
    }
}

fn roles(signatures: SignerRoles) -> String {
    let words: Vec<&str> = signatures.iter().map(|role| role.as_str()).collect();
    words.join(" ")
}

pub(super) fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::Ready => "ready",
        Availability::Withdrawn => "withdrawn",
    }
}

/// What stands in the columns `rights` and `delegation`: no delegation without rights.
fn rights_columns(rights: &TitleRights) -> (Option<String>, Option<&[u8]>) {
    let own = rights.own().map(|own| rights_text(own));
    (own, rights.delegation().map(Delegation::document))
}

/// Whether a value is written, and which.
fn edited<T>(edit: &Edit<T>) -> (i64, Option<&T>) {
    match edit {
        Edit::Keep => (0, None),
        Edit::Remove => (1, None),
        Edit::Set(value) => (1, Some(value)),
    }
}

/// The version of each form; of one that is not there, the bytes that no version has.
fn versions(forms: &Forms) -> [&[u8]; 3] {
    let Forms {
        clear,
        sealed,
        licensed,
    } = forms;
    [clear, sealed, licensed].map(|form| match form {
        Some(form) => form.version.as_bytes().as_slice(),
        None => &[],
    })
}
