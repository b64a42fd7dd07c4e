//! Many changes of many sections at once.

use crate::{ApplyError, Change, ChangeKind, Package, SectionId};

impl Package {
    /// Applies changes section by section, adds them to `done` as they took effect, and returns those that could not be applied.
    pub(crate) fn apply_in_sections(
        &mut self,
        made: Vec<(SectionId, Vec<ChangeKind>)>,
        done: &mut Vec<Change>,
    ) -> Vec<(SectionId, ApplyError)> {
        let mut failed = Vec::new();
        for (section, kinds) in made {
            for kind in kinds {
                match self.apply(&Change { section, kind }) {
                    Ok(change) => done.push(change),
                    Err(error) => failed.push((section, error)),
                }
            }
        }
        failed
    }
}
