//! What is read, in pieces that are given back one by one: a package is made of its text without both being there at once.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;

/// Small enough that the allocator makes blocks of the package out of what was given back, large enough to be few.
const PIECE: usize = 64 << 10;

/// A document as it came in.
#[derive(Debug)]
pub(crate) struct Input {
    /// All but the last have `size` bytes.
    pieces: Vec<Vec<u8>>,
    size: usize,
}

/// The text of a package, to be read once; what has been read is gone.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece has been read.
    read: usize,
}

impl Input {
    /// Reads all there is.
    pub(crate) fn read(reader: impl Read) -> io::Result<Input> {
        Input::read_by(reader, PIECE)
    }

    /// The same in one piece, for a document that is read as one; about so many bytes are expected.
    pub(crate) fn read_whole(mut reader: impl Read, expected: usize) -> io::Result<Input> {
        // One byte more shows the end without growing.
        let mut piece = Vec::with_capacity(expected.saturating_add(1));
        reader.read_to_end(&mut piece)?;
        let size = piece.len() + 1;
        Ok(Input { pieces: vec![piece], size })
    }

    fn read_by(mut reader: impl Read, size: usize) -> io::Result<Input> {
        let mut pieces = Vec::new();
        loop {
            let mut piece = Vec::with_capacity(size);
            reader.by_ref().take(size as u64).read_to_end(&mut piece)?;
            let is_last = piece.len() < size;
            if !piece.is_empty() {
                pieces.push(piece);
            }
            if is_last {
                return Ok(Input { pieces, size });
            }
        }
    }

    #[cfg(test)]
    pub(super) fn in_pieces(text: &[u8], size: usize) -> Input {
        // A slice is read to its end.
        Input::read_by(text, size).unwrap_or(Input { pieces: Vec::new(), size })
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * self.size + last.len())
    }

    /// Returns the byte at an offset.
    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        self.pieces.get(at / self.size)?.get(at % self.size).copied()
    }

    /// Reads without taking anything away.
    pub(crate) fn reader(&self) -> impl Read + '_ {
        Reader { pieces: &self.pieces, read: 0 }
    }

    /// Returns all of it in one piece.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        if self.pieces.len() <= 1 {
            return self.pieces.pop().unwrap_or_default();
        }
        let mut bytes = Vec::with_capacity(self.len());
        for piece in self.pieces {
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// Takes ranges out, ascending and disjoint.
    pub(crate) fn cut(self, ranges: &[Range<usize>]) -> Vec<Text> {
        let mut texts = Vec::with_capacity(ranges.len());
        let (size, mut pieces) = (self.size, self.pieces.into_iter().enumerate().peekable());
        for range in ranges {
            let mut text = Text::default();
            while let Some((number, piece)) = pieces.peek_mut() {
                let start = *number * size;
                if start >= range.end {
                    break;
                }
                let end = start + piece.len();
                let inside = range.start.max(start)..range.end.min(end);
                if !inside.is_empty() {
                    text.pieces.push_back(match inside.len() == piece.len() {
                        true => std::mem::take(piece),
                        false => piece[inside.start - start..inside.end - start].to_vec(),
                    });
                }
                // The rest of the piece may belong to the next range.
                if end > range.end {
                    break;
                }
                pieces.next();
            }
            texts.push(text);
        }
        texts
    }
}

impl Text {
    /// How many bytes are still to be read.
    pub(crate) fn len(&self) -> u64 {
        let all: usize = self.pieces.iter().map(Vec::len).sum();
        (all - self.read) as u64
    }

    /// Puts another text behind this one.
    pub(crate) fn append(&mut self, mut other: Text) {
        self.pieces.append(&mut other.pieces);
    }
}

impl From<Input> for Text {
    fn from(input: Input) -> Text {
        Text { pieces: input.pieces.into(), read: 0 }
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Text {
        Text { pieces: VecDeque::from([text]), read: 0 }
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.front() {
            let count = (&piece[self.read..]).read(buffer)?;
            self.read += count;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.pieces.pop_front();
            self.read = 0;
        }
        Ok(0)
    }
}

struct Reader<'a> {
    pieces: &'a [Vec<u8>],
    read: usize,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((piece, rest)) = self.pieces.split_first() {
            let count = (&piece[self.read..]).read(buffer)?;
            self.read += count;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            (self.pieces, self.read) = (rest, 0);
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_is_what_lies_there() {
        let text: Vec<u8> = (0..23).collect();
        for size in 1..25 {
            let input = || Input::in_pieces(&text, size);
            assert_eq!(input().len(), text.len());
            assert_eq!((0..25).filter_map(|at| input().get(at)).collect::<Vec<_>>(), text);
            assert_eq!(input().into_bytes(), text);
            let mut read = Vec::new();
            input().reader().read_to_end(&mut read).unwrap();
            assert_eq!(read, text);
            for ranges in [
                vec![0..23, 23..23],
                vec![0..0, 0..1, 1..9, 12..12, 13..22, 22..23],
                vec![5..6, 8..8],
                vec![],
            ] {
                let cut = input().cut(&ranges);
                assert_eq!(cut.len(), ranges.len());
                for (mut cut, range) in cut.into_iter().zip(ranges) {
                    let mut read = Vec::new();
                    cut.read_to_end(&mut read).unwrap();
                    assert_eq!(read, text[range]);
                }
            }
        }
    }
}
