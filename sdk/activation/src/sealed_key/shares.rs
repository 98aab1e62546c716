//! A secret in shares, one for each kind of fact, of which all but one give it back.

use colophon_crypto::{Engine, Key32, Randomness, frames};
use zeroize::Zeroizing;

use super::field::{inverse, product};
use crate::PROFILE;
use crate::machine::{FactKind, MachineFacts};

pub(crate) const SHARE_BYTES: usize = 32;

const KINDS: usize = FactKind::ALL.len();

/// The degree of the polynomials, one for each byte: one point fewer than there are shares gives
/// them back.
const DEGREE: usize = KINDS - 2;

/// The shares, in the order of [`FactKind::ALL`].
pub(crate) struct Shares(Zeroizing<[[u8; SHARE_BYTES]; KINDS]>);

/// Where the polynomials of a kind's share are evaluated; the secret is what they are at 0.
fn place(at: usize) -> u8 {
    u8::try_from(at + 1).unwrap_or(u8::MAX)
}

impl Shares {
    /// Splits a secret.
    pub(crate) fn split(secret: &Key32, random: &mut dyn Randomness) -> Shares {
        let mut coefficients = Zeroizing::new([[0; SHARE_BYTES]; DEGREE]);
        for coefficient in coefficients.iter_mut() {
            random.fill(coefficient);
        }
        let mut shares = Shares(Zeroizing::new([[0; SHARE_BYTES]; KINDS]));
        for (at, share) in shares.0.iter_mut().enumerate() {
            // Horner's rule, from the highest power down to the secret.
            for coefficient in coefficients.iter().rev().chain([secret.expose()]) {
                for (byte, coefficient) in share.iter_mut().zip(coefficient) {
                    *byte = product(*byte, place(at)) ^ coefficient;
                }
            }
        }
        shares
    }

    /// Reads veiled shares.
    pub(crate) fn read(bytes: &[u8]) -> Option<Shares> {
        let (shares, rest) = bytes.as_chunks();
        let shares = shares.try_into().ok()?;
        rest.is_empty().then_some(Shares(Zeroizing::new(shares)))
    }

    /// Appends the shares to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for share in self.0.iter() {
            out.extend_from_slice(share);
        }
    }

    /// Puts over each share what follows from its fact and a salt, or takes it off again. What is not known
    /// counts as a fact of its own: learning it later is a change.
    pub(crate) fn veil(&mut self, engine: &dyn Engine, salt: &[u8], facts: &MachineFacts) {
        for (share, (kind, digest)) in self.0.iter_mut().zip(facts.all()) {
            let digest = Key32::new(digest.map_or([0; 32], |digest| *digest.as_bytes()));
            let info = frames(&[PROFILE.as_bytes(), b"share", kind.name().as_bytes()]);
            let veil = engine.hkdf_sha256(&digest, Some(salt), &info);
            for (byte, veil) in share.iter_mut().zip(veil.expose()) {
                *byte ^= veil;
            }
        }
    }

    /// The secret, if all shares but the one of this kind are right.
    pub(crate) fn join_without(&self, left_out: FactKind) -> Key32 {
        Key32::filled(|secret| self.evaluate(left_out, 0, secret))
    }

    /// Whether the share of this kind is what the others say it must be.
    pub(super) fn lies_on_the_others(&self, kind: FactKind) -> bool {
        self.kinds().any(|(at, of, share)| {
            let mut expected = Zeroizing::new([0; SHARE_BYTES]);
            self.evaluate(kind, place(at), &mut expected);
            of == kind && colophon_crypto::equal(&*expected, share)
        })
    }

    fn kinds(&self) -> impl Iterator<Item = (usize, FactKind, &[u8; SHARE_BYTES])> {
        let kinds = FactKind::ALL.into_iter().zip(self.0.iter());
        kinds
            .enumerate()
            .map(|(at, (kind, share))| (at, kind, share))
    }

    /// What the polynomials through all shares but one are at a point (Lagrange).
    fn evaluate(&self, left_out: FactKind, point: u8, out: &mut [u8; SHARE_BYTES]) {
        let used = || self.kinds().filter(|(_, kind, _)| *kind != left_out);
        for (at, _, share) in used() {
            let mut weight = 1;
            for (other, _, _) in used().filter(|(other, ..)| *other != at) {
                // Subtraction is addition here.
                let over = point ^ place(other);
                let under = inverse(place(at) ^ place(other));
                weight = product(weight, product(over, under));
            }
            for (out, byte) in out.iter_mut().zip(share) {
                *out ^= product(weight, *byte);
            }
        }
    }
}
