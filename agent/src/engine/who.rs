//! Who this box is: made once, kept twice, given up by a copy on another machine.
//! Never makes a new box id while anything tells the old one.
//! Called by `engine`, by `cli` and by `doctor`.

use logic::fault::{Code, Fault};
use logic::fingerprint::Fingerprint;
use logic::identity::{self, BoxIdentity};
use logic::report::Report;
use logic::trace::{Trace, is_unkept};

use super::{Engine, LOCK_TIMEOUT};
use system::journal::event;
use system::root::Lock;
use vault::identity::Identities;
use vault::random;
use vault::spool::Spool;

impl Engine {
    /// Who this box is; made at the first call. A configured id replaces the one that was made. An image that wakes
    /// on another machine takes a new id before it speaks, and is no longer enrolled: two boxes with one OAuth client
    /// would evict each other's tokens, and central would take them for one. It keeps the catalogue.
    ///
    /// # Errors
    /// `store.damaged`, `state.busy`, or what the file system says.
    pub fn identity(&self) -> Result<BoxIdentity, Fault> {
        let stored = Identities::of(&self.vault).read()?.identity;
        let seen = crate::host::fingerprint(&self.root);
        match stored {
            Some(held) if seen.clone_of(&held.fingerprint).is_none() => Ok(self.called(held)),
            _ => {
                let lock = Lock::take(&self.root, LOCK_TIMEOUT)?;
                self.settled(&lock)
            }
        }
    }

    /// The same for those who hold the lock: what is new is written down. One copy of two is enough; where none opens,
    /// the runs of the box tell its id and its number, and only a box of which nothing tells it takes a new id.
    pub(super) fn settled(&self, _held: &Lock) -> Result<BoxIdentity, Fault> {
        let identities = Identities::of(&self.vault);
        let seen = crate::host::fingerprint(&self.root);
        let held = identities.read()?;
        let stored = match &held.identity {
            Some(identity) => Some(identity.clone()),
            None => self.recovered(&seen)?,
        };
        let identity = match stored {
            None => BoxIdentity::new(random(), seen),
            Some(stored) => match seen.clone_of(&stored.fingerprint) {
                None => BoxIdentity {
                    fingerprint: seen.merged(&stored.fingerprint),
                    ..stored
                },
                Some(why) => self.copied(stored, seen, &why)?,
            },
        };
        let identity = self.called(identity);
        if !held.whole || held.identity.as_ref() != Some(&identity) {
            let kept = identities
                .link_aside(&held)
                .and_then(|()| identities.put(&identity, []));
            // The copy that opens names the box all the same, and its number.
            let named = |held: &BoxIdentity| held.box_id == identity.box_id;
            match kept {
                Err(trouble)
                    if is_unkept(trouble.code) && held.identity.as_ref().is_some_and(named) =>
                {
                    tracing::warn!(code = %trouble.code, "{trouble}");
                }
                kept => kept?,
            }
        }
        if held.identity.is_none() && !held.damaged.is_empty() {
            tracing::warn!(
                code = %Code::IdentityDamaged,
                box_id = %identity.box_id,
                sync_id = identity.sync_id,
                "no copy of the box's identity opens: its id is {} from now on, its last synchronization {}",
                identity.box_id,
                identity.sync_id
            );
        }
        Ok(identity)
    }

    /// Who this box is by the accounts of its last runs, whichever organisation they were of.
    fn recovered(&self, seen: &Fingerprint) -> Result<Option<BoxIdentity>, Fault> {
        let last = self.organisations()?.into_iter().map(|one| {
            let last = one.vault.home_entry("last");
            last.get_or_set_aside::<Report>()
        });
        let last: Vec<_> = last.collect::<Result<_, _>>()?;
        let runs: Vec<_> = last
            .iter()
            .flatten()
            .map(|report| (report.sync_id, report.box_id.as_str()))
            .collect();
        let configured = self.settings.this_box.id.as_deref();
        Ok(identity::recovered(&runs, configured, seen.clone()))
    }

    fn called(&self, mut identity: BoxIdentity) -> BoxIdentity {
        if let Some(id) = self.settings.this_box.id.as_ref() {
            id.clone_into(&mut identity.box_id);
        }
        identity
    }

    /// A copy gives up what belongs to the original: its id, its credentials, and what that one sends.
    fn copied(
        &self,
        original: BoxIdentity,
        seen: Fingerprint,
        why: &str,
    ) -> Result<BoxIdentity, Fault> {
        for organisation in self.organisations()? {
            organisation.vault.home_entry("credentials").remove()?;
        }
        Spool::open(&self.vault)?.disown(&original.box_id)?;
        // The original's runs are not this box's to account for.
        self.vault.entry("trace").remove()?;
        let identity = BoxIdentity {
            copied_from: Some(original.box_id),
            ..BoxIdentity::new(random(), seen)
        };
        tracing::warn!(
            message_id = event::CLONE_FOUND.id,
            code = %Code::IdentityClone,
            box_id = %identity.box_id,
            "this box is a copy ({why}): its id is {} now, it must be enrolled anew",
            identity.box_id
        );
        Ok(identity)
    }

    /// Small files that do not open, by name: each is written anew by the next run.
    pub fn damaged(&self) -> Vec<&'static str> {
        let identities = Identities::of(&self.vault).read();
        let mut names: Vec<_> = identities
            .into_iter()
            .flat_map(|held| held.damaged)
            .map(|(name, _)| name)
            .collect();
        let is_damaged = |trouble: &Fault| trouble.code == Code::StoreDamaged;
        let last = self.vault.home_entry("last").get::<Report>();
        names.extend(last.is_err_and(|why| is_damaged(&why)).then_some("last"));
        let trace = self.vault.entry("trace").get::<Trace>();
        names.extend(trace.is_err_and(|why| is_damaged(&why)).then_some("trace"));
        names
    }
}
