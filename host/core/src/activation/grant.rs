//! A reader's request to be activated, from the code it shows to the package it gets.
//!
//! This is the device flow of RFC 8628. A grant is waiting until its person approves or denies
//! it. Approved, it is redeemed for an access token, and that token activates one machine, as
//! often as it takes until the package has arrived.

use super::text::{DeviceName, ReaderProduct};
use super::token::TokenDigest;
use crate::id::{ActivationRef, GrantRef, PersonaRef};
use crate::time::Timestamp;

/// How long a person has to approve, in milliseconds: 30 minutes.
pub const WAITING_MS: i64 = 30 * 60 * 1000;

/// How long an approved reader may fetch its package, in milliseconds: a day.
pub const FETCHING_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a reader waits between two polls at first, in seconds.
pub const POLL_INTERVAL_S: u32 = 5;

/// A request to be written down.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Its record.
    pub record: GrantRef,
    /// The code the reader polls with.
    pub device_code: TokenDigest,
    /// The code its person types.
    pub user_code: TokenDigest,
    /// The reader.
    pub reader: ReaderProduct,
    /// What the reader proposes to call its machine.
    pub proposed_name: Option<DeviceName>,
}

/// Why the person activates this machine. It changes nothing in the quota; it is for pages and
/// reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A further machine.
    New,
    /// A machine in the place of one that was lost.
    Recovery,
}

/// How far a grant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantState {
    /// Its person has not decided.
    Waiting,
    /// Its person said no.
    Denied,
    /// Its person said yes.
    Approved(Approval),
}

/// What its person said yes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub persona: PersonaRef,
    /// What the device is to be called.
    pub device_name: Option<DeviceName>,
    /// What for.
    pub purpose: Purpose,
    /// What has become of it since.
    pub progress: Progress,
}

/// What has become of an approved grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The reader has not asked yet.
    AwaitsReader,
    /// The pool of key pairs was empty; the reader will ask again.
    AwaitsKeys,
    /// Everything granted so far is used.
    LimitReached {
        /// When the next activation is granted; none if the total is used up.
        next_allowed_at: Option<Timestamp>,
    },
    /// The activation is admitted and its package is being made.
    Admitted {
        /// Which activation.
        activation: ActivationRef,
    },
    /// The package is made; the reader may not have all of it yet.
    Made {
        /// Which activation.
        activation: ActivationRef,
    },
    /// Every byte of the package was handed to the reader's connection. Whether it has arrived, only
    /// the reader knows.
    Sent {
        /// Which activation.
        activation: ActivationRef,
    },
}

/// A grant as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its record.
    pub record: GrantRef,
    /// The reader.
    pub reader: ReaderProduct,
    /// What the reader proposes to call its machine, until its person has named it.
    pub proposed_name: Option<DeviceName>,
    /// How far it is.
    pub state: GrantState,
    /// When the reader asked.
    pub begun_at: Timestamp,
    /// Until when its person may decide, and when that is done, until when the reader may fetch.
    pub until: Timestamp,
}

/// What a person decides about a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This reader may be activated.
    Approve {
        /// Who says so.
        persona: PersonaRef,
        /// What the device is to be called.
        device_name: Option<DeviceName>,
        /// What for.
        purpose: Purpose,
    },
    /// It may not.
    Deny,
}

/// What a poll finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// The person has not decided.
    Waiting,
    /// The reader polls faster than it was told to; from now on it waits five seconds longer.
    TooSoon {
        /// The seconds it has to wait from now on.
        interval_s: u32,
    },
    /// The person said no.
    Denied,
    /// Nobody decided in time, or the day for fetching is over.
    Expired,
    /// The person said yes; the grant can be redeemed for an access token.
    Approved {
        /// The grant.
        grant: GrantRef,
        /// Who.
        persona: PersonaRef,
    },
}
