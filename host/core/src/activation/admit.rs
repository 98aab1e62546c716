//! What becomes of a machine that asks to be activated.
//!
//! The store reads what is known, asks [`decide`], and writes what it answers, all in one
//! transaction; so no two requests can both take the last activation.

use colophon_activation::{FactSalt, MachineFacts, MachineId, PersonaId};

use super::key_pair::{PersonaCertificate, PersonaKeyPair};
use super::quota::{MachineStanding, QuotaTerms, Standing, Verdict};
use super::text::ReaderProduct;
use crate::id::{ActivationRef, DeviceRef, GrantRef, PersonaRef};
use crate::time::Timestamp;

/// A machine that asks, under an approved grant.
#[derive(Debug, Clone)]
pub struct AdmissionRequest {
    /// The grant it was approved with.
    pub grant: GrantRef,
    /// What the machine is made of, salted for the persona.
    pub facts: MachineFacts,
    /// The reader on it.
    pub reader: ReaderProduct,
}

/// What the store has done about it.
pub enum Admission {
    /// It may be activated; nothing more is counted however often the rest is tried.
    Admitted(Box<Admitted>),
    /// This grant has activated this machine already, and this is what it got.
    Finished {
        /// The activation.
        activation: ActivationRef,
        /// Its package, byte for byte.
        package: Vec<u8>,
    },
    /// Everything granted so far is used.
    LimitReached {
        /// When the next activation is granted; none if the total is used up.
        next_allowed_at: Option<Timestamp>,
        /// Activations used.
        used: u32,
    },
    /// The persona has no key pair yet and the pool is empty. Nothing was counted.
    PoolEmpty,
    /// This grant has activated another machine.
    OtherMachine,
    /// An operator has withdrawn the persona.
    Withdrawn,
    /// The grant is not one that can be activated with: its persona is gone, or the machine it has
    /// activated was released.
    NoGrant,
}

/// An activation that is counted and has its place, but no package yet.
pub struct Admitted {
    /// The activation.
    pub activation: ActivationRef,
    /// The persona's record.
    pub record: PersonaRef,
    /// The persona.
    pub persona: PersonaId,
    /// What its machines' facts are salted with.
    pub salt: FactSalt,
    /// What the server calls the machine.
    pub machine: MachineId,
    /// The persona's key pair, the same on all its devices.
    pub key_pair: PersonaKeyPair,
    /// Its certificate, if there is one that is neither revoked nor about to end.
    pub certificate: Option<PersonaCertificate>,
}

/// A machine that the persona has activated before.
#[derive(Debug, Clone)]
pub struct KnownDevice {
    /// Its record.
    pub record: DeviceRef,
    /// What it was made of when it was last activated.
    pub facts: MachineFacts,
    /// Whether its person has released it.
    pub is_released: bool,
    /// How often it was activated again for nothing since an activation was last counted for it.
    pub repeats: u32,
    /// An activation of it that was admitted and never got a package.
    pub unfinished: Option<ActivationRef>,
}

/// What a grant was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantUse {
    /// The machine it has activated.
    pub device: DeviceRef,
    /// The activation.
    pub activation: ActivationRef,
}

/// What the store is to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the grant's own activation goes on where it was.
    GoOn(GrantUse),
    /// Nothing but that an activation begun under an earlier grant goes on under this one. It never
    /// gave anybody anything.
    TakeOver(GrantUse),
    /// The machine again, for nothing.
    Repeat {
        /// The machine.
        device: DeviceRef,
    },
    /// One more activation is counted.
    Count {
        /// The machine, if it is known.
        device: Option<DeviceRef>,
    },
    /// Nothing: the grant was used for another machine.
    OtherMachine,
    /// Nothing: the machine that the grant has activated was released, and the grant ended with
    /// that. Going on would serve the machine again without counting it.
    Ended,
    /// Nothing: everything granted so far is used.
    LimitReached {
        /// When the next activation is granted; none if the total is used up.
        next_allowed_at: Option<Timestamp>,
    },
}

/// Decides about a machine that asks. `devices` are the persona's, the most recently registered
/// first; `used_for` is what this very grant was used for before.
pub fn decide(
    terms: QuotaTerms,
    standing: Standing,
    devices: &[KnownDevice],
    used_for: Option<GrantUse>,
    facts: &MachineFacts,
    now: Timestamp,
) -> Step {
    let known = devices.iter().map(|device| (device, &device.facts));
    let device = facts.closest(known);
    if let Some(before) = used_for {
        return match device {
            Some(device) if device.record != before.device => Step::OtherMachine,
            None => Step::OtherMachine,
            Some(device) if device.is_released => Step::Ended,
            Some(_) => Step::GoOn(before),
        };
    }
    let machine = match device {
        Some(device) if !device.is_released => {
            if let Some(activation) = device.unfinished {
                let device = device.record;
                return Step::TakeOver(GrantUse { device, activation });
            }
            let repeats = device.repeats;
            MachineStanding::Known { repeats }
        }
        Some(_) | None => MachineStanding::New,
    };
    let device = device.map(|device| device.record);
    match (terms.judge(standing, machine, now), device) {
        (Verdict::Repeated, Some(device)) => Step::Repeat { device },
        // Only a known machine is repeated.
        (Verdict::Counted | Verdict::Repeated, device) => Step::Count { device },
        (Verdict::LimitReached { next_allowed_at }, _) => Step::LimitReached { next_allowed_at },
    }
}

#[cfg(test)]
mod tests {
    use colophon_activation::{FactDigest, FactKind};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    /// One letter per fact, in their order.
    fn facts(letters: &str) -> MachineFacts {
        let digest = |letter: u8| FactDigest::from_bytes([letter; 32]);
        let digests = FactKind::ALL.into_iter().zip(letters.bytes().map(digest));
        MachineFacts::new(digests).unwrap()
    }

    fn device(number: u8, letters: &str) -> KnownDevice {
        KnownDevice {
            record: DeviceRef::from_bytes([number; 16]),
            facts: facts(letters),
            is_released: false,
            repeats: 0,
            unfinished: None,
        }
    }

    fn used(number: u8) -> GrantUse {
        GrantUse {
            device: DeviceRef::from_bytes([number; 16]),
            activation: ActivationRef::from_bytes([number; 16]),
        }
    }

    fn step(
        used_up: bool,
        devices: &[KnownDevice],
        used_for: Option<GrantUse>,
        letters: &str,
    ) -> Step {
        let standing = Standing {
            first_activation: Some(NOW),
            used: if used_up { 5 } else { 1 },
        };
        let terms = QuotaTerms::default();
        decide(terms, standing, devices, used_for, &facts(letters), NOW)
    }

    const LIMIT: Step = Step::LimitReached {
        next_allowed_at: Some(Timestamp::from_unix_ms(1_800_000_000_000 + 90 * 86_400_000)),
    };

    #[test]
    fn a_new_machine_counts() {
        let known = [device(1, "abcdef")];
        assert_eq!(
            step(false, &known, None, "uvwxyz"),
            Step::Count { device: None }
        );
        assert_eq!(step(true, &known, None, "uvwxyz"), LIMIT);
        assert_eq!(step(true, &known, None, "abcdxy"), LIMIT);
    }

    #[test]
    fn a_machine_of_which_one_fact_changed_is_repeated() {
        let known = [device(2, "uvwxyz"), device(1, "abcdef")];
        let again = Step::Repeat {
            device: used(1).device,
        };
        assert_eq!(step(true, &known, None, "abcdef"), again);
        assert_eq!(step(true, &known, None, "abcdex"), again);
    }

    #[test]
    fn repeats_run_out() {
        let mut worn = device(1, "abcdef");
        worn.repeats = 3;
        let counted = Step::Count {
            device: Some(used(1).device),
        };
        assert_eq!(step(false, &[worn.clone()], None, "abcdef"), counted);
        assert_eq!(step(true, &[worn], None, "abcdef"), LIMIT);
    }

    #[test]
    fn a_released_machine_is_a_new_one_with_its_old_record() {
        let mut released = device(1, "abcdef");
        released.is_released = true;
        released.unfinished = Some(used(1).activation);
        let counted = Step::Count {
            device: Some(used(1).device),
        };
        assert_eq!(step(false, &[released.clone()], None, "abcdef"), counted);
        assert_eq!(step(true, &[released], None, "abcdef"), LIMIT);
    }

    #[test]
    fn a_grant_goes_on_with_its_own_machine_whatever_the_quota_says() {
        let known = [device(2, "uvwxyz"), device(1, "abcdef")];
        let go_on = Step::GoOn(used(1));
        assert_eq!(step(true, &known, Some(used(1)), "abcdef"), go_on);
        assert_eq!(step(true, &known, Some(used(1)), "abcdxf"), go_on);
        assert_eq!(
            step(false, &known, Some(used(1)), "uvwxyz"),
            Step::OtherMachine
        );
        assert_eq!(
            step(false, &known, Some(used(1)), "ABCDEF"),
            Step::OtherMachine
        );
    }

    #[test]
    fn a_grant_ends_when_its_machine_is_released() {
        let mut released = device(1, "abcdef");
        released.is_released = true;
        let known = [device(2, "uvwxyz"), released];
        for used_up in [false, true] {
            assert_eq!(step(used_up, &known, Some(used(1)), "abcdef"), Step::Ended);
            assert_eq!(step(used_up, &known, Some(used(1)), "abcdxf"), Step::Ended);
        }
        let other = step(false, &known, Some(used(1)), "uvwxyz");
        assert_eq!(other, Step::OtherMachine);
    }

    #[test]
    fn what_was_never_finished_is_taken_over() {
        let mut begun = device(1, "abcdef");
        begun.unfinished = Some(used(1).activation);
        begun.repeats = 3;
        assert_eq!(
            step(true, &[begun], None, "abcdef"),
            Step::TakeOver(used(1))
        );
    }
}
