//! Who signs for a center, and the authorities behind the certificates.

use std::sync::Arc;

use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use colophon_title::{Signer, SignerRole};
use sqlx::FromRow;
use zeroize::Zeroizing;

use crate::database::arguments;
use crate::failure::{AddError, Damaged, Fault, ReadError};
use crate::parse::moment;
use crate::secrets::Column;
use crate::store::Store;

pub(crate) const SIGNER_KEY: Column = Column {
    table: "signers",
    name: "private_key",
};
pub(crate) const AUTHORITY_KEY: Column = Column {
    table: "authorities",
    name: "private_key",
};

/// A signer's private key with its certificates.
pub struct SignerMaterial {
    /// The part it plays.
    pub role: SignerRole,
    /// Certificates in DER, the signer's own first, the root left out.
    pub chain: Vec<Vec<u8>>,
    /// The private key in PKCS #8, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// A signer as it is listed, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerRecord {
    /// The part it plays.
    pub role: SignerRole,
    /// Certificates in DER, the signer's own first, the root left out.
    pub chain: Vec<Vec<u8>>,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last replaced.
    pub updated_at: Timestamp,
}

/// An authority that issues certificates.
pub struct AuthorityMaterial {
    /// Its name on this host, such as `platform`.
    pub name: String,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// Its private key in PKCS #8, DER; none if it is kept elsewhere.
    pub pkcs8: Option<Zeroizing<Vec<u8>>>,
}

const PUT_SIGNER: &str = "INSERT INTO signers (center, role, chain, private_key, created_at, \
    updated_at) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (center, role) DO UPDATE \
    SET chain = excluded.chain, private_key = excluded.private_key, updated_at = excluded.updated_at";

const SELECT_SIGNER: &str =
    "SELECT chain, private_key FROM signers WHERE center = $1 AND role = $2";

const LIST_SIGNERS: &str = "SELECT role, chain, created_at, updated_at FROM signers \
    WHERE center = $1 ORDER BY role";

const PUT_AUTHORITY: &str = "INSERT INTO authorities (name, certificate, private_key, created_at, \
    updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO UPDATE \
    SET certificate = excluded.certificate, private_key = excluded.private_key, \
        updated_at = excluded.updated_at";

const SELECT_AUTHORITY: &str = "SELECT certificate, private_key FROM authorities WHERE name = $1";

#[derive(FromRow)]
struct SignerRow {
    role: String,
    chain: Vec<u8>,
    created_at: i64,
    updated_at: i64,
}

impl Store {
    /// Sets or replaces who signs for a center in a role.
    pub async fn put_signer(
        &self,
        center: &CenterId,
        signer: &SignerMaterial,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let role = signer.role.as_str();
        let row = [center.as_str().as_bytes(), role.as_bytes()];
        let key = self.secrets.seal(SIGNER_KEY, &row, &signer.pkcs8);
        let chain = join(&signer.chain);
        let values = arguments![center.as_str(), role, &chain, &key, now.unix_ms()];
        self.fulfillment.execute(PUT_SIGNER, values).await?;
        Ok(())
    }

    /// The key material of a center's signer in a role.
    pub async fn signer_material(
        &self,
        center: &CenterId,
        role: SignerRole,
    ) -> Result<Option<SignerMaterial>, ReadError> {
        Ok(self.load_material(center, role).await?)
    }

    /// A center's signer in a role, ready to sign.
    pub async fn signer(
        &self,
        center: &CenterId,
        role: SignerRole,
    ) -> Result<Option<Arc<dyn Signer>>, ReadError> {
        let Some(material) = self.load_material(center, role).await? else {
            return Ok(None);
        };
        Ok(Some(self.ready(&material)?))
    }

    /// Who signs for a center, by role.
    pub async fn list_signers(&self, center: &CenterId) -> Result<Vec<SignerRecord>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<SignerRow> = self.fulfillment.all(LIST_SIGNERS, values).await?;
        let records = rows.iter().map(signer_record).collect::<Result<_, _>>();
        Ok(records.map_err(Fault::from)?)
    }

    /// Sets or replaces an authority.
    pub async fn put_authority(
        &self,
        authority: &AuthorityMaterial,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let name = authority.name.as_str();
        let key = authority.pkcs8.as_ref();
        let key = key.map(|key| self.secrets.seal(AUTHORITY_KEY, &[name.as_bytes()], key));
        let values = arguments![name, &authority.certificate, key.as_deref(), now.unix_ms()];
        self.fulfillment.execute(PUT_AUTHORITY, values).await?;
        Ok(())
    }

    /// An authority by its name.
    pub async fn authority(&self, name: &str) -> Result<Option<AuthorityMaterial>, ReadError> {
        let row = self
            .fulfillment
            .optional(SELECT_AUTHORITY, arguments![name])
            .await?;
        let row: Option<(Vec<u8>, Option<Vec<u8>>)> = row;
        let Some((certificate, sealed)) = row else {
            return Ok(None);
        };
        let open = |sealed: Vec<u8>| {
            self.secrets
                .open(AUTHORITY_KEY, &[name.as_bytes()], &sealed)
        };
        let pkcs8 = sealed.map(open).transpose().map_err(Fault::from)?;
        Ok(Some(AuthorityMaterial {
            name: name.to_owned(),
            certificate,
            pkcs8,
        }))
    }

    /// A signer out of the columns it is kept in.
    pub(crate) fn open_signer(
        &self,
        center: &CenterId,
        role: SignerRole,
        chain: &[u8],
        sealed: &[u8],
    ) -> Result<Arc<dyn Signer>, Fault> {
        self.ready(&self.open_material(center, role, chain, sealed)?)
    }

    async fn load_material(
        &self,
        center: &CenterId,
        role: SignerRole,
    ) -> Result<Option<SignerMaterial>, Fault> {
        let values = arguments![center.as_str(), role.as_str()];
        let row: Option<(Vec<u8>, Vec<u8>)> =
            self.fulfillment.optional(SELECT_SIGNER, values).await?;
        let Some((chain, sealed)) = row else {
            return Ok(None);
        };
        self.open_material(center, role, &chain, &sealed).map(Some)
    }

    fn open_material(
        &self,
        center: &CenterId,
        role: SignerRole,
        chain: &[u8],
        sealed: &[u8],
    ) -> Result<SignerMaterial, Fault> {
        let place = [center.as_str().as_bytes(), role.as_str().as_bytes()];
        let pkcs8 = self.secrets.open(SIGNER_KEY, &place, sealed)?;
        Ok(SignerMaterial {
            role,
            chain: split(chain)?,
            pkcs8,
        })
    }

    fn ready(&self, material: &SignerMaterial) -> Result<Arc<dyn Signer>, Fault> {
        let SignerMaterial { role, chain, pkcs8 } = material;
        let signer = self.secrets.signers().signer(*role, pkcs8, chain);
        signer.map_err(|error| Damaged::new("signers", "private_key", error).into())
    }
}

fn signer_record(row: &SignerRow) -> Result<SignerRecord, Damaged> {
    let role = SignerRole::from_word(&row.role);
    Ok(SignerRecord {
        role: role.ok_or_else(|| Damaged::new("signers", "role", "not a role"))?,
        chain: split(&row.chain)?,
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
    })
}

/// Each certificate after its length.
fn join(chain: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    colophon_crypto::frames(&parts)
}

fn split(mut joined: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
    let cut = || Damaged::new("signers", "chain", "the chain is cut short");
    let mut chain = Vec::new();
    while !joined.is_empty() {
        let (length, rest) = joined.split_first_chunk::<8>().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| cut())?;
        let (certificate, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        chain.push(certificate.to_vec());
        joined = rest;
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_comes_back_as_it_was() {
        for chain in [
            vec![],
            vec![vec![1, 2, 3]],
            vec![vec![0; 300], vec![], vec![7]],
        ] {
            assert_eq!(split(&join(&chain)).unwrap(), chain);
        }
    }

    #[test]
    fn a_cut_chain_is_damaged() {
        let joined = join(&[vec![1, 2, 3]]);
        for length in 1..joined.len() {
            assert!(split(&joined[..length]).is_err(), "{length}");
        }
    }
}
