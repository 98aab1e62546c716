//! One title, opened for one persona on one machine.

use std::io::{Read, Seek};

use colophon_activation::{
    FactKind, MachineFacts, MachineId, PersonaId, PinnedRoots, SealedFor, open_key,
};
use colophon_crypto::{AgreementKey, Engine};
use colophon_title::license::{
    Circumstances, Denied, License, LicenseReport, Location, Permission, PersonaKey, RightKind,
};
use colophon_title::{EntryPath, OpenTitle, TitleRefused, TrustRoots};

use crate::counts::{CountKeys, Counts};
use crate::persona::RsaPersona;
use crate::principals::Presence;
use crate::{Denial, Refused, SealedCounts, Standing};

/// After how long the time of a use is kept, in seconds, where nothing is counted: not each look
/// at a page is written down.
const TIME_KEPT_AFTER_S: i64 = 3600;

/// What the repository was made with.
#[derive(Clone, Copy)]
pub struct Own<'o> {
    /// Its private key.
    pub key: &'o AgreementKey,
    /// The roots it believes licenses under.
    pub roots: &'o PinnedRoots,
}

/// Where the repository runs, as it is told from outside.
pub struct Device<'d> {
    /// The persona it was made for.
    pub persona: &'d str,
    /// The id of the machine it was made for.
    pub machine: &'d str,
    /// What the machine says of itself, as it is sent at activation.
    pub facts: &'d [u8],
    /// The persona's private key, sealed.
    pub sealed_key: &'d [u8],
}

/// Who is believed, as it is told from outside, in DER or PEM.
pub struct Trust<'t> {
    /// Root certificates. For licenses only those count that the repository was made with; whoever
    /// signed the title itself is told apart under all of them.
    pub roots: &'t [Vec<u8>],
    /// Revocation lists.
    pub revocation_lists: &'t [Vec<u8>],
}

/// What is known at the moment of use.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'m> {
    /// The time, in seconds since 1970.
    pub now_unix_s: i64,
    /// Where this is, as far as it is known.
    pub location: Option<&'m Location>,
    /// What programs and devices show of themselves.
    pub shown: &'m [Vec<u8>],
    /// What was counted so far, as it was last kept.
    pub counts: &'m SealedCounts,
}

/// A right may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What may be done, how often and until when.
    pub permission: Permission,
    /// What is to be kept before it is done, if anything changed.
    pub keep: Option<SealedCounts>,
}

/// A right may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUsed {
    /// Why not.
    pub denial: Denial,
    /// What is to be kept all the same, if anything changed: that the right has ended, whatever
    /// the clock says next time.
    pub keep: Option<SealedCounts>,
}

/// A title that was opened.
pub struct Session<'e, R> {
    engine: &'e dyn Engine,
    title: OpenTitle<'e, R>,
    license: LicenseReport,
    persona_spki_der: Vec<u8>,
    machine: MachineId,
    changed_fact: Option<FactKind>,
    count_keys: CountKeys,
    /// The generation of the newest counts that were seen.
    newest: u64,
    viewed: bool,
}

impl<'e, R: Read + Seek> Session<'e, R> {
    /// Opens a title with what the repository was made with.
    ///
    /// # Errors
    ///
    /// [`Refused`], see its variants.
    pub fn open(
        engine: &'e dyn Engine,
        own: Own<'_>,
        device: &Device<'_>,
        trust: &Trust<'_>,
        file: R,
    ) -> Result<Session<'e, R>, Refused> {
        let persona: PersonaId = device.persona.parse()?;
        let machine: MachineId = device.machine.parse()?;
        let facts = MachineFacts::parse(device.facts)?;
        let to = SealedFor {
            persona: &persona,
            machine: &machine,
            facts: &facts,
        };
        let opened = open_key(engine, own.key, to, device.sealed_key)?;
        let count_keys = CountKeys::of(engine, own.key, &opened.machine_secret);
        let key = RsaPersona::read(&opened.private_key_pkcs8)?;
        let mut roots = trust.read()?;
        roots.pin_licensors(own.roots.iter());
        let title = OpenTitle::open_licensed(engine, file, &roots, &key)?;
        // At level 5 there is a license always.
        let license = title.license().cloned().ok_or(TitleRefused::NotLicensed)?;
        Ok(Session {
            engine,
            title,
            license,
            persona_spki_der: key.public_key_spki_der().to_vec(),
            machine,
            changed_fact: opened.changed,
            count_keys,
            newest: 0,
            viewed: false,
        })
    }

    /// The title. Its content key is for those who hold the session, and goes nowhere from here.
    #[must_use]
    pub fn title(&self) -> &OpenTitle<'e, R> {
        &self.title
    }

    /// The one fact about the machine that is another than at activation.
    #[must_use]
    pub fn changed_fact(&self) -> Option<FactKind> {
        self.changed_fact
    }

    /// Whether a right could be used. Uses nothing.
    ///
    /// # Errors
    ///
    /// [`Denial`]: why not.
    pub fn judge(&self, kind: RightKind, moment: &Moment<'_>) -> Result<Permission, Denial> {
        let (counts, standing) = self.counts(moment);
        self.judge_after(kind, moment, &counts, standing)
    }

    /// Uses a right once. What is to be kept must be written down before the use.
    ///
    /// # Errors
    ///
    /// [`NotUsed`]: why it may not be used. What it holds is to be kept too.
    pub fn exercise(&mut self, kind: RightKind, moment: &Moment<'_>) -> Result<Use, NotUsed> {
        let (counts, standing) = self.counts(moment);
        let now = moment.now_unix_s;
        let license = &self.license.license;
        let latest = counts.under(license.id).latest_unix_s;
        let permission = match self.judge_after(kind, moment, &counts, standing) {
            Ok(permission) => permission,
            Err(denial) => {
                let keep = match denial {
                    // The end is kept, and not what the clock says: one that ran ahead for once
                    // would else take every other right under the license that ends later along.
                    Denial::License(Denied::Ended { until_unix_s })
                        if standing.is_reliable() && until_unix_s > latest =>
                    {
                        let next = counts.after(license.id, |counted| counted.see(until_unix_s));
                        Some(self.kept(&next))
                    }
                    Denial::License(_) | Denial::Counts(_) => None,
                };
                return Err(NotUsed { denial, keep });
            }
        };
        let counts_uses = is_counted(license, kind);
        // The time matters to rights that end.
        let ends = permission.until_unix_s.is_some();
        let is_later = now >= latest.saturating_add(TIME_KEPT_AFTER_S);
        let changes = standing.is_reliable() && (counts_uses || (ends && is_later));
        let next = changes.then(|| {
            counts.after(license.id, |counted| {
                if counts_uses {
                    counted.count(kind);
                }
                if ends {
                    counted.see(now);
                }
            })
        });
        let keep = next.map(|next| self.kept(&next));
        self.viewed |= kind == RightKind::View;
        Ok(Use { permission, keep })
    }

    fn kept(&mut self, next: &Counts) -> SealedCounts {
        self.newest = next.generation();
        next.seal(self.engine, &self.count_keys)
    }

    /// What was counted, and whether it can be relied on.
    fn counts(&self, moment: &Moment<'_>) -> (Counts, Standing) {
        match Counts::open(self.engine, &self.count_keys, moment.counts) {
            (counts, standing) if counts.generation() < self.newest && standing.is_reliable() => {
                (counts, Standing::PutBack)
            }
            found => found,
        }
    }

    fn judge_after(
        &self,
        kind: RightKind,
        moment: &Moment<'_>,
        counts: &Counts,
        standing: Standing,
    ) -> Result<Permission, Denial> {
        let license = &self.license.license;
        let counted = counts.under(license.id);
        let machine = self.machine.to_string();
        let mut presence = Presence {
            persona_spki_der: &self.persona_spki_der,
            shown: moment.shown.iter().map(Vec::as_slice).collect(),
        };
        // That this is the machine was found when the key opened.
        presence.shown.push(machine.as_bytes());
        let circumstances = Circumstances {
            now_unix_s: moment.now_unix_s.max(counted.latest_unix_s),
            authenticated: &presence.authenticated(self.engine, license),
            location: moment.location,
            // Where the counts are lost, whatever is counted counts as used up.
            used: match standing.is_reliable() {
                true => counted.used,
                false => [u32::MAX; RightKind::ALL.len()],
            },
        };
        match license.exercise(kind, &circumstances) {
            // Where the latest time is lost, nobody knows whether this one has been before.
            Ok(permission) if permission.until_unix_s.is_some() && !standing.is_reliable() => {
                Err(Denial::Counts(standing))
            }
            Ok(permission) => Ok(permission),
            Err(Denied::Spent { .. }) if !standing.is_reliable() => Err(Denial::Counts(standing)),
            Err(denied) => Err(Denial::License(denied)),
        }
    }

    /// Some content of an entry from `offset` on, nothing at its end.
    ///
    /// # Errors
    ///
    /// [`Refused`], see its variants; [`Refused::NotViewed`] before the right to view was
    /// exercised.
    pub fn read(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Refused> {
        if !self.viewed {
            return Err(Refused::NotViewed);
        }
        let path = EntryPath::parse(path).map_err(|_| Refused::NoSuchEntry(path.to_owned()))?;
        Ok(self.title.read_at(&path, offset, out)?)
    }
}

/// Whether uses of a kind of right are counted under a license: if any group counts them, those
/// by other groups count as well.
fn is_counted(license: &License, kind: RightKind) -> bool {
    let rights = license.rights.iter().flat_map(|group| &group.rights);
    let mut of_kind = rights.filter(|right| right.kind == kind);
    of_kind.any(|right| right.max_count.is_some())
}

impl Trust<'_> {
    fn read(&self) -> Result<TrustRoots, Refused> {
        let mut roots = TrustRoots::new();
        for root in self.roots {
            roots.add_roots(root)?;
        }
        for list in self.revocation_lists {
            roots.add_revocation_lists(list)?;
        }
        Ok(roots)
    }
}
