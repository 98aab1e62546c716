//! Holds the authorities of a chain to the roles they may issue.

use webpki::{Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter};

use super::CertificateRole;

/// Accepts a certificate without usages (an authority for every role) or with the role among
/// them. That the end certificate has exactly one is checked where it is read.
pub(super) struct UsageFor(pub(super) CertificateRole);

impl ExtendedKeyUsageValidator for UsageFor {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let wanted = self.0.extended_key_usage_der();
        let mut any = false;
        for usage in usages {
            any = true;
            if usage? == KeyPurposeId::new(&wanted) {
                return Ok(());
            }
        }
        if any {
            Err(Error::UnknownIssuer)
        } else {
            Ok(())
        }
    }
}
