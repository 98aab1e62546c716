//! An OpenID Connect provider that does as it is told: it answers honestly, or with whatever a
//! test makes of an honest answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use colophon_crypto::{Engine as _, Key32, Portable};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// What the provider knows its only client by.
pub const CLIENT_ID: &str = "colophon-under-test";

/// The client's secret.
pub const CLIENT_SECRET: &str = "a secret between the two";

/// The only subject.
pub const SUBJECT: &str = "248289761001";

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// With the key that is published.
    Own,
    /// With a key that is not, under the same name.
    OtherKey,
    /// With the client's secret, as HS256 does.
    ClientSecret,
    /// With the published key, taken for a secret.
    PublicKeyAsSecret,
    /// With the published key, and then a bit is changed.
    Flipped,
    /// Not at all.
    Unsigned,
    /// For other claims than those that are sent.
    OtherClaims,
}

/// An answer of the token endpoint, on its way out.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The ID token's header.
    pub header: Value,
    /// Its claims.
    pub claims: Value,
    /// How it is signed.
    pub signing: Signing,
    /// The answer around it, to which the ID token is added unless it holds one.
    pub body: Value,
    /// The status.
    pub status: u16,
}

type Change = Box<dyn Fn(&mut TokenAnswer) + Send>;

struct State {
    address: SocketAddr,
    nonce: String,
    challenge: String,
    change: Change,
    metadata: Box<dyn Fn(&mut Value) + Send>,
    keys: [SigningKey; 2],
    redeemed: u32,
}

/// A running provider.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<State>>);

impl Provider {
    /// Starts one on a free port. It lives as long as the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let key = |byte| SigningKey::from_slice(&[byte; 32]).expect("a key");
        let provider = Self(Arc::new(Mutex::new(State {
            address,
            nonce: String::new(),
            challenge: String::new(),
            change: Box::new(|_| {}),
            metadata: Box::new(|_| {}),
            keys: [key(7), key(8)],
            redeemed: 0,
        })));
        let running = provider.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = running.clone();
                thread::spawn(move || provider.answer(stream));
            }
        });
        provider
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.state().address)
    }

    /// What the next sign-in was begun with, and what is done to its token.
    pub fn expect(
        &self,
        nonce: &str,
        challenge: &str,
        change: impl Fn(&mut TokenAnswer) + Send + 'static,
    ) {
        let mut state = self.state();
        nonce.clone_into(&mut state.nonce);
        challenge.clone_into(&mut state.challenge);
        state.change = Box::new(change);
    }

    /// What is done to what it says about itself.
    pub fn change_metadata(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.state().metadata = Box::new(change);
    }

    /// How many codes were redeemed.
    pub fn redeemed(&self) -> u32 {
        self.state().redeemed
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        let _ = reader.read_line(&mut line);
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                break;
            }
            if let Some(("content-length", value)) =
                line.to_ascii_lowercase().trim_end().split_once(": ")
            {
                length = value.parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        let _ = reader.read_exact(&mut body);
        let (status, text) = self.page(&path, &String::from_utf8_lossy(&body));
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Location: http://127.0.0.1:1/elsewhere\r\nConnection: close\r\n\r\n",
            text.len()
        );
        let mut stream = &stream;
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(text.as_bytes());
    }

    fn page(&self, path: &str, body: &str) -> (u16, String) {
        let mut state = self.state();
        match path {
            "/.well-known/openid-configuration" => {
                let mut metadata = metadata(state.address);
                (state.metadata)(&mut metadata);
                // A test may have it answer with another status.
                let status = metadata["status"].as_u64().unwrap_or(200);
                (u16::try_from(status).unwrap_or(200), metadata.to_string())
            }
            "/jwks" => (200, json!({ "keys": [jwk(&state.keys[0])] }).to_string()),
            "/token" => {
                state.redeemed += 1;
                state.token(body)
            }
            "/userinfo" => {
                let claims = json!({ "sub": SUBJECT, "name": "Ada at the provider" });
                (200, claims.to_string())
            }
            _ => (404, "{}".to_owned()),
        }
    }
}

impl State {
    fn token(&self, body: &str) -> (u16, String) {
        let verifier = body
            .split('&')
            .find_map(|field| field.strip_prefix("code_verifier="))
            .unwrap_or_default();
        let challenge = Base64UrlUnpadded::encode_string(&Portable.digest(&[verifier.as_bytes()]));
        if challenge != self.challenge {
            return (400, json!({ "error": "invalid_grant" }).to_string());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let access_token = "an-access-token";
        let hash = Portable.digest(&[access_token.as_bytes()]);
        let mut answer = TokenAnswer {
            header: json!({ "alg": "ES256", "kid": "1", "typ": "JWT" }),
            claims: json!({
                "iss": format!("http://{}", self.address),
                "sub": SUBJECT,
                "aud": CLIENT_ID,
                "exp": now + 300,
                "iat": now,
                "nonce": self.nonce,
                "at_hash": Base64UrlUnpadded::encode_string(&hash[..16]),
            }),
            signing: Signing::Own,
            body: json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300 }),
            status: 200,
        };
        (self.change)(&mut answer);
        let token = self.sign(&answer);
        if answer.body.get("id_token").is_none() {
            answer.body["id_token"] = token.into();
        }
        (answer.status, answer.body.to_string())
    }

    fn sign(&self, answer: &TokenAnswer) -> String {
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&answer.header), part(&answer.claims));
        let by = |key: &SigningKey, text: &str| -> Vec<u8> {
            let signature: Signature = key.sign(text.as_bytes());
            signature.to_bytes().to_vec()
        };
        let secret = |secret: &[u8]| {
            // A secret shorter than a block stands for itself with zeros after it.
            let mut bytes = [0; 32];
            let length = secret.len().min(32);
            bytes[..length].copy_from_slice(&secret[..length]);
            Portable
                .hmac_sha256(&Key32::new(bytes), &[text.as_bytes()])
                .to_vec()
        };
        let signature = match answer.signing {
            Signing::Own => by(&self.keys[0], &text),
            Signing::OtherKey => by(&self.keys[1], &text),
            Signing::ClientSecret => secret(CLIENT_SECRET.as_bytes()),
            Signing::PublicKeyAsSecret => secret(&point(&self.keys[0])),
            Signing::Flipped => {
                let mut signature = by(&self.keys[0], &text);
                signature[10] ^= 1;
                signature
            }
            Signing::Unsigned => Vec::new(),
            Signing::OtherClaims => by(&self.keys[0], "other.claims"),
        };
        format!("{text}.{}", Base64UrlUnpadded::encode_string(&signature))
    }
}

fn metadata(address: SocketAddr) -> Value {
    let at = |path: &str| format!("http://{address}{path}");
    json!({
        "issuer": at(""),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The uncompressed public key.
fn point(key: &SigningKey) -> Vec<u8> {
    key.verifying_key()
        .to_encoded_point(false)
        .as_bytes()
        .to_vec()
}

fn jwk(key: &SigningKey) -> Value {
    let point = point(key);
    let coordinate = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    json!({
        "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256",
        "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
    })
}
