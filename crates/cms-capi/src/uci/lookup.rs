//! The short way of `uci_lookup_ptr`, for references such as `network.lan.ipaddr` to what is loaded and there.
//!
//! All else is left to the long way, which finds out what is wrong: a name that leads to an element needs no check of its own.

#![expect(unsafe_code, reason = "references are strings of C")]

use std::ffi::{CStr, c_char};
use std::ptr;

use super::context::Context;
use super::layout::{COMPLETE, DONE, OPTION, UciPtr};

/// Where in a text of eight to 64 bytes dots are, and equals signs, a bit for each byte.
#[inline(always)]
fn cuts(text: &[u8]) -> Option<u64> {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let mut cuts =
            u64::from(marks(first)) | u64::from(marks(last)).checked_shl(text.len() as u32 - 16)?;
        if text.len() > 32 {
            let (chunks, _) = text.as_chunks();
            for (number, chunk) in chunks.iter().enumerate().skip(1) {
                cuts |= u64::from(marks(chunk)) << (16 * number);
            }
        }
        return (text.len() <= 64).then_some(cuts);
    }
    let (first, last) = (text.first_chunk()?, text.last_chunk()?);
    Some(marks_of_eight(first) | marks_of_eight(last) << (text.len() - 8))
}

/// The same of sixteen bytes.
#[inline(always)]
fn marks(bytes: &[u8; 16]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every x86-64, and an unaligned load of sixteen bytes reads the array.
    unsafe {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        };
        let text = _mm_loadu_si128(bytes.as_ptr().cast());
        let dots = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'.' as i8));
        let equals = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'=' as i8));
        _mm_movemask_epi8(_mm_or_si128(dots, equals)) as u16
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let ([first, last], _) = bytes.as_chunks() else { return 0 };
        (marks_of_eight(first) | marks_of_eight(last) << 8) as u16
    }
}

/// The same of eight bytes.
#[inline(always)]
fn marks_of_eight(bytes: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const LOW: u64 = ONES * 0x7f;
    let word = u64::from_le_bytes(*bytes);
    // The upper bit of each byte that differs.
    let differ = |byte: u8| {
        let other = word ^ (ONES * u64::from(byte));
        ((other & LOW) + LOW) | other
    };
    let equal = !(differ(b'.') & differ(b'=')) & !LOW;
    // Each of these bits to the top byte, to the place of its own.
    (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Finds an option, and says whether it is there. Nothing is changed if not.
///
/// # Safety
/// `text` is a string that may be written to, and lives as long as the reference is used.
#[inline(always)]
pub unsafe fn lookup(context: &mut Context, target: &mut UciPtr, text: *mut c_char) -> bool {
    // SAFETY: as the caller says; it is not written to while its bytes are used.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    let Some(cuts) = cuts(bytes) else { return false };
    // Two, and no third.
    let rest = cuts & cuts.wrapping_sub(1);
    if rest == 0 || rest & (rest - 1) != 0 {
        return false;
    }
    let (first, second) = (cuts.trailing_zeros() as usize, rest.trailing_zeros() as usize);
    let (Some((package, b'.', behind)), true) = (part(bytes, first), second > first) else { return false };
    let Some((section, b'.', option)) = part(behind, second - first - 1) else { return false };
    let tree = context.loaded(package);
    if tree.is_null() {
        return false;
    }
    // SAFETY: packages that are loaded are not freed, nor are the elements in them.
    unsafe {
        let (section, option) = (*tree).both(section, option);
        if option.is_null() {
            return false;
        }
        *target = UciPtr {
            target: OPTION,
            flags: DONE | COMPLETE,
            p: tree.cast(),
            s: section,
            o: option,
            last: option.cast(),
            package: (*tree).shown.e.name,
            section: (*tree).name_of(section),
            option: (*option).e.name,
            value: ptr::null(),
        };
        // As libuci does.
        *text.add(first) = 0;
        *text.add(second) = 0;
    }
    true
}

/// What is before a byte, that byte, and what is behind it.
#[inline(always)]
fn part(bytes: &[u8], at: usize) -> Option<(&[u8], u8, &[u8])> {
    let (before, behind) = bytes.split_at_checked(at)?;
    let (byte, behind) = behind.split_first()?;
    Some((before, *byte, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_equals_signs_are_found_wherever_they_are() {
        let mut state = 7_u64;
        for length in 0..=80 {
            for _ in 0..200 {
                let text: Vec<u8> = (0..length)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        b".=-/<>a\xae\xbd\x01"[(state >> 33) as usize % 10]
                    })
                    .collect();
                let each = text.iter().enumerate().filter(|(_, byte)| b".=".contains(byte));
                let expected =
                    (8..=64).contains(&length).then(|| each.fold(0, |all, (at, _)| all | 1_u64 << at));
                assert_eq!(cuts(&text), expected, "{text:?}");
            }
        }
    }
}
