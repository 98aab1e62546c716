//! Shops, as far as their certificates prove them, and how they are told who somebody is.

use colophon_activation::{
    PersonaClaims, PersonaForm, PersonaFormId, PersonaId, PersonaSealError, ShopId, UnixSeconds,
};
use colophon_crypto::{Portable, Randomness};
use colophon_title::TrustRoots;
use colophon_title::trust::{CertificateRole, ChainRefused, validity};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{Address, Network, NetworkError};

/// More than a chain of certificates has in PEM.
const CHAIN_BYTES_MAX: u64 = 256 << 10;

/// How long a shop may take to open what it is told, in seconds.
const FORM_LIFETIME_S: i64 = 600;

/// A shop that can be told who somebody is: one whose certificate a trusted root stands behind.
/// Whoever wants to pose as a shop needs a certificate by somebody this reader trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    id: ShopId,
    issuer: String,
    certificate_der: Vec<u8>,
    public_key_spki_der: Vec<u8>,
    until_unix_s: i64,
}

/// Why a shop is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopRefused {
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
    #[error("not a shop's certificates in PEM")]
    NotPem,
    /// The certificate names no shop.
    #[error("it is not known which shop this is")]
    Name,
    /// The certificate is not believed.
    #[error("the shop's certificate is not believed")]
    Chain(#[source] ChainRefused),
}

impl Shop {
    /// Fetches and judges the certificate that a shop has at an address.
    ///
    /// # Errors
    ///
    /// [`ShopRefused`], see its variants.
    pub fn fetch(
        network: &Network,
        address: &Address,
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Shop, ShopRefused> {
        let answer = network.get(address, CHAIN_BYTES_MAX)?;
        if answer.status != 200 {
            return Err(ShopRefused::NoCertificate {
                address: address.to_string(),
                status: answer.status,
            });
        }
        // Whatever the address is called: the shop is the one that the certificate proves.
        Shop::judge(&answer.body, roots, now_unix_s)
    }

    /// Judges a shop's certificate: PEM, its own first, then those that lead toward a root. The
    /// shop is the one that the first word of its common name says.
    ///
    /// # Errors
    ///
    /// [`ShopRefused`], see its variants.
    pub fn judge(pem: &[u8], roots: &TrustRoots, now_unix_s: i64) -> Result<Shop, ShopRefused> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .map(|der| der.map(|der| der.to_vec()))
            .collect();
        let chain = chain.map_err(|_| ShopRefused::NotPem)?;
        let Some(certificate_der) = chain.first().cloned() else {
            return Err(ShopRefused::NotPem);
        };
        let judged = roots.judge(&Portable, &chain, CertificateRole::Retailer, now_unix_s);
        let judged = judged.map_err(ShopRefused::Chain)?;
        let (_, until_unix_s) = validity(&certificate_der).map_err(ShopRefused::Chain)?;
        let id = judged.common_name.as_deref();
        let id = id.and_then(|name| name.split(' ').next()?.parse().ok());
        Ok(Shop {
            id: id.ok_or(ShopRefused::Name)?,
            issuer: judged.issuer,
            certificate_der,
            public_key_spki_der: judged.public_key_spki_der,
            until_unix_s,
        })
    }

    /// Which shop it is.
    #[must_use]
    pub fn id(&self) -> &ShopId {
        &self.id
    }

    /// Who says so: the issuer of its certificate (RFC 4514).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Seals a persona's id to this shop, for some minutes.
    ///
    /// # Errors
    ///
    /// [`PersonaSealError`], see its variants.
    pub fn persona_form(
        &self,
        persona: &PersonaId,
        now_unix_s: i64,
        random: &mut dyn Randomness,
    ) -> Result<ToldPersona, PersonaSealError> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let until_unix_s = now_unix_s.saturating_add(FORM_LIFETIME_S);
        let until_unix_s = until_unix_s.min(self.until_unix_s);
        let claims = PersonaClaims {
            persona: persona.clone(),
            shop: self.id.clone(),
            id: PersonaFormId::from_bytes(id),
            issued_at: UnixSeconds::new(now_unix_s),
            expires_at: UnixSeconds::new(until_unix_s),
        };
        let form = PersonaForm {
            engine: &Portable,
            shop_certificate_der: &self.certificate_der,
            shop_public_key_spki_der: &self.public_key_spki_der,
        };
        Ok(ToldPersona {
            form: form.seal(&claims, random)?,
            until_unix_s,
        })
    }
}

/// A persona's id sealed to a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldPersona {
    /// The form: characters that need no escaping.
    pub form: String,
    /// When it ends, in seconds since 1970.
    pub until_unix_s: i64,
}
