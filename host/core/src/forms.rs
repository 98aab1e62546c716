//! The upload forms in which activation certificates come with requests.
//!
//! A shop hands in the form of a member with each of its purchases. What a form says follows from
//! its text and its key alone, so forms that turned out to be good are remembered by the digest of
//! their text. Whatever else there is to judge is judged each time: whether the key is still the
//! center's, the time, the certificates, and whose they are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colophon_activation::{CertificateHash, Claims, SealedForm};
use colophon_crypto::Engine;

use crate::center::Center;
use crate::principal::CertificateRefused;
use crate::recent::Recent;

/// Forms in each half of what is remembered. When both are full, usual forms take about 12 MB; forms
/// as long as a form may be, with as many certificates as go into them, take 40 MB at most.
const REMEMBERED_MAX: usize = 2048;

/// What came in a request's field `Certificate`. Nobody has looked into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppliedForm(String);

impl SuppliedForm {
    /// The text of a form. Files and fields end in line breaks that are no part of it.
    pub fn new(text: &str) -> Self {
        Self(text.trim_ascii().to_owned())
    }
}

/// What an upload form says, and to which certificate it was sealed.
pub(crate) struct OpenedUpload {
    sealed_to: CertificateHash,
    /// What it says.
    pub(crate) claims: Claims,
}

/// The forms that were good of late.
pub struct GoodForms(Mutex<Recent<Arc<OpenedUpload>>>);

/// An opened form with the name to remember it by.
pub(crate) struct NamedForm {
    name: [u8; 32],
    /// The form.
    pub(crate) form: Arc<OpenedUpload>,
    is_new: bool,
}

impl Default for GoodForms {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(REMEMBERED_MAX)))
    }
}

impl GoodForms {
    /// What a form says that is sealed to a key which a center has now.
    pub(crate) fn open(
        &self,
        engine: &dyn Engine,
        center: &Center,
        supplied: &SuppliedForm,
    ) -> Result<NamedForm, CertificateRefused> {
        let SuppliedForm(text) = supplied;
        let name = engine.digest(&[text.as_bytes()]);
        let known = self.held().find(&name).cloned();
        if let Some(form) = known.filter(|form| form.is_for(center)) {
            let is_new = false;
            return Ok(NamedForm { name, form, is_new });
        }
        let sealed = SealedForm::parse(text).map_err(CertificateRefused::Malformed)?;
        let sealed_to = *sealed.kid();
        let key = center.upload_key(&sealed_to);
        let key = key.ok_or(CertificateRefused::NoKey)?;
        let claims = sealed.open(engine, key, &center.id);
        let claims = claims.map_err(CertificateRefused::Form)?;
        let form = Arc::new(OpenedUpload { sealed_to, claims });
        let is_new = true;
        Ok(NamedForm { name, form, is_new })
    }

    /// Remembers a form that turned out to be good. Others can be made by anybody.
    pub(crate) fn keep(&self, named: &NamedForm) {
        if named.is_new {
            self.held().keep(named.name, Arc::clone(&named.form));
        }
    }

    fn held(&self) -> MutexGuard<'_, Recent<Arc<OpenedUpload>>> {
        // Whoever panicked while holding the lock left whole entries behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenedUpload {
    fn is_for(&self, center: &Center) -> bool {
        self.claims.center == center.id && center.upload_key(&self.sealed_to).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64ct::{Base64UrlUnpadded, Encoding};
    use colophon_activation::{FormKey, FormRefused};
    use colophon_crypto::{Key32, Mismatch, Portable};
    use colophon_receipt::TimePolicy;
    use colophon_title::CopyKey;

    use super::*;
    use crate::center::UploadKey;

    const CERTIFICATE: CertificateHash = CertificateHash::from_bytes([1; 32]);

    /// A key that gives the same content key for whatever is encrypted to it, and counts.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Counting {
        fn decrypted(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl FormKey for Counting {
        fn certificate(&self) -> CertificateHash {
            CERTIFICATE
        }

        fn decrypt(&self, _: &[u8]) -> Result<Key32, Mismatch> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Key32::new([2; 32]))
        }
    }

    impl UploadKey for Counting {
        fn chain(&self) -> &[Vec<u8>] {
            &[]
        }
    }

    fn center(id: &str, upload_keys: Vec<Arc<dyn UploadKey>>) -> Center {
        Center {
            id: id.parse().unwrap(),
            time_policy: TimePolicy::default(),
            copy_key: CopyKey::new(Key32::new([3; 32])),
            provider: None,
            licensor: None,
            rights: Arc::default(),
            upload_keys,
        }
    }

    /// A form of the persona `ada` for the center `main`.
    fn form() -> String {
        let base64 = Base64UrlUnpadded::encode_string;
        let kid = base64(CERTIFICATE.as_bytes());
        let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}}"#);
        let header = base64(header.as_bytes());
        let claims = r#"{"v":1,"cert":["AQ=="],"persona":"ada","aud":"main","iat":1,"exp":2}"#;
        let mut sealed = claims.as_bytes().to_vec();
        let cipher = Portable.aes256_gcm(&Key32::new([2; 32]));
        let tag = cipher.seal(&[0; 12], header.as_bytes(), &mut sealed);
        let parts = [&[0; 256][..], &[0; 12], &sealed, &tag].map(base64);
        format!("{header}.{}", parts.join("."))
    }

    fn open(
        forms: &GoodForms,
        center: &Center,
        text: &str,
    ) -> Result<NamedForm, CertificateRefused> {
        forms.open(&Portable, center, &SuppliedForm::new(text))
    }

    #[track_caller]
    fn refused(forms: &GoodForms, center: &Center, text: &str, expected: &CertificateRefused) {
        assert_eq!(open(forms, center, text).err().as_ref(), Some(expected));
    }

    #[test]
    fn a_good_form_is_opened_once_and_others_each_time() {
        let key = Arc::new(Counting::default());
        let center = center("main", vec![key.clone()]);
        let forms = GoodForms::default();
        for times in 1..4 {
            let opened = open(&forms, &center, &form()).unwrap();
            assert_eq!(opened.form.claims.persona.as_str(), "ada");
            assert_eq!(key.decrypted(), times);
        }
        forms.keep(&open(&forms, &center, &form()).unwrap());
        for text in [form(), format!(" {}\r\n", form())] {
            let known = open(&forms, &center, &text).unwrap();
            assert_eq!(known.form.claims.persona.as_str(), "ada");
            forms.keep(&known);
        }
        assert_eq!(key.decrypted(), 4);
    }

    #[test]
    fn what_is_remembered_is_of_one_text_one_center_and_its_keys() {
        let key = Arc::new(Counting::default());
        let main = center("main", vec![key.clone()]);
        let forms = GoodForms::default();
        forms.keep(&open(&forms, &main, &form()).unwrap());
        assert!(open(&forms, &main, &form()).is_ok());

        let other = CertificateRefused::Form(FormRefused::OtherCenter);
        refused(&forms, &center("other", vec![key]), &form(), &other);
        let gone = center("main", Vec::new());
        refused(&forms, &gone, &form(), &CertificateRefused::NoKey);
        let text = form();
        let (body, _tag) = text.rsplit_once('.').unwrap();
        let forged = format!("{body}.{}", "A".repeat(22));
        let not_genuine = CertificateRefused::Form(FormRefused::NotGenuine(Mismatch));
        refused(&forms, &main, &forged, &not_genuine);
        let cut = open(&forms, &main, body).err();
        assert!(matches!(cut, Some(CertificateRefused::Malformed(_))));
        assert!(open(&forms, &main, &form()).is_ok());
    }
}
