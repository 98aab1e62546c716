//! Whom a provider's answer vouches for, if it is believed.
//!
//! Signature, issuer, audience, nonce and expiry are judged by the library; what it leaves to its
//! users is judged here: the answer's own issuer (RFC 9207), the authorized party, the age, and
//! that the access token belongs to the ID token.

use chrono::{DateTime, Utc};
use colophon_core::activation::persona::{ExternalIdentity, Profile};
use colophon_core::time::Timestamp;
use openidconnect::core::{
    CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, EndUserEmail, EndUserName,
    LocalizedClaim, Nonce, OAuth2TokenResponse as _, SignatureVerificationError,
    TokenResponse as _,
};
use thiserror::Error;

use super::OidcSettings;
use super::learned::SharedCause;
use super::provider::Client;

/// How long somebody may take at the provider.
pub(super) const SIGN_IN_MS_MAX: i64 = 15 * 60 * 1000;

/// How far the provider's clock may be ahead or behind, in milliseconds.
const SKEW_MS: i64 = 120_000;

/// How old a token may be that was issued for this very sign-in.
const AGE_MS_MAX: i64 = SIGN_IN_MS_MAX;

/// The algorithms that a token may be signed with: none with a shared secret, and never `none`.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why nobody is signed in.
#[derive(Debug, Error)]
pub(crate) enum SignInRefused {
    #[error("the provider cannot be reached, or says about itself what cannot be")]
    Unreachable(#[source] SharedCause),
    #[error("the provider's addresses are neither over TLS nor on this machine")]
    Untrustworthy,
    #[error("the provider has no address where a code is redeemed")]
    NoTokenEndpoint,
    #[error("the answer cannot be read")]
    Illegible,
    #[error("the answer is none to a sign-in that this browser began")]
    StateUnknown,
    #[error("the sign-in took too long")]
    TooLate,
    #[error("the answer is another issuer's, or does not name its issuer")]
    OtherIssuer,
    #[error("the provider answered {0:?}")]
    Refused(String),
    #[error("the provider did not take the code")]
    CodeNotTaken(#[source] Cause),
    #[error("there is no ID token")]
    NoToken,
    #[error("the ID token is signed with a key that the provider does not publish")]
    KeyUnknown,
    #[error("the ID token is not genuine, or not for this sign-in")]
    Token(#[source] ClaimsVerificationError),
    #[error("the ID token was issued for another party")]
    OtherParty,
    #[error("the access token is not the ID token's")]
    OtherAccessToken,
    #[error("the subject makes no persona id")]
    Subject,
}

/// What the browser brought back.
#[derive(Default)]
pub(super) struct Callback {
    code: Option<String>,
    state: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl Callback {
    /// Reads a query in which each field is there once.
    pub(super) fn parse(query: &str) -> Result<Self, SignInRefused> {
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "code" => &mut callback.code,
                "state" => &mut callback.state,
                "iss" => &mut callback.issuer,
                "error" => &mut callback.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(SignInRefused::Illegible);
            }
        }
        Ok(callback)
    }

    /// The code, if the answer is one to this sign-in, from this issuer.
    pub(super) fn code(
        self,
        state: &str,
        issuer: &str,
        must_name_issuer: bool,
    ) -> Result<AuthorizationCode, SignInRefused> {
        if self.state.as_deref() != Some(state) {
            return Err(SignInRefused::StateUnknown);
        }
        let is_ours = match &self.issuer {
            Some(named) => named == issuer,
            None => !must_name_issuer,
        };
        if !is_ours {
            return Err(SignInRefused::OtherIssuer);
        }
        if let Some(error) = self.error {
            return Err(SignInRefused::Refused(error));
        }
        let code = self.code.filter(|code| !code.is_empty());
        code.map(AuthorizationCode::new)
            .ok_or(SignInRefused::Illegible)
    }
}

/// The claims of the answer's ID token, if they are believed.
pub(super) fn verified(
    client: &Client,
    answer: &CoreTokenResponse,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<CoreIdTokenClaims, SignInRefused> {
    let token = answer.id_token().ok_or(SignInRefused::NoToken)?;
    let moment = DateTime::from_timestamp_millis(now.unix_ms()).unwrap_or(DateTime::UNIX_EPOCH);
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || moment)
        .set_issue_time_verifier_fn(move |issued| check_age(moment, issued));
    let claims = token.claims(&verifier, nonce).map_err(|error| {
        let unknown = SignatureVerificationError::NoMatchingKey;
        let is_unknown = matches!(
            &error,
            ClaimsVerificationError::SignatureVerification(cause) if *cause == unknown
        );
        match is_unknown {
            true => SignInRefused::KeyUnknown,
            false => SignInRefused::Token(error),
        }
    })?;
    if let Some(party) = claims.authorized_party()
        && party.as_str() != client.client_id().as_str()
    {
        return Err(SignInRefused::OtherParty);
    }
    if let Some(expected) = claims.access_token_hash() {
        let hash = token.signing_alg().ok().and_then(|algorithm| {
            let key = token.signing_key(&verifier).ok()?;
            AccessTokenHash::from_token(answer.access_token(), algorithm, key).ok()
        });
        if hash.as_ref() != Some(expected) {
            return Err(SignInRefused::OtherAccessToken);
        }
    }
    Ok(claims.clone())
}

fn check_age(now: DateTime<Utc>, issued: DateTime<Utc>) -> Result<(), String> {
    let age_ms = now
        .timestamp_millis()
        .saturating_sub(issued.timestamp_millis());
    match (-SKEW_MS..=AGE_MS_MAX).contains(&age_ms) {
        true => Ok(()),
        false => Err("the token was not issued for this sign-in".to_owned()),
    }
}

/// The identity that the claims vouch for.
pub(super) fn identity(
    settings: &OidcSettings,
    claims: &CoreIdTokenClaims,
    more: Option<&CoreUserInfoClaims>,
) -> Result<ExternalIdentity, SignInRefused> {
    let subject = claims.subject().as_str();
    let persona = format!("{}@{}", escaped(subject), settings.namespace());
    if subject.is_empty() {
        return Err(SignInRefused::Subject);
    }
    let name = only(claims.name()).or_else(|| only(more?.name()));
    let email = claims.email().or_else(|| more?.email());
    Ok(ExternalIdentity {
        issuer: settings.issuer.clone(),
        subject: subject.to_owned(),
        persona: persona.parse().map_err(|_| SignInRefused::Subject)?,
        profile: Profile {
            name: name.and_then(|name: &EndUserName| name.parse().ok()),
            email: email.and_then(|email: &EndUserEmail| email.parse().ok()),
        },
    })
}

/// The name in no particular language, which is what providers send.
fn only(name: Option<&LocalizedClaim<EndUserName>>) -> Option<&EndUserName> {
    name.and_then(|name| {
        name.get(None)
            .or_else(|| name.iter().next().map(|(_, name)| name))
    })
}

/// A subject as part of a persona id: what is no printable ASCII becomes `%` and two digits, so
/// that no two subjects become one persona.
fn escaped(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        match byte {
            b'%' | b'@' => text.push_str(&format!("%{byte:02X}")),
            byte if byte.is_ascii_graphic() => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, must_name_issuer: bool, code: Option<&str>) {
        let callback = Callback::parse(query);
        let found = callback
            .and_then(|callback| callback.code("right", "https://id.example", must_name_issuer));
        let found = found.ok().map(|code| code.secret().clone());
        assert_eq!(found.as_deref(), code, "{query}");
    }

    #[test]
    fn an_answer_is_one_to_this_sign_in() {
        let issuer = "iss=https%3A%2F%2Fid.example";
        check("code=c&state=right", false, Some("c"));
        check("code=c&state=right", true, None);
        check(&format!("code=c&state=right&{issuer}"), true, Some("c"));
        check(
            "code=c&state=right&iss=https%3A%2F%2Fother.example",
            false,
            None,
        );
        check(
            "code=c&state=right&iss=https%3A%2F%2Fid.example%2F",
            false,
            None,
        );
        check("code=c&state=wrong", false, None);
        check("code=c", false, None);
        check("state=right", false, None);
        check("code=&state=right", false, None);
        check("code=c&state=right&state=right", false, None);
        check("code=c&code=d&state=right", false, None);
        check("code=c&state=right&error=access_denied", false, None);
    }

    #[test]
    fn subjects_stay_apart() {
        assert_eq!(escaped("248289761001"), "248289761001");
        assert_eq!(escaped("auth0|5f7c"), "auth0|5f7c");
        assert_eq!(escaped("ada lovelace"), "ada%20lovelace");
        assert_eq!(escaped("ada%20lovelace"), "ada%2520lovelace");
        assert_eq!(escaped("a@b"), "a%40b");
        assert_eq!(escaped("ä\n"), "%C3%A4%0A");
    }
}
