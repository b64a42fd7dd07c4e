//! A loaded package: the draft, and the tree of structs that programs walk through.

#![expect(unsafe_code, reason = "the tree is C's to walk through")]

use std::ffi::{CString, c_char};
use std::mem::ManuallyDrop;
use std::ptr;

use cms::model::{DeltaLine, DeltaOperation, Draft, Name, SectionId, TypeName, Value};
use hashbrown::{HashMap, HashSet};

use super::code::{Code, Result};
use super::delta;
use super::layout::{
    Element, ITEM, List, OPTION, PACKAGE, SECTION, UciContext, UciOption, UciPackage, UciSection, UciValue,
};

/// A package: what the header shows of it comes first.
#[repr(C)]
pub struct Tree {
    pub shown: UciPackage,
    pub name: String,
    pub path: std::path::PathBuf,
    pub draft: Draft,
    /// Changes that were made and not saved.
    pub unsaved: Vec<DeltaLine>,
    sections: HashMap<SectionId, *mut Section>,
    names: HashMap<Box<str>, *mut Section>,
    _texts: [CString; 2],
}

#[repr(C)]
struct Section {
    shown: UciSection,
    options: HashMap<Box<str>, *mut Choice>,
    name: CString,
    kind: CString,
}

/// An option.
#[repr(C)]
struct Choice {
    shown: UciOption,
    value: Value,
    name: CString,
    text: CString,
    items: Vec<*mut Item>,
}

#[repr(C)]
struct Item {
    shown: Element,
    _text: CString,
}

/// A string for C; what stands behind a NUL cannot be shown.
fn text(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

fn place(text: &CString) -> *mut c_char {
    text.as_ptr().cast_mut()
}

impl Choice {
    fn new(name: &str, section: *mut Section) -> *mut Choice {
        let name = text(name.as_bytes());
        let mut shown = UciOption {
            e: Element::new(OPTION),
            section: section.cast(),
            kind: 0,
            v: UciValue { string: ptr::null_mut() },
        };
        shown.e.name = place(&name);
        let (value, text) = (Value::scalar(""), CString::default());
        Box::into_raw(Box::new(Choice { shown, value, name, text, items: Vec::new() }))
    }

    /// Gives the option a value.
    ///
    /// # Safety
    /// `choice` was made by `new` and is not freed.
    unsafe fn set(choice: *mut Choice, value: &Value, is_new: bool) {
        // SAFETY: as the caller says; nobody else looks while the library runs.
        let this = unsafe { &mut *choice };
        if !is_new && this.value == *value {
            return;
        }
        this.free_items();
        this.value = value.clone();
        match value {
            Value::Scalar(bytes) => {
                this.text = text(bytes);
                this.shown.kind = 0;
                this.shown.v = UciValue { string: place(&this.text) };
            }
            Value::List(items) => {
                this.shown.kind = 1;
                this.shown.v = UciValue { list: ManuallyDrop::new(List::NONE) };
                // SAFETY: the option stays where it is until it is freed, and the items with it.
                unsafe {
                    let list: *mut List = (&raw mut this.shown.v).cast();
                    List::clear(list);
                    for item in items {
                        let text = text(item);
                        let mut shown = Element::new(ITEM);
                        shown.name = place(&text);
                        let item = Box::into_raw(Box::new(Item { shown, _text: text }));
                        List::append(list, item.cast());
                        this.items.push(item);
                    }
                }
            }
        }
    }

    fn free_items(&mut self) {
        for item in self.items.drain(..) {
            // SAFETY: it was made above, and is freed once.
            drop(unsafe { Box::from_raw(item) });
        }
    }
}

impl Drop for Choice {
    fn drop(&mut self) {
        self.free_items();
    }
}

impl Section {
    fn new(package: *mut UciPackage) -> *mut Section {
        let shown = UciSection {
            e: Element::new(SECTION),
            options: List::NONE,
            package,
            anonymous: false,
            kind: ptr::null_mut(),
        };
        let (name, kind) = (CString::default(), CString::default());
        let section = Box::into_raw(Box::new(Section { shown, options: HashMap::new(), name, kind }));
        // SAFETY: it stays where it is until it is freed.
        unsafe { List::clear(&raw mut (*section).shown.options) };
        section
    }

    /// Brings the options up to the draft.
    ///
    /// # Safety
    /// `section` was made by `new` and is not freed.
    unsafe fn sync(section: *mut Section, draft: &Draft, id: SectionId) {
        // SAFETY: as the caller says; nobody else looks while the library runs.
        let this = unsafe { &mut *section };
        let options = draft.options(id);
        let names: HashSet<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
        this.options.retain(|name, choice| {
            let stays = names.contains(&**name);
            if !stays {
                // SAFETY: it was made here, goes out of the map, and below out of the list.
                drop(unsafe { Box::from_raw(*choice) });
            }
            stays
        });
        // SAFETY: the list and the options that are appended stay where they are; each is appended once.
        unsafe {
            List::clear(&raw mut this.shown.options);
            for (name, value) in &options {
                let known = this.options.get(name.as_str()).copied();
                let choice = known.unwrap_or_else(|| Choice::new(name, section));
                Choice::set(choice, value, known.is_none());
                this.options.insert(name.as_str().into(), choice);
                List::append(&raw mut this.shown.options, choice.cast());
            }
        }
    }

    fn find(&self, name: &str) -> *mut UciOption {
        self.options.get(name).map_or(ptr::null_mut(), |choice| choice.cast())
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        for (_, choice) in self.options.drain() {
            // SAFETY: it was made here, and is freed once.
            drop(unsafe { Box::from_raw(choice) });
        }
    }
}

impl Tree {
    pub fn new(
        context: *mut UciContext,
        name: &str,
        path: &std::path::Path,
        draft: Draft,
        has_delta: bool,
    ) -> *mut Tree {
        let shown_path = text(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
        let shown_name = text(name.as_bytes());
        let mut shown = UciPackage {
            e: Element::new(PACKAGE),
            sections: List::NONE,
            ctx: context,
            has_delta,
            path: place(&shown_path),
            n_section: 0,
        };
        shown.e.name = place(&shown_name);
        let tree = Box::into_raw(Box::new(Tree {
            shown,
            name: name.to_owned(),
            path: path.to_owned(),
            draft,
            unsaved: Vec::new(),
            sections: HashMap::new(),
            names: HashMap::new(),
            _texts: [shown_path, shown_name],
        }));
        // SAFETY: it was made just now, and stays where it is until it is freed.
        unsafe {
            (*tree).sync();
            let ids: Vec<SectionId> = (*tree).sections.keys().copied().collect();
            for id in ids {
                (*tree).sync_section(id);
            }
        }
        tree
    }

    /// Brings the list of sections up to the draft.
    fn sync(&mut self) {
        let package: *mut UciPackage = &raw mut self.shown;
        let ids: Vec<SectionId> = self.draft.package().sections().map(|section| section.id()).collect();
        let stay: HashSet<SectionId> = ids.iter().copied().collect();
        self.names.clear();
        self.sections.retain(|id, section| {
            let stays = stay.contains(id);
            if !stays {
                // SAFETY: it was made here, goes out of both maps, and below out of the list.
                drop(unsafe { Box::from_raw(*section) });
            }
            stays
        });
        // SAFETY: the list stays where it is.
        unsafe { List::clear(&raw mut self.shown.sections) };
        for id in ids {
            let section = *self.sections.entry(id).or_insert_with(|| Section::new(package));
            let Some(now) = self.draft.package().section(id) else { continue };
            let name = self.draft.display_name(id);
            let name = name.as_ref().map_or("", |name| name.as_str());
            // SAFETY: the section is in the map, so it is not freed; it is appended once.
            unsafe {
                let this = &mut *section;
                // Strings that stay the same stay where they are.
                if this.name.as_bytes() != name.as_bytes() || this.shown.e.name.is_null() {
                    this.name = text(name.as_bytes());
                    this.shown.e.name = place(&this.name);
                }
                if this.kind.as_bytes() != now.kind().as_bytes() || this.shown.kind.is_null() {
                    this.kind = text(now.kind().as_bytes());
                    this.shown.kind = place(&this.kind);
                }
                this.shown.anonymous = now.is_anonymous();
                List::append(&raw mut self.shown.sections, section.cast());
            }
            self.names.insert(name.into(), section);
        }
        self.shown.n_section = i32::try_from(self.sections.len()).unwrap_or(i32::MAX);
    }

    fn sync_section(&mut self, id: SectionId) {
        if let Some(section) = self.sections.get(&id) {
            // SAFETY: a section of the map is not freed.
            unsafe { Section::sync(*section, &self.draft, id) };
        }
    }

    /// Makes a change: in the draft, in the tree, and among those to be saved.
    pub fn change(&mut self, line: DeltaLine) -> Result<()> {
        let selector = cms::model::Selector::Named(line.section.clone());
        let before = self.draft.resolve(&selector);
        if !delta::apply(&mut self.draft, &line)? {
            return Ok(());
        }
        match (&line.option, before.or_else(|| self.draft.resolve(&selector))) {
            (Some(_), Some(id)) => self.sync_section(id),
            _ => self.sync(),
        }
        self.unsaved.push(line);
        self.shown.has_delta = true;
        Ok(())
    }

    /// Adds an anonymous section, and answers the name that it goes by.
    pub fn add(&mut self, kind: &TypeName) -> Result<Name> {
        let id = self.draft.add(kind)?;
        let name = self.draft.display_name(id).ok_or(Code::Unknown)?;
        let value = Some(kind.as_bytes().to_vec());
        let line = DeltaLine { operation: DeltaOperation::Add, section: name.clone(), option: None, value };
        self.sync();
        self.unsaved.push(line);
        self.shown.has_delta = true;
        Ok(name)
    }

    /// The section of a name, also of a generated one.
    pub fn section(&self, name: &str) -> *mut UciSection {
        self.names.get(name).map_or(ptr::null_mut(), |section| section.cast())
    }

    /// The section of a reference such as `@rule[0]`.
    pub fn referred(&self, reference: &str) -> Result<*mut UciSection> {
        let selector = cms::model::Selector::parse(reference).map_err(|_| Code::Invalid)?;
        let id = self.draft.resolve(&selector);
        Ok(id.and_then(|id| self.sections.get(&id)).map_or(ptr::null_mut(), |section| section.cast()))
    }

    /// The option of a section of this package.
    pub fn option(&self, section: *mut UciSection, name: &str) -> *mut UciOption {
        // SAFETY: sections are handed out by this module alone; programs give back only what is not freed.
        unsafe { (*section.cast::<Section>()).find(name) }
    }
}

/// The option of a section that a program walks through.
///
/// # Safety
/// `section` is one that was handed out, and not freed.
pub unsafe fn option_of(section: *mut UciSection, name: &str) -> *mut UciOption {
    // SAFETY: as the caller says; each was made as a `Section`.
    unsafe { (*section.cast::<Section>()).find(name) }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for (_, section) in self.sections.drain() {
            // SAFETY: it was made here, and is freed once.
            drop(unsafe { Box::from_raw(section) });
        }
    }
}
