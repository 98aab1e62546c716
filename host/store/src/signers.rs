//! Who signs for a center, and the authorities behind the certificates.

use std::sync::Arc;

use colophon_core::center::UploadKey;
use colophon_core::ports::SignerUnusable;
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use colophon_title::license::ReadyLicensor;
use colophon_title::trust::CertificateRole;
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

/// One of a center's private keys with its certificates.
pub struct SignerMaterial {
    /// The part it plays.
    pub role: CenterKeyRole,
    /// Certificates in DER, the signer's own first, the root left out.
    pub chain: Vec<Vec<u8>>,
    /// The private key in PKCS #8, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// What a center uses a private key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CenterKeyRole {
    /// Signs titles as the tool that seals them.
    Tool,
    /// Signs copies as the channel they come through.
    Provider,
    /// Signs licenses.
    Licensor,
    /// Opens upload forms of activation certificates.
    Center,
    /// Opens upload forms sealed before the key was replaced, which retailers may still keep.
    FormerCenter,
}

impl CenterKeyRole {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Tool,
        Self::Provider,
        Self::Licensor,
        Self::Center,
        Self::FormerCenter,
    ];

    /// The word it is kept under.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Provider => "provider",
            Self::Licensor => "licensor",
            Self::Center => "center",
            Self::FormerCenter => "former-center",
        }
    }

    /// What the key's certificate has to be for.
    pub fn certificate(self) -> CertificateRole {
        match self {
            Self::Tool => CertificateRole::Tool,
            Self::Provider => CertificateRole::Provider,
            Self::Licensor => CertificateRole::Licensor,
            Self::Center | Self::FormerCenter => CertificateRole::Center,
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A signer as it is listed, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerRecord {
    /// The part it plays.
    pub role: CenterKeyRole,
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

const ENTER_AUTHORITY: &str = "INSERT INTO authorities (name, certificate, private_key, \
    created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING";

const REPLACE_AUTHORITY: &str = "UPDATE authorities SET certificate = $2, private_key = $3, \
    updated_at = $4 WHERE name = $1 AND certificate = $5";

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
        role: CenterKeyRole,
    ) -> Result<Option<SignerMaterial>, ReadError> {
        Ok(self.load_material(center, role).await?)
    }

    /// A center's signer of titles, ready to sign.
    pub async fn signer(
        &self,
        center: &CenterId,
        role: SignerRole,
    ) -> Result<Option<Arc<dyn Signer>>, ReadError> {
        let kept = match role {
            SignerRole::Tool => CenterKeyRole::Tool,
            SignerRole::Provider => CenterKeyRole::Provider,
            // Owners keep their keys to themselves.
            SignerRole::Owner => return Ok(None),
        };
        let Some(material) = self.load_material(center, kept).await? else {
            return Ok(None);
        };
        Ok(Some(self.ready(role, &material)?))
    }

    /// Who signs for a center, by role.
    pub async fn list_signers(&self, center: &CenterId) -> Result<Vec<SignerRecord>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<SignerRow> = self.fulfillment.all(LIST_SIGNERS, values).await?;
        let records = rows.iter().map(signer_record).collect::<Result<_, _>>();
        Ok(records.map_err(Fault::from)?)
    }

    /// Enters an authority unless there is one of its name. False if there is: another host may
    /// have been first, and that one's holds.
    pub async fn enter_authority(
        &self,
        authority: &AuthorityMaterial,
        now: Timestamp,
    ) -> Result<bool, AddError> {
        let name = authority.name.as_str();
        let key = self.sealed_authority_key(authority);
        let values = arguments![name, &authority.certificate, key.as_deref(), now.unix_ms()];
        Ok(self.fulfillment.execute(ENTER_AUTHORITY, values).await? > 0)
    }

    /// Puts an authority in the place of the one of its name that has the certificate `former`.
    /// False if there is no such one, or no longer.
    pub async fn replace_authority(
        &self,
        authority: &AuthorityMaterial,
        former: &[u8],
        now: Timestamp,
    ) -> Result<bool, AddError> {
        let name = authority.name.as_str();
        let key = self.sealed_authority_key(authority);
        let values = arguments![
            name,
            &authority.certificate,
            key.as_deref(),
            now.unix_ms(),
            former,
        ];
        Ok(self.fulfillment.execute(REPLACE_AUTHORITY, values).await? > 0)
    }

    fn sealed_authority_key(&self, authority: &AuthorityMaterial) -> Option<Vec<u8>> {
        let place = [authority.name.as_bytes()];
        let key = authority.pkcs8.as_ref();
        key.map(|key| self.secrets.seal(AUTHORITY_KEY, &place, key))
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

    /// The provider out of the columns it is kept in.
    pub(crate) fn open_provider(
        &self,
        center: &CenterId,
        columns: &KeyColumns,
    ) -> Result<Arc<dyn Signer>, Fault> {
        let material = self.open_columns(center, CenterKeyRole::Provider, columns)?;
        self.ready(SignerRole::Provider, &material)
    }

    /// A licensor, likewise.
    pub(crate) fn open_licensor(
        &self,
        center: &CenterId,
        columns: &KeyColumns,
    ) -> Result<Arc<ReadyLicensor<'static>>, Fault> {
        let material = self.open_columns(center, CenterKeyRole::Licensor, columns)?;
        let licensor = self
            .secrets
            .signers()
            .licensor(center, &material.pkcs8, &material.chain);
        licensor.map(Arc::new).map_err(unusable)
    }

    /// A key for upload forms, likewise.
    pub(crate) fn open_upload_key(
        &self,
        center: &CenterId,
        role: CenterKeyRole,
        columns: &KeyColumns,
    ) -> Result<Arc<dyn UploadKey>, Fault> {
        let material = self.open_columns(center, role, columns)?;
        let key = self
            .secrets
            .signers()
            .upload_key(&material.pkcs8, &material.chain);
        key.map_err(unusable)
    }

    fn open_columns(
        &self,
        center: &CenterId,
        role: CenterKeyRole,
        columns: &KeyColumns,
    ) -> Result<SignerMaterial, Fault> {
        self.open_material(center, role, &columns.chain, &columns.private_key)
    }

    async fn load_material(
        &self,
        center: &CenterId,
        role: CenterKeyRole,
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
        role: CenterKeyRole,
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

    fn ready(&self, role: SignerRole, material: &SignerMaterial) -> Result<Arc<dyn Signer>, Fault> {
        let SignerMaterial { chain, pkcs8, .. } = material;
        let signer = self.secrets.signers().signer(role, pkcs8, chain);
        signer.map_err(unusable)
    }
}

/// Where one of a center's keys is kept: certificates, and the private key encrypted.
pub(crate) struct KeyColumns {
    chain: Vec<u8>,
    private_key: Vec<u8>,
}

impl KeyColumns {
    /// The columns of a row that may not be there.
    pub(crate) fn of(chain: Option<Vec<u8>>, private_key: Option<Vec<u8>>) -> Option<Self> {
        Some(Self {
            chain: chain?,
            private_key: private_key?,
        })
    }
}

fn unusable(error: SignerUnusable) -> Fault {
    Damaged::new("signers", "private_key", error).into()
}

fn signer_record(row: &SignerRow) -> Result<SignerRecord, Damaged> {
    let role = CenterKeyRole::from_word(&row.role);
    Ok(SignerRecord {
        role: role.ok_or_else(|| Damaged::new("signers", "role", "not a role"))?,
        chain: split(&row.chain)?,
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
    })
}

/// Each certificate after its length.
pub(crate) fn join(chain: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    colophon_crypto::frames(&parts)
}

pub(crate) fn split(mut joined: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
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
