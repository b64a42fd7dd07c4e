//! Edits that stay within stanzas: a value set, an option added. Nearly all edits are of this kind, and they are carried out
//! without taking the blocks apart anew.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::Range;

use crate::block::Block;
use crate::edit::push_splice;
use crate::package::Spot;
use crate::scan::{Stanzas, Tail, tail};
use crate::{ApplyError, Change, Edit, Package, SliceParser, Splice};

/// New text for a part of a stanza.
struct Patch<'a> {
    spot: Spot,
    /// What it takes the place of, in the stanza.
    range: Range<usize>,
    bytes: Cow<'a, [u8]>,
}

/// A [`Splice`] of somebody else's bytes.
#[derive(Clone, Copy)]
struct Piece<'a> {
    offset: u64,
    removed: &'a [u8],
    inserted: &'a [u8],
}

impl<'a> From<&'a Splice> for Piece<'a> {
    fn from(splice: &'a Splice) -> Piece<'a> {
        Piece { offset: splice.offset, removed: &splice.removed, inserted: &splice.inserted }
    }
}

/// A block, and where in the package its text begins.
#[derive(Default)]
struct Walk {
    slot: usize,
    base: u64,
}

impl Package {
    /// Carries out an edit of a single [`Splice`], given by its parts, where it leaves every stanza its `config` command and its end; says
    /// whether it has. Otherwise nothing is changed, and [`apply_edit`](Package::apply_edit) knows more.
    ///
    /// ```
    /// let mut package = cms_model::Package::parse(b"config led\n\toption on '1'\n")?;
    /// assert!(package.apply_splice(23, b"1", b"0"));
    /// assert_eq!(package.text(), b"config led\n\toption on '0'\n");
    /// assert!(!package.apply_splice(23, b"1", b"2"), "there is no 1 any more");
    /// # Ok::<(), Vec<cms_model::Diagnostic>>(())
    /// ```
    pub fn apply_splice(&mut self, offset: u64, removed: &[u8], inserted: &[u8]) -> bool {
        let piece = Piece { offset, removed, inserted };
        let nothing_else = &mut std::iter::empty().peekable();
        let Some(patch) = self.patch_within(&mut Walk::default(), piece, nothing_else) else { return false };
        self.splice(patch.spot, patch.range, &patch.bytes);
        self.settle(patch.spot.slot);
        true
    }

    /// Applies a change within a section as [`apply`](Package::apply) does, and says what that did to the bytes, which is what
    /// [`Edit::between`] finds in two packages: for whoever needs no copy of the package as it was.
    ///
    /// `None`, and nothing is changed, for changes of other kinds, and where more may change than the one stanza of the section.
    ///
    /// ```
    /// use cms_model::{Change, ChangeKind, Name, Package, Value};
    ///
    /// let mut package = Package::parse(b"config led 'power'\n\toption on '1'\n").unwrap();
    /// let section = package.find("power").unwrap().id();
    /// let kind = ChangeKind::Set { option: Name::new("on")?, old: None, new: Value::scalar("0"), at: None };
    /// let (effective, edit) = package.amend(&Change::new(section, kind)).unwrap()?;
    /// assert!(matches!(effective.kind, ChangeKind::Set { old: Some(old), .. } if old == Value::scalar("1")));
    /// assert_eq!((edit.text[0].offset, &edit.text[0].inserted[..]), (31, &b"0"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`apply`](Package::apply).
    pub fn amend(&mut self, change: &Change) -> Option<Result<(Change, Edit), ApplyError>> {
        let [spot] = self.spots(change.section)[..] else { return None };
        // A block without stanzas goes on with the last one of the block before it.
        let ends_in_its_block = self.slots.get(spot.slot + 1).is_none_or(|next| next.stanzas > 0);
        if !change.is_of_a_value() || !ends_in_its_block || self.shares_line(change.section) {
            return None;
        }
        let offset = self.slots[..spot.slot].iter().map(|slot| u64::from(slot.bytes)).sum::<u64>()
            + self.block(spot.slot).start_of(spot.entry) as u64;
        let old = self.stanza(spot).to_vec();
        let effective = match self.apply(change) {
            Ok(effective) => effective,
            Err(error) => return Some(Err(error)),
        };
        let mut edit = Edit::default();
        let new = self.spot(change.section).map(|spot| self.stanza(spot)).unwrap_or_default();
        push_splice(&mut edit, offset, &old, new);
        Some(Ok((effective, edit)))
    }

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
    fn patches_within<'a>(&self, splices: &'a [Splice]) -> Option<Vec<Patch<'a>>> {
        let mut patches = Vec::new();
        let mut walk = Walk::default();
        let mut pieces = splices.iter().map(Piece::from).peekable();
        while let Some(first) = pieces.next() {
            patches.push(self.patch_within(&mut walk, first, &mut pieces)?);
        }
        Some(patches)
    }

    /// Makes a patch of a splice and those behind it that touch the same stanza.
    fn patch_within<'a>(
        &self,
        walk: &mut Walk,
        first: Piece<'a>,
        rest: &mut Peekable<impl Iterator<Item = Piece<'a>>>,
    ) -> Option<Patch<'a>> {
        let mut block = &*self.slots.get(walk.slot)?.block;
        // What is inserted between two stanzas goes to the end of the first.
        while first.offset > walk.base + block.text.len() as u64 {
            walk.base += block.text.len() as u64;
            walk.slot += 1;
            block = &*self.slots.get(walk.slot)?.block;
        }
        let offset = usize::try_from(first.offset - walk.base).ok()?;
        let entry = block.entries.partition_point(|entry| (entry.start as usize) < offset).checked_sub(1)?;
        let stanza = block.stanza(entry);
        let old = block.text.get(stanza.clone())?;
        let start = walk.base + stanza.start as u64;
        let end = walk.base + stanza.end as u64;
        let mut range = offset - stanza.start..offset - stanza.start;
        let mut bytes = Cow::Borrowed(&[][..]);
        let mut next = Some(first);
        while let Some(piece) = next {
            let from = usize::try_from(piece.offset.checked_sub(start)?).ok()?;
            let upto = from.checked_add(piece.removed.len())?;
            if old.get(from..upto)? != piece.removed {
                return None;
            }
            let kept = old.get(range.end..from)?;
            if bytes.is_empty() && kept.is_empty() {
                bytes = Cow::Borrowed(piece.inserted);
            } else {
                bytes.to_mut().extend_from_slice(kept);
                bytes.to_mut().extend_from_slice(piece.inserted);
            }
            range.end = upto;
            next = rest.next_if(|next| next.offset <= end);
        }
        let head = block.entries[entry].plain_head_len();
        if !head.is_some_and(|head| keeps_to_a_value(old, head, &range, &bytes)) {
            let new = [&old[..range.start], &bytes, &old[range.end..]].concat();
            if !keeps_its_borders(block, entry, old, &new) {
                return None;
            }
        }
        Some(Patch { spot: Spot { slot: walk.slot, entry }, range, bytes })
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
        let (mut here, mut there, mut single) = (package.clone(), package.clone(), package.clone());
        let is_here = here.apply_within(edit);
        if let [splice] = &edit.text[..] {
            assert_eq!(single.apply_splice(splice.offset, &splice.removed, &splice.inserted), is_here);
            assert_eq!((single.text(), entries(&single)), (here.text(), entries(&here)));
        }
        if !is_here {
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
