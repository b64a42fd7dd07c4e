//! The primitives of the format: numbers, byte strings, options and lists (`docs/log-format.md`, section 1).

use crate::Digest;

/// Bytes that are not what the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub &'static str);

/// The result of decoding.
pub(crate) type Decoded<T> = Result<T, Malformed>;

/// Appends primitives to a buffer.
#[derive(Default)]
pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn bool(&mut self, value: bool) {
        self.0.push(value.into());
    }

    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub fn digest(&mut self, digest: &Digest) {
        self.0.extend_from_slice(&digest.0);
    }

    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                write(self, value);
            }
        }
    }

    pub fn list<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.varint(values.len() as u64);
        for value in values {
            write(self, value);
        }
    }
}

/// Takes primitives off the front of a slice.
#[derive(Clone)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, len: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Decoded<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Decoded<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn bool(&mut self) -> Decoded<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag is neither 0 nor 1")),
        }
    }

    pub fn varint(&mut self) -> Decoded<u64> {
        // One byte nearly always.
        match self.0 {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.0 = rest;
                Ok((*byte).into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Decoded<u64> {
        let mut value = 0u64;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            if index == 9 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.0 = self.0.get(index + 1..).unwrap_or_default();
                // One spelling for each number, so that equal records are equal bytes.
                return if *byte == 0 && index > 0 {
                    Err(Malformed("a number is not in its shortest form"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(match self.0.len() < 10 {
            true => Malformed("it ends too early"),
            false => Malformed("a number has more than 64 bits"),
        })
    }

    pub fn zigzag(&mut self) -> Decoded<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub fn length(&mut self) -> Decoded<usize> {
        usize::try_from(self.varint()?).map_err(|_| Malformed("a length is beyond the address space"))
    }

    pub fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.length()?;
        self.take(len)
    }

    pub fn str(&mut self) -> Decoded<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    pub fn text(&mut self) -> Decoded<String> {
        self.str().map(str::to_owned)
    }

    pub fn digest(&mut self) -> Decoded<Digest> {
        self.array().map(Digest)
    }

    pub fn name<N: TryFrom<&'a [u8]>>(&mut self) -> Decoded<N> {
        N::try_from(self.bytes()?).map_err(|_| Malformed("a name is not valid"))
    }

    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let count = self.length()?;
        // Every element takes a byte at least. A count beyond the bytes left is found when they run out;
        // until then it must not reserve memory.
        let mut values = Vec::with_capacity(count.min(self.0.len()).min(1024));
        for _ in 0..count {
            values.push(read(self)?);
        }
        Ok(values)
    }

    /// Goes over a list of which nothing is kept.
    pub fn each(&mut self, mut read: impl FnMut(&mut Self) -> Decoded<()>) -> Decoded<()> {
        (0..self.length()?).try_for_each(|_| read(self))
    }

    pub fn end(self) -> Decoded<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("something follows its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut writer = Writer::default();
            writer.varint(value);
            writer.zigzag(value as i64);
            let mut reader = Reader(&writer.0);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.zigzag(), Ok(value as i64));
            reader.end().unwrap();
        }
        assert!(Reader(&[0x80, 0x00]).varint().is_err());
        assert!(Reader(&[0xff; 11]).varint().is_err());
        assert!(Reader(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).varint().is_err());
    }

    #[test]
    fn a_lying_count_reserves_nothing() {
        let mut writer = Writer::default();
        writer.varint(u64::MAX >> 1);
        assert!(Reader(&writer.0).list(|reader| reader.u8()).is_err());
    }
}
