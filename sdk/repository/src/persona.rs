//! The persona's private key, where it is used.

use colophon_crypto::Mismatch;
use colophon_title::license::PersonaKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::{Oaep, RsaPrivateKey};
use zeroize::Zeroizing;

use crate::Refused;

/// An RSA key, wiped when dropped.
pub(crate) struct RsaPersona {
    private: RsaPrivateKey,
    public_spki_der: Vec<u8>,
}

impl RsaPersona {
    pub(crate) fn read(pkcs8_der: &[u8]) -> Result<RsaPersona, Refused> {
        let private = RsaPrivateKey::from_pkcs8_der(pkcs8_der).map_err(|_| Refused::PersonaKey)?;
        let public = private.to_public_key().to_public_key_der();
        Ok(RsaPersona {
            private,
            public_spki_der: public.map_err(|_| Refused::PersonaKey)?.into_vec(),
        })
    }
}

impl PersonaKey for RsaPersona {
    fn public_key_spki_der(&self) -> &[u8] {
        &self.public_spki_der
    }

    fn decrypt(&self, enabling_bits: &[u8]) -> Result<[u8; 40], Mismatch> {
        let padding = Oaep::new::<rsa::sha2::Sha256>();
        let seal = self.private.decrypt(padding, enabling_bits);
        let seal = Zeroizing::new(seal.map_err(|_| Mismatch)?);
        seal.as_slice().try_into().map_err(|_| Mismatch)
    }
}
