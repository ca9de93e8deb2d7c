//! Changed copies of training texts: dropped, swapped and masked tokens.

use jingwei_random::{mix, unit};
use serde::{Deserialize, Serialize};

use crate::prepare::{PADDING, UNKNOWN};
use crate::{Error, Result};

/// How often tokens of a training text are changed; all are chances from 0 to 1, and 0 by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextAugmentation {
    /// The chance of a token to be left out; one token always stays.
    pub drop: f64,
    /// The chance of a token to change places with the next.
    pub swap: f64,
    /// The chance of a token to become unknown.
    pub mask: f64,
}

impl TextAugmentation {
    /// Checks that all are chances.
    ///
    /// # Errors
    /// Names the one that is not.
    pub fn check(&self) -> Result<()> {
        for (name, chance) in [
            ("drop", self.drop),
            ("swap", self.swap),
            ("mask", self.mask),
        ] {
            if !(0.0..=1.0).contains(&chance) {
                let cause = format!("{chance} is not between 0 and 1");
                return Err(Error::setting(name, cause, "0.1 changes one token of ten"));
            }
        }
        Ok(())
    }

    /// Changes the ids of a text; the same key changes them in the same way.
    ///
    /// ```
    /// use jingwei_text::augment::TextAugmentation;
    ///
    /// let mut ids = vec![5, 6, 7];
    /// TextAugmentation { mask: 1.0, ..Default::default() }.apply(&mut ids, 42);
    /// assert_eq!(ids, [1, 1, 1]);
    /// ```
    pub fn apply(&self, ids: &mut Vec<u32>, key: u64) {
        let kept = self.apply_to(ids, PADDING, |_| UNKNOWN, key);
        ids.truncate(kept);
    }

    /// The same in place, for ids of any type, where `unknown` gives the id for unknown tokens of the same kind: how many
    /// are left, from the beginning on. Nothing is allocated.
    pub fn apply_to<T: Copy + PartialEq>(
        &self,
        ids: &mut [T],
        padding: T,
        unknown: impl Fn(T) -> T,
        key: u64,
    ) -> usize {
        if self.mask > 0.0 {
            let key = mix(key, 0);
            let tokens = ids.iter_mut().enumerate().filter(|(_, id)| **id != padding);
            for (at, id) in tokens {
                if unit(key, at as u64) < self.mask {
                    *id = unknown(*id);
                }
            }
        }
        if self.swap > 0.0 {
            let key = mix(key, 1);
            let mut at = 0;
            while at + 1 < ids.len() {
                if unit(key, at as u64) < self.swap {
                    ids.swap(at, at + 1);
                    at += 1;
                }
                at += 1;
            }
        }
        if self.drop <= 0.0 || ids.is_empty() {
            return ids.len();
        }
        let key = mix(key, 2);
        let stays = (mix(key, u64::MAX) % ids.len() as u64) as usize;
        let mut kept = 0;
        for at in 0..ids.len() {
            if at == stays || unit(key, at as u64) >= self.drop {
                ids[kept] = ids[at];
                kept += 1;
            }
        }
        kept
    }

    /// Whether anything is changed.
    pub fn is_none(&self) -> bool {
        self.drop <= 0.0 && self.swap <= 0.0 && self.mask <= 0.0
    }
}
