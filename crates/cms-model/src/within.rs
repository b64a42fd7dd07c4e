//! Edits that stay within stanzas: a value set, an option added. Nearly all edits are of this kind, and they are carried out
//! without taking the blocks apart anew.

use std::ops::Range;

use crate::block::Block;
use crate::package::Spot;
use crate::scan::{Stanzas, Tail, tail};
use crate::{Edit, Package, SliceParser, Splice};

/// New text for a part of a stanza.
struct Patch {
    spot: Spot,
    /// What it takes the place of, in the stanza.
    range: Range<usize>,
    bytes: Vec<u8>,
}

impl Package {
    /// Carries out an edit that leaves every stanza its `config` command and its end. Says whether it is one; otherwise
    /// nothing is changed, and whether the edit fits at all is for others to find out.
    pub(crate) fn apply_within(&mut self, edit: &Edit) -> bool {
        if !edit.ids.is_empty() {
            return false;
        }
        let Some(patches) = self.patches_within(&edit.text) else { return false };
        let mut slots = Vec::with_capacity(patches.len());
        // From behind, so that the ranges of those before stay true.
        for Patch { spot, range, bytes } in patches.into_iter().rev() {
            self.splice(spot, range, &bytes);
            slots.push(spot.slot);
        }
        self.settle_all(slots);
        true
    }

    /// Makes of splices one patch for each stanza.
    fn patches_within(&self, splices: &[Splice]) -> Option<Vec<Patch>> {
        let mut patches = Vec::new();
        let mut slots = self.slots.iter().enumerate();
        let (mut slot, mut block) = slots.next().map(|(slot, found)| (slot, &*found.block))?;
        let mut base = 0_u64;
        let mut splices = splices.iter().peekable();
        while let Some(first) = splices.next() {
            // What is inserted between two stanzas goes to the end of the first.
            while first.offset > base + block.text.len() as u64 {
                base += block.text.len() as u64;
                (slot, block) = slots.next().map(|(slot, found)| (slot, &*found.block))?;
            }
            let offset = usize::try_from(first.offset - base).ok()?;
            let entry =
                block.entries.partition_point(|entry| (entry.start as usize) < offset).checked_sub(1)?;
            let stanza = block.stanza(entry);
            let old = block.text.get(stanza.clone())?;
            let start = base + stanza.start as u64;
            let end = base + stanza.end as u64;
            let mut range = offset - stanza.start..offset - stanza.start;
            let mut bytes = Vec::new();
            let mut next = Some(first);
            while let Some(splice) = next {
                let from = usize::try_from(splice.offset.checked_sub(start)?).ok()?;
                let upto = from.checked_add(splice.removed.len())?;
                if old.get(from..upto)? != &splice.removed[..] {
                    return None;
                }
                bytes.extend_from_slice(old.get(range.end..from)?);
                bytes.extend_from_slice(&splice.inserted);
                range.end = upto;
                next = splices.next_if(|next| next.offset <= end);
            }
            let head = block.entries[entry].plain_head_len();
            if !head.is_some_and(|head| keeps_to_a_value(old, head, &range, &bytes)) {
                let new = [&old[..range.start], &bytes, &old[range.end..]].concat();
                if !keeps_its_borders(block, entry, old, &new) {
                    return None;
                }
            }
            patches.push(Patch { spot: Spot { slot, entry }, range, bytes });
        }
        Some(patches)
    }
}

/// Says whether a change of a stanza's text does no more than put other letters and digits into a value, which shows without a look
/// at the rest: the line is that of an option, behind its name, and where a word was there is a word.
fn keeps_to_a_value(old: &[u8], head: usize, range: &Range<usize>, bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-:/".contains(byte);
    let removed = &old[range.clone()];
    if !removed.iter().chain(bytes).all(is_plain) {
        return false;
    }
    let is_beside = |at: Option<usize>| at.and_then(|at| old.get(at)).is_some_and(is_plain);
    let stays_a_word = !removed.is_empty() && !bytes.is_empty()
        || is_beside(range.start.checked_sub(1))
        || is_beside(Some(range.end));
    let Some(newline) = old[..range.start].iter().rposition(|byte| *byte == b'\n') else { return false };
    let is_continued = |text: &[u8]| text.ends_with(b"\\\n") || text.ends_with(b"\\\r\n");
    if !stays_a_word || newline + 1 < head || is_continued(&old[..=newline]) {
        return false;
    }
    // A line may lie in a value that goes over several: then all of it is part of that value, or of the same command behind it.
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let skip = |text: &[u8], is: &dyn Fn(&u8) -> bool| text.iter().take_while(|byte| is(byte)).count();
    let line = &old[newline + 1..range.start];
    let line = &line[skip(line, &is_blank)..];
    let Some(rest) = line.strip_prefix(b"option").or_else(|| line.strip_prefix(b"list")) else {
        return false;
    };
    let name = &rest[skip(rest, &is_blank)..];
    let value = &name[skip(name, &|byte| byte.is_ascii_alphanumeric() || *byte == b'_')..];
    let gap = skip(value, &is_blank);
    let is_behind_a_name = name.len() < rest.len() && value.len() < name.len() && gap > 0;
    is_behind_a_name && !value.contains(&b';') && old.ends_with(b"\n") && !is_continued(old)
}

/// Says whether a stanza with a new text begins, is called and ends as before: whether a scan of the whole block would find
/// nothing else changed.
fn keeps_its_borders(block: &Block, entry: usize, old: &[u8], new: &[u8]) -> bool {
    let mut stanzas = Stanzas::new(new, false);
    let Some(Ok(head)) = stanzas.next() else { return false };
    let mut scanned = Block::default();
    let found = scanned.entry(&head, 0, block.entries[entry].id);
    let is_only_one = stanzas.next().is_none();
    is_only_one
        && found.has_head_of(&block.entries[entry])
        && old[..found.head_len()] == new[..found.head_len()]
        && matches!((trivia(old), trivia(new)), (Some(before), Some(after)) if before == after)
}

/// What stands in a stanza below the line of its last command; none where the end of that line is not the stanza's own.
fn trivia(text: &[u8]) -> Option<&[u8]> {
    let last_end = SliceParser::new(text).last()?.ok()?.span.end;
    let Tail::End(end) = tail(text, last_end) else { return None };
    let is_continued = text.ends_with(b"\\\n") || text.ends_with(b"\\\r\n");
    if text.ends_with(b"\n") && !is_continued { text.get(end..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lines that look like options and are not, or are more than that.
    const TRAPS: &str = "config a\\\n y\n\toption z '1\n\toption q 2\n\toption  r 3' # 3\n\toption w 1; option v 22; list l\ta1\\\n\n\
                         \toption c \\\n\t1\n\toption 'n' \\1\n\t# option d 1\n\toption e a'b'c\nconfig f\n\toption g 1\\\n\nconfig b 22\n\
                         \toption h 1#2\n\tlist i \"x\\y\n\toption j k\"\n\toption l m #n\n";

    const TEXT: &str = "# head\n\nconfig a 'one'\n\toption x '1'\n\tlist y a # why\n\n# two\nconfig a\n\toption x \"2\n3\"; option z 4\n\
                        config 'b''c' t; option x 1\n\tlist y b\\\n\n\n# end\n";

    fn edit(at: usize, removed: usize, inserted: &str) -> Option<Edit> {
        edit_of(TEXT, at, removed, inserted)
    }

    fn edit_of(text: &str, at: usize, removed: usize, inserted: &str) -> Option<Edit> {
        let removed = text.as_bytes().get(at..at + removed)?.to_vec();
        let splice = Splice { offset: at as u64, removed, inserted: inserted.into() };
        Some(Edit { text: vec![splice], ids: Vec::new() })
    }

    fn entries(package: &Package) -> Vec<String> {
        let blocks = package.slots.iter().map(|slot| &slot.block);
        blocks.flat_map(|block| block.entries.iter().map(|entry| format!("{entry:?}"))).collect()
    }

    /// Whether the edit is carried out here; then it must come to what it comes to by scanning the block.
    fn check(edit: &Edit) -> bool {
        check_of(TEXT, edit)
    }

    fn check_of(text: &str, edit: &Edit) -> bool {
        let package = Package::parse(text.as_bytes()).unwrap();
        let (mut here, mut there) = (package.clone(), package.clone());
        if !here.apply_within(edit) {
            assert_eq!(here.text(), package.text());
            return false;
        }
        there.apply_by_blocks(edit).unwrap();
        assert_eq!(String::from_utf8_lossy(&here.text()), String::from_utf8_lossy(&there.text()));
        assert_eq!(entries(&here), entries(&there));
        assert_eq!((here.text_len(), here.len()), (there.text_len(), there.len()));
        true
    }

    /// Every change of up to three bytes, by those that come quickly into a value, on lines of all kinds.
    #[test]
    fn a_value_that_is_changed_in_a_hurry_is_a_value() {
        for text in [TEXT, TRAPS] {
            for (at, removed) in (0..text.len()).flat_map(|at| (0..4).map(move |removed| (at, removed))) {
                for inserted in ["", "7", "a.b"] {
                    let Some(edit) = edit_of(text, at, removed, inserted) else { continue };
                    let mut there = Package::parse(text.as_bytes()).unwrap();
                    if there.apply_by_blocks(&edit).is_ok() {
                        check_of(text, &edit);
                    } else {
                        let mut here = Package::parse(text.as_bytes()).unwrap();
                        assert!(!here.apply_within(&edit), "a scan refuses {edit:?}");
                    }
                }
            }
        }
        let at = TEXT.find("1'\n").unwrap();
        assert!(keeps_to_a_value(TEXT.as_bytes(), 0, &(at..at + 1), b"42"), "most go this way");
    }

    #[test]
    fn values_and_options_are_changed_here() {
        let at = |word: &str| TEXT.find(word).unwrap();
        assert!(check(&edit(at("1'\n"), 1, "one and a half").unwrap()));
        assert!(check(&edit(at("\tlist y a"), 0, "\toption new 'x'\n").unwrap()));
        assert!(check(&edit(at("\toption x '1'\n"), "\toption x '1'\n".len(), "").unwrap()));
        assert!(!check(&edit(at("one'"), 3, "two").unwrap()), "another name");
        assert!(!check(&edit(at("1'\n"), 1, "1'\nconfig z\n\toption x '1").unwrap()), "another section");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_done_here_is_what_a_scan_comes_to(
            at in 0..TEXT.len(),
            removed in 0_usize..12,
            inserted in "[ \n\t;#'\"\\\\ax1]{0,6}|\toption q 1\n|\nconfig c\n|config c;|# d\n|\\\\\n|\r\n",
        ) {
            if let Some(edit) = edit(at, removed, &inserted) {
                let mut there = Package::parse(TEXT.as_bytes()).unwrap();
                if there.apply_by_blocks(&edit).is_ok() {
                    check(&edit);
                } else {
                    let mut here = Package::parse(TEXT.as_bytes()).unwrap();
                    prop_assert!(!here.apply_within(&edit), "a scan refuses it");
                }
            }
        }
    }
}
