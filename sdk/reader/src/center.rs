//! Centers, as far as their certificates prove them, and what a reader hands on to them.

use colophon_activation::{CenterId, Claims, SealError, UnixSeconds, UploadForm};
use colophon_crypto::{Portable, Randomness};
use colophon_title::TrustRoots;
use colophon_title::trust::{CertificateRole, ChainRefused, validity};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::repository::Activated;
use crate::{Address, Network, NetworkError};

/// More than a chain of certificates has in PEM.
const CHAIN_BYTES_MAX: u64 = 256 << 10;

/// A center to which a certificate can be sealed: one whose own certificate a trusted root stands
/// behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Center {
    id: CenterId,
    certificate_der: Vec<u8>,
    public_key_spki_der: Vec<u8>,
    until_unix_s: i64,
}

/// Why a center is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CenterRefused {
    /// Its certificate could not be fetched.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is no certificate at its address.
    #[error("{address} gives no certificate ({status})")]
    NoCertificate {
        /// The address asked.
        address: String,
        /// The status of the answer.
        status: u16,
    },
    /// What should be certificates in PEM is none.
    #[error("not a center's certificates in PEM")]
    NotPem,
    /// Neither the address nor the certificate names a center.
    #[error("it is not known which center this is")]
    Name,
    /// The certificate is not believed.
    #[error("the center's certificate is not believed")]
    Chain(#[source] ChainRefused),
}

impl Center {
    /// Fetches and judges the certificate of the center at an address, such as
    /// `https://books.example/main`.
    ///
    /// # Errors
    ///
    /// [`CenterRefused`], see its variants.
    pub fn fetch(
        network: &Network,
        address: &Address,
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Center, CenterRefused> {
        let id = address.last_step().and_then(|step| step.parse().ok());
        let id: CenterId = id.ok_or(CenterRefused::Name)?;
        let answer = network.get(&address.below("certificate"), CHAIN_BYTES_MAX)?;
        if answer.status != 200 {
            return Err(CenterRefused::NoCertificate {
                address: address.to_string(),
                status: answer.status,
            });
        }
        let center = Center::judge(&answer.body, roots, now_unix_s)?;
        // Whoever asks at an address means the center there, whatever its certificate is called.
        Ok(Center { id, ..center })
    }

    /// Judges a center's certificate: PEM, its own first, then those that lead toward a root. The
    /// center is the one that the first word of its common name says.
    ///
    /// # Errors
    ///
    /// [`CenterRefused`], see its variants.
    pub fn judge(pem: &[u8], roots: &TrustRoots, now_unix_s: i64) -> Result<Center, CenterRefused> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .map(|der| der.map(|der| der.to_vec()))
            .collect();
        let chain = chain.map_err(|_| CenterRefused::NotPem)?;
        let Some(certificate_der) = chain.first().cloned() else {
            return Err(CenterRefused::NotPem);
        };
        let judged = roots.judge(&Portable, &chain, CertificateRole::Center, now_unix_s);
        let judged = judged.map_err(CenterRefused::Chain)?;
        let (_, until_unix_s) = validity(&certificate_der).map_err(CenterRefused::Chain)?;
        let id = judged.common_name.as_deref();
        let id = id.and_then(|name| name.split(' ').next()?.parse().ok());
        Ok(Center {
            id: id.ok_or(CenterRefused::Name)?,
            certificate_der,
            public_key_spki_der: judged.public_key_spki_der,
            until_unix_s,
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
        let until_unix_s = period.until_unix_s.min(self.until_unix_s);
        let claims = Claims {
            certificates: activated.certificates().clone(),
            persona: activated.persona().clone(),
            center: self.id.clone(),
            issued_at: UnixSeconds::new(period.from_unix_s),
            expires_at: UnixSeconds::new(until_unix_s),
        };
        let form = UploadForm {
            engine: &Portable,
            center_certificate_der: &self.certificate_der,
            center_public_key_spki_der: &self.public_key_spki_der,
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
