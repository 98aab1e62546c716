//! What is granted, and on which conditions.

use super::{Line, Object, Reference};

/// Rights that share conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsGroup {
    /// The group's name, unique in its license.
    pub name: Line,
    /// What it is, for people.
    pub description: Option<Line>,
    /// The conditions all its rights share.
    pub bundle: Bundle,
    /// The rights, each kind at most once, in the order of [`RightKind`].
    pub rights: Vec<Right>,
}

/// Conditions. All of them must be met; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// When.
    pub period: Period,
    /// Who must be authenticated: one of these.
    pub access: Vec<Access>,
    /// Where: in one of these.
    pub territory: Vec<Location>,
}

/// A stretch of time in seconds since 1970, `[from, until)`; without an end where it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Its first second.
    pub from_unix_s: Option<i64>,
    /// The first second after it.
    pub until_unix_s: Option<i64>,
}

impl Period {
    /// Whether all of `self` lies in `other`.
    pub(super) fn is_within(self, other: Period) -> bool {
        let begins = other
            .from_unix_s
            .is_none_or(|outer| self.from_unix_s.is_some_and(|from| from >= outer));
        let ends = other
            .until_unix_s
            .is_none_or(|outer| self.until_unix_s.is_some_and(|until| until <= outer));
        begins && ends
    }
}

/// Principals all of whom must be authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The licensor itself.
    Licensor,
    /// These, all of them.
    Principals(Vec<AccessPrincipal>),
}

/// A principal as a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPrincipal {
    /// The principal's name within the license.
    pub reference: Reference,
    /// What this principal needs to open the copy: the sealed content key, encrypted to its
    /// public key by RSA-OAEP with SHA-256.
    pub enabling_bits: Option<Vec<u8>>,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RightKind {
    /// Showing the work.
    View,
    /// Printing it, counted by prints.
    Print,
    /// Taking pieces of it elsewhere, counted by pieces.
    Copy,
}

impl RightKind {
    /// All kinds, in the order of a document.
    pub const ALL: [RightKind; 3] = [RightKind::View, RightKind::Print, RightKind::Copy];

    /// The word in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RightKind::View => "view",
            RightKind::Print => "print",
            RightKind::Copy => "copy",
        }
    }
}

/// A granted right with conditions of its own, which hold beside those of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// What may be done.
    pub kind: RightKind,
    /// How often; any number of times if absent.
    pub max_count: Option<u32>,
    /// Who must be authenticated: one of these.
    pub access: Vec<Access>,
    /// What has to be paid.
    pub fees: Vec<Fee>,
    /// Who has to be told.
    pub tracking: Vec<Tracking>,
    /// Where: in one of these.
    pub territory: Vec<Location>,
}

impl Right {
    /// The right without conditions of its own.
    #[must_use]
    pub fn unconditional(kind: RightKind) -> Right {
        Right {
            kind,
            max_count: None,
            access: Vec::new(),
            fees: Vec::new(),
            tracking: Vec::new(),
            territory: Vec::new(),
        }
    }
}

/// Something to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// For what.
    pub per: FeePer,
    /// How much, in minor units of the currency.
    pub amount: u64,
    /// In which currency.
    pub currency: Currency,
    /// From which account.
    pub from: Option<Line>,
    /// To whom.
    pub to: Account,
}

/// What a fee is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeePer {
    /// Each use.
    Use,
    /// The license, once.
    License,
}

/// Three capital letters of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses three capital letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Currency> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Currency(letters))
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// Whoever receives a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub id: Line,
    /// Where it is paid into.
    pub url: Line,
}

/// Somebody who has to be told of each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Who.
    pub provider: Object,
    /// Where uses are told.
    pub url: Line,
    /// Where help is to be had.
    pub support_url: Option<Line>,
}

/// A place, as narrow as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Two capital letters of ISO 3166-1.
    pub country: [u8; 2],
    /// A state or region of the country.
    pub region: Option<Line>,
    /// A city.
    pub city: Option<Line>,
    /// A postal code.
    pub postal_code: Option<Line>,
}

impl Location {
    /// A whole country, by two capital letters.
    #[must_use]
    pub fn country(letters: &str) -> Option<Location> {
        let country: [u8; 2] = letters.as_bytes().try_into().ok()?;
        country
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Location {
                country,
                region: None,
                city: None,
                postal_code: None,
            })
    }

    /// Whether `other` lies in this place: whatever is said here is the same there.
    #[must_use]
    pub fn covers(&self, other: &Location) -> bool {
        let same = |mine: &Option<Line>, theirs: &Option<Line>| mine.is_none() || mine == theirs;
        self.country == other.country
            && same(&self.region, &other.region)
            && same(&self.city, &other.city)
            && same(&self.postal_code, &other.postal_code)
    }
}
