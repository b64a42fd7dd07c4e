//! A loaded package: the draft, and the tree of structs that programs walk through.

#![expect(unsafe_code, reason = "the tree is C's to walk through")]

use std::ffi::{CString, c_char};

use cms::model::{DeltaLine, DeltaOperation, Draft, Name, SectionId, TypeName};
use hashbrown::{HashMap, HashSet, HashTable};

use super::code::{Code, Result};
use super::context::seed;
use super::delta;
use super::element::{Builder, Choice, Section, State, visible};
use super::index::Index;
use super::layout::{Element, List, PACKAGE, UciContext, UciOption, UciPackage, UciSection};
use super::room::Room;

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
    index: Index,
    _texts: [CString; 2],
    /// Where the elements lie that were there when the package was loaded.
    _room: Room,
}

/// A string for C; what stands behind a NUL cannot be shown.
fn text(bytes: &[u8]) -> CString {
    CString::new(visible(bytes)).unwrap_or_default()
}

fn place(text: &CString) -> *mut c_char {
    text.as_ptr().cast_mut()
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
            index: Index::new(seed()),
            _texts: [shown_path, shown_name],
            _room: Room::default(),
        }));
        // SAFETY: it was made just now, and stays where it is until it is freed.
        unsafe { (*tree).build() };
        tree
    }

    /// Makes the elements of all that the draft has, in order.
    fn build(&mut self) {
        let package: *mut UciPackage = &raw mut self.shown;
        let (draft, index) = (&self.draft, &self.index);
        let names = HashTable::new();
        let mut builder = Builder { room: &mut self._room, names, hash: |name: &[u8]| index.hash(name) };
        let (mut sections, mut options) = (Vec::new(), Vec::new());
        // SAFETY: the lists and what is appended to them stay where they are; each element is appended once.
        unsafe {
            List::clear(&raw mut self.shown.sections);
            for now in draft.package().sections() {
                let id = now.id();
                let name = draft.display_name(id);
                let name = name.as_ref().map_or("", |name| name.as_str()).as_bytes();
                let state = State { id, name, kind: now.kind().as_bytes(), is_anonymous: now.is_anonymous() };
                let section = builder.section(package, &state);
                sections.push(section);
                List::append(&raw mut self.shown.sections, section.cast());
                for (name, value) in draft.options(id) {
                    let (choice, hash) = builder.option(section, name.as_bytes(), &value);
                    options.push((choice, hash));
                    List::append(&raw mut (*section).shown.options, choice.cast());
                }
            }
            self.index.fill(&options);
            self.index.clear_sections(sections.len());
            for section in sections {
                self.index.add_section(section);
                self.sections.insert((*section).id, section);
            }
        }
        self.count();
    }

    fn count(&mut self) {
        self.shown.n_section = i32::try_from(self.sections.len()).unwrap_or(i32::MAX);
    }

    /// Brings the list of sections up to the draft.
    fn sync(&mut self) {
        let package: *mut UciPackage = &raw mut self.shown;
        let ids: Vec<SectionId> = self.draft.package().sections().map(|section| section.id()).collect();
        let stay: HashSet<SectionId> = ids.iter().copied().collect();
        let index = &mut self.index;
        index.clear_sections(ids.len());
        self.sections.retain(|id, section| {
            let stays = stay.contains(id);
            if !stays {
                // SAFETY: it was made here, goes out of the map and the index, and below out of the list; its options go first.
                unsafe {
                    free_options(index, *section, |_| true);
                    Section::free(*section);
                }
            }
            stays
        });
        // SAFETY: the list stays where it is.
        unsafe { List::clear(&raw mut self.shown.sections) };
        for id in ids {
            let section = *self.sections.entry(id).or_insert_with(|| Section::alone(package, id));
            let Some(now) = self.draft.package().section(id) else { continue };
            let name = self.draft.display_name(id);
            let name = name.as_ref().map_or("", |name| name.as_str());
            // SAFETY: the section is in the map, so it is not freed; it is appended once.
            unsafe {
                self.index.rename(section, name.as_bytes());
                Section::set_kind(section, now.kind().as_bytes());
                (*section).shown.anonymous = now.is_anonymous();
                List::append(&raw mut self.shown.sections, section.cast());
            }
            self.index.add_section(section);
        }
        self.count();
    }

    /// Brings the options of a section up to the draft.
    fn sync_section(&mut self, id: SectionId) {
        let Some(section) = self.sections.get(&id).copied() else { return };
        let options = self.draft.options(id);
        let names: HashSet<&[u8]> = options.iter().map(|(name, _)| name.as_bytes()).collect();
        // SAFETY: a section of the map is not freed; its list and the options that are appended stay where they are, and each is
        // appended once.
        unsafe {
            free_options(&mut self.index, section, |name| !names.contains(name));
            List::clear(&raw mut (*section).shown.options);
            for (name, value) in &options {
                let mut choice = self.index.option(section, name.as_bytes());
                if choice.is_null() {
                    choice = Choice::alone(section, name.as_bytes(), value);
                    self.index.add_option(choice);
                } else {
                    Choice::set(choice, value);
                }
                List::append(&raw mut (*section).shown.options, choice.cast());
            }
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
        self.index.section(name.as_bytes()).cast()
    }

    /// The section of a reference such as `@rule[0]`.
    pub fn referred(&self, reference: &str) -> Result<*mut UciSection> {
        let selector = cms::model::Selector::parse(reference).map_err(|_| Code::Invalid)?;
        let id = self.draft.resolve(&selector);
        Ok(id.and_then(|id| self.sections.get(&id)).map_or(std::ptr::null_mut(), |section| section.cast()))
    }

    /// The option of a section of this package.
    pub fn option(&self, section: *mut UciSection, name: &str) -> *mut UciOption {
        // Sections are handed out by this module alone; programs give back only what is not freed.
        self.index.option(section.cast(), name.as_bytes()).cast()
    }

    /// Where the name of a section of this package lies.
    #[inline(always)]
    pub fn name_of(&self, section: *const UciSection) -> *const c_char {
        // SAFETY: sections are handed out by this module alone; programs give back only what is not freed.
        unsafe { Section::place_of_name(section.cast()) }
    }

    /// A section and an option of it, each null if it is not there.
    #[inline(always)]
    pub fn both(&self, section: &[u8], option: &[u8]) -> (*mut UciSection, *mut UciOption) {
        let (section, option) = self.index.both(section, option);
        (section.cast(), option.cast())
    }
}

/// Frees the options of a section with some names, and takes them out of the index; the list is to be made anew.
///
/// # Safety
/// The section is not freed.
unsafe fn free_options(index: &mut Index, section: *mut Section, is_freed: impl Fn(&[u8]) -> bool) {
    // SAFETY: as the caller says; each option is in the list once.
    unsafe {
        for choice in Section::options(section) {
            if is_freed(Choice::name(choice)) {
                index.remove_option(choice);
                Choice::free(choice);
            }
        }
    }
}

/// The option of a section that a program walks through.
///
/// # Safety
/// `section` is one that was handed out, and not freed.
pub unsafe fn option_of(section: *mut UciSection, name: &str) -> *mut UciOption {
    // SAFETY: as the caller says; each is of a package that was made as a `Tree`.
    unsafe { (*(*section).package.cast::<Tree>()).option(section, name) }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for (_, section) in self.sections.drain() {
            // SAFETY: they were made here, and are freed once; the index is not asked any more.
            unsafe {
                Section::options(section).into_iter().for_each(|choice| Choice::free(choice));
                Section::free(section);
            }
        }
    }
}

#[cfg(test)]
mod tests;
