//! One vector of an upload form and what its file holds.

use colophon_forge::Members;
use serde::Serialize;

use super::forge::ISSUED_AT;

/// One upload form with what opens it and what must come of that.
#[derive(Clone, Serialize)]
pub(crate) struct Vector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    pub(crate) about: String,
    /// What must come of it: `valid`, or the reason of the refusal.
    pub(crate) expect: String,
    /// The certificate and private key that open it: files in `keys/`.
    pub(crate) key: String,
    /// The center that opens it.
    pub(crate) center: String,
    /// The persona of the receipt that comes with it.
    pub(crate) persona: String,
    /// When it is opened, in seconds since 1970.
    pub(crate) now: i64,
    /// The form.
    pub(crate) form: String,
    /// What the form says, if it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<Members>,
    /// Of what chance a reader must make exactly this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<Chance>,
}

/// The chance in a form, in base64url.
#[derive(Clone, Serialize)]
pub(crate) struct Chance {
    /// The content encryption key.
    pub(crate) content_key: String,
    /// The seed of OAEP.
    pub(crate) oaep_seed: String,
    /// The initialization vector.
    pub(crate) iv: String,
}

impl Vector {
    /// A vector that is opened under the usual circumstances.
    pub(crate) fn new(name: &str, expect: &str, about: &str, form: String) -> Vector {
        Vector {
            name: name.to_owned(),
            about: about.to_owned(),
            expect: expect.to_owned(),
            key: "center".to_owned(),
            center: "main".to_owned(),
            persona: "ada@people.example".to_owned(),
            now: ISSUED_AT + 5,
            form,
            claims: None,
            seal: None,
        }
    }

    /// The same, opened by the center `other` with its key.
    pub(crate) fn with_other_key(mut self) -> Vector {
        "other".clone_into(&mut self.key);
        self
    }

    /// The same, opened at another center.
    pub(crate) fn at_center(mut self, center: &str) -> Vector {
        center.clone_into(&mut self.center);
        self
    }

    /// The same, with a receipt of another persona.
    pub(crate) fn for_persona(mut self, persona: &str) -> Vector {
        persona.clone_into(&mut self.persona);
        self
    }

    /// The same, opened at another time.
    pub(crate) fn at(mut self, now: i64) -> Vector {
        self.now = now;
        self
    }

    /// The same, with what the form says.
    pub(crate) fn saying(mut self, claims: Members) -> Vector {
        self.claims = Some(claims);
        self
    }
}
