//! A commit of one change, carried out on the newest state itself.
//!
//! Within a group nobody but its leader sees the states between the commits, so each of them need not be kept beside the next: a
//! package that is in memory, and that nobody else holds, becomes the next one where it is. Whatever refuses the commit later has it
//! [taken back](Amended::take_back).

use std::sync::Arc;

use cms_model::{Edit, PackageName};

use crate::commit::{Action, Display, Prepared, PreparedPackage, Wanted, changes_nothing};
use crate::group::Request;
use crate::head::Head;
use crate::modules::Modules;
use crate::store::Log;

/// A package of the head that has a change of a commit which is not made yet.
pub(crate) struct Amended {
    package: PackageName,
    edit: Edit,
}

impl Amended {
    /// Makes the package again what it was; `false` if that cannot be.
    pub(crate) fn take_back(self, head: &mut Head) -> bool {
        let inverse = self.edit.inverse();
        head.change(&self.package, |package| package.apply_edit(&inverse).is_ok()).unwrap_or(false)
    }
}

/// Prepares the commit of a request that changes one option of a package, if it is certain to be in conflict with nothing. `None`, and
/// nothing is changed, where it is not as simple as that.
pub(crate) fn amend(
    log: &Log,
    modules: &Modules,
    head: &mut Head,
    request: &Request,
) -> Option<(Prepared, Display, Amended)> {
    let ([wanted], true) = (&request.wanted.packages[..], request.wanted.tables.is_empty()) else {
        return None;
    };
    let Wanted { package: name, action: Action::Changes { changes, .. }, .. } = wanted else { return None };
    let [(base, change)] = &changes[..] else { return None };
    let is_newest = head.cell(name)?.changed <= *base;
    if !is_newest && !log.recent.leaves_alone(name, std::iter::once(change), *base, head.revision) {
        return None;
    }
    let before = Arc::downgrade(head.cell(name)?.in_memory()?);
    // Who is told why it cannot be is told by him who looks at everything.
    let (effective, edit) = head.change(name, |package| package.amend(change))??.ok()?;
    let result = head.cell(name)?.in_memory()?.clone();
    modules.changed(name, &before, &result, change);
    if changes_nothing(&effective) {
        return None;
    }
    let amended = Amended { package: name.clone(), edit: edit.clone() };
    let package = PreparedPackage::amended(name.clone(), vec![effective], edit, result);
    let display = vec![(name.clone(), package.display(None))];
    let mut prepared = Prepared::signed(request.signature.clone());
    prepared.packages.push(package);
    Some((prepared, display, amended))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use cms_log::{CommitKind, Origin, Revision};
    use cms_model::schema::Mode;
    use cms_model::{Change, ChangeKind, Name, Package, Value};

    use super::*;
    use crate::commit::Signature;
    use crate::location::{Dirs, Location};
    use crate::store::{Options, Store};
    use crate::terms::Terms;

    const TEXT: &[u8] = b"config host 'a'\n\toption v '0'\n\nconfig host 'b'\n\toption v '0'\n";

    fn request(package: &Package, section: &str, value: &str, base: Revision) -> Request {
        let option = Name::new("v").unwrap();
        let kind = ChangeKind::Set { option, old: None, new: Value::scalar(value), at: None };
        let change = Change::new(package.find(section).unwrap().id(), kind);
        let action = Action::Changes { changes: vec![(base, change)], made: None };
        let wanted = Wanted { package: PackageName::new("hosts").unwrap(), base, action };
        let signature = Signature {
            kind: CommitKind::Normal,
            author: "ada".to_owned(),
            tool: String::new(),
            message: String::new(),
            origin: Origin::Direct,
            confirm: None,
            at_most: Mode::Off,
            at_least: Mode::Off,
        };
        Request { wanted: vec![wanted].into(), signature, terms: Terms::default() }
    }

    #[test]
    fn a_package_that_nobody_holds_is_changed_where_it_is_and_back() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| -> PathBuf { home.path().join(name) };
        std::fs::create_dir(path("config")).unwrap();
        std::fs::write(path("config/hosts"), TEXT).unwrap();
        let dirs = Dirs { state: Some(path("state")), run: Some(path("run")) };
        let location = Location::find(&path("config"), &dirs).unwrap();
        let store = Store::open(&location, Options::default()).unwrap();
        store.snapshot().unwrap();
        let log = store.log("test").unwrap();
        let name = PackageName::new("hosts").unwrap();
        let mut writing = log.write().unwrap();
        let base = writing.head.revision;
        let held = writing.head.package(&*log.backend, &name).unwrap().unwrap();
        let text = |head: &Head| head.cell(&name).unwrap().in_memory().unwrap().text();
        let amend = |head: &mut Head, request: &Request| amend(log, store.modules(), head, request);

        assert!(amend(&mut writing.head, &request(&held, "a", "1", base)).is_none(), "readers have it");
        let first = request(&held, "a", "1", base);
        let (prepared, _) =
            crate::commit::prepare(log, &writing.head, &first.wanted, first.signature).unwrap();
        let _ = store.append(log, &mut writing, prepared).unwrap();
        let after_first = text(&writing.head);

        // In conflict with the first one, and one that changes nothing.
        assert!(amend(&mut writing.head, &request(&held, "a", "2", base)).is_none());
        let newest = writing.head.revision;
        assert!(amend(&mut writing.head, &request(&held, "a", "1", newest)).is_none());
        assert_eq!(text(&writing.head), after_first);

        let (prepared, display, amended) =
            amend(&mut writing.head, &request(&held, "b", "22", base)).unwrap();
        assert_eq!(
            (display[0].1[0].key.as_str(), &display[0].1[0].old),
            ("hosts.b.v", &Some(Value::scalar("0")))
        );
        let after_second = text(&writing.head);
        assert_eq!(after_second, b"config host 'a'\n\toption v '1'\n\nconfig host 'b'\n\toption v '22'\n");
        drop(prepared);
        assert!(amended.take_back(&mut writing.head));
        assert_eq!(text(&writing.head), after_first);

        let (prepared, ..) = amend(&mut writing.head, &request(&held, "b", "22", base)).unwrap();
        let _ = store.append(log, &mut writing, prepared).unwrap();
        assert_eq!(text(&writing.head), after_second);
        let read = Head::load(&*log.backend, None).unwrap();
        assert_eq!(read.package(&*log.backend, &name).unwrap().unwrap().text(), after_second);
        assert_eq!(held.text(), TEXT);
    }
}
