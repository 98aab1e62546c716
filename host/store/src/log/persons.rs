//! Persons' own keys, and what is encrypted under them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use colophon_core::id::EventId;
use colophon_core::log::DownloadRecord;
use colophon_crypto::Key32;
use colophon_receipt::{CenterId, RetailerId, TransactionId};
use zeroize::Zeroizing;

use super::{Erased, PersonName, Personal};
use crate::database::{Argument, Batch, Write, arguments};
use crate::decisions::{Concerned, KnownBy, Mentions, Named};
use crate::failure::{ChangeError, Damaged, Fault};
use crate::parse::{counted, sized};
use crate::secrets::{Column, Secrets};
use crate::store::Store;

pub(crate) const DATA_KEY: Column = Column {
    table: "persons",
    name: "data_key",
};

/// Requests without an opened receipt share a key for this long, in milliseconds (30 days).
const STRANGERS_PERIOD_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// These bind the personal parts of a row to their purpose; the row's own event is the salt.
const PERSONAL: &[u8] = b"colophon/log/personal/1";

const LICENSE: &[u8] = b"colophon/log/license/1";

const TAG_BYTES: usize = 16;

static SELECT: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "SELECT pseudonym, id, data_key FROM persons WHERE pseudonym IN (",
        1,
        ")",
    )
});

static INSERT: LazyLock<Batch> = LazyLock::new(|| {
    let head = "INSERT INTO persons (pseudonym, id, data_key, created_at) VALUES";
    Batch::new(head, 4, "ON CONFLICT (pseudonym) DO NOTHING")
});

const DELETE: &str = "DELETE FROM persons WHERE pseudonym = $1 RETURNING id";

const COUNT_ROWS: &str = "SELECT COUNT(*) FROM downloads WHERE person = $1";

/// A person's id in the rows, and the key that opens them.
pub(super) struct Person {
    pub(super) id: [u8; 16],
    pub(super) key: Key32,
}

/// Persons by pseudonym.
pub(super) type People = BTreeMap<[u8; 32], Person>;

type PersonRow = (Vec<u8>, Vec<u8>, Vec<u8>);

impl Store {
    /// Makes everything personal in a person's rows unreadable for good. Billing and counts stay as they
    /// are. Decisions of plug-ins go that were made for the person's requests; those that cannot be read
    /// stay.
    pub async fn erase_person(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        person: &PersonName,
        mentions: Mentions,
    ) -> Result<Erased, ChangeError> {
        // First, since the log tells which they are only as long as it knows the person.
        let (pseudonym, concerned) = self.about(center, retailer, person).await?;
        let decisions = self.forget_decisions(center, &concerned, mentions).await?;
        let rows = self.forget_person(&pseudonym).await?;
        if rows.is_some() {
            // The key is encrypted under the master key; still, it is not left lying about.
            self.logging.overwrite_deleted(&["persons"]).await;
        }
        Ok(Erased {
            logged: rows.is_some(),
            rows: rows.unwrap_or_default(),
            decisions,
            unreadable: concerned.unreadable,
        })
    }

    /// Deletes a person's key, and says how many rows nobody can read any more for it; none where
    /// there is no such person.
    async fn forget_person(&self, pseudonym: &[u8; 32]) -> Result<Option<u64>, Fault> {
        let gone: Option<(Vec<u8>,)> = self.logging.changed(DELETE, arguments![pseudonym]).await?;
        let Some((id,)) = gone else { return Ok(None) };
        let (rows,): (i64,) = self.logging.one(COUNT_ROWS, arguments![&id]).await?;
        Ok(Some(counted("downloads", "person", rows)?))
    }

    /// Under which pseudonym the log keeps a person, and which decisions of plug-ins are about them.
    pub(super) async fn about(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        person: &PersonName,
    ) -> Result<([u8; 32], Concerned), Fault> {
        let (pseudonym, known_by, text) = match person {
            PersonName::Customer(id) => {
                let id = id.as_str();
                let pseudonym = customer(&self.secrets, center, retailer, id);
                (pseudonym, KnownBy::Customer, id)
            }
            PersonName::UserName(name) => {
                let name = name.as_str();
                let pseudonym = user_name(&self.secrets, center, retailer, name);
                (pseudonym, KnownBy::UserName, name)
            }
            PersonName::Sale(sale) => {
                let pseudonym = sale_only(&self.secrets, center, retailer, sale);
                (pseudonym, KnownBy::Sale, sale.as_str())
            }
        };
        let named = Named { known_by, text };
        let concerned = self.decisions_about(center, retailer, &pseudonym, named);
        Ok((pseudonym, concerned.await?))
    }

    /// Finds the persons of these pseudonyms, and makes those there are none of yet.
    pub(super) async fn people(
        &self,
        write: &mut Write,
        wanted: &BTreeMap<[u8; 32], i64>,
    ) -> Result<People, Fault> {
        let mut people = People::new();
        self.find(write, wanted.keys(), &mut people).await?;
        let missing = |people: &People| -> Vec<[u8; 32]> {
            wanted
                .keys()
                .filter(|name| !people.contains_key(*name))
                .copied()
                .collect()
        };
        let absent = missing(&people);
        if absent.is_empty() {
            return Ok(people);
        }
        let fresh: Vec<([u8; 32], [u8; 16], Vec<u8>)> =
            absent.iter().map(|name| self.fresh(name)).collect();
        // In the order of pseudonyms, so that two writers cannot wait for each other.
        let arguments: Vec<Argument<'_>> = fresh
            .iter()
            .flat_map(|(pseudonym, id, sealed)| {
                let created_at = wanted.get(pseudonym).copied().unwrap_or(0);
                [
                    pseudonym.into(),
                    id.into(),
                    sealed.into(),
                    created_at.into(),
                ]
            })
            .collect();
        for (sql, piece) in INSERT.pieces(write.placeholders(), &arguments) {
            write.execute(sql, piece).await?;
        }
        // Another writer may have been first; then its key is the person's.
        self.find(write, absent.iter(), &mut people).await?;
        Ok(people)
    }

    async fn find(
        &self,
        write: &mut Write,
        pseudonyms: impl Iterator<Item = &[u8; 32]>,
        people: &mut People,
    ) -> Result<(), Fault> {
        let arguments: Vec<Argument<'_>> = pseudonyms.map(Argument::from).collect();
        for (sql, piece) in SELECT.pieces(write.placeholders(), &arguments) {
            let rows: Vec<PersonRow> = write.all(sql, piece).await?;
            for (pseudonym, id, sealed) in rows {
                let id: [u8; 16] = sized("persons", "id", &id)?;
                let key = self.secrets.open_key(DATA_KEY, &[&id], &sealed)?;
                people.insert(
                    sized("persons", "pseudonym", &pseudonym)?,
                    Person { id, key },
                );
            }
        }
        Ok(())
    }

    fn fresh(&self, pseudonym: &[u8; 32]) -> ([u8; 32], [u8; 16], Vec<u8>) {
        let id = self.secrets.fresh_id();
        let key = self.secrets.fresh_key();
        (
            *pseudonym,
            id,
            self.secrets.seal(DATA_KEY, &[&id], key.expose()),
        )
    }
}

/// Whom a record is about, as far as it tells.
pub(super) fn pseudonym(secrets: &Secrets, record: &DownloadRecord) -> [u8; 32] {
    let center = &record.center;
    let sale = record.claims.as_deref().zip(record.key.as_ref());
    let Some((claims, key)) = sale else {
        let period = record
            .at
            .unix_ms()
            .div_euclid(STRANGERS_PERIOD_MS)
            .to_be_bytes();
        return secrets.pseudonym("log/stranger", &[center.as_str().as_bytes(), &period]);
    };
    match (&claims.customer_id, &claims.user_name) {
        (Some(id), _) => customer(secrets, center, key.retailer(), id.as_str()),
        (None, Some(name)) => user_name(secrets, center, key.retailer(), name.as_str()),
        (None, None) => sale_only(secrets, center, key.retailer(), &claims.transaction),
    }
}

fn customer(secrets: &Secrets, center: &CenterId, retailer: &RetailerId, id: &str) -> [u8; 32] {
    let parts = [
        center.as_str().as_bytes(),
        retailer.as_str().as_bytes(),
        id.as_bytes(),
    ];
    secrets.pseudonym("log/customer", &parts)
}

fn user_name(secrets: &Secrets, center: &CenterId, retailer: &RetailerId, name: &str) -> [u8; 32] {
    let parts = [
        center.as_str().as_bytes(),
        retailer.as_str().as_bytes(),
        name.as_bytes(),
    ];
    secrets.pseudonym("log/user-name", &parts)
}

fn sale_only(
    secrets: &Secrets,
    center: &CenterId,
    retailer: &RetailerId,
    sale: &TransactionId,
) -> [u8; 32] {
    let sale = sale.as_str().as_bytes();
    let parts = [
        center.as_str().as_bytes(),
        retailer.as_str().as_bytes(),
        sale,
    ];
    secrets.pseudonym("log/sale", &parts)
}

/// The personal part of a record.
pub(super) fn personal(record: &DownloadRecord) -> Personal {
    let claims = record.claims.as_deref();
    let text = |text: &Option<colophon_receipt::Text>| text.as_ref().map(|text| text.to_string());
    Personal {
        user_name: claims.and_then(|claims| text(&claims.user_name)),
        customer_id: claims.and_then(|claims| text(&claims.customer_id)),
        persona: claims.and_then(|claims| text(&claims.persona)),
        address: record.client.address,
        agent: record.client.agent.clone(),
        file_name: record.copy.as_ref().map(|copy| copy.file_name.clone()),
    }
}

/// The license of the copy that a record is about.
pub(super) fn license(record: &DownloadRecord) -> Option<&str> {
    record.copy.as_ref()?.license.as_deref()
}

/// Encrypts the personal part of one row.
pub(super) fn seal(
    secrets: &Secrets,
    key: &Key32,
    event: EventId,
    personal: &Personal,
) -> Result<Vec<u8>, Damaged> {
    let text = serde_json::to_vec(personal)
        .map_err(|error| Damaged::new("downloads", "personal", error))?;
    Ok(row_cipher(secrets, key, event, PERSONAL).sealed(text))
}

/// Encrypts the license of one row.
pub(super) fn seal_license(
    secrets: &Secrets,
    key: &Key32,
    event: EventId,
    license: &str,
) -> Vec<u8> {
    row_cipher(secrets, key, event, LICENSE).sealed(license.as_bytes().to_vec())
}

/// Decrypts the personal part of one row.
pub(super) fn open(
    secrets: &Secrets,
    key: &Key32,
    event: EventId,
    sealed: &[u8],
) -> Result<Personal, Damaged> {
    let damaged = |what| Damaged::new("downloads", "personal", what);
    let text = row_cipher(secrets, key, event, PERSONAL).opened(sealed);
    let text = text.map_err(damaged)?;
    serde_json::from_slice(&text).map_err(|error| Damaged::new("downloads", "personal", error))
}

/// Decrypts the license of one row.
pub(super) fn open_license(
    secrets: &Secrets,
    key: &Key32,
    event: EventId,
    sealed: &[u8],
) -> Result<String, Damaged> {
    let damaged = |what| Damaged::new("downloads", "license", what);
    let text = row_cipher(secrets, key, event, LICENSE).opened(sealed);
    let text = text.map_err(damaged)?;
    let text = std::str::from_utf8(&text).map(str::to_owned);
    text.map_err(|error| Damaged::new("downloads", "license", error))
}

/// The cipher of one part of one row. Every part of every row has a key of its own, derived from
/// the person's, so that the nonce need not vary.
struct RowCipher {
    cipher: Box<dyn colophon_crypto::Aead>,
    label: &'static [u8],
}

fn row_cipher(secrets: &Secrets, key: &Key32, event: EventId, label: &'static [u8]) -> RowCipher {
    let engine = secrets.engine();
    let key = engine.hkdf_sha256(key, Some(event.as_bytes()), label);
    RowCipher {
        cipher: engine.aes256_gcm(&key),
        label,
    }
}

impl RowCipher {
    fn sealed(&self, mut text: Vec<u8>) -> Vec<u8> {
        let tag = self.cipher.seal(&[0; 12], self.label, &mut text);
        text.extend_from_slice(&tag);
        text
    }

    fn opened(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let split = sealed.split_last_chunk::<TAG_BYTES>();
        let (text, tag) = split.ok_or("shorter than its tag")?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self.cipher.open(&[0; 12], self.label, &mut text, tag);
        opened.map_err(|_| "it does not authenticate")?;
        Ok(text)
    }
}
