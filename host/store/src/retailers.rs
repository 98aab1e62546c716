//! Retailers, their keys and the addresses their buyers may be sent to.

use colophon_core::center::{KeyState, RetailerKey};
use colophon_core::id::RowVersion;
use colophon_core::time::Timestamp;
use colophon_receipt::{
    CenterId, ErrorUrl, KeyId, ReceiptKey, RetailerId, RetailerSecret, SecretMode,
};
use sqlx::FromRow;

use crate::database::{Write, arguments};
use crate::failure::{AddError, ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed};
use crate::secrets::Column;
use crate::store::Store;

pub(crate) const SECRET: Column = Column {
    table: "retailer_keys",
    name: "secret",
};

/// A retailer to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRetailer {
    /// The center it sells for.
    pub center: CenterId,
    /// Its id in that center.
    pub id: RetailerId,
    /// Its name for people.
    pub name: String,
    /// What else there is to say of it.
    pub description: String,
    /// Where its buyers may be sent; the first is the default.
    pub error_urls: Vec<ErrorUrl>,
}

/// A retailer as it is kept, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetailerRecord {
    /// What it was registered with.
    pub retailer: NewRetailer,
    /// Its keys, by number.
    pub keys: Vec<KeyRecord>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts the changes of the retailer, its keys and addresses.
    pub row_version: RowVersion,
}

/// A retailer key as it is listed, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key's id.
    pub kid: KeyId,
    /// Whether it is for real sales.
    pub mode: SecretMode,
    /// Whether it opens receipts.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was withdrawn.
    pub revoked_at: Option<Timestamp>,
    /// How many logged requests had a receipt that opened under it.
    pub uses: u64,
    /// When the last of them arrived.
    pub last_used_at: Option<Timestamp>,
}

const INSERT: &str = "INSERT INTO retailers (center, id, name, description, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5)";

const INSERT_KEY: &str = "INSERT INTO retailer_keys (center, retailer, number, secret, mode, state, \
    created_at) VALUES ($1, $2, $3, $4, $5, 'active', $6)";

const REVOKE_KEY: &str = "UPDATE retailer_keys SET state = 'revoked', \
    revoked_at = COALESCE(revoked_at, $4) WHERE center = $1 AND retailer = $2 AND number = $3";

const INSERT_URL: &str = "INSERT INTO retailer_urls (center, retailer, position, url) \
    VALUES ($1, $2, $3, $4)";

const DELETE_URLS: &str = "DELETE FROM retailer_urls WHERE center = $1 AND retailer = $2";

const UPDATE: &str = "UPDATE retailers SET name = COALESCE($3, name), \
    description = COALESCE($4, description), updated_at = $5 WHERE center = $1 AND id = $2";

const DELETE: &str = "DELETE FROM retailers WHERE center = $1 AND id = $2";

const SELECT: &str = "SELECT id, name, description, created_at, updated_at, row_version \
    FROM retailers WHERE center = $1 AND ($2 IS NULL OR id = $2) ORDER BY id";

const SELECT_KEYS: &str = "SELECT retailer, number, mode, state, created_at, revoked_at \
    FROM retailer_keys WHERE center = $1 AND ($2 IS NULL OR retailer = $2) ORDER BY retailer, number";

const SELECT_URLS: &str = "SELECT retailer, url FROM retailer_urls \
    WHERE center = $1 AND ($2 IS NULL OR retailer = $2) ORDER BY retailer, position";

const SELECT_USES: &str = "SELECT key_id, uses, last_used_at FROM key_uses WHERE center = $1";

/// One statement, so that a key is never seen with another moment's addresses: one row for each
/// address, or one without.
const SELECT_KEY: &str = "SELECT k.secret, k.state, u.url FROM retailer_keys k \
    LEFT JOIN retailer_urls u ON u.center = k.center AND u.retailer = k.retailer \
    WHERE k.center = $1 AND k.retailer = $2 AND k.number = $3 ORDER BY u.position";

#[derive(FromRow)]
struct RetailerRow {
    id: String,
    name: String,
    description: String,
    created_at: i64,
    updated_at: i64,
    row_version: i64,
}

#[derive(FromRow)]
struct KeyRow {
    retailer: String,
    number: i64,
    mode: String,
    state: String,
    created_at: i64,
    revoked_at: Option<i64>,
}

type UrlRow = (String, String);
type UsesRow = (String, i64, i64);

impl Store {
    /// Registers a retailer with its first key.
    pub async fn add_retailer(
        &self,
        retailer: &NewRetailer,
        secret: &RetailerSecret,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let mut write = self.fulfillment.write().await?;
        let values = arguments![
            retailer.center.as_str(),
            retailer.id.as_str(),
            retailer.name.as_str(),
            retailer.description.as_str(),
            now.unix_ms(),
        ];
        write.execute(INSERT, values).await?;
        self.insert_key(&mut write, &retailer.center, secret, now)
            .await?;
        insert_urls(
            &mut write,
            &retailer.center,
            &retailer.id,
            &retailer.error_urls,
        )
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// Gives the retailer named in the key's id another key; the others stay as they are.
    pub async fn add_retailer_key(
        &self,
        center: &CenterId,
        secret: &RetailerSecret,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let mut write = self.fulfillment.write().await?;
        self.insert_key(&mut write, center, secret, now).await?;
        write.commit().await?;
        Ok(())
    }

    /// Withdraws a key: no receipt opens under it any more. Withdrawing it again changes nothing.
    pub async fn revoke_retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let number = i64::from(kid.number());
        let values = arguments![
            center.as_str(),
            kid.retailer().as_str(),
            number,
            now.unix_ms()
        ];
        match self.fulfillment.execute(REVOKE_KEY, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// Replaces the addresses that a retailer's buyers may be sent to.
    pub async fn set_retailer_urls(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        urls: &[ErrorUrl],
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let mut write = self.fulfillment.write().await?;
        touch(&mut write, center, retailer, [None, None], now).await?;
        write
            .execute(DELETE_URLS, arguments![center.as_str(), retailer.as_str()])
            .await?;
        insert_urls(&mut write, center, retailer, urls).await?;
        write.commit().await?;
        Ok(())
    }

    /// Gives a retailer another name or description; `None` leaves it as it is.
    pub async fn describe_retailer(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        name: Option<&str>,
        description: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let mut write = self.fulfillment.write().await?;
        touch(&mut write, center, retailer, [name, description], now).await?;
        write.commit().await?;
        Ok(())
    }

    /// Removes a retailer with its keys and addresses. The log keeps what it sold.
    pub async fn remove_retailer(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
    ) -> Result<(), ChangeError> {
        let values = arguments![center.as_str(), retailer.as_str()];
        match self.fulfillment.execute(DELETE, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// All retailers of a center, by id.
    pub async fn list_retailers(
        &self,
        center: &CenterId,
    ) -> Result<Vec<RetailerRecord>, ReadError> {
        self.select_retailers(center, None).await
    }

    /// One retailer.
    pub async fn show_retailer(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
    ) -> Result<Option<RetailerRecord>, ReadError> {
        Ok(self
            .select_retailers(center, Some(retailer.as_str()))
            .await?
            .pop())
    }

    /// A key for the use of commands that mint and open receipts.
    pub async fn find_retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<RetailerKey>, ReadError> {
        Ok(self.load_retailer_key(center, kid).await?)
    }

    pub(crate) async fn load_retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<RetailerKey>, Fault> {
        let number = i64::from(kid.number());
        let values = arguments![center.as_str(), kid.retailer().as_str(), number];
        let rows: Vec<(Vec<u8>, String, Option<String>)> =
            self.fulfillment.all(SELECT_KEY, values).await?;
        let Some((secret, state, _)) = rows.first() else {
            return Ok(None);
        };
        let key = self
            .secrets
            .open_key(SECRET, &key_place(center, kid), secret)?;
        let urls = rows.iter().filter_map(|(_, _, url)| url.as_deref());
        let urls = urls.map(|url| parsed("retailer_urls", "url", url));
        Ok(Some(RetailerKey {
            retailer: kid.retailer().clone(),
            kid: kid.clone(),
            state: key_state(state)?,
            key: ReceiptKey::new(key),
            error_urls: urls.collect::<Result<_, _>>()?,
        }))
    }

    async fn insert_key(
        &self,
        write: &mut Write,
        center: &CenterId,
        secret: &RetailerSecret,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let kid = secret.kid();
        let sealed =
            self.secrets
                .seal(SECRET, &key_place(center, kid), secret.key().key().expose());
        let mode = match secret.mode() {
            SecretMode::Live => "live",
            SecretMode::Test => "test",
        };
        let values = arguments![
            center.as_str(),
            kid.retailer().as_str(),
            i64::from(kid.number()),
            &sealed,
            mode,
            now.unix_ms(),
        ];
        write.execute(INSERT_KEY, values).await.map(drop)
    }

    async fn select_retailers(
        &self,
        center: &CenterId,
        retailer: Option<&str>,
    ) -> Result<Vec<RetailerRecord>, ReadError> {
        let values = arguments![center.as_str(), retailer];
        let rows: Vec<RetailerRow> = self.fulfillment.all(SELECT, values).await?;
        let keys: Vec<KeyRow> = self.fulfillment.all(SELECT_KEYS, values).await?;
        let urls: Vec<UrlRow> = self.fulfillment.all(SELECT_URLS, values).await?;
        let uses: Vec<UsesRow> = self
            .logging
            .all(SELECT_USES, arguments![center.as_str()])
            .await?;
        let records = rows
            .into_iter()
            .map(|row| record(center, row, &keys, &urls, &uses));
        Ok(records.collect::<Result<_, _>>().map_err(Fault::from)?)
    }
}

/// The parts of a key's place; the same as its primary key.
fn key_place<'a>(center: &'a CenterId, kid: &'a KeyId) -> [&'a [u8]; 2] {
    [center.as_str().as_bytes(), kid.as_str().as_bytes()]
}

async fn insert_urls(
    write: &mut Write,
    center: &CenterId,
    retailer: &RetailerId,
    urls: &[ErrorUrl],
) -> Result<(), Fault> {
    for (position, url) in (0..).zip(urls) {
        let position: i64 = position;
        let values = arguments![center.as_str(), retailer.as_str(), position, url.as_str()];
        write.execute(INSERT_URL, values).await?;
    }
    Ok(())
}

async fn touch(
    write: &mut Write,
    center: &CenterId,
    retailer: &RetailerId,
    [name, description]: [Option<&str>; 2],
    now: Timestamp,
) -> Result<(), ChangeError> {
    let values = arguments![
        center.as_str(),
        retailer.as_str(),
        name,
        description,
        now.unix_ms()
    ];
    match write.execute(UPDATE, values).await? {
        0 => Err(ChangeError::NotFound),
        _ => Ok(()),
    }
}

fn record(
    center: &CenterId,
    row: RetailerRow,
    keys: &[KeyRow],
    urls: &[UrlRow],
    uses: &[UsesRow],
) -> Result<RetailerRecord, Damaged> {
    let own_keys = keys.iter().filter(|key| key.retailer == row.id);
    let own_urls = urls.iter().filter(|(retailer, _)| *retailer == row.id);
    let urls = own_urls.map(|(_, url)| parsed("retailer_urls", "url", url));
    Ok(RetailerRecord {
        keys: own_keys
            .map(|key| key_record(key, uses))
            .collect::<Result<_, _>>()?,
        retailer: NewRetailer {
            center: center.clone(),
            id: parsed("retailers", "id", &row.id)?,
            error_urls: urls.collect::<Result<_, _>>()?,
            name: row.name,
            description: row.description,
        },
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
        row_version: RowVersion(row.row_version),
    })
}

fn key_record(row: &KeyRow, uses: &[UsesRow]) -> Result<KeyRecord, Damaged> {
    let retailer: RetailerId = parsed("retailer_keys", "retailer", &row.retailer)?;
    let number = counted("retailer_keys", "number", row.number)?;
    let kid = KeyId::new(&retailer, number);
    let kid = kid.map_err(|error| Damaged::new("retailer_keys", "number", error))?;
    let used = uses.iter().find(|(key, _, _)| key == kid.as_str());
    let (uses, last) = used.map_or((0, None), |(_, uses, last)| (*uses, Some(moment(*last))));
    Ok(KeyRecord {
        kid,
        mode: match row.mode.as_str() {
            "live" => SecretMode::Live,
            "test" => SecretMode::Test,
            _ => return Err(Damaged::new("retailer_keys", "mode", "not a mode")),
        },
        state: key_state(&row.state)?,
        created_at: moment(row.created_at),
        revoked_at: row.revoked_at.map(moment),
        uses: counted("key_uses", "uses", uses)?,
        last_used_at: last,
    })
}

fn key_state(word: &str) -> Result<KeyState, Damaged> {
    match word {
        "active" => Ok(KeyState::Active),
        "revoked" => Ok(KeyState::Revoked),
        _ => Err(Damaged::new("retailer_keys", "state", "not a state")),
    }
}
