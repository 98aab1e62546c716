//! One vector and the file it is kept in.

use colophon_forge::{Members, encode};
use serde::Serialize;

use super::forge::{ISSUED_AT, KEY};

/// One receipt with what opens it and what must come of that.
#[derive(Clone, Serialize)]
pub(crate) struct Vector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    pub(crate) about: String,
    /// What must come of it: `valid`, `resume-only`, or the reason of the refusal.
    pub(crate) expect: String,
    /// The key looked up for the receipt's `kid`, in base64url.
    pub(crate) key: String,
    /// The center that opens it.
    pub(crate) center: String,
    /// When it is opened, in seconds since 1970.
    pub(crate) now: i64,
    /// The receipt.
    pub(crate) receipt: String,
    /// What the receipt says, if it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<Members>,
    /// What an SDK must make exactly this receipt of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mint: Option<MintInput>,
}

/// The input of a mint, chance included.
#[derive(Clone, Serialize)]
pub(crate) struct MintInput {
    /// The key id.
    pub(crate) kid: String,
    /// The moment of minting.
    pub(crate) issued_at: i64,
    /// The lifetime.
    pub(crate) lifetime_s: u32,
    /// The 16 random bytes of `jti`, in base64url.
    pub(crate) jti_bytes: String,
    /// The initialization vector, in base64url.
    pub(crate) iv: String,
    /// The sale.
    pub(crate) sale: Members,
}

impl Vector {
    /// A vector that is opened under the usual circumstances.
    pub(crate) fn new(name: &str, expect: &str, about: &str, receipt: String) -> Vector {
        Vector {
            name: name.to_owned(),
            about: about.to_owned(),
            expect: expect.to_owned(),
            key: encode(&KEY),
            center: "main".to_owned(),
            now: ISSUED_AT + 5,
            receipt,
            claims: None,
            mint: None,
        }
    }

    /// The same, opened with another key.
    pub(crate) fn with_key(mut self, key: [u8; 32]) -> Vector {
        self.key = encode(&key);
        self
    }

    /// The same, opened at another center.
    pub(crate) fn at_center(mut self, center: &str) -> Vector {
        center.clone_into(&mut self.center);
        self
    }

    /// The same, opened at another time.
    pub(crate) fn at(mut self, now: i64) -> Vector {
        self.now = now;
        self
    }

    /// The same, with what the receipt says.
    pub(crate) fn saying(mut self, claims: Members) -> Vector {
        self.claims = Some(claims);
        self
    }
}
