//! Who signs a title, and which certificates may say so.

/// The part a signer plays for a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignerRole {
    /// The tool that sealed the title.
    Tool,
    /// The owner of the rights.
    Owner,
    /// The channel the copy came through: the publisher or the retailer.
    Provider,
}

impl SignerRole {
    /// All roles, in the order their signatures stand in a file.
    pub const ALL: [SignerRole; 3] = [SignerRole::Tool, SignerRole::Owner, SignerRole::Provider];

    /// The word for this role in `signatures.xml` and `metadata.xml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SignerRole::Tool => "tool",
            SignerRole::Owner => "owner",
            SignerRole::Provider => "provider",
        }
    }

    /// The role of a word in `signatures.xml` and `metadata.xml`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<SignerRole> {
        SignerRole::ALL
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

impl std::fmt::Display for SignerRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of [`SignerRole`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SignerRoles {
    bits: u8,
}

impl SignerRoles {
    /// The empty set.
    #[must_use]
    pub const fn new() -> SignerRoles {
        SignerRoles { bits: 0 }
    }

    /// Whether `role` is in the set.
    #[must_use]
    pub fn contains(self, role: SignerRole) -> bool {
        self.bits & bit(role) != 0
    }

    /// Adds `role`.
    pub fn insert(&mut self, role: SignerRole) {
        self.bits |= bit(role);
    }

    /// Whether no role is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The roles of this set that are not in `others`.
    #[must_use]
    pub fn without(self, others: SignerRoles) -> SignerRoles {
        SignerRoles {
            bits: self.bits & !others.bits,
        }
    }

    /// The roles in the set: tool, owner, provider.
    pub fn iter(self) -> impl Iterator<Item = SignerRole> {
        SignerRole::ALL
            .into_iter()
            .filter(move |role| self.contains(*role))
    }
}

impl FromIterator<SignerRole> for SignerRoles {
    fn from_iter<I: IntoIterator<Item = SignerRole>>(roles: I) -> SignerRoles {
        let mut set = SignerRoles::new();
        roles.into_iter().for_each(|role| set.insert(role));
        set
    }
}

fn bit(role: SignerRole) -> u8 {
    match role {
        SignerRole::Tool => 1,
        SignerRole::Owner => 2,
        SignerRole::Provider => 4,
    }
}
