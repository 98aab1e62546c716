//! Who looks at a page: a browser, and the persona that has signed in with it.
//!
//! A browser is known by a random token in a cookie. The database knows a digest of it, and only
//! once somebody has signed in: visitors who have not leave nothing there. The token of forms is
//! made of the cookie's under a key of the host, so a page of another site can neither read nor
//! guess it; and as both change when somebody signs in, nothing that was planted before is worth
//! anything after.

use axum::response::Response;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use colophon_core::activation::persona::Persona;
use colophon_core::activation::session::SessionContent;
use colophon_core::activation::token::SessionToken;
use colophon_core::id::PersonaRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::app::App;

/// How long somebody stays signed in, in milliseconds: twelve hours.
const SESSION_MS: i64 = 12 * 60 * 60 * 1000;

/// How long a sign-in at the provider is waited for, in milliseconds.
const WAITING_MS: i64 = 15 * 60 * 1000;

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session.
    Session,
    /// A sign-in at the provider, under way.
    SignIn,
}

/// Who looks at a page.
pub(crate) struct Visitor {
    token: SessionToken,
    is_fresh: bool,
    persona: Option<Persona>,
}

impl Visitor {
    /// The visitor whom the request's cookie names, or a new one.
    pub(crate) async fn of(
        app: &App,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Self, Unavailable> {
        let Some(token) = Cookie::Session.read(app, headers) else {
            return Ok(Self::fresh(app));
        };
        let session = app
            .sessions
            .session(&token.digest(&*app.engine), now)
            .await?;
        let persona = match session.and_then(|session| session.content.persona) {
            Some(record) => app.personas.persona(record).await?,
            None => None,
        };
        Ok(Self {
            token,
            is_fresh: false,
            persona,
        })
    }

    /// Somebody who has not been here.
    pub(crate) fn fresh(app: &App) -> Self {
        Self {
            token: app.chance.make(SessionToken::generate),
            is_fresh: true,
            persona: None,
        }
    }

    /// The persona that has signed in.
    pub(crate) fn persona(&self) -> Option<&Persona> {
        self.persona.as_ref()
    }

    /// What every form of this visitor carries.
    pub(crate) fn form_token(&self, app: &App) -> String {
        let digest = self.token.digest(&*app.engine);
        let token = app
            .cipher
            .pseudonym("activation-form", &[digest.as_bytes()]);
        Base64UrlUnpadded::encode_string(&token)
    }

    /// Whether a form came from one of this visitor's pages. A visitor without a cookie has none.
    pub(crate) fn owns_form(&self, app: &App, token: &str) -> bool {
        let expected = self.form_token(app);
        !self.is_fresh && colophon_crypto::equal(expected.as_bytes(), token.as_bytes())
    }

    /// The cookie that a new visitor gets along with the answer.
    pub(crate) fn introduction(&self, app: &App) -> Option<Introduction> {
        let is_fresh = self.is_fresh;
        is_fresh.then(|| Introduction {
            name: Cookie::Session.name(app),
            cookie: Cookie::Session.line(app, &self.token.reveal(), ""),
        })
    }

    /// Signs a persona in: the old token is worthless from then on.
    pub(crate) async fn sign_in(
        &self,
        app: &App,
        persona: PersonaRef,
        response: &mut Response,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let token = app.chance.make(SessionToken::generate);
        let content = SessionContent {
            persona: Some(persona),
            notes: Zeroizing::new(Vec::new()),
        };
        let old = self.token.digest(&*app.engine);
        let new = token.digest(&*app.engine);
        let until = later(now, SESSION_MS);
        app.sessions
            .rotate(&old, &new, &content, until, now)
            .await?;
        Cookie::Session.set(app, response, &token, Some(SESSION_MS));
        Ok(())
    }

    /// Signs whoever it is out.
    pub(crate) async fn sign_out(
        &self,
        app: &App,
        response: &mut Response,
    ) -> Result<(), Unavailable> {
        app.sessions.end(&self.token.digest(&*app.engine)).await?;
        Cookie::Session.clear(app, response);
        Ok(())
    }
}

/// A new visitor's cookie.
pub(crate) struct Introduction {
    name: &'static str,
    cookie: Option<HeaderValue>,
}

impl Introduction {
    /// Adds it to an answer that does not set this cookie itself.
    pub(crate) fn add_to(self, response: &mut Response) {
        let sets = |line: &HeaderValue| {
            let line = String::from_utf8_lossy(line.as_bytes());
            line.split_once('=')
                .is_some_and(|(name, _)| name == self.name)
        };
        let is_set = response.headers().get_all(SET_COOKIE).iter().any(sets);
        if let (false, Some(cookie)) = (is_set, self.cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// Keeps notes for a browser that goes to the provider, under a cookie of their own.
pub(crate) async fn keep_notes(
    app: &App,
    notes: Zeroizing<Vec<u8>>,
    response: &mut Response,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let token = app.chance.make(SessionToken::generate);
    let content = SessionContent {
        persona: None,
        notes,
    };
    let digest = token.digest(&*app.engine);
    let until = later(now, WAITING_MS);
    app.sessions.begin(&digest, &content, until, now).await?;
    Cookie::SignIn.set(app, response, &token, Some(WAITING_MS));
    Ok(())
}

/// The notes kept for this browser. They are given to one request only: of two that ask at once,
/// one ends the session and the other finds that it has ended.
pub(crate) async fn take_notes(
    app: &App,
    headers: &HeaderMap,
    is_wanted: impl FnOnce(&[u8]) -> bool,
    now: Timestamp,
) -> Result<Option<Zeroizing<Vec<u8>>>, Unavailable> {
    let Some(token) = Cookie::SignIn.read(app, headers) else {
        return Ok(None);
    };
    let digest = token.digest(&*app.engine);
    let Some(session) = app.sessions.session(&digest, now).await? else {
        return Ok(None);
    };
    let notes = session.content.notes;
    let is_first = is_wanted(&notes) && app.sessions.end(&digest).await?;
    Ok(is_first.then_some(notes))
}

fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(now.unix_ms().saturating_add(ms))
}

impl Cookie {
    /// Over TLS the name makes browsers refuse what was not set by this host, over TLS, for all
    /// of its paths.
    fn name(self, app: &App) -> &'static str {
        match (self, app.settings.public_url.is_secure()) {
            (Self::Session, true) => "__Host-colophon",
            (Self::Session, false) => "colophon",
            (Self::SignIn, true) => "__Host-colophon-sign-in",
            (Self::SignIn, false) => "colophon-sign-in",
        }
    }

    /// The token, if the cookie is there once.
    fn read(self, app: &App, headers: &HeaderMap) -> Option<SessionToken> {
        let name = self.name(app);
        let lines = headers.get_all(COOKIE).into_iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        match values.next() {
            Some(_) => None,
            None => SessionToken::parse(value),
        }
    }

    fn set(self, app: &App, response: &mut Response, token: &SessionToken, ms: Option<i64>) {
        let value = token.reveal();
        let age = ms.map_or(String::new(), |ms| format!("; Max-Age={}", ms / 1000));
        self.append(app, response, &value, &age);
    }

    /// Has the browser forget the cookie.
    pub(crate) fn clear(self, app: &App, response: &mut Response) {
        self.append(app, response, "", "; Max-Age=0");
    }

    fn append(self, app: &App, response: &mut Response, value: &str, age: &str) {
        if let Some(line) = self.line(app, value, age) {
            response.headers_mut().append(SET_COOKIE, line);
        }
    }

    /// A cookie that no script sees and that other sites' forms do not carry. Of characters that
    /// a header may hold, so there always is one.
    fn line(self, app: &App, value: &str, age: &str) -> Option<HeaderValue> {
        let name = self.name(app);
        let secure = match app.settings.public_url.is_secure() {
            true => "; Secure",
            false => "",
        };
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}
