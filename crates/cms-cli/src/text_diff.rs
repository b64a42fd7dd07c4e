//! The text of a package before and after, as `diff -u` writes it.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::paint::Paint;

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// How long the shortest difference is looked for; after that, one that is right and longer will do.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes the difference; nothing if there is none.
pub(crate) fn unified(package: &str, old: &[u8], new: &[u8], names: (&str, &str), paint: Paint) -> Vec<u8> {
    if old == new {
        return Vec::new();
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut out = Vec::new();
    let mut push = |painted: String| out.extend_from_slice(painted.as_bytes());
    push(paint.title(&format!("--- {package} ({})", names.0)) + "\n");
    push(paint.title(&format!("+++ {package} ({})", names.1)) + "\n");
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range =
            |start: usize, end: usize| format!("{},{}", start + usize::from(end > start), end - start);
        let old_range = range(first.old_range().start, last.old_range().end);
        let new_range = range(first.new_range().start, last.new_range().end);
        out.extend_from_slice(paint.place(&format!("@@ -{old_range} +{new_range} @@")).as_bytes());
        out.push(b'\n');
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style): (u8, fn(Paint, &str) -> String) = match change.tag() {
                ChangeTag::Equal => (b' ', |_, text| text.to_owned()),
                ChangeTag::Delete => (b'-', Paint::removed),
                ChangeTag::Insert => (b'+', Paint::added),
            };
            // Values are bytes: the line goes out as it is, with the colours around it.
            let line = change.value();
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            let painted = style(paint, "\u{0}");
            let (before, after) = painted.split_once('\u{0}').unwrap_or_default();
            out.extend_from_slice(before.as_bytes());
            out.push(sign);
            out.extend_from_slice(bare);
            out.extend_from_slice(after.as_bytes());
            out.push(b'\n');
            if bare.len() == line.len() {
                out.extend_from_slice(b"\\ No newline at end of file\n");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let old = b"1\n2\n3\n4\n5\n6\n7\n8\n";
        let new = b"1\n2\n3\n4\nfive\xff\n6\n7\n8";
        let diff = unified("network", old, new, ("3", "4"), Paint::OFF);
        let expected: &[u8] = b"--- network (3)\n+++ network (4)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\xff\n 6\n 7\n-8\n+8\n\\ No newline at end of file\n";
        assert_eq!(diff, expected, "{}", String::from_utf8_lossy(&diff));
        assert!(unified("network", old, old, ("3", "4"), Paint::OFF).is_empty());
        assert!(unified("n", b"", b"a\n", ("1", "2"), Paint::OFF).ends_with(b"@@ -0,0 +1,1 @@\n+a\n"));
    }
}
