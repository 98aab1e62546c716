//! Personas with activation certificates, as an activation authority would issue them, and the
//! upload forms that their readers would make.

use std::sync::Arc;

use colophon_activation::{
    CertificateChain, Claims, PersonaId, SealedForm, UnixSeconds, UploadForm,
};
use colophon_crypto::{Engine, Mismatch};
use colophon_keys::{
    Authority, AwsLc, Envelope, KeyKind, PrivateKey, Revocation, StoredSigners, Subject,
    SystemRandom, Validity, certificates_from_pem, certificates_to_pem, read_key_file,
    serial_number,
};
use colophon_store::secrets::Secrets;
use colophon_store::store::{Databases, Store};
use colophon_title::license::PersonaKey;
use colophon_title::trust::{CertificateRole, EndCertificate};

use crate::colophon::{Host, House};

/// The present second, since 1970.
pub fn now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("a clock after 1970").as_secs()).expect("a time")
}

/// The records of a house, opened beside its host.
pub async fn open_store(house: &House) -> Store {
    let keys = read_key_file(&house.path().join("master.key")).expect("a master key");
    let engine: Arc<dyn Engine> = Arc::new(AwsLc);
    let secrets = Secrets::new(
        Arc::new(Envelope::new(Arc::clone(&engine), keys)),
        engine,
        Box::new(SystemRandom),
        Arc::new(StoredSigners),
    );
    let address = |file: &str| {
        let path = house.path().join(file);
        format!("sqlite://{}", path.display())
            .parse()
            .expect("an address")
    };
    let databases = Databases::open(&address("colophon.db"), &address("log.db")).await;
    let store = databases.expect("databases").into_store(secrets).await;
    store.expect("tables of this version")
}

/// The platform authority of a house.
pub fn platform(house: &House) -> Authority {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let material = runtime.block_on(async {
        let store = open_store(house).await;
        let material = store.authority("platform").await;
        store.close().await;
        material.expect("an answer").expect("a platform authority")
    });
    let key = PrivateKey::from_der(&material.pkcs8.expect("its key")).expect("a key");
    let certificate = certificates_to_pem(&[material.certificate]);
    Authority::from_pem(&key.to_pem(), &certificate).expect("an authority")
}

/// An authority that activates readers.
pub struct Activation {
    authority: Authority,
}

/// A persona with its key pair.
pub struct Persona {
    /// Its id.
    pub id: PersonaId,
    /// Its private key, which a secure repository would hide.
    pub key: PrivateKey,
    /// Its activation certificate and those above it.
    pub chain: Vec<Vec<u8>>,
}

/// What an upload form says beside the certificate, where a test wants it otherwise.
#[derive(Clone)]
pub struct FormTerms {
    /// The center it is for.
    pub center: String,
    /// The persona it names; the certificate's own if absent.
    pub persona: Option<String>,
    /// When it was made.
    pub issued_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

impl Default for FormTerms {
    /// For the center `main`, from a minute ago for an hour.
    fn default() -> Self {
        Self {
            center: "main".to_owned(),
            persona: None,
            issued_at: now_s() - 60,
            expires_at: now_s() + 3600,
        }
    }
}

fn subject(name: &str) -> Subject {
    Subject {
        common_name: name.to_owned(),
        organization: None,
    }
}

/// From an hour ago, for a day.
pub fn a_day() -> Validity {
    Validity {
        from_unix_s: now_s() - 3600,
        until_unix_s: now_s() + 86_400,
    }
}

impl Activation {
    /// An activation authority under the platform root of a house.
    pub fn of(house: &House) -> Self {
        Self::under(&platform(house))
    }

    /// An activation authority under any root.
    pub fn under(root: &Authority) -> Self {
        let role = CertificateRole::Activation;
        let name = subject("activation");
        let years = Validity {
            from_unix_s: now_s() - 3600,
            until_unix_s: now_s() + 10 * 365 * 86_400,
        };
        let authority =
            root.issue_authority(role, &name, KeyKind::Rsa2048, years, &mut SystemRandom);
        Self {
            authority: authority.expect("an authority"),
        }
    }

    /// A persona that was activated.
    pub fn persona(&self, id: &str) -> Persona {
        self.persona_for(id, a_day())
    }

    /// A persona whose certificate is valid for another time.
    pub fn persona_for(&self, id: &str, validity: Validity) -> Persona {
        let key = PrivateKey::generate(KeyKind::Rsa2048).expect("a key");
        self.certify(id, key, validity)
    }

    /// A certificate for a key of the caller's choice.
    pub fn certify(&self, id: &str, key: PrivateKey, validity: Validity) -> Persona {
        let role = CertificateRole::Activation;
        let spki = key.public_spki_der();
        let certificate =
            self.authority
                .certify(role, &subject(id), spki, validity, &mut SystemRandom);
        Persona {
            id: id.parse().expect("a persona's id"),
            chain: vec![
                certificate.expect("a certificate"),
                self.authority.certificate_der().to_vec(),
            ],
            key,
        }
    }

    /// The list of the revoked certificates of personas, in DER.
    pub fn revocation_list(&self, personas: &[&Persona], number: u64) -> Vec<u8> {
        let revoked = personas.iter().map(|persona| Revocation {
            serial: serial_number(&persona.chain[0]).expect("a serial number"),
            at_unix_s: now_s() - 60,
        });
        let revoked: Vec<Revocation> = revoked.collect();
        let list = self.authority.revocation_list(&revoked, number, a_day());
        list.expect("a list")
    }
}

impl Persona {
    /// The upload form for the center `main` of a host.
    pub fn form(&self, host: &Host) -> String {
        self.form_with(&center_chain(host), &FormTerms::default())
    }

    /// An upload form sealed to a center's certificate.
    pub fn form_with(&self, center_chain: &[Vec<u8>], terms: &FormTerms) -> String {
        let center = EndCertificate::parse(&center_chain[0]).expect("a center's certificate");
        let upload = UploadForm {
            engine: &AwsLc,
            center_certificate_der: &center_chain[0],
            center_public_key_spki_der: &center.public_key_spki_der,
        };
        let persona = terms.persona.as_deref().unwrap_or(self.id.as_str());
        let claims = Claims {
            certificates: CertificateChain::new(self.chain.clone()).expect("a chain"),
            persona: persona.parse().expect("a persona's id"),
            center: terms.center.parse().expect("a center's id"),
            issued_at: UnixSeconds::new(terms.issued_at),
            expires_at: UnixSeconds::new(terms.expires_at),
        };
        let form = upload.seal(&claims, &mut SystemRandom).expect("a form");
        SealedForm::parse(&form).expect("a form that can be read");
        form
    }
}

/// The certificate that forms to the center `main` are sealed to, as the host gives it.
pub fn center_chain(host: &Host) -> Vec<Vec<u8>> {
    let answer = host.request("GET", "/main/certificate", &[], None);
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200);
    let pem = String::from_utf8(answer.body).expect("text");
    certificates_from_pem(&pem).expect("certificates")
}

impl PersonaKey for Persona {
    fn public_key_spki_der(&self) -> &[u8] {
        self.key.public_spki_der()
    }

    fn decrypt(&self, enabling_bits: &[u8]) -> Result<[u8; 40], Mismatch> {
        let plain = self.key.decrypt(enabling_bits)?;
        plain.as_slice().try_into().map_err(|_| Mismatch)
    }
}
