//! A fulfillment center and its retailers, as the download flow sees them.

use std::sync::Arc;

use colophon_activation::{CertificateHash, FormKey};
use colophon_receipt::{CenterId, ErrorUrl, KeyId, ReceiptKey, RetailerId, TimePolicy};
use colophon_title::license::{Line, LineRefused, Object, ReadyLicensor, RightsTemplate};
use colophon_title::{CopyKey, Signer};

/// A fulfillment center: the tenant every request belongs to.
pub struct Center {
    /// The center's address segment and name in receipts (`aud`).
    pub id: CenterId,
    /// How receipts are held against the clock.
    pub time_policy: TimePolicy,
    /// The key that purchases of this center are turned into copy ids and entity tags with.
    pub copy_key: CopyKey,
    /// Signs copies in the provider's role, where a title requires that.
    pub provider: Option<Arc<dyn Signer>>,
    /// Signs licenses. Without one, nothing is sold at level 5.
    pub licensor: Option<Arc<ReadyLicensor<'static>>>,
    /// What licenses grant of titles that have no rights of their own.
    pub rights: Arc<RightsTemplate>,
    /// Open the forms in which buyers' activation certificates arrive. The first is the one that
    /// forms are sealed to now; forms sealed to the others are still kept by retailers.
    pub upload_keys: Vec<Arc<dyn UploadKey>>,
}

impl Center {
    /// The key that forms sealed to a certificate open with, if the center has it.
    pub(crate) fn upload_key(&self, certificate: &CertificateHash) -> Option<&dyn FormKey> {
        let mut keys = self.upload_keys.iter();
        let key = keys.find(|key| key.certificate() == *certificate)?;
        Some(key.as_ref())
    }
}

/// A center as the licensor of its licenses.
pub fn as_licensor(center: &CenterId) -> Result<Object, LineRefused> {
    Ok(Object {
        id_type: Line::parse("center")?,
        id: Line::parse(center.as_str())?,
        name: None,
    })
}

/// A private key that upload forms are sealed to, with its certificates.
pub trait UploadKey: FormKey + Send + Sync {
    /// The certificates in DER: the key's own first, then its issuers, the root left out.
    fn chain(&self) -> &[Vec<u8>];
}

/// Whether a retailer key may still open receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Opens receipts.
    Active,
    /// Withdrawn by the operator: nothing opens under it any more.
    Revoked,
}

/// A retailer with the one key a receipt named.
///
/// The key is chosen by its id alone; no other key is ever tried.
pub struct RetailerKey {
    /// The retailer's id in its center.
    pub retailer: RetailerId,
    /// The key's id.
    pub kid: KeyId,
    /// Whether the key opens receipts.
    pub state: KeyState,
    /// The shared secret.
    pub key: ReceiptKey,
    /// Where this retailer's buyers may be sent when something goes wrong; the first is the default.
    pub error_urls: Vec<ErrorUrl>,
}

impl RetailerKey {
    /// Picks where a buyer is redirected: the receipt's wish, else the form's, else the retailer's
    /// default; a wish that the retailer did not register exactly is passed over, so that no
    /// request can send a buyer to a place the retailer does not own.
    pub fn error_target(&self, wishes: [Option<&ErrorUrl>; 2]) -> Option<&ErrorUrl> {
        let wished = wishes
            .into_iter()
            .flatten()
            .find_map(|wish| self.registered(wish));
        wished.or_else(|| self.error_urls.first())
    }

    fn registered(&self, wish: &ErrorUrl) -> Option<&ErrorUrl> {
        self.error_urls.iter().find(|url| *url == wish)
    }
}
