//! Arming: the note that is written in the transaction of the commit.

use cms_log::{Note, Pending, Revision};
use cms_model::PackageName;

use super::{Clock, Confirm, choose, due, read, set_mark, survival};
use crate::error::{Error, Result};
use crate::status::now_ns;
use crate::store::{Log, Store, seed};

/// What a token is made of: no two of these are taken for each other when read out.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Store {
    /// Makes the note that arms the rollback of `revision`, which is about to be appended by whoever has the right to write.
    pub(crate) fn arm(
        &self,
        log: &Log,
        confirm: &Confirm,
        revision: Revision,
        packages: &[PackageName],
    ) -> Result<(Note, Pending)> {
        if confirm.window < Confirm::SHORTEST || confirm.window > Confirm::LONGEST {
            let reason = format!(
                "a window of {} s to confirm in is not between {} and {} s",
                confirm.window.as_secs_f64(),
                Confirm::SHORTEST.as_secs(),
                Confirm::LONGEST.as_secs()
            );
            return Err(Error::Invalid { key: "confirm".to_owned(), reason });
        }
        let place = log.backend.place();
        if let Some(kind) = survival::volatile(place).filter(|_| !confirm.volatile) {
            return Err(Error::NoSurvival { path: place.to_owned(), kind });
        }
        let now = Clock::now()?;
        let mut known = read(log)?;
        if confirm.join.is_some() {
            choose(&known, confirm.join.as_deref())?;
        }
        let window_us = u64::try_from(confirm.window.as_micros()).unwrap_or(u64::MAX);
        let mut armed = Pending {
            tokens: Vec::new(),
            revisions: vec![revision],
            packages: packages.to_vec(),
            boot: now.boot.clone(),
            deadline_us: now.since_boot_us.saturating_add(window_us),
            window_us,
            until_us: (now_ns() / 1000).saturating_add_unsigned(window_us),
            probe: confirm.probe.clone(),
            round: 1,
        };
        let joins = |pending: &Pending| {
            let is_named = confirm.join.as_deref().is_some_and(|token| pending.is_called(token));
            let meets = pending.packages.iter().any(|package| packages.contains(package));
            due(pending, &now).is_none() && (is_named || meets)
        };
        let (joined, apart): (Vec<Pending>, Vec<Pending>) = known.pending.into_iter().partition(joins);
        for pending in joined {
            armed.tokens.extend(pending.tokens);
            armed.revisions.extend(pending.revisions);
            armed.packages.extend(pending.packages);
            armed.round = armed.round.max(pending.round + 1);
            armed.probe = armed.probe.or(pending.probe);
        }
        if armed.tokens.is_empty() {
            armed.tokens.push(token());
        }
        armed.revisions.sort();
        armed.packages.sort();
        armed.packages.dedup();
        known.pending = apart;
        known.pending.push(armed.clone());
        set_mark(self.location(), &known)?;
        Ok((known.encode(), armed))
    }
}

fn token() -> String {
    let bits = seed();
    (0..8).map(|place| char::from(LETTERS[(bits >> (5 * place) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_and_differ() {
        let (one, two) = (token(), token());
        assert!(one.len() == 8 && one != two && one.bytes().all(|letter| LETTERS.contains(&letter)));
    }
}
