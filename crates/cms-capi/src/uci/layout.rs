//! The structs of `uci.h`, laid out as it says.

#![expect(unsafe_code, reason = "lists that lead into themselves")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

#[repr(C)]
pub struct List {
    pub next: *mut List,
    pub prev: *mut List,
}

impl List {
    pub const NONE: List = List { next: ptr::null_mut(), prev: ptr::null_mut() };

    /// Makes the list empty.
    ///
    /// # Safety
    /// `list` leads to a list that stays where it is.
    pub unsafe fn clear(list: *mut List) {
        // SAFETY: as the caller says.
        unsafe {
            (*list).next = list;
            (*list).prev = list;
        }
    }

    /// Appends an element to a list.
    ///
    /// # Safety
    /// Both stay where they are, and the element is in no list.
    pub unsafe fn append(list: *mut List, element: *mut List) {
        // SAFETY: as the caller says; the neighbours are elements of the same list.
        unsafe {
            let last = (*list).prev;
            (*element).next = list;
            (*element).prev = last;
            (*last).next = element;
            (*list).prev = element;
        }
    }
}

pub const PACKAGE: c_int = 2;
pub const SECTION: c_int = 3;
pub const OPTION: c_int = 4;
pub const ITEM: c_int = 7;

#[repr(C)]
pub struct Element {
    pub list: List,
    pub kind: c_int,
    pub name: *mut c_char,
}

impl Element {
    pub fn new(kind: c_int) -> Element {
        Element { list: List::NONE, kind, name: ptr::null_mut() }
    }
}

#[repr(C)]
pub struct UciContext {
    pub root: List,
    pub flags: c_int,
    pub confdir: *mut c_char,
    pub savedir: *mut c_char,
    pub err: c_int,
    pub func: *const c_char,
}

#[repr(C)]
pub struct UciPackage {
    pub e: Element,
    pub sections: List,
    pub ctx: *mut UciContext,
    pub has_delta: bool,
    pub path: *mut c_char,
    pub n_section: c_int,
}

#[repr(C)]
pub struct UciSection {
    pub e: Element,
    pub options: List,
    pub package: *mut UciPackage,
    pub anonymous: bool,
    pub kind: *mut c_char,
}

#[repr(C)]
pub union UciValue {
    pub list: std::mem::ManuallyDrop<List>,
    pub string: *mut c_char,
}

#[repr(C)]
pub struct UciOption {
    pub e: Element,
    pub section: *mut UciSection,
    pub kind: c_int,
    pub v: UciValue,
}

pub const DONE: c_int = 1;
pub const COMPLETE: c_int = 2;
pub const EXTENDED: c_int = 4;

#[repr(C)]
pub struct UciPtr {
    pub target: c_int,
    pub flags: c_int,
    pub p: *mut UciPackage,
    pub s: *mut UciSection,
    pub o: *mut UciOption,
    pub last: *mut c_void,
    pub package: *const c_char,
    pub section: *const c_char,
    pub option: *const c_char,
    pub value: *const c_char,
}
