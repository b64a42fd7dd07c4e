//! Sections, options and items: what the header shows of them, and behind it what it does not.
//!
//! Those that are there when a package is loaded lie in its room, each with its texts behind it: a section, its options, the next
//! section. What is made later is allocated by itself, and freed when it goes.

#![expect(unsafe_code, reason = "the elements are C's to walk through")]

use std::ffi::{CStr, CString, c_char};
use std::mem::{ManuallyDrop, offset_of};
use std::ptr;

use cms::model::{SectionId, Value};
use hashbrown::HashTable;

use super::layout::{Element, ITEM, List, OPTION, SECTION, UciOption, UciPackage, UciSection, UciValue};
use super::room::Room;
use super::table::prefetch;

#[repr(C, align(16))]
pub struct Section {
    pub shown: UciSection,
    /// The hash of its name.
    pub hash: u64,
    pub id: SectionId,
    name_length: u32,
    is_boxed: bool,
    has_own_name: bool,
    has_own_kind: bool,
    texts: [c_char; 0],
}

/// An option.
#[repr(C, align(16))]
pub struct Choice {
    pub shown: UciOption,
    name_length: u32,
    is_boxed: bool,
    has_own_name: bool,
    /// Whether its text was allocated by itself, or its items were.
    has_own_value: bool,
    texts: [c_char; 0],
}

/// What a string for C shows of bytes: those before the first NUL.
pub fn visible(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn allocated(bytes: &[u8]) -> *mut c_char {
    CString::new(visible(bytes)).unwrap_or_default().into_raw()
}

/// Frees a string that [`allocated`] made.
///
/// # Safety
/// It is freed once.
unsafe fn free_text(text: *mut c_char) {
    // SAFETY: as the caller says.
    drop(unsafe { CString::from_raw(text) });
}

/// The bytes of a string of ours.
///
/// # Safety
/// `text` is a string, and stays one as long as its bytes are used.
unsafe fn bytes_of<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// Writes strings one behind the other.
struct Pen(*mut c_char);

impl Pen {
    /// # Safety
    /// There is room for the bytes and a NUL.
    unsafe fn write(&mut self, bytes: &[u8]) -> *mut c_char {
        let text = self.0;
        // SAFETY: as the caller says.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr().cast(), text, bytes.len());
            text.add(bytes.len()).write(0);
            self.0 = text.add(bytes.len() + 1);
        }
        text
    }
}

/// Puts elements into a room. Of names that many options have one copy lies there, with the first of these.
pub struct Builder<'r, F> {
    pub room: &'r mut Room,
    pub names: HashTable<*mut c_char>,
    pub hash: F,
}

impl<F: Fn(&[u8]) -> u64> Builder<'_, F> {
    fn known(&self, name: &[u8], hash: u64) -> Option<*mut c_char> {
        // SAFETY: the names lie in the room, which is borrowed.
        self.names.find(hash, |known| unsafe { bytes_of(*known) } == name).copied()
    }

    fn keep(&mut self, name: *mut c_char, hash: u64) {
        // SAFETY: as above.
        self.names.insert_unique(hash, name, |name| (self.hash)(unsafe { bytes_of(*name) }));
    }

    /// Makes a section.
    pub fn section(&mut self, package: *mut UciPackage, state: &State<'_>) -> *mut Section {
        let (name, kind) = (visible(state.name), visible(state.kind));
        let hash = (self.hash)(kind);
        let known = self.known(kind, hash);
        let own = known.map_or(kind.len() + 1, |_| 0);
        let piece = self.room.take(offset_of!(Section, texts) + name.len() + 1 + own);
        let section: *mut Section = piece.as_ptr().cast();
        // SAFETY: the piece is aligned and has room for a section, and behind what is known of it, for both texts.
        unsafe {
            section.write(Section::new(package, state.id));
            let mut pen = Pen(piece.add(offset_of!(Section, texts)).as_ptr().cast());
            (*section).shown.e.name = pen.write(name);
            (*section).name_length = name.len() as u32;
            (*section).hash = (self.hash)(name);
            (*section).shown.kind = known.unwrap_or_else(|| pen.write(kind));
            (*section).shown.anonymous = state.is_anonymous;
            List::clear(&raw mut (*section).shown.options);
            if known.is_none() {
                self.keep((*section).shown.kind, hash);
            }
        }
        section
    }

    /// Makes an option; also answers the hash of its name.
    pub fn option(&mut self, section: *mut Section, name: &[u8], value: &Value) -> (*mut Choice, u64) {
        let name = visible(name);
        let hash = (self.hash)(name);
        let known = self.known(name, hash);
        let text = match value {
            Value::Scalar(text) => Some(visible(text)),
            Value::List(_) => None,
        };
        let own = known.map_or(name.len() + 1, |_| 0) + text.map_or(0, |text| text.len() + 1);
        let piece = self.room.take(offset_of!(Choice, texts) + own.max(1));
        let choice: *mut Choice = piece.as_ptr().cast();
        // SAFETY: the piece is aligned and has room for an option, and behind what is known of it, for its texts.
        unsafe {
            choice.write(Choice::new(section, name));
            let mut pen = Pen(piece.add(offset_of!(Choice, texts)).as_ptr().cast());
            (*choice).shown.e.name = known.unwrap_or_else(|| pen.write(name));
            if known.is_none() {
                self.keep((*choice).shown.e.name, hash);
            }
            match (text, value) {
                (Some(text), _) => (*choice).shown.v = UciValue { string: pen.write(text) },
                (None, value) => {
                    let list = Choice::begin_list(choice);
                    for text in value.items() {
                        List::append(list, self.item(visible(text)).cast());
                    }
                }
            }
        }
        (choice, hash)
    }

    fn item(&mut self, text: &[u8]) -> *mut Element {
        let piece = self.room.take(size_of::<Element>() + text.len() + 1);
        let item: *mut Element = piece.as_ptr().cast();
        // SAFETY: the piece is aligned and has room for an element and the text behind it.
        unsafe {
            item.write(Element::new(ITEM));
            (*item).name = Pen(piece.add(size_of::<Element>()).as_ptr().cast()).write(text);
        }
        item
    }
}

/// What a section shows of itself, besides its options.
pub struct State<'a> {
    pub id: SectionId,
    pub name: &'a [u8],
    pub kind: &'a [u8],
    pub is_anonymous: bool,
}

impl Section {
    fn new(package: *mut UciPackage, id: SectionId) -> Section {
        let (options, kind) = (List::NONE, ptr::null_mut());
        Section {
            shown: UciSection { e: Element::new(SECTION), options, package, anonymous: false, kind },
            hash: 0,
            id,
            name_length: 0,
            is_boxed: false,
            has_own_name: false,
            has_own_kind: false,
            texts: [],
        }
    }

    /// Makes a section that is allocated by itself, whose name is yet empty, and whose hash is to be set.
    pub fn alone(package: *mut UciPackage, id: SectionId) -> *mut Section {
        let mut section = Section::new(package, id);
        section.shown.e.name = allocated(b"");
        section.shown.kind = allocated(b"");
        (section.is_boxed, section.has_own_name, section.has_own_kind) = (true, true, true);
        let section = Box::into_raw(Box::new(section));
        // SAFETY: it stays where it is until it is freed.
        unsafe { List::clear(&raw mut (*section).shown.options) };
        section
    }

    /// Gives the section another name.
    ///
    /// # Safety
    /// `section` was made here and is not freed.
    pub unsafe fn set_name(section: *mut Section, name: &[u8]) {
        // SAFETY: as the caller says; nobody else looks while the library runs.
        unsafe {
            let this = &mut *section;
            let old = std::mem::replace(&mut this.shown.e.name, allocated(name));
            this.name_length = visible(name).len() as u32;
            if std::mem::replace(&mut this.has_own_name, true) {
                free_text(old);
            }
        }
    }

    /// Gives the section a type. One that stays the same stays where it is.
    ///
    /// # Safety
    /// As of [`set_name`](Section::set_name).
    pub unsafe fn set_kind(section: *mut Section, kind: &[u8]) {
        // SAFETY: as the caller says; nobody else looks while the library runs.
        unsafe {
            let this = &mut *section;
            if bytes_of(this.shown.kind) != visible(kind) {
                let old = std::mem::replace(&mut this.shown.kind, allocated(kind));
                if std::mem::replace(&mut this.has_own_kind, true) {
                    free_text(old);
                }
            }
        }
    }

    /// The name of a section.
    ///
    /// # Safety
    /// As of [`set_name`](Section::set_name), and it is not renamed while the name is used.
    #[inline(always)]
    pub unsafe fn name<'a>(section: *const Section) -> &'a [u8] {
        // SAFETY: as the caller says; the name has so many bytes.
        unsafe {
            std::slice::from_raw_parts(
                Section::place_of_name(section).cast(),
                (*section).name_length as usize,
            )
        }
    }

    /// Where the name lies. What the header shows is not asked where that would be one more line to wait for.
    ///
    /// # Safety
    /// As of [`set_name`](Section::set_name).
    #[inline(always)]
    pub unsafe fn place_of_name(section: *const Section) -> *const c_char {
        // SAFETY: as the caller says; a section in a room has its name behind it, until it is given another one.
        unsafe {
            match (*section).has_own_name {
                true => (*section).shown.e.name,
                false => (&raw const (*section).texts).cast(),
            }
        }
    }

    /// Asks the processor for the name of a section, which need not be one.
    #[inline(always)]
    pub fn fetch(section: *const Section) {
        prefetch(section.cast::<u8>().wrapping_add(offset_of!(Section, name_length)));
    }

    /// The options of a section, in order.
    ///
    /// # Safety
    /// As of [`set_name`](Section::set_name).
    pub unsafe fn options(section: *mut Section) -> Vec<*mut Choice> {
        // SAFETY: as the caller says; the elements of the list were made as options.
        unsafe { elements(&raw const (*section).shown.options) }
            .into_iter()
            .map(|element| element.cast())
            .collect()
    }

    /// Frees a section, whose options are freed.
    ///
    /// # Safety
    /// As of [`set_name`](Section::set_name), once; nothing leads to it any more.
    pub unsafe fn free(section: *mut Section) {
        // SAFETY: as the caller says; what is its own was allocated for it.
        unsafe {
            if (*section).has_own_name {
                free_text((*section).shown.e.name);
            }
            if (*section).has_own_kind {
                free_text((*section).shown.kind);
            }
            if (*section).is_boxed {
                drop(Box::from_raw(section));
            }
        }
    }
}

/// The elements of a list, in order.
///
/// # Safety
/// The list is one of ours, and so are its elements.
unsafe fn elements(list: *const List) -> Vec<*mut List> {
    let mut elements = Vec::new();
    // SAFETY: as the caller says.
    unsafe {
        let mut element = (*list).next;
        while !ptr::eq(element, list) {
            elements.push(element);
            element = (*element).next;
        }
    }
    elements
}

impl Choice {
    fn new(section: *mut Section, name: &[u8]) -> Choice {
        let name_length = name.len() as u32;
        let (e, v) = (Element::new(OPTION), UciValue { string: ptr::null_mut() });
        Choice {
            shown: UciOption { e, section: section.cast(), kind: 0, v },
            name_length,
            is_boxed: false,
            has_own_name: false,
            has_own_value: false,
            texts: [],
        }
    }

    /// Asks the processor for what tells an option, which need not be one, and for the text behind it, which programs look at next.
    #[inline(always)]
    pub fn fetch(choice: *const Choice) {
        prefetch(choice.cast::<u8>().wrapping_add(offset_of!(Element, name)));
        prefetch(choice.cast::<u8>().wrapping_add(offset_of!(Choice, texts)));
    }

    /// Makes an option that is allocated by itself.
    pub fn alone(section: *mut Section, name: &[u8], value: &Value) -> *mut Choice {
        let name = visible(name);
        let mut choice = Choice::new(section, name);
        choice.shown.e.name = allocated(name);
        (choice.is_boxed, choice.has_own_name) = (true, true);
        let choice = Box::into_raw(Box::new(choice));
        // SAFETY: it was made just now, and has no value yet.
        unsafe { Choice::give(choice, value) };
        choice
    }

    /// Gives the option a value; one that it has stays where it is.
    ///
    /// # Safety
    /// `choice` was made here and is not freed.
    pub unsafe fn set(choice: *mut Choice, value: &Value) {
        // SAFETY: as the caller says; nobody else looks while the library runs.
        unsafe {
            if !Choice::has(choice, value) {
                Choice::free_value(choice);
                Choice::give(choice, value);
            }
        }
    }

    /// Whether the option shows this value.
    unsafe fn has(choice: *const Choice, value: &Value) -> bool {
        // SAFETY: as the caller of `set` says; the value is what `kind` says.
        unsafe {
            match (value, (*choice).shown.kind) {
                (Value::Scalar(text), 0) => bytes_of((*choice).shown.v.string) == visible(text),
                (Value::List(items), 1) => {
                    let list: *const List = (&raw const (*choice).shown.v).cast();
                    let known =
                        elements(list).into_iter().map(|item| bytes_of((*item.cast::<Element>()).name));
                    known.eq(items.iter().map(|item| visible(item)))
                }
                _ => false,
            }
        }
    }

    /// Gives a value to an option that has none.
    unsafe fn give(choice: *mut Choice, value: &Value) {
        // SAFETY: as the caller of `set` says; the option stays where it is until it is freed, and the items with it.
        unsafe {
            (*choice).has_own_value = true;
            match value {
                Value::Scalar(text) => {
                    (*choice).shown.kind = 0;
                    (*choice).shown.v = UciValue { string: allocated(text) };
                }
                Value::List(items) => {
                    let list = Choice::begin_list(choice);
                    for text in items {
                        let mut item = Element::new(ITEM);
                        item.name = allocated(text);
                        List::append(list, Box::into_raw(Box::new(item)).cast());
                    }
                }
            }
        }
    }

    /// Makes the value an empty list.
    unsafe fn begin_list(choice: *mut Choice) -> *mut List {
        // SAFETY: as the caller of `set` says.
        unsafe {
            (*choice).shown.kind = 1;
            (*choice).shown.v = UciValue { list: ManuallyDrop::new(List::NONE) };
            let list: *mut List = (&raw mut (*choice).shown.v).cast();
            List::clear(list);
            list
        }
    }

    unsafe fn free_value(choice: *mut Choice) {
        // SAFETY: as the caller of `set` says; what is the option's own was allocated by `give`.
        unsafe {
            if !(*choice).has_own_value {
                return;
            }
            if (*choice).shown.kind == 0 {
                free_text((*choice).shown.v.string);
                return;
            }
            for item in elements((&raw const (*choice).shown.v).cast()) {
                let item: *mut Element = item.cast();
                free_text((*item).name);
                drop(Box::from_raw(item));
            }
        }
    }

    /// The name of an option.
    ///
    /// # Safety
    /// As of [`set`](Choice::set), and it is not freed while the name is used.
    #[inline(always)]
    pub unsafe fn name<'a>(choice: *const Choice) -> &'a [u8] {
        // SAFETY: as the caller says; the name has so many bytes.
        unsafe { std::slice::from_raw_parts((*choice).shown.e.name.cast(), (*choice).name_length as usize) }
    }

    /// Frees an option.
    ///
    /// # Safety
    /// As of [`set`](Choice::set), once; nothing leads to it any more.
    pub unsafe fn free(choice: *mut Choice) {
        // SAFETY: as the caller says; what is its own was allocated for it.
        unsafe {
            Choice::free_value(choice);
            if (*choice).has_own_name {
                free_text((*choice).shown.e.name);
            }
            if (*choice).is_boxed {
                drop(Box::from_raw(choice));
            }
        }
    }
}
