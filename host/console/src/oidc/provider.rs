//! The conversation with the provider.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::activation::persona::ExternalIdentity;
use colophon_core::time::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, SubjectIdentifier,
};
use serde::{Deserialize, Serialize};

use super::OidcSettings;
use super::fetch::Fetch;
use super::identity::{Callback, SignInRefused, identity, verified};
use super::learned::{Learned, SharedCause};

/// How long what the provider says about itself is believed.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// How soon its keys may be asked for again because a token's key was not among them.
const KEYS_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What the provider says about itself beyond OpenID Connect Discovery.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct MoreMetadata {
    /// RFC 9207: every answer names its issuer.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

pub(super) type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client of a provider that was discovered.
pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider that this host sends people to.
pub(crate) struct Provider {
    settings: OidcSettings,
    redirect: RedirectUrl,
    fetch: Fetch,
    known: Learned<Metadata>,
}

/// What a browser's session keeps while the browser is with the provider.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    state: String,
    nonce: String,
    verifier: String,
    began_ms: i64,
}

/// A sign-in that has begun.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) location: String,
    /// What is to be kept for when it comes back.
    pub(crate) waiting: Waiting,
}

impl Provider {
    pub(crate) fn new(settings: OidcSettings, redirect: RedirectUrl) -> Self {
        Self {
            settings,
            redirect,
            fetch: Fetch::new(),
            known: Learned::default(),
        }
    }

    /// What people know the provider by.
    pub(crate) fn name(&self) -> &str {
        self.settings.name()
    }

    /// Begins a sign-in. `secrets` are three fresh random texts.
    pub(crate) async fn begin(
        &self,
        secrets: [String; 3],
        now: Timestamp,
    ) -> Result<Begun, SignInRefused> {
        let known = self.known(KNOWN_FOR).await?;
        let [state, nonce, verifier] = secrets;
        let client = self.client(&known);
        let waiting = Waiting {
            state: state.clone(),
            nonce: nonce.clone(),
            verifier: verifier.clone(),
            began_ms: now.unix_ms(),
        };
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        );
        let request = request
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        let (url, _, _) = request.url();
        if !super::is_trustworthy(&url) {
            return Err(SignInRefused::Untrustworthy);
        }
        Ok(Begun {
            location: url.into(),
            waiting,
        })
    }

    /// Ends a sign-in: the browser came back with `query`. The caller has made sure that nobody
    /// comes back for the same `waiting` again.
    pub(crate) async fn finish(
        &self,
        query: &str,
        waiting: Waiting,
        now: Timestamp,
    ) -> Result<ExternalIdentity, SignInRefused> {
        waiting.check_time(now)?;
        let known = self.known(KNOWN_FOR).await?;
        let must_name_issuer = known
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        let callback = Callback::parse(query)?;
        let code = callback.code(&waiting.state, known.issuer().as_str(), must_name_issuer)?;
        let answer = self.redeem(&known, code, &waiting).await?;
        let nonce = Nonce::new(waiting.nonce);
        let mut client = self.client(&known);
        let mut claims = verified(&client, &answer, &nonce, now);
        if matches!(claims, Err(SignInRefused::KeyUnknown)) {
            // The provider may have begun to sign with a new key since its keys were fetched.
            let newer = self.known(KEYS_AGAIN_AFTER).await?;
            client = self.client(&newer);
            claims = verified(&client, &answer, &nonce, now);
        }
        let claims = claims?;
        let more = self.more(&client, &answer, claims.subject()).await;
        identity(&self.settings, &claims, more.as_ref())
    }

    async fn redeem(
        &self,
        metadata: &Metadata,
        code: AuthorizationCode,
        waiting: &Waiting,
    ) -> Result<CoreTokenResponse, SignInRefused> {
        let client = self.client(metadata);
        let request = client.exchange_code(code);
        let request = request.map_err(|_| SignInRefused::NoTokenEndpoint)?;
        let verifier = PkceCodeVerifier::new(waiting.verifier.clone());
        let answer = request.set_pkce_verifier(verifier);
        let answer = answer.request_async(&self.fetch).await;
        answer.map_err(|error| SignInRefused::CodeNotTaken(Box::new(error)))
    }

    /// Name and e-mail address, where the provider has them elsewhere than in the token. Nothing
    /// depends on them, so a failure costs only them.
    async fn more(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        subject: &SubjectIdentifier,
    ) -> Option<CoreUserInfoClaims> {
        let token = answer.access_token();
        // The library panics at a token that no header field can hold.
        let can_be_sent = token.secret().bytes().all(|byte| byte.is_ascii_graphic());
        let request = client
            .user_info(token.clone(), Some(subject.clone()))
            .ok()
            .filter(|_| can_be_sent)?;
        let claims = request.request_async(&self.fetch).await;
        claims
            .inspect_err(|error| tracing::info!(%error, "the provider tells no name and address"))
            .ok()
    }

    /// What the provider says about itself, no older than `age_max`.
    async fn known(&self, age_max: Duration) -> Result<Arc<Metadata>, SignInRefused> {
        let known = self.known.no_older(age_max, || self.discover()).await;
        known.map_err(SignInRefused::Unreachable)
    }

    async fn discover(&self) -> Result<Metadata, SharedCause> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone());
        let issuer = issuer.map_err(|error| Arc::new(error) as SharedCause)?;
        let metadata = Metadata::discover_async(issuer, &self.fetch).await;
        metadata.map_err(|error| Arc::new(error) as SharedCause)
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| openidconnect::ClientSecret::new(secret.0.to_string()));
        let id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(self.redirect.clone());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        let is_posted = !takes(CoreClientAuthMethod::ClientSecretBasic)
            && takes(CoreClientAuthMethod::ClientSecretPost);
        match is_posted {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        }
    }
}

impl Waiting {
    /// Whether this session waits for an answer with this state.
    pub(crate) fn state_is(&self, query: &str) -> bool {
        let given: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        given
            .get("state")
            .is_some_and(|state| **state == self.state)
    }

    fn check_time(&self, now: Timestamp) -> Result<(), SignInRefused> {
        let passed = now.unix_ms().saturating_sub(self.began_ms);
        match (0..=super::identity::SIGN_IN_MS_MAX).contains(&passed) {
            true => Ok(()),
            false => Err(SignInRefused::TooLate),
        }
    }
}
