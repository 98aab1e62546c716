//! Signing in at a provider: at an honest one, at a real one, and at one that lies.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use colophon_tests::browser::{Browser, Page, between, escaped};
use colophon_tests::colophon::{Host, House};
use colophon_tests::provider::{CLIENT_ID, CLIENT_SECRET, Provider, SUBJECT, Signing, TokenAnswer};
use colophon_tests::tool::{on_path, skipped, target};
use serde_json::{Value, json};

use super::people::is_signed_in;

/// A host whose people sign in at this issuer.
fn house(issuer: &str) -> House {
    let house = House::new();
    let settings = format!(
        "[activation]\noidc_issuer = \"{issuer}\"\noidc_client_id = \"{CLIENT_ID}\"\n\
         oidc_client_secret = \"{CLIENT_SECRET}\"\noidc_name = \"The Library\"\n"
    );
    std::fs::write(house.path().join("colophon.toml"), settings).unwrap();
    house
}

/// What a browser took along to the provider.
struct Trip {
    state: String,
    nonce: String,
    challenge: String,
}

/// Sends a browser off; what it takes along has to be what the protocol asks for.
fn leave(browser: &mut Browser<'_>) -> Trip {
    let answer = browser.ask("GET", "/activation/oidc/start", None);
    assert_eq!(
        answer.status,
        303,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let location = answer.header("location").unwrap().to_owned() + "&";
    let part = |name: &str| between(&location, &format!("{name}="), "&").unwrap();
    assert_eq!(part("response_type"), "code");
    assert_eq!(part("code_challenge_method"), "S256");
    assert_eq!(part("client_id"), CLIENT_ID);
    assert!(part("scope").contains("openid"));
    Trip {
        state: part("state"),
        nonce: part("nonce"),
        challenge: part("code_challenge"),
    }
}

/// What an honest provider sends a browser back with.
fn honest_query(provider: &Provider, trip: &Trip) -> String {
    let issuer = escaped(&provider.issuer());
    format!("code=c-1&state={}&iss={issuer}", trip.state)
}

fn come_back(browser: &mut Browser<'_>, query: &str) -> Page {
    browser.open(&format!("/activation/oidc/callback?{query}"))
}

/// Goes to the provider and back, with a token that `change` was done to.
fn round(
    host: &Host,
    provider: &Provider,
    change: impl Fn(&mut TokenAnswer) + Send + 'static,
) -> (Page, bool) {
    let mut browser = Browser::new(host);
    let trip = leave(&mut browser);
    provider.expect(&trip.nonce, &trip.challenge, change);
    let page = come_back(&mut browser, &honest_query(provider, &trip));
    let is_in = is_signed_in(&mut browser);
    (page, is_in)
}

#[test]
fn an_honest_provider_vouches_for_a_persona() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    let host = house.serve(&[]);
    Browser::new(&host)
        .open("/activation/sign-in")
        .expect(200, "Sign in with The Library");
    let (page, is_in) = round(&host, &provider, |_| {});
    assert!(is_in, "{}", page.html());
    let persona = format!("{SUBJECT}@{}", provider.issuer().replace("http://", ""));
    page.expect(200, &persona)
        .expect(200, "Ada at the provider");
    // The same person again is the same persona.
    let (page, _) = round(&host, &provider, |_| {});
    page.expect(200, &persona);
}

/// An attack on the token by its name.
type Attack = (&'static str, fn(&mut TokenAnswer));

const TOKEN_ATTACKS: &[Attack] = &[
    ("no signature, alg none", |answer| {
        answer.header["alg"] = "none".into();
        answer.signing = Signing::Unsigned;
    }),
    ("alg None in another case", |answer| {
        answer.header["alg"] = "NONE".into();
        answer.signing = Signing::Unsigned;
    }),
    ("no signature under a real alg", |answer| {
        answer.signing = Signing::Unsigned
    }),
    ("another key under the same kid", |answer| {
        answer.signing = Signing::OtherKey
    }),
    ("another key under an unknown kid", |answer| {
        answer.header["kid"] = "2".into();
        answer.signing = Signing::OtherKey;
    }),
    ("another key without a kid", |answer| {
        answer.header = json!({ "alg": "ES256" });
        answer.signing = Signing::OtherKey;
    }),
    ("another key brought along", |answer| {
        answer.header["jwk"] = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" });
        answer.signing = Signing::OtherKey;
    }),
    ("another key by address", |answer| {
        answer.header["jku"] = "http://127.0.0.1:1/jwks".into();
        answer.signing = Signing::OtherKey;
    }),
    ("HS256 with the client's secret", |answer| {
        answer.header["alg"] = "HS256".into();
        answer.signing = Signing::ClientSecret;
    }),
    ("HS256 with the public key", |answer| {
        answer.header["alg"] = "HS256".into();
        answer.signing = Signing::PublicKeyAsSecret;
    }),
    ("an alg that is not the key's", |answer| {
        answer.header["alg"] = "RS256".into()
    }),
    ("a curve that is not the key's", |answer| {
        answer.header["alg"] = "ES384".into()
    }),
    ("a changed signature", |answer| {
        answer.signing = Signing::Flipped
    }),
    ("the signature of other claims", |answer| {
        answer.signing = Signing::OtherClaims
    }),
    ("a critical header nobody knows", |answer| {
        answer.header["crit"] = json!(["exp"])
    }),
    ("a token of another type", |answer| {
        answer.header["typ"] = "at+jwt".into()
    }),
    ("a nested token", |answer| {
        answer.header["cty"] = "JWT".into()
    }),
    ("another issuer", |answer| {
        answer.claims["iss"] = "https://evil.example".into()
    }),
    ("the issuer with a slash", |answer| {
        let issuer = answer.claims["iss"].as_str().unwrap().to_owned() + "/";
        answer.claims["iss"] = issuer.into();
    }),
    ("another audience", |answer| {
        answer.claims["aud"] = "somebody-else".into()
    }),
    ("no audience", |answer| answer.claims["aud"] = json!([])),
    ("a second audience", |answer| {
        answer.claims["aud"] = json!([CLIENT_ID, "somebody-else"])
    }),
    ("another authorized party", |answer| {
        answer.claims["azp"] = "somebody-else".into()
    }),
    ("another nonce", |answer| {
        answer.claims["nonce"] = "another".into()
    }),
    ("an empty nonce", |answer| {
        answer.claims["nonce"] = "".into()
    }),
    ("expired", |answer| shift(answer, "exp", -301)),
    ("expired for a day", |answer| shift(answer, "exp", -86_400)),
    ("issued long ago", |answer| shift(answer, "iat", -3_600)),
    ("issued in the future", |answer| shift(answer, "iat", 600)),
    ("an expiry that is no number", |answer| {
        answer.claims["exp"] = "tomorrow".into()
    }),
    ("an empty subject", |answer| {
        answer.claims["sub"] = "".into()
    }),
    ("a subject that is a number", |answer| {
        answer.claims["sub"] = 7.into()
    }),
    ("a subject of 300 letters", |answer| {
        answer.claims["sub"] = "a".repeat(300).into()
    }),
    ("no subject", |answer| drop_claim(answer, "sub")),
    ("no issuer", |answer| drop_claim(answer, "iss")),
    ("no audience claim", |answer| drop_claim(answer, "aud")),
    ("no nonce", |answer| drop_claim(answer, "nonce")),
    ("no expiry", |answer| drop_claim(answer, "exp")),
    ("no time of issue", |answer| drop_claim(answer, "iat")),
    ("another access token", |answer| {
        answer.body["access_token"] = "another".into()
    }),
    ("no ID token", |answer| {
        answer.body["id_token"] = Value::Null
    }),
    ("an ID token of two parts", |answer| {
        answer.body["id_token"] = "a.b".into()
    }),
    ("an ID token that is encrypted", |answer| {
        answer.body["id_token"] = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.a.b.c.d".into();
    }),
    ("a code that is not taken", |answer| {
        answer.status = 400;
        answer.body = json!({ "error": "invalid_grant", "id_token": null });
    }),
    ("an error with a token", |answer| answer.status = 500),
    ("an answer elsewhere", |answer| answer.status = 302),
    ("an answer without end", |answer| {
        answer.body["filler"] = "a".repeat(300_000).into()
    }),
];

fn shift(answer: &mut TokenAnswer, claim: &str, seconds: i64) {
    let at = answer.claims[claim].as_i64().unwrap();
    answer.claims[claim] = (at + seconds).into();
}

fn drop_claim(answer: &mut TokenAnswer, claim: &str) {
    answer.claims.as_object_mut().unwrap().remove(claim);
}

#[test]
fn a_token_that_was_tampered_with_signs_nobody_in() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    let host = house.serve(&[]);
    for (name, attack) in TOKEN_ATTACKS {
        let (page, is_in) = round(&host, &provider, attack);
        assert!(!is_in, "{name} signed somebody in");
        assert!(
            [403, 502].contains(&page.answer.status),
            "{name}: {}",
            page.answer.status
        );
        assert!(page.says("You are not signed in"), "{name}");
    }
    assert_eq!(
        provider.redeemed(),
        u32::try_from(TOKEN_ATTACKS.len()).unwrap()
    );
    let (_, is_in) = round(&host, &provider, |_| {});
    assert!(is_in, "an honest token still does");
}

#[test]
fn an_answer_that_is_none_to_this_browser_signs_nobody_in() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    let host = house.serve(&[]);
    let own = escaped(&provider.issuer());
    let queries: &[(&str, &str)] = &[
        ("no state", "code=c&iss=OWN"),
        ("another state", "code=c&state=another&iss=OWN"),
        ("the state twice", "code=c&state=STATE&state=STATE&iss=OWN"),
        ("two codes", "code=c&code=d&state=STATE&iss=OWN"),
        ("no code", "state=STATE&iss=OWN"),
        ("an empty code", "code=&state=STATE&iss=OWN"),
        ("no issuer", "code=c&state=STATE"),
        (
            "another issuer",
            "code=c&state=STATE&iss=https%3A%2F%2Fevil.example",
        ),
        (
            "two issuers",
            "code=c&state=STATE&iss=OWN&iss=https%3A%2F%2Fevil.example",
        ),
        ("an error", "error=access_denied&state=STATE&iss=OWN"),
        (
            "an error with a code",
            "error=access_denied&code=c&state=STATE&iss=OWN",
        ),
        ("nothing", ""),
    ];
    for (name, query) in queries {
        let mut browser = Browser::new(&host);
        let trip = leave(&mut browser);
        provider.expect(&trip.nonce, &trip.challenge, |_| {});
        let query = query.replace("STATE", &trip.state).replace("OWN", &own);
        let page = come_back(&mut browser, &query);
        assert!(
            (400..500).contains(&page.answer.status),
            "{name}: {}",
            page.answer.status
        );
        assert!(!is_signed_in(&mut browser), "{name} signed somebody in");
    }
    assert_eq!(provider.redeemed(), 0, "no code was even tried");

    // Another browser's answer, brought by a link.
    let mut eve = Browser::new(&host);
    let trip = leave(&mut eve);
    provider.expect(&trip.nonce, &trip.challenge, |_| {});
    let query = honest_query(&provider, &trip);
    let mut ada = Browser::new(&host);
    come_back(&mut ada, &query);
    assert!(!is_signed_in(&mut ada));
    leave(&mut ada);
    come_back(&mut ada, &query);
    assert!(
        !is_signed_in(&mut ada),
        "not even while ada is on the way herself"
    );
    assert_eq!(provider.redeemed(), 0);
}

#[test]
fn an_answer_is_taken_once() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    let trip = leave(&mut browser);
    let cookie = browser.cookie("colophon-sign-in").unwrap().to_owned();
    provider.expect(&trip.nonce, &trip.challenge, |_| {});
    let query = honest_query(&provider, &trip);
    come_back(&mut browser, &query).expect(200, "Your devices");
    browser.submit("/activation/sign-out", &[]);
    browser.plant("colophon-sign-in", &cookie);
    come_back(&mut browser, &query).expect(403, "You are not signed in");
    assert!(!is_signed_in(&mut browser));
    assert_eq!(provider.redeemed(), 1);
}

#[test]
fn two_that_bring_one_answer_at_once_sign_in_once() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    let trip = leave(&mut browser);
    let cookie = browser.cookie("colophon-sign-in").unwrap().to_owned();
    provider.expect(&trip.nonce, &trip.challenge, |_| {});
    let query = honest_query(&provider, &trip);
    let signed_in: usize = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut browser = Browser::new(&host);
                    browser.plant("colophon-sign-in", &cookie);
                    come_back(&mut browser, &query);
                    usize::from(is_signed_in(&mut browser))
                })
            })
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().unwrap())
            .sum()
    });
    assert_eq!((signed_in, provider.redeemed()), (1, 1));
}

#[test]
fn a_provider_that_says_what_cannot_be_is_not_gone_to() {
    let provider = Provider::start();
    let house = house(&provider.issuer());
    // A host remembers for a while that its provider cannot be believed; each of these is fresh.
    let refused = |name: &str| {
        let host = house.serve(&[]);
        let answer = Browser::new(&host).ask("GET", "/activation/oidc/start", None);
        assert!(
            [403, 502].contains(&answer.status),
            "{name}: {}",
            answer.status
        );
        assert_eq!(answer.header("location"), None, "{name}");
    };
    provider.change_metadata(|metadata| metadata["issuer"] = "https://evil.example".into());
    refused("another issuer");
    provider.change_metadata(|metadata| {
        let issuer = metadata["issuer"].as_str().unwrap().to_owned() + "/";
        metadata["issuer"] = issuer.into();
    });
    refused("the issuer with a slash");
    provider.change_metadata(|metadata| metadata["status"] = 302.into());
    refused("elsewhere");
    provider.change_metadata(|metadata| metadata["status"] = 500.into());
    refused("an error");
    provider.change_metadata(|metadata| metadata["filler"] = "a".repeat(300_000).into());
    refused("without end");
    provider.change_metadata(|metadata| *metadata = json!([]));
    refused("nothing");
    provider.change_metadata(|metadata| metadata["jwks_uri"] = "http://192.0.2.1/jwks".into());
    refused("keys in the clear from elsewhere");
    provider.change_metadata(|metadata| {
        metadata["authorization_endpoint"] = "http://evil.example/".into();
    });
    refused("a page in the clear elsewhere");
}

#[test]
fn a_provider_that_is_away_is_named_as_such() {
    let house = house("http://127.0.0.1:1");
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    browser
        .open("/activation/oidc/start")
        .expect(502, "The sign-in service does not answer as it should");
}

/// The certified provider of Node, with one person who says yes to everything.
const NODE_PROVIDER: &str = r#"
import http from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";
const [client_id, client_secret] = process.argv.slice(2);
let answer = (request, response) => response.writeHead(503).end();
const server = http.createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
createInterface({ input: process.stdin }).once("line", (redirect_uri) => {
  const provider = new Provider("http://127.0.0.1:" + server.address().port, {
    clients: [{ client_id, client_secret, redirect_uris: [redirect_uri] }],
    claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (ctx, interaction) => "/yes/" + interaction.uid },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: "Ada Lovelace", email: "ada@people.example" }),
    }),
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
  });
  const ask = provider.callback();
  answer = (request, response) => request.url.startsWith("/yes/")
    ? provider.interactionFinished(request, response, { login: { accountId: "ada|1" } })
    : ask(request, response);
  console.log("ready");
});
"#;

struct NodeProvider {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl NodeProvider {
    fn start() -> Option<Self> {
        let folder = target().join("npm");
        if !folder.join("node_modules/oidc-provider").is_dir() || on_path("node").is_none() {
            return None;
        }
        let script = folder.join(format!("provider-{}.mjs", std::process::id()));
        std::fs::write(&script, NODE_PROVIDER).unwrap();
        let mut child = Command::new("node")
            .arg(&script)
            .args([CLIENT_ID, CLIENT_SECRET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let port = line.strip_prefix("port ").unwrap().parse().unwrap();
        let _ = std::fs::remove_file(&script);
        Some(Self { child, lines, port })
    }

    fn serve(&mut self, redirect_uri: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{redirect_uri}").unwrap();
        assert_eq!(self.lines.next().unwrap().unwrap(), "ready");
    }
}

impl Drop for NodeProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_certified_provider_vouches_for_a_persona() {
    let Some(mut provider) = NodeProvider::start() else {
        return skipped(
            "a_certified_provider_vouches_for_a_persona",
            "node, or the npm package oidc-provider, is not installed",
        );
    };
    let house = house(&format!("http://127.0.0.1:{}", provider.port));
    let host = house.serve(&[]);
    provider.serve(&format!(
        "http://{}/activation/oidc/callback",
        host.address()
    ));
    let mut browser = Browser::new(&host);
    let page = browser.open("/activation/oidc/start");
    page.expect(200, "Your devices")
        .expect(200, &format!("ada|1@127.0.0.1:{}", provider.port))
        .expect(200, "Ada Lovelace")
        .expect(200, "ada@people.example");
    assert!(is_signed_in(&mut browser));
}
