//! The host's trusted roots and revocation lists, read from a folder and read again when it
//! changes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use colophon_activation::{CertificateChain, InvalidPinnedRoots, PinnedRoots};
use colophon_core::activation::ports::LicenseRoots;
use colophon_core::principal::{CertificateRefused, Trust};
use colophon_crypto::{Engine, frames};
use colophon_receipt::UnixSeconds;
use colophon_title::license::{
    self, ActivationCertificate, ActivationCertificateRefused, Delegation, LicenseRefused,
    LicenseReport,
};
use colophon_title::trust::{
    CertificateRole, ChainRefused, EndCertificate, TrustRoots, TrustRootsError, validity,
};

use crate::revocation_list::RevocationListAge;

/// Larger files are no certificates of ours.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Verdicts remembered at once.
const VERDICTS_MAX: usize = 4096;

/// Why the folder of trusted roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFolderError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than any list of certificates.
    #[error("{} is larger than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what its name says.
    #[error("{} cannot be used", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TrustRootsError,
    },
    /// There is no root in it.
    #[error("{} holds no root certificate (*.pem, *.crt)", folder.display())]
    NoRoot {
        /// The folder.
        folder: PathBuf,
    },
}

/// A folder with roots (`*.pem`, `*.crt`) and revocation lists (`*.crl`), each in PEM or DER. Under
/// roots in `*.licensor.pem` and `*.licensor.crt` licensors are believed and nobody else.
/// Files of other names are passed over.
pub struct TrustFolder {
    engine: Arc<dyn Engine>,
    folder: PathBuf,
    held: RwLock<Arc<Held>>,
}

/// The roots as they were read, with what was found out under them.
struct Held {
    files: Vec<Seen>,
    roots: TrustRoots,
    verdicts: Mutex<HashMap<[u8; 32], Arc<Verdict>>>,
}

/// A chain that is believed at every time within its certificates' own: revocation has no time.
struct Verdict {
    certificate: EndCertificate,
    from_unix_s: i64,
    until_unix_s: i64,
    /// What the certificate says as that of a persona, once somebody asked.
    activation: OnceLock<Result<Arc<ActivationCertificate>, ActivationCertificateRefused>>,
}

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    kind: Kind,
    bytes: u64,
    modified: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Roots,
    LicensorRoots,
    RevocationLists,
}

impl TrustFolder {
    /// Reads the folder.
    ///
    /// # Errors
    ///
    /// [`TrustFolderError`].
    pub fn open(folder: &Path, engine: Arc<dyn Engine>) -> Result<TrustFolder, TrustFolderError> {
        let held = read(folder, files(folder)?)?;
        Ok(TrustFolder {
            engine,
            folder: folder.to_owned(),
            held: RwLock::new(Arc::new(held)),
        })
    }

    /// Reads the folder again if anything in it has changed, and says whether it has. If it cannot
    /// be used as it is now, what was read before goes on to hold.
    ///
    /// # Errors
    ///
    /// [`TrustFolderError`].
    pub fn refresh(&self) -> Result<bool, TrustFolderError> {
        let files = files(&self.folder)?;
        if self.held().files == files {
            return Ok(false);
        }
        let read = Arc::new(read(&self.folder, files)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(true)
    }

    /// Verifies a license under the roots and lists as they are now.
    ///
    /// # Errors
    ///
    /// [`LicenseRefused`].
    pub fn verify_license(&self, document: &[u8]) -> Result<LicenseReport, LicenseRefused> {
        license::verify(self.engine.as_ref(), document, &self.held().roots)
    }

    /// Verifies a delegation under the roots and lists as they are now.
    ///
    /// # Errors
    ///
    /// [`LicenseRefused`].
    pub fn verify_delegation(&self, document: &[u8]) -> Result<Delegation, LicenseRefused> {
        Delegation::verify(self.engine.as_ref(), document, &self.held().roots)
    }

    /// How old the revocation lists in the folder are that nobody has replaced: of those of one
    /// issuer under one key the latest, with the file it stands in.
    ///
    /// # Errors
    ///
    /// [`TrustFolderError::Read`] if a file has gone or cannot be read any more.
    pub fn revocation_lists(&self) -> Result<Vec<(PathBuf, RevocationListAge)>, TrustFolderError> {
        let mut latest: BTreeMap<_, (PathBuf, RevocationListAge)> = BTreeMap::new();
        let held = self.held();
        let lists = held.files.iter();
        for file in lists.filter(|file| file.kind == Kind::RevocationLists) {
            let path = || file.path.clone();
            let bytes = fs::read(&file.path).map_err(|source| TrustFolderError::Read {
                path: path(),
                source,
            })?;
            for list in RevocationListAge::read_all(&bytes) {
                let signed_by = (list.issuer.clone(), list.authority_key.clone());
                let is_later = latest
                    .get(&signed_by)
                    .is_none_or(|(_, known)| known.issued_at_unix_s <= list.issued_at_unix_s);
                if is_later {
                    latest.insert(signed_by, (path(), list));
                }
            }
        }
        Ok(latest.into_values().collect())
    }

    /// The trusted roots in DER.
    pub fn roots(&self) -> Vec<Vec<u8>> {
        let held = self.held();
        held.roots.certificates().map(<[u8]>::to_vec).collect()
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Trust for TrustFolder {
    fn judge(
        &self,
        chain: &[Vec<u8>],
        role: CertificateRole,
        at: UnixSeconds,
    ) -> Result<EndCertificate, ChainRefused> {
        let verdict = self.verdict(self.name(chain), chain, role, at)?;
        Ok(verdict.certificate.clone())
    }

    fn believe(
        &self,
        chain: &[Vec<u8>],
        role: CertificateRole,
        at: UnixSeconds,
    ) -> Result<(), ChainRefused> {
        self.verdict(self.name(chain), chain, role, at).map(drop)
    }

    fn judge_activation(
        &self,
        chain: &CertificateChain,
        at: UnixSeconds,
    ) -> Result<Arc<ActivationCertificate>, CertificateRefused> {
        let name = chain.sha256(self.engine.as_ref());
        let verdict = self.verdict(name, chain.as_slice(), CertificateRole::Activation, at);
        let verdict = verdict.map_err(CertificateRefused::Chain)?;
        let read = || ActivationCertificate::read(chain.own()).map(Arc::new);
        Ok(verdict.activation.get_or_init(read).clone()?)
    }
}

impl TrustFolder {
    /// What tells a chain from others.
    fn name(&self, chain: &[Vec<u8>]) -> [u8; 32] {
        let parts: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        self.engine.digest(&[&frames(&parts)])
    }

    fn verdict(
        &self,
        name: [u8; 32],
        chain: &[Vec<u8>],
        role: CertificateRole,
        at: UnixSeconds,
    ) -> Result<Arc<Verdict>, ChainRefused> {
        let held = self.held();
        let verdicts = || held.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = verdicts().get(&name).cloned();
        if let Some(verdict) = known
            && verdict.certificate.role == role
            && (verdict.from_unix_s..=verdict.until_unix_s).contains(&at.get())
        {
            return Ok(verdict);
        }
        let engine = self.engine.as_ref();
        let certificate = held.roots.judge(engine, chain, role, at.get())?;
        let mut verdict = Verdict {
            certificate,
            from_unix_s: i64::MIN,
            until_unix_s: i64::MAX,
            activation: OnceLock::new(),
        };
        for certificate in chain {
            let (from, until) = validity(certificate)?;
            verdict.from_unix_s = verdict.from_unix_s.max(from);
            verdict.until_unix_s = verdict.until_unix_s.min(until);
        }
        let verdict = Arc::new(verdict);
        let mut verdicts = verdicts();
        if verdicts.len() >= VERDICTS_MAX {
            verdicts.clear();
        }
        verdicts.insert(name, Arc::clone(&verdict));
        Ok(verdict)
    }
}

impl LicenseRoots for TrustFolder {
    fn pinned(&self) -> Result<PinnedRoots, InvalidPinnedRoots> {
        PinnedRoots::new(self.held().roots.digests(self.engine.as_ref()))
    }
}

/// The files that matter, in the order of their names.
fn files(folder: &Path) -> Result<Vec<Seen>, TrustFolderError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TrustFolderError::Read { path, source }
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let kind = match path.extension().and_then(|ending| ending.to_str()) {
            Some("pem" | "crt") if is_for_licensors(&path) => Kind::LicensorRoots,
            Some("pem" | "crt") => Kind::Roots,
            Some("crl") => Kind::RevocationLists,
            Some(_) | None => continue,
        };
        // Whoever makes a file writes it beside and renames it; one that is gone again is none.
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(unreadable(&path))?,
        };
        files.push(Seen {
            kind,
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            path,
        });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Whether a file of roots says by its name (`*.licensor.pem`) that they are for licensors alone.
fn is_for_licensors(path: &Path) -> bool {
    let stem = path.file_stem().map(Path::new);
    stem.and_then(Path::extension)
        .is_some_and(|ending| ending == "licensor")
}

fn read(folder: &Path, files: Vec<Seen>) -> Result<Held, TrustFolderError> {
    let mut roots = TrustRoots::new();
    for file in &files {
        let path = || file.path.clone();
        if file.bytes > FILE_BYTES_MAX {
            return Err(TrustFolderError::TooLarge { path: path() });
        }
        let bytes = fs::read(&file.path).map_err(|source| TrustFolderError::Read {
            path: path(),
            source,
        })?;
        let added = match file.kind {
            Kind::Roots => roots.add_roots(&bytes),
            Kind::LicensorRoots => roots.add_licensor_roots(&bytes),
            Kind::RevocationLists => roots.add_revocation_lists(&bytes),
        };
        added.map_err(|source| TrustFolderError::Content {
            path: path(),
            source,
        })?;
    }
    if roots.is_empty() {
        let folder = folder.to_owned();
        return Err(TrustFolderError::NoRoot { folder });
    }
    Ok(Held {
        files,
        roots,
        verdicts: Mutex::default(),
    })
}
