//! `sysctl.conf` and the files of `/etc/sysctl.d`.

use crate::fault::Faults;
use crate::lines::{Lines, first, trimmed, without_mark};
use crate::options::Options;
use crate::packages::{Packages, Piece};
use crate::path;

pub(crate) fn read(text: &[u8], options: &Options<'_>, packages: &mut Packages<'_>, faults: &mut Faults) {
    let Some(text) = without_mark(text, faults) else { return };
    for line in Lines::new(text) {
        if faults.is_enough() {
            return;
        }
        let start = first(line.text, 0);
        if line.text.get(start).is_none_or(|byte| matches!(byte, b'#' | b';')) {
            continue;
        }
        let Some(separator) = memchr::memchr(b'=', line.text).filter(|at| *at >= start) else {
            faults.add("no-value", line, start..line.text.len());
            continue;
        };
        // It has sysctl(8) go on where the kernel has no such key.
        let begin = start + usize::from(line.text[start] == b'-');
        let (key, at) = trimmed(line.text, begin.min(separator), separator);
        if key.is_empty() {
            faults.add("no-key", line, separator..separator + 1);
            continue;
        }
        let (value, _) = trimmed(line.text, separator + 1, line.text.len());
        path::option(&parts(key, at), at..at + key.len(), value, line, options, packages, faults);
    }
}

/// The parts of a key: the first separator decides which of the two it is; the other one stands for it within a part.
fn parts(key: &[u8], start: usize) -> Vec<Piece<'_>> {
    let Some(separator) = key.iter().find(|byte| matches!(byte, b'.' | b'/')) else {
        return vec![Piece::new(key, start)];
    };
    let mut at = start;
    let pieces = key.split(|byte| byte == separator).map(|part| {
        let mut piece = Piece::new(part, at);
        if *separator == b'.' && part.contains(&b'/') {
            piece.bytes = part.iter().map(|byte| if *byte == b'/' { b'.' } else { *byte }).collect();
        }
        at += part.len() + 1;
        piece
    });
    pieces.collect()
}
