//! The authority that certifies personas and vouches for their devices.

use std::sync::Arc;

use colophon_activation::PersonaId;
use colophon_core::activation::key_pair::{PersonaCertificate, PersonaKeyPair, PersonaPublicKey};
use colophon_core::time::Timestamp;
use colophon_title::trust::CertificateRole;

use crate::authority::{AuthorityError, Revocation, Validity, serial_number};
use crate::private_key::PrivateKeyError;
use crate::{Authority, KeyKind, PrivateKey, Subject, SystemRandom};

/// What a persona's certificate is valid for: five years, and an hour back, so that a machine whose
/// clock is a little behind accepts it too.
const VALID_S: i64 = 5 * 365 * 86_400;
const BACK_S: i64 = 3600;

/// By when a list of revoked certificates says that the next one will be there: 90 days.
const NEXT_LIST_S: i64 = 90 * 86_400;

/// The activation authority with its key. Cheap to clone.
#[derive(Clone)]
pub struct ActivationIssuer {
    authority: Arc<Authority>,
    chain: Arc<[Vec<u8>]>,
}

impl ActivationIssuer {
    /// Certifies with this authority.
    #[must_use]
    pub fn new(authority: Authority) -> ActivationIssuer {
        let chain = vec![authority.certificate_der().to_vec()];
        ActivationIssuer {
            authority: Arc::new(authority),
            chain: chain.into(),
        }
    }

    /// The authority's certificates in DER: its own first; the root is left out.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The authority with its key.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Certifies a persona's public key. Its id is the certificate's common name.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn certify(
        &self,
        persona: &PersonaId,
        key: &PersonaPublicKey,
        now: Timestamp,
    ) -> Result<PersonaCertificate, AuthorityError> {
        let now_s = now.unix_seconds().get();
        let subject = Subject {
            common_name: persona.to_string(),
            organization: None,
        };
        let validity = Validity {
            from_unix_s: now_s - BACK_S,
            until_unix_s: now_s + VALID_S,
        };
        let role = CertificateRole::Activation;
        let spki = key.spki_der();
        let random = &mut SystemRandom;
        let der = self
            .authority
            .certify(role, &subject, spki, validity, random)?;
        Ok(PersonaCertificate {
            serial: serial_number(&der)?,
            der,
            issued_at: now,
            until: Timestamp::from_unix_ms(validity.until_unix_s.saturating_mul(1000)),
        })
    }

    /// Signs the list of all certificates that were taken back, in DER. A later list has a higher
    /// number, for its number is the time.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`].
    pub fn revocation_list(
        &self,
        revoked: &[Revocation],
        now: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        let now_s = now.unix_seconds().get();
        let number = u64::try_from(now.unix_ms()).unwrap_or_default();
        let validity = Validity {
            from_unix_s: now_s,
            until_unix_s: now_s + NEXT_LIST_S,
        };
        self.authority.revocation_list(revoked, number, validity)
    }
}

/// Makes a key pair for a persona to come. It takes tens of milliseconds of one processor, seconds
/// at worst.
///
/// # Errors
///
/// [`PrivateKeyError`]; a key that is not fit is none.
pub fn persona_key_pair() -> Result<PersonaKeyPair, PrivateKeyError> {
    let key = PrivateKey::generate(KeyKind::Rsa2048)?;
    let public = PersonaPublicKey::parse(key.public_spki_der());
    Ok(PersonaKeyPair {
        public: public.map_err(|_| PrivateKeyError::Profile)?,
        pkcs8: key.to_der(),
    })
}

#[cfg(test)]
mod tests {
    use colophon_crypto::{Engine, Portable, SignatureAlgorithm};
    use colophon_title::trust::TrustRoots;

    use super::*;
    use crate::AwsLc;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn validity(days: i64) -> Validity {
        Validity {
            from_unix_s: 1_790_000_000,
            until_unix_s: 1_790_000_000 + days * 86_400,
        }
    }

    fn subject(name: &str) -> Subject {
        Subject {
            common_name: name.to_owned(),
            organization: None,
        }
    }

    struct Ground {
        roots: TrustRoots,
        issuer: ActivationIssuer,
        pair: PersonaKeyPair,
    }

    fn ground() -> Ground {
        let random = &mut SystemRandom;
        let root = subject("root");
        let root = Authority::create_root(&root, KeyKind::P256, validity(9000), random).unwrap();
        let name = subject("activation authority");
        let authority = root
            .issue_authority(
                CertificateRole::Activation,
                &name,
                KeyKind::P256,
                validity(8000),
                random,
            )
            .unwrap();
        let mut roots = TrustRoots::new();
        roots.add_roots(root.certificate_der()).unwrap();
        Ground {
            roots,
            issuer: ActivationIssuer::new(authority),
            pair: persona_key_pair().unwrap(),
        }
    }

    fn chain(ground: &Ground, certificate: &PersonaCertificate) -> Vec<Vec<u8>> {
        let mut chain = vec![certificate.der.clone()];
        chain.extend_from_slice(ground.issuer.chain());
        chain
    }

    #[test]
    fn a_persona_is_certified_for_five_years_and_nothing_else() {
        let ground = ground();
        let persona = "ægir@people.example".parse().unwrap();
        let certificate = ground
            .issuer
            .certify(&persona, &ground.pair.public, NOW)
            .unwrap();
        assert!(certificate.lasts(NOW));
        let chain = chain(&ground, &certificate);
        let judge = |role, at_s| ground.roots.judge(&Portable, &chain, role, at_s);
        let now_s = NOW.unix_seconds().get();
        let judged = judge(CertificateRole::Activation, now_s).unwrap();
        assert_eq!(judged.subject, "CN=ægir@people.example");
        assert_eq!(judged.public_key_spki_der, ground.pair.public.spki_der());
        assert!(judge(CertificateRole::Activation, now_s + VALID_S).is_ok());
        assert!(judge(CertificateRole::Activation, now_s + VALID_S + 1).is_err());
        for role in [CertificateRole::Licensor, CertificateRole::Provider] {
            assert!(judge(role, now_s).is_err(), "{role:?}");
        }
    }

    #[test]
    fn a_revoked_certificate_is_not_believed() {
        let mut ground = ground();
        let persona = "ada@people.example".parse().unwrap();
        let key = &ground.pair.public;
        let bad = ground.issuer.certify(&persona, key, NOW).unwrap();
        let good = ground.issuer.certify(&persona, key, NOW).unwrap();
        assert_ne!(bad.serial, good.serial);
        let revoked = [Revocation {
            serial: bad.serial.clone(),
            at_unix_s: NOW.unix_seconds().get(),
        }];
        let list = ground.issuer.revocation_list(&revoked, NOW).unwrap();
        let (bad, good) = (chain(&ground, &bad), chain(&ground, &good));
        ground.roots.add_revocation_lists(&list).unwrap();
        let judge = |chain: &[Vec<u8>]| {
            let at_s = NOW.unix_seconds().get() + 1;
            let role = CertificateRole::Activation;
            ground.roots.judge(&AwsLc, chain, role, at_s)
        };
        assert!(judge(&bad).is_err());
        assert!(judge(&good).is_ok());
    }

    #[test]
    fn a_pair_belongs_together() {
        let pair = persona_key_pair().unwrap();
        let key = PrivateKey::from_der(&pair.pkcs8).unwrap();
        assert_eq!(key.algorithm(), SignatureAlgorithm::RsaPkcs1Sha256);
        let signature = key.sign(b"message").unwrap();
        let spki = pair.public.spki_der();
        let verified = Portable.verify(key.algorithm(), spki, b"message", &signature);
        assert_eq!(verified, Ok(()));
    }
}
