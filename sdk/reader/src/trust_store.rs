//! The roots a person trusts, and what has been revoked under them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use colophon_crypto::{Engine, Portable};
use colophon_title::TrustRoots;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_cert::der::Decode;
use x509_cert::time::Time;

use crate::repository::Trust;

/// A folder with one file for each root certificate and each revocation list, in DER, named by
/// its SHA-256.
#[derive(Debug, Clone)]
pub struct TrustStore {
    folder: PathBuf,
}

/// A root certificate or revocation list in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// Which of the two.
    pub kind: TrustedKind,
    /// SHA-256 of its DER, in hexadecimal digits.
    pub fingerprint: String,
    /// Whose it is (RFC 4514).
    pub subject: String,
    /// From when it holds, in seconds since 1970.
    pub from_unix_s: i64,
    /// Until when; a revocation list need not say.
    pub until_unix_s: Option<i64>,
}

/// What a file of the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedKind {
    /// The certificate of an authority.
    Root,
    /// A list of certificates that no longer count.
    RevocationList,
}

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// A file of the store cannot be read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What is to be trusted is neither an authority's certificate nor a revocation list.
    #[error("neither the certificate of an authority nor a revocation list, in PEM or DER")]
    NotTrustable,
    /// A file of the store is not what was put into it.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// No fingerprint in the store begins like this, or several do.
    #[error("{count} fingerprints in the store begin with {prefix:?}")]
    NotOne {
        /// What was asked for.
        prefix: String,
        /// How many fit.
        count: usize,
    },
}

const EXTENSIONS: [(&str, TrustedKind); 2] = [
    ("root", TrustedKind::Root),
    ("crl", TrustedKind::RevocationList),
];

impl TrustStore {
    /// The store in a folder, which need not exist yet.
    #[must_use]
    pub fn in_folder(folder: &Path) -> TrustStore {
        TrustStore {
            folder: folder.to_path_buf(),
        }
    }

    /// Everything in the store as roots to open documents under.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`]: a store that cannot be read trusts nobody, and says so.
    pub fn roots(&self) -> Result<TrustRoots, TrustStoreError> {
        let mut roots = TrustRoots::new();
        for (path, kind) in self.files()? {
            let der = self.read(&path)?;
            add_to(&mut roots, kind, &der).map_err(|()| TrustStoreError::Damaged { path })?;
        }
        Ok(roots)
    }

    /// The same for a secure repository, which judges for itself.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`], see its variants.
    pub fn trust(&self) -> Result<Trust, TrustStoreError> {
        let mut trust = Trust::default();
        for (path, kind) in self.files()? {
            let der = self.read(&path)?;
            match kind {
                TrustedKind::Root => trust.roots.push(der),
                TrustedKind::RevocationList => trust.revocation_lists.push(der),
            }
        }
        Ok(trust)
    }

    /// What is in the store.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`], see its variants.
    pub fn list(&self) -> Result<Vec<Trusted>, TrustStoreError> {
        let mut list = Vec::new();
        for (path, kind) in self.files()? {
            let trusted = describe(kind, &self.read(&path)?);
            list.push(trusted.ok_or(TrustStoreError::Damaged { path })?);
        }
        Ok(list)
    }

    /// The revocation lists that say that a later one has been there since, where no list of the
    /// same issuer in the store is later. They count all the same: what is revoked stays so. But
    /// what was revoked after them is not known here.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`], see its variants.
    pub fn overdue(&self, now_unix_s: i64) -> Result<Vec<Trusted>, TrustStoreError> {
        let mut lists = self.list()?;
        lists.retain(|trusted| trusted.kind == TrustedKind::RevocationList);
        let ends = |list: &Trusted| list.until_unix_s.unwrap_or(i64::MAX);
        let is_overdue = |list: &&Trusted| {
            let same = lists.iter().filter(|other| other.subject == list.subject);
            same.map(ends)
                .max()
                .is_some_and(|last| last < now_unix_s && last == ends(list))
        };
        Ok(lists.iter().filter(is_overdue).cloned().collect())
    }

    /// Adds the roots or revocation lists of a PEM text, or one in DER; gives what was added.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`]; nothing was added when what was given cannot be trusted.
    pub fn add(&self, pem_or_der: &[u8]) -> Result<Vec<Trusted>, TrustStoreError> {
        let mut roots = TrustRoots::new();
        let mut added = Vec::new();
        for (kind, der) in items(pem_or_der) {
            add_to(&mut roots, kind, &der).map_err(|()| TrustStoreError::NotTrustable)?;
            let trusted = describe(kind, &der).ok_or(TrustStoreError::NotTrustable)?;
            added.push((trusted, der));
        }
        if added.is_empty() {
            return Err(TrustStoreError::NotTrustable);
        }
        for (trusted, der) in &added {
            self.write(trusted, der)?;
        }
        Ok(added.into_iter().map(|(trusted, _)| trusted).collect())
    }

    /// Removes the one root or list whose fingerprint begins with `prefix`.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError`]; [`TrustStoreError::NotOne`] where none or several begin so.
    pub fn remove(&self, prefix: &str) -> Result<Trusted, TrustStoreError> {
        let wanted = prefix.to_ascii_lowercase();
        let mut fitting = self.list()?;
        fitting.retain(|trusted| trusted.fingerprint.starts_with(&wanted));
        let count = fitting.len();
        match fitting.pop() {
            Some(trusted) if count == 1 => {
                let path = self.path_of(&trusted);
                fs::remove_file(&path).map_err(|source| TrustStoreError::File { path, source })?;
                Ok(trusted)
            }
            Some(_) | None => Err(TrustStoreError::NotOne {
                prefix: prefix.to_owned(),
                count,
            }),
        }
    }

    fn files(&self) -> Result<Vec<(PathBuf, TrustedKind)>, TrustStoreError> {
        let failed = |source| TrustStoreError::File {
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let extension = path
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let known = EXTENSIONS.iter().find(|(known, _)| *known == extension);
            if let Some((_, kind)) = known {
                files.push((path, *kind));
            }
        }
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(files)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, TrustStoreError> {
        fs::read(path).map_err(|source| TrustStoreError::File {
            path: path.to_path_buf(),
            source,
        })
    }

    fn write(&self, trusted: &Trusted, der: &[u8]) -> Result<(), TrustStoreError> {
        let path = self.path_of(trusted);
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| tempfile::NamedTempFile::new_in(&self.folder))
            .and_then(|mut new| io::Write::write_all(&mut new, der).map(|()| new))
            .and_then(|new| new.persist(&path).map_err(|refused| refused.error));
        written
            .map(|_| ())
            .map_err(|source| TrustStoreError::File { path, source })
    }

    fn path_of(&self, trusted: &Trusted) -> PathBuf {
        let extension = EXTENSIONS.iter().find(|(_, kind)| *kind == trusted.kind);
        let extension = extension.map_or("root", |(extension, _)| *extension);
        self.folder
            .join(format!("{}.{extension}", trusted.fingerprint))
    }
}

fn add_to(roots: &mut TrustRoots, kind: TrustedKind, der: &[u8]) -> Result<(), ()> {
    let added = match kind {
        TrustedKind::Root => roots.add_roots(der),
        TrustedKind::RevocationList => roots.add_revocation_lists(der),
    };
    added.map_err(|_| ())
}

/// The parts of a PEM text, or the one thing that is in DER.
fn items(pem_or_der: &[u8]) -> Vec<(TrustedKind, Vec<u8>)> {
    let certificates = CertificateDer::pem_slice_iter(pem_or_der).flatten();
    let roots = certificates.map(|der| (TrustedKind::Root, der.to_vec()));
    let lists = CertificateRevocationListDer::pem_slice_iter(pem_or_der).flatten();
    let lists = lists.map(|der| (TrustedKind::RevocationList, der.as_ref().to_vec()));
    let mut items: Vec<_> = roots.chain(lists).collect();
    if items.is_empty() {
        let kinds = [TrustedKind::Root, TrustedKind::RevocationList];
        let fitting = kinds
            .into_iter()
            .filter(|kind| describe(*kind, pem_or_der).is_some());
        items.extend(fitting.map(|kind| (kind, pem_or_der.to_vec())));
    }
    items
}

fn describe(kind: TrustedKind, der: &[u8]) -> Option<Trusted> {
    let (subject, from, until) = match kind {
        TrustedKind::Root => {
            let body = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
            let validity = body.validity;
            (
                body.subject.to_string(),
                validity.not_before,
                Some(validity.not_after),
            )
        }
        TrustedKind::RevocationList => {
            let body = x509_cert::crl::CertificateList::from_der(der)
                .ok()?
                .tbs_cert_list;
            (body.issuer.to_string(), body.this_update, body.next_update)
        }
    };
    Some(Trusted {
        kind,
        fingerprint: hexadecimal(&Portable.digest(&[der])),
        subject,
        from_unix_s: unix_s(from),
        until_unix_s: until.map(unix_s),
    })
}

fn unix_s(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
