//! The tree beside the draft that it shows.

#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that goes wrong ends; every pointer is of the tree"
)]

use super::*;

use DeltaOperation::{AddList, DelList, Delete, Rename, Reorder, Set};
use cms::model::{Package, Value};
use cms_testkit::Random;
use std::ffi::CStr;

unsafe fn shown_text<'a>(text: *const c_char) -> &'a [u8] {
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

unsafe fn walk(list: *const List) -> Vec<*mut List> {
    let mut all = Vec::new();
    unsafe {
        let mut at = (*list).next;
        while !std::ptr::eq(at, list) {
            assert!((*(*at).next).prev == at);
            all.push(at);
            at = (*at).next;
        }
    }
    all
}

fn check(tree: &Tree) {
    unsafe {
        let shown = walk(&raw const tree.shown.sections);
        let ids: Vec<_> = tree.draft.package().sections().map(|x| x.id()).collect();
        assert_eq!(shown.len(), ids.len());
        for (element, id) in shown.iter().zip(&ids) {
            let section: *mut UciSection = element.cast();
            let name = tree.draft.display_name(*id).unwrap();
            let now = tree.draft.package().section(*id).unwrap();
            assert_eq!(shown_text((*section).e.name), name.as_bytes());
            assert_eq!(shown_text(tree.name_of(section)), name.as_bytes());
            assert_eq!(shown_text((*section).kind), now.kind().as_bytes());
            assert_eq!((*section).anonymous, now.is_anonymous());
            let found = tree.section(name.as_str());
            assert!(!found.is_null());
            assert_eq!(shown_text((*found).e.name), name.as_bytes());
            let options = walk(&raw const (*section).options);
            let expected = tree.draft.options(*id);
            assert_eq!(options.len(), expected.len());
            for (option, (oname, value)) in options.iter().zip(&expected) {
                let option: *mut UciOption = option.cast();
                assert!(std::ptr::eq((*option).section, section));
                assert_eq!(shown_text((*option).e.name), oname.as_bytes());
                match value {
                    Value::Scalar(text) => {
                        assert_eq!((*option).kind, 0);
                        assert_eq!(shown_text((*option).v.string), visible(text));
                    }
                    Value::List(items) => {
                        assert_eq!((*option).kind, 1);
                        let list: *const List = (&raw const (*option).v).cast();
                        let found: Vec<_> =
                            walk(list).into_iter().map(|i| shown_text((*i.cast::<Element>()).name)).collect();
                        assert_eq!(found, items.iter().map(|i| visible(i)).collect::<Vec<_>>());
                    }
                }
                assert!(std::ptr::eq(tree.option(section, oname.as_str()), option));
                if std::ptr::eq(found, section) {
                    let (a, b) = tree.both(name.as_bytes(), oname.as_bytes());
                    assert!(std::ptr::eq(a, section) && std::ptr::eq(b, option));
                }
            }
            assert!(tree.option(section, "nothing_here").is_null());
        }
        for name in ["nosuch", "s0", "s5", "cfg010000"] {
            let (a, b) = tree.both(name.as_bytes(), b"zzz");
            assert!(b.is_null());
            assert!(a == tree.section(name));
        }
    }
}

#[test]
fn the_tree_follows_the_draft_through_random_changes() {
    const OPTIONS: [&str; 7] = ["a", "b", "l", "c", "a_name_that_is_longer_than_sixteen", "dd", "eeeeeeeee"];
    const KINDS: [&str; 3] = ["iface", "rule", "kind_of_a_long_name_indeed"];
    const TEXTS: [&str; 4] = ["1", "", "zz", "a longer text for it"];
    const ITEMS: [&str; 3] = ["x", "y", "item"];
    let mut text = String::from(
        "config iface 's0'\n\toption a '1'\n\tlist l 'x'\n\tlist l 'y'\n\toption a '2'\n\nconfig rule\n\toption a ''\n\
         \toption a_name_that_is_longer_than_sixteen 'v'\n\nconfig rule\n\toption b '1'\n\nconfig other 'q0'\n\toption c '3'\n\n",
    );
    text += &format!("config iface 's1'\n\toption big '{}'\n", "x".repeat(5000));
    for number in 2..9 {
        text += &format!("config iface 's{number}'\n\toption a ''\n\toption b '{number}'\n");
    }
    let mut random = Random::for_test("random changes of a tree");
    for round in 0..20 {
        let mut tree = tree(&text, round);
        check(&tree);
        for _ in 0..200 {
            let names: Vec<Name> = {
                let draft = &tree.draft;
                draft.package().sections().filter_map(|section| draft.display_name(section.id())).collect()
            };
            let mut of = |count: usize| random.below(count as u64) as usize;
            let pick = |of: &mut dyn FnMut(usize) -> usize| match of(4) {
                0 => name(&format!("s{}", of(12))),
                _ => names.get(of(names.len().max(1))).cloned().unwrap_or_else(|| name("s0")),
            };
            let section = pick(&mut of);
            let bytes = |text: &str| Some(text.as_bytes().to_vec());
            let (operation, option, value) = match of(13) {
                0..3 => (Set, Some(OPTIONS[of(7)]), bytes(TEXTS[of(4)])),
                3 => (Set, None, bytes(KINDS[of(3)])),
                4 | 5 => (AddList, Some(OPTIONS[of(7)]), bytes(ITEMS[of(3)])),
                6 => (DelList, Some(OPTIONS[of(7)]), bytes(ITEMS[of(3)])),
                7 => (Delete, Some(OPTIONS[of(7)]), None),
                8 if of(3) == 0 => (Delete, None, None),
                9 => (Rename, None, bytes(pick(&mut of).as_str())),
                10 | 11 => (Rename, Some(OPTIONS[of(7)]), bytes(OPTIONS[of(7)])),
                12 => (Reorder, None, bytes(&of(10).to_string())),
                _ => {
                    let _ = tree.add(&TypeName::new(KINDS[of(3)]).unwrap());
                    check(&tree);
                    continue;
                }
            };
            // Some of them are not possible.
            let _ = tree.change(DeltaLine { operation, section, option: option.map(name), value });
            check(&tree);
        }
    }
}

#[test]
fn an_option_may_take_the_name_of_a_list_without_items() {
    let mut tree = tree("config iface 's1'\n\tlist l 'x'\n\toption z '2'\n\toption dd '1'\n", 1);
    let mut change = |operation, option: &str, value: &str| {
        let (option, value) = (Some(name(option)), Some(value.as_bytes().to_vec()));
        let outcome = tree.change(DeltaLine { operation, section: name("s1"), option, value });
        check(&tree);
        outcome.is_ok()
    };
    assert!(change(DelList, "l", "x"));
    assert!(!change(Rename, "l", "z"));
    assert!(change(Rename, "dd", "l"));
    assert!(change(Delete, "z", ""));
    assert!(tree.both(b"s1", b"z").1.is_null());
    assert!(!tree.both(b"s1", b"l").1.is_null());
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn tree(text: &str, seed: u64) -> Box<Tree> {
    let draft = Draft::new(Package::parse(text.as_bytes()).unwrap(), seed);
    let tree = Tree::new(std::ptr::null_mut(), "net", std::path::Path::new("/tmp/net"), draft, false);
    // SAFETY: `new` made it in a box.
    unsafe { Box::from_raw(tree) }
}
