//! What the fuzz targets claim. Each is a function, so that tests make the same claims without a
//! fuzzer.

use std::sync::LazyLock;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use colophon_activation::{CertificateHash, FormKey, MachineFacts, SealedForm, UploadForm};
use colophon_crypto::{Engine, Key32, Mismatch, Portable, Randomness};
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};

/// Any bytes as the facts of a machine: what is read is written and read the same. Says whether it
/// was read.
pub fn facts(json: &[u8]) -> bool {
    let Ok(facts) = MachineFacts::parse(json) else {
        return false;
    };
    let again = MachineFacts::parse(facts.to_json().as_bytes()).expect("facts");
    assert_eq!(again, facts);
    true
}

/// Belongs to every certificate and decrypts nothing.
struct NoKey(CertificateHash);

impl FormKey for NoKey {
    fn certificate(&self) -> CertificateHash {
        self.0
    }

    fn decrypt(&self, _: &[u8]) -> Result<Key32, Mismatch> {
        Err(Mismatch)
    }
}

/// Any text as an upload form: what parses shows itself unchanged and does not open.
pub fn parse(text: &str) {
    let Ok(sealed) = SealedForm::parse(text) else {
        return;
    };
    assert_eq!(sealed.to_string(), text);
    let center = "main".parse().expect("a center");
    let opened = sealed.open(&Portable, &NoKey(*sealed.kid()), &center);
    assert!(opened.is_err());
}

struct Zeros;

impl Randomness for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

/// Every encrypted key stands for the key of zeros, which is also what `Zeros` gives.
struct ZeroKey(CertificateHash);

impl FormKey for ZeroKey {
    fn certificate(&self) -> CertificateHash {
        self.0
    }

    fn decrypt(&self, _: &[u8]) -> Result<Key32, Mismatch> {
        Ok(Key32::new([0; 32]))
    }
}

fn der(pem: &str) -> Vec<u8> {
    let border = |line: &&str| line.starts_with("-----");
    let lines = pem.lines().skip_while(|line| !border(line)).skip(1);
    let text: String = lines.take_while(|line| !border(line)).collect();
    Base64::decode_vec(&text).expect("base64")
}

static CERTIFICATE: LazyLock<Vec<u8>> =
    LazyLock::new(|| der(include_str!("../../vectors/keys/center.crt")));

static PUBLIC_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = der(include_str!("../../vectors/keys/center.key"));
    let key = rsa::RsaPrivateKey::from_pkcs8_der(&key).expect("a private key");
    let key = key.to_public_key().to_public_key_der();
    key.expect("a public key").into_vec()
});

/// Any bytes as the claims of a form that opens: what is read can be sealed again. Says whether it
/// was read.
pub fn claims(claims: &[u8]) -> bool {
    let encode = Base64UrlUnpadded::encode_string;
    let kid = CertificateHash::of(&Portable, &CERTIFICATE);
    let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}}"#);
    let header = encode(header.as_bytes());
    let mut ciphertext = claims.to_vec();
    let cipher = Portable.aes256_gcm(&Key32::new([0; 32]));
    let tag = cipher.seal(&[0; 12], header.as_bytes(), &mut ciphertext);
    let (key, iv) = (encode(&[1; 256]), encode(&[0; 12]));
    let text = format!(
        "{header}.{key}.{iv}.{}.{}",
        encode(&ciphertext),
        encode(&tag)
    );

    let Ok(sealed) = SealedForm::parse(&text) else {
        return false;
    };
    let center = "main".parse().expect("a center");
    let Ok(claims) = sealed.open(&Portable, &ZeroKey(kid), &center) else {
        return false;
    };
    let upload = UploadForm {
        engine: &Portable,
        center_certificate_der: &CERTIFICATE,
        center_public_key_spki_der: &PUBLIC_KEY,
    };
    // Sealed anew it may be longer, since claims can be written shorter than a reader writes them.
    let Ok(again) = upload.seal(&claims, &mut Zeros) else {
        return true;
    };
    let again = SealedForm::parse(&again).expect("a form");
    let again = again.open(&Portable, &ZeroKey(kid), &center);
    assert_eq!(again.expect("a genuine form"), claims);
    true
}
