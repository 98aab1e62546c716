//! Whether a license means anything.

use std::collections::BTreeSet;

use super::{
    Access, License, LicenseKind, PrincipalKind, Reference, Right, RightKind, RightsGroup,
    Verification,
};

/// The last second of the year 9999, which is as far as certificates can be judged.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why a license makes no sense. Such a license is never signed, and refused where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenseUnsound {
    /// It grants nothing.
    #[error("the license grants nothing")]
    Nothing,
    /// It was issued before 1970 or after 9999.
    #[error("the license was issued at no time that can be judged")]
    Issued,
    /// A consumer's license is about one copy, a delegation about none.
    #[error("a consumer's license names its copy, a delegation names none")]
    Copy,
    /// Something else than a delegation that ends, or a delegation that ends before it begins.
    #[error("only a delegation ends, and not before it begins")]
    Ending,
    /// A delegation names the one licensor it is for by a public key; nothing else does.
    #[error("a delegation names one licensor by its public key, a consumer's license none")]
    Delegate,
    /// Two groups of one name.
    #[error("two groups are called {name}")]
    GroupTwin {
        /// The name.
        name: String,
    },
    /// Two principals of one name.
    #[error("two principals are called {reference}")]
    PrincipalTwin {
        /// The name.
        reference: Reference,
    },
    /// A right twice in one group, or out of order.
    #[error("the rights of group {group} are not each there once and in order")]
    Rights {
        /// The group.
        group: String,
    },
    /// A time that ends before it begins.
    #[error("the time of group {group} ends before it begins")]
    Period {
        /// The group.
        group: String,
    },
    /// A right that may be used no times.
    #[error("the {} right of group {group} may be used no times", .kind.as_str())]
    NoCount {
        /// The group.
        group: String,
        /// The right.
        kind: RightKind,
    },
    /// A fee or a provider that stands twice in one right, where one could be taken for both.
    #[error("the {} right of group {group} names a fee or a provider twice", .kind.as_str())]
    Twice {
        /// The group.
        group: String,
        /// The right.
        kind: RightKind,
    },
    /// A condition that names nobody.
    #[error("a condition of group {group} names no principal")]
    AccessEmpty {
        /// The group.
        group: String,
    },
    /// A condition that names a principal the license does not have, or one twice.
    #[error("a condition of group {group} names {reference}, which is no principal or named twice")]
    UnknownPrincipal {
        /// The group.
        group: String,
        /// The name.
        reference: Reference,
    },
    /// Enabling bits for a principal without a public key, or in a delegation.
    #[error("there are enabling bits for {reference}, who cannot use them")]
    EnablingBits {
        /// The principal.
        reference: Reference,
    },
    /// A principal whose highest version is below its lowest.
    #[error("the highest version of {reference} is below its lowest")]
    Versions {
        /// The principal.
        reference: Reference,
    },
}

impl License {
    /// Checks what the types cannot: that the parts of the license fit together.
    ///
    /// # Errors
    ///
    /// [`LicenseUnsound`], see its variants.
    pub fn check(&self) -> Result<(), LicenseUnsound> {
        if !(0..=LAST_SECOND).contains(&self.issued_at_unix_s) {
            return Err(LicenseUnsound::Issued);
        }
        if self.rights.iter().all(|group| group.rights.is_empty()) {
            return Err(LicenseUnsound::Nothing);
        }
        self.check_kind()?;
        self.check_principals()?;
        let mut names = BTreeSet::new();
        for group in &self.rights {
            if !names.insert(&group.name) {
                let name = group.name.to_string();
                return Err(LicenseUnsound::GroupTwin { name });
            }
            self.check_group(group)?;
        }
        Ok(())
    }

    /// The public key of the licensor that a delegation is for.
    pub(super) fn delegate_key(&self) -> Option<&[u8]> {
        let mut delegates = self
            .principals
            .iter()
            .filter(|principal| principal.kind == PrincipalKind::Licensor);
        let delegate = delegates.next()?;
        match (&delegate.authenticator.verification, delegates.next()) {
            (Verification::PublicKey(key), None) => Some(key),
            (Verification::PublicKey(_) | Verification::Sha256(_), _) => None,
        }
    }

    fn check_kind(&self) -> Result<(), LicenseUnsound> {
        let names_licensor = self
            .principals
            .iter()
            .any(|principal| principal.kind == PrincipalKind::Licensor);
        let (copy, delegate) = match self.kind {
            LicenseKind::Consumer => (self.work.copy_hash.is_some(), !names_licensor),
            LicenseKind::Delegation => {
                (self.work.copy_hash.is_none(), self.delegate_key().is_some())
            }
        };
        match (copy, delegate, self.check_end()) {
            (false, _, _) => Err(LicenseUnsound::Copy),
            (true, false, _) => Err(LicenseUnsound::Delegate),
            (true, true, ending) => ending,
        }
    }

    fn check_end(&self) -> Result<(), LicenseUnsound> {
        match (self.kind, self.grants_until_unix_s) {
            (_, None) => Ok(()),
            (LicenseKind::Delegation, Some(end)) if self.issued_at_unix_s < end => Ok(()),
            (LicenseKind::Delegation | LicenseKind::Consumer, Some(_)) => {
                Err(LicenseUnsound::Ending)
            }
        }
    }

    fn check_principals(&self) -> Result<(), LicenseUnsound> {
        let mut references = BTreeSet::new();
        for principal in &self.principals {
            let reference = || principal.reference.clone();
            if !references.insert(&principal.reference) {
                let reference = reference();
                return Err(LicenseUnsound::PrincipalTwin { reference });
            }
            let class = principal.authenticator.class.as_ref();
            let upside_down = class
                .is_some_and(|class| class.version_max.is_some_and(|max| max < class.version_min));
            if upside_down {
                let reference = reference();
                return Err(LicenseUnsound::Versions { reference });
            }
        }
        Ok(())
    }

    fn check_group(&self, group: &RightsGroup) -> Result<(), LicenseUnsound> {
        let name = || group.name.to_string();
        if !group.rights.is_sorted_by(|a, b| a.kind < b.kind) {
            return Err(LicenseUnsound::Rights { group: name() });
        }
        let period = group.bundle.period;
        if let (Some(from), Some(until)) = (period.from_unix_s, period.until_unix_s)
            && until <= from
        {
            return Err(LicenseUnsound::Period { group: name() });
        }
        self.check_access(group, &group.bundle.access)?;
        for right in &group.rights {
            let Right {
                kind, max_count, ..
            } = *right;
            if max_count == Some(0) {
                let group = name();
                return Err(LicenseUnsound::NoCount { group, kind });
            }
            if has_twins(&right.fees) || has_twins(&right.tracking) {
                let group = name();
                return Err(LicenseUnsound::Twice { group, kind });
            }
            self.check_access(group, &right.access)?;
        }
        Ok(())
    }

    fn check_access(&self, group: &RightsGroup, access: &[Access]) -> Result<(), LicenseUnsound> {
        for alternative in access {
            let Access::Principals(needed) = alternative else {
                continue;
            };
            if needed.is_empty() {
                let group = group.name.to_string();
                return Err(LicenseUnsound::AccessEmpty { group });
            }
            let mut seen = BTreeSet::new();
            for principal in needed {
                let reference = || principal.reference.clone();
                let known = self.principal(principal);
                let (Some(known), true) = (known, seen.insert(&principal.reference)) else {
                    let (group, reference) = (group.name.to_string(), reference());
                    return Err(LicenseUnsound::UnknownPrincipal { group, reference });
                };
                let usable = match known.authenticator.verification {
                    Verification::PublicKey(_) => self.kind == LicenseKind::Consumer,
                    Verification::Sha256(_) => false,
                };
                if principal.enabling_bits.is_some() && !usable {
                    let reference = reference();
                    return Err(LicenseUnsound::EnablingBits { reference });
                }
            }
        }
        Ok(())
    }
}

fn has_twins<T: PartialEq>(items: &[T]) -> bool {
    let twin = |(index, item)| items.iter().skip(index + 1).any(|other| other == item);
    items.iter().enumerate().any(twin)
}
