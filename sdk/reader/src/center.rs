//! Centers, as far as their certificates prove them, and what a reader hands on to them.

use colophon_activation::{CenterId, Claims, SealError, UnixSeconds, UploadForm};
use colophon_crypto::{Portable, Randomness};
use colophon_title::TrustRoots;
use colophon_title::trust::CertificateRole;

use crate::recipient::Recipient;
use crate::repository::Activated;
use crate::{Address, Network, RecipientRefused};

/// A center to which a certificate can be sealed: one whose own certificate a trusted root stands
/// behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Center {
    id: CenterId,
    recipient: Recipient,
}

impl Center {
    /// Fetches and judges the certificate of the center at an address, such as
    /// `https://books.example/main`.
    ///
    /// # Errors
    ///
    /// [`RecipientRefused`], see its variants.
    pub fn fetch(
        network: &Network,
        address: &Address,
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Center, RecipientRefused> {
        let id = address.last_step().and_then(|step| step.parse().ok());
        let id: CenterId = id.ok_or(RecipientRefused::Name)?;
        let pem = Recipient::fetch(network, &address.below("certificate"))?;
        let center = Center::judge(&pem, roots, now_unix_s)?;
        // Whoever asks at an address means the center there, whatever its certificate is called.
        Ok(Center { id, ..center })
    }

    /// Judges a center's certificate: PEM, its own first, then those that lead toward a root. The
    /// center is the one that the first word of its common name says.
    ///
    /// # Errors
    ///
    /// [`RecipientRefused`], see its variants.
    pub fn judge(
        pem: &[u8],
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Center, RecipientRefused> {
        let recipient = Recipient::judge(pem, CertificateRole::Center, roots, now_unix_s)?;
        let id = recipient.holder.as_deref().and_then(|id| id.parse().ok());
        Ok(Center {
            id: id.ok_or(RecipientRefused::Name)?,
            recipient,
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &CenterId {
        &self.id
    }

    /// Seals an activation certificate to this center, for as long as asked for and the center's
    /// certificate lasts. What comes out is for a retailer, or the center's download server.
    ///
    /// # Errors
    ///
    /// [`SealError`], see its variants.
    pub fn upload_form(
        &self,
        activated: &Activated,
        period: FormPeriod,
        random: &mut dyn Randomness,
    ) -> Result<SealedUpload, SealError> {
        let until_unix_s = period.until_unix_s.min(self.recipient.until_unix_s);
        let claims = Claims {
            certificates: activated.certificates().clone(),
            persona: activated.persona().clone(),
            center: self.id.clone(),
            issued_at: UnixSeconds::new(period.from_unix_s),
            expires_at: UnixSeconds::new(until_unix_s),
        };
        let form = UploadForm {
            engine: &Portable,
            center_certificate_der: &self.recipient.certificate_der,
            center_public_key_spki_der: &self.recipient.public_key_spki_der,
        };
        Ok(SealedUpload {
            form: form.seal(&claims, random)?,
            until_unix_s,
        })
    }
}

/// From when until when a form is to be good, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct FormPeriod {
    /// Now, as the reader sees it.
    pub from_unix_s: i64,
    /// The end.
    pub until_unix_s: i64,
}

/// A certificate sealed to a center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedUpload {
    /// The form: characters that need no escaping.
    pub form: String,
    /// When it ends, in seconds since 1970.
    pub until_unix_s: i64,
}
