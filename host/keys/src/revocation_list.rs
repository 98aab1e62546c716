//! What a revocation list says of itself.

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::time::Time;

/// The extension that says which of an issuer's keys signed a list (RFC 5280, section 5.2.1).
const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// How old a revocation list is, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationListAge {
    /// Who signed it (RFC 4514).
    pub issuer: String,
    /// With which of its keys, by the key's identifier; a list need not say. An issuer that has
    /// changed its key has a list under each, and neither takes the place of the other.
    pub authority_key: Option<Vec<u8>>,
    /// When, in seconds since 1970.
    pub issued_at_unix_s: i64,
    /// By when there is a later one; a list need not say.
    pub next_by_unix_s: Option<i64>,
}

impl RevocationListAge {
    /// Reads the lists of a file, in PEM or one in DER; what is none is passed over.
    pub(crate) fn read_all(der_or_pem: &[u8]) -> Vec<RevocationListAge> {
        let lists = CertificateRevocationListDer::pem_slice_iter(der_or_pem).flatten();
        let read: Vec<_> = lists.filter_map(|list| Self::read(list.as_ref())).collect();
        match read.is_empty() {
            true => Self::read(der_or_pem).into_iter().collect(),
            false => read,
        }
    }

    fn read(der: &[u8]) -> Option<RevocationListAge> {
        let list = CertificateList::from_der(der).ok()?.tbs_cert_list;
        let extensions = list.crl_extensions.as_deref().unwrap_or_default();
        let authority_key = extensions
            .iter()
            .find(|extension| extension.extn_id == AUTHORITY_KEY_IDENTIFIER)
            .and_then(|extension| {
                AuthorityKeyIdentifier::from_der(extension.extn_value.as_bytes()).ok()
            })
            .and_then(|authority| authority.key_identifier)
            .map(|key| key.as_bytes().to_vec());
        Some(RevocationListAge {
            issuer: list.issuer.to_string(),
            authority_key,
            issued_at_unix_s: unix_s(list.this_update),
            next_by_unix_s: list.next_update.map(unix_s),
        })
    }

    /// Whether there should have been a later one by now.
    pub fn is_overdue(&self, now_unix_s: i64) -> bool {
        self.next_by_unix_s.is_some_and(|next| next < now_unix_s)
    }
}

fn unix_s(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}
