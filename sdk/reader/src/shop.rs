//! Shops, as far as their certificates prove them, and how they are told who somebody is.

use colophon_activation::{
    PersonaClaims, PersonaForm, PersonaFormId, PersonaId, SealError, ShopId, UnixSeconds,
};
use colophon_crypto::{Portable, Randomness};
use colophon_title::TrustRoots;
use colophon_title::trust::CertificateRole;

use crate::recipient::Recipient;
use crate::{Address, Network, RecipientRefused};

/// How long a shop may take to open what it is told, in seconds.
const FORM_LIFETIME_S: i64 = 600;

/// A shop that can be told who somebody is: one whose certificate a trusted root stands behind.
/// Whoever wants to pose as a shop needs a certificate by somebody this reader trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    id: ShopId,
    recipient: Recipient,
}

impl Shop {
    /// Fetches and judges the certificate that a shop has at an address.
    ///
    /// # Errors
    ///
    /// [`RecipientRefused`], see its variants.
    pub fn fetch(
        network: &Network,
        address: &Address,
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Shop, RecipientRefused> {
        let pem = Recipient::fetch(network, address)?;
        // Whatever the address is called: the shop is the one that the certificate proves.
        Shop::judge(&pem, roots, now_unix_s)
    }

    /// Judges a shop's certificate: PEM, its own first, then those that lead toward a root. The
    /// shop is the one that the first word of its common name says.
    ///
    /// # Errors
    ///
    /// [`RecipientRefused`], see its variants.
    pub fn judge(
        pem: &[u8],
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Shop, RecipientRefused> {
        let recipient = Recipient::judge(pem, CertificateRole::Retailer, roots, now_unix_s)?;
        let id = recipient.holder.as_deref().and_then(|id| id.parse().ok());
        Ok(Shop {
            id: id.ok_or(RecipientRefused::Name)?,
            recipient,
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
        &self.recipient.issuer
    }

    /// Seals a persona's id to this shop, for some minutes.
    ///
    /// # Errors
    ///
    /// [`SealError`], see its variants.
    pub fn persona_form(
        &self,
        persona: &PersonaId,
        now_unix_s: i64,
        random: &mut dyn Randomness,
    ) -> Result<ToldPersona, SealError> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let until_unix_s = now_unix_s.saturating_add(FORM_LIFETIME_S);
        let until_unix_s = until_unix_s.min(self.recipient.until_unix_s);
        let claims = PersonaClaims {
            persona: persona.clone(),
            shop: self.id.clone(),
            id: PersonaFormId::from_bytes(id),
            issued_at: UnixSeconds::new(now_unix_s),
            expires_at: UnixSeconds::new(until_unix_s),
        };
        let form = PersonaForm {
            engine: &Portable,
            shop_certificate_der: &self.recipient.certificate_der,
            shop_public_key_spki_der: &self.recipient.public_key_spki_der,
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
