//! Certificates that count no longer.

use std::time::Duration;

use rcgen::{CertificateRevocationListParams, RevokedCertParams, SerialNumber, date_time_ymd};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Authority, AuthorityError, Validity};

/// 9999-12-31T23:59:59Z, the last second a certificate can name.
const LAST_SECOND: i64 = 253_402_300_799;

/// One certificate taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The certificate's serial number, see [`serial_number`].
    pub serial: Vec<u8>,
    /// When it was taken back, in seconds since 1970.
    pub at_unix_s: i64,
}

/// The serial number of a certificate in DER: big-endian, without the sign byte.
///
/// # Errors
///
/// [`AuthorityError::Certificate`] if it cannot be read.
pub fn serial_number(certificate_der: &[u8]) -> Result<Vec<u8>, AuthorityError> {
    let certificate =
        Certificate::from_der(certificate_der).map_err(|_| AuthorityError::Certificate)?;
    Ok(certificate
        .tbs_certificate
        .serial_number
        .as_bytes()
        .to_vec())
}

impl Authority {
    /// Signs the list of all certificates of this authority that were taken back, and gives it
    /// in DER. `number` must rise from list to list; `validity` says when it is issued and by
    /// when the next one will be.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn revocation_list(
        &self,
        revoked: &[Revocation],
        number: u64,
        validity: Validity,
    ) -> Result<Vec<u8>, AuthorityError> {
        if validity.from_unix_s >= validity.until_unix_s {
            return Err(AuthorityError::Validity);
        }
        let epoch = date_time_ymd(1970, 1, 1);
        let entry = |revocation: &Revocation| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&revocation.serial),
                revocation_time: epoch + since_1970(revocation.at_unix_s)?,
                reason_code: None,
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: epoch + since_1970(validity.from_unix_s)?,
            next_update: epoch + since_1970(validity.until_unix_s)?,
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(entry)
                .collect::<Result<_, AuthorityError>>()?,
            key_identifier_method: self.certificate.key_id.clone(),
        };
        let list = params.signed_by(&self.certificate.issuer(&self.key));
        Ok(list.map_err(AuthorityError::Issue)?.der().to_vec())
    }
}

/// The time since the start of 1970, to be added to `rcgen`'s date of that day.
pub(super) fn since_1970(unix_s: i64) -> Result<Duration, AuthorityError> {
    if unix_s > LAST_SECOND {
        return Err(AuthorityError::Validity);
    }
    u64::try_from(unix_s)
        .map(Duration::from_secs)
        .map_err(|_| AuthorityError::Validity)
}
