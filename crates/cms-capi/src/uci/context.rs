//! The calls of `uci.h`.

#![expect(unsafe_code, reason = "the structs are shared with C")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use cms::model::{
    DeltaLine, DeltaOperation, Draft, Name, Package, PackageName, TypeName, is_name_byte, is_package_byte,
    is_valid_value,
};
use hashbrown::HashMap;

use super::arguments::Line;
use super::code::{Code, Result, sentence};
use super::delta;
use super::files::{self, Locked};
use super::index::is_same;
use super::layout::{
    COMPLETE, DONE, EXTENDED, List, OPTION, PACKAGE, SECTION, UciContext, UciOption, UciPackage, UciPtr,
    UciSection,
};
use super::lookup::lookup;
use super::tree::{Tree, option_of};
use crate::border::caught;
use crate::text::Text;

/// `struct uci_context`: what the header shows of it comes first.
#[repr(C)]
pub struct Context {
    pub(super) shown: UciContext,
    confdir: CString,
    savedir: CString,
    /// Folders that staged changes are read from before the save folder.
    delta_path: Vec<PathBuf>,
    pub(super) packages: HashMap<Box<str>, *mut Tree>,
    /// The package that was found last, or null.
    recent: *mut Tree,
    /// What `uci_parse_argument` is reading.
    pub(super) line: Option<Line>,
}

fn path(text: &CStr) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(text.to_bytes()))
}

impl Context {
    fn new() -> *mut Context {
        let (confdir, savedir) = (CString::from(c"/etc/config"), CString::from(c"/tmp/.uci"));
        let shown = UciContext {
            root: List::NONE,
            flags: 1,
            confdir: confdir.as_ptr().cast_mut(),
            savedir: savedir.as_ptr().cast_mut(),
            err: 0,
            func: ptr::null(),
        };
        let (delta_path, packages) = (Vec::new(), HashMap::new());
        let recent = ptr::null_mut();
        let context = Context { shown, confdir, savedir, delta_path, packages, recent, line: None };
        let context = Box::into_raw(Box::new(context));
        // SAFETY: it was made just now, and stays where it is until it is freed.
        unsafe { List::clear(&raw mut (*context).shown.root) };
        context
    }

    pub(super) fn config_path(&self, name: &str) -> PathBuf {
        path(&self.confdir).join(name)
    }

    /// The changes that are staged for a package, in order.
    fn staged(&self, name: &str) -> Result<Vec<DeltaLine>> {
        let mut lines = Vec::new();
        for folder in self.delta_path.iter().map(PathBuf::as_path).chain([path(&self.savedir)]) {
            lines.extend(delta::read(folder, name)?);
        }
        Ok(lines)
    }

    fn forget(&mut self, tree: *mut Tree) {
        // SAFETY: a package is in the map and the list until it is freed here.
        unsafe {
            let list: *mut List = tree.cast();
            (*(*list).prev).next = (*list).next;
            (*(*list).next).prev = (*list).prev;
            self.packages.remove((*tree).name.as_str());
            self.recent = ptr::null_mut();
            drop(Box::from_raw(tree));
        }
    }

    /// Loads a package anew, in place of what was loaded of it.
    fn load(&mut self, given: &str) -> Result<*mut Tree> {
        let path = self.config_path(given);
        let name = given.rsplit('/').next().unwrap_or(given);
        PackageName::new(name).map_err(|_| Code::Invalid)?;
        let text = files::read(&path)?.ok_or(Code::NotFound)?;
        let package = Package::parse(&text).map_err(|_| Code::Parse)?;
        let mut draft = Draft::new(package, seed());
        let mut has_delta = false;
        // Of a package elsewhere nothing is staged.
        let staged = if given.contains('/') { Vec::new() } else { self.staged(name)? };
        for line in staged {
            // What cannot be applied any more is passed over.
            has_delta |= delta::apply(&mut draft, &line).is_ok();
        }
        if let Some(known) = self.packages.get(name).copied() {
            self.forget(known);
        }
        Ok(self.adopt(name, &path, draft, has_delta))
    }

    /// Takes a package in, of whose name there is none yet.
    pub(super) fn adopt(&mut self, name: &str, path: &Path, draft: Draft, has_delta: bool) -> *mut Tree {
        let tree = Tree::new(&raw mut self.shown, name, path, draft, has_delta);
        // SAFETY: both stay where they are; the package is in no list yet.
        unsafe { List::append(&raw mut self.shown.root, tree.cast()) };
        self.packages.insert(name.into(), tree);
        tree
    }

    fn find_or_load(&mut self, name: &str) -> Result<*mut Tree> {
        match self.packages.get(name) {
            Some(tree) => Ok(*tree),
            None => self.load(name),
        }
    }

    /// The package of a name, or null if it is not loaded.
    #[inline(always)]
    pub(super) fn loaded(&mut self, name: &[u8]) -> *mut Tree {
        // SAFETY: it is forgotten before it is freed.
        if !self.recent.is_null() && is_same(unsafe { (*self.recent).name.as_bytes() }, name) {
            return self.recent;
        }
        self.find(name)
    }

    #[inline(never)]
    fn find(&mut self, name: &[u8]) -> *mut Tree {
        let found = std::str::from_utf8(name).ok().and_then(|name| self.packages.get(name));
        let Some(found) = found else { return ptr::null_mut() };
        self.recent = *found;
        *found
    }

    /// Whether a package that C hands over is loaded here.
    pub(super) fn own(&self, package: *mut UciPackage) -> Result<*mut Tree> {
        let tree: *mut Tree = package.cast();
        self.packages.values().any(|known| *known == tree).then_some(tree).ok_or(Code::Invalid)
    }

    /// Commits what is staged and what is not saved yet; answers the package as it is then.
    fn commit(&mut self, tree: *mut Tree, overwrite: bool) -> Result<*mut Tree> {
        // SAFETY: a package of this context, which is not freed before it is loaded anew.
        let this = unsafe { &mut *tree };
        let (name, is_elsewhere) = (this.name.clone(), this.path != self.config_path(&this.name));
        // A package that was imported has no file yet.
        let mut file = Locked::open(&this.path, overwrite.then_some(0o600))?;
        let unsaved = std::mem::take(&mut this.unsaved);
        let mut save = || -> Result<()> {
            let staged = if is_elsewhere { Vec::new() } else { self.staged(&name)? };
            if staged.is_empty() && unsaved.is_empty() && !overwrite {
                return Ok(());
            }
            let now = file.read()?;
            let text = if overwrite {
                this.draft.package().text()
            } else {
                let package = Package::parse(&now).map_err(|_| Code::Parse)?;
                let mut draft = Draft::new(package, seed());
                for line in staged.iter().chain(&unsaved) {
                    // What cannot be applied any more goes with the commit.
                    let _ = delta::apply(&mut draft, line);
                }
                draft.package().text()
            };
            if text != now {
                file.replace(&text)?;
            }
            if is_elsewhere { Ok(()) } else { delta::revert(path(&self.savedir), &name, None, None) }
        };
        if let Err(code) = save() {
            this.unsaved = unsaved;
            return Err(code);
        }
        drop(file);
        let given = if is_elsewhere { this.path.to_string_lossy().into_owned() } else { name };
        self.load(&given)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        for (_, tree) in self.packages.drain() {
            // SAFETY: it was made by `load`, and is freed once.
            drop(unsafe { Box::from_raw(tree) });
        }
    }
}

/// What draws the identities of new sections: different in every process and at every call.
pub(super) fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Runs a call, and keeps its code.
pub(super) fn call(context: Option<&mut Context>, body: impl FnOnce(&mut Context) -> Result<()>) -> c_int {
    let Some(context) = context else { return Code::Invalid as c_int };
    let mut answer = Ok(());
    let whole = caught(|| {
        answer = body(context);
        Ok(())
    });
    let code = match (whole, answer) {
        (Ok(()), Ok(())) => 0,
        (Ok(()), Err(code)) => code as c_int,
        (Err(_), _) => Code::Unknown as c_int,
    };
    context.shown.err = code;
    code
}

/// A string that C handed over in a struct.
///
/// # Safety
/// `text` is null or a string that lives until the call returns.
unsafe fn part<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_str().map(Some).map_err(|_| Code::Invalid)
}

fn name_of(text: &str) -> Result<Name> {
    Name::new(text).map_err(|_| Code::Invalid)
}

/// Makes a context.
#[unsafe(no_mangle)]
pub extern "C" fn uci_alloc_context() -> *mut Context {
    caught(|| Ok(Context::new())).unwrap_or(ptr::null_mut())
}

/// Frees a context with all that is loaded in it.
#[unsafe(no_mangle)]
pub extern "C" fn uci_free_context(context: Option<Box<Context>>) {
    let _ = caught(|| {
        drop(context);
        Ok(())
    });
}

/// Says where packages lie.
#[unsafe(no_mangle)]
pub extern "C" fn uci_set_confdir(context: Option<&mut Context>, directory: Text<'_>) -> c_int {
    call(context, |context| {
        let directory = directory.optional().ok_or(Code::Invalid)?;
        if !path(directory).is_dir() {
            return Err(Code::Invalid);
        }
        context.confdir = directory.to_owned();
        context.shown.confdir = context.confdir.as_ptr().cast_mut();
        Ok(())
    })
}

/// Says where changes are staged.
#[unsafe(no_mangle)]
pub extern "C" fn uci_set_savedir(context: Option<&mut Context>, directory: Text<'_>) -> c_int {
    call(context, |context| {
        let directory = directory.optional().ok_or(Code::Invalid)?;
        context.savedir = directory.to_owned();
        context.shown.savedir = context.savedir.as_ptr().cast_mut();
        Ok(())
    })
}

/// Says where else changes are read from.
#[unsafe(no_mangle)]
pub extern "C" fn uci_add_delta_path(context: Option<&mut Context>, directory: Text<'_>) -> c_int {
    call(context, |context| {
        let directory = path(directory.optional().ok_or(Code::Invalid)?).to_owned();
        if !context.delta_path.contains(&directory) {
            context.delta_path.push(directory);
        }
        Ok(())
    })
}

/// Loads a package.
#[unsafe(no_mangle)]
pub extern "C" fn uci_load(
    context: Option<&mut Context>,
    name: Text<'_>,
    package: Option<&mut *mut UciPackage>,
) -> c_int {
    call(context, |context| {
        let name = name.optional().and_then(|name| name.to_str().ok()).ok_or(Code::Invalid)?;
        let tree = context.load(name)?;
        if let Some(package) = package {
            *package = tree.cast();
        }
        Ok(())
    })
}

/// Lets go of a package.
#[unsafe(no_mangle)]
pub extern "C" fn uci_unload(context: Option<&mut Context>, package: *mut UciPackage) -> c_int {
    call(context, |context| {
        let tree = context.own(package)?;
        context.forget(tree);
        Ok(())
    })
}

/// What a byte of a reference may be part of.
const OF_NAME: u8 = 1;
const OF_PACKAGE: u8 = 2;
/// A dot, an equals sign.
const CUTS: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        classes[byte] = if is_name_byte(is) { OF_NAME } else { 0 }
            | if is_package_byte(is) { OF_PACKAGE } else { 0 }
            | if is == b'.' || is == b'=' { CUTS } else { 0 };
        byte += 1;
    }
    classes
};

/// A part of a reference, and what all of its bytes may be part of.
#[derive(Clone, Copy)]
struct Part<'a> {
    bytes: &'a [u8],
    classes: u8,
}

impl Part<'_> {
    fn is_all(self, class: u8) -> bool {
        !self.bytes.is_empty() && self.classes & class != 0
    }
}

/// The parts of a reference.
#[derive(Clone, Copy, Default)]
struct Parts<'a> {
    package: Option<&'a str>,
    section: Option<&'a str>,
    option: Option<&'a str>,
}

impl Parts<'_> {
    /// Those that a struct of C has.
    ///
    /// # Safety
    /// They are null, or strings that live until the call returns.
    unsafe fn of(target: &UciPtr) -> Result<Self> {
        // SAFETY: as the caller says.
        unsafe {
            Ok(Parts {
                package: part(target.package)?,
                section: part(target.section)?,
                option: part(target.option)?,
            })
        }
    }
}

/// Cuts `PACKAGE.SECTION.OPTION=VALUE` into its parts, in place, as libuci does.
///
/// # Safety
/// `text` is a string that may be written to, and lives as long as the parts are used.
unsafe fn cut<'a>(target: &mut UciPtr, text: *mut c_char) -> Result<[Option<Part<'a>>; 3]> {
    // SAFETY: as the caller says.
    let length = unsafe { CStr::from_ptr(text) }.count_bytes();
    let bytes = text.cast::<u8>();
    let mut places = [ptr::null::<c_char>(); 3];
    let mut parts = [None; 3];
    let mut value = ptr::null();
    let (mut count, mut start, mut classes) = (0, 0, u8::MAX);
    for at in 0..=length {
        // SAFETY: at most the NUL behind the last byte.
        let byte = unsafe { *bytes.add(at) };
        let is = CLASSES[usize::from(byte)];
        if is & CUTS == 0 && at < length {
            classes &= is;
            continue;
        }
        let (Some(place), Some(part)) = (places.get_mut(count), parts.get_mut(count)) else {
            return Err(Code::Parse);
        };
        // SAFETY: the part lies in the string, and is not written to any more; what is written to stands behind it.
        unsafe {
            *place = text.add(start);
            *part = Some(Part { bytes: std::slice::from_raw_parts(bytes.add(start), at - start), classes });
            if at < length {
                *bytes.add(at) = 0;
            }
        }
        if byte == b'=' {
            // SAFETY: at most the NUL behind the last byte.
            value = unsafe { text.add(at + 1) };
            break;
        }
        (count, start, classes) = (count + 1, at + 1, u8::MAX);
    }
    [target.package, target.section, target.option] = places;
    target.value = value;
    Ok(parts)
}

/// Fills the parts of a reference.
fn parse<'a>(target: &mut UciPtr, text: *mut c_char) -> Result<Parts<'a>> {
    *target = UciPtr {
        target: 0,
        flags: 0,
        p: ptr::null_mut(),
        s: ptr::null_mut(),
        o: ptr::null_mut(),
        last: ptr::null_mut(),
        package: ptr::null(),
        section: ptr::null(),
        option: ptr::null(),
        value: ptr::null(),
    };
    if text.is_null() {
        return Err(Code::Invalid);
    }
    // SAFETY: the header asks for a string that may be written to, which outlives the pointer's use.
    let [package, section, option] = unsafe { cut(target, text) }?;
    let text_of = |part: Option<Part<'a>>| match part {
        Some(part) => std::str::from_utf8(part.bytes).map(Some).map_err(|_| Code::Invalid),
        None => Ok(None),
    };
    let parts = Parts { package: text_of(package)?, section: text_of(section)?, option: text_of(option)? };
    if !package.is_some_and(|package| package.is_all(OF_PACKAGE)) {
        return Err(Code::Parse);
    }
    if let Some(name) = parts.section {
        if name.starts_with('@') {
            target.flags |= EXTENDED;
        } else if !section.is_some_and(|section| section.is_all(OF_NAME)) {
            return Err(Code::Invalid);
        }
    }
    // SAFETY: a part of the string, or null.
    let value = unsafe { part(target.value).unwrap_or(Some("")) };
    if option.is_some_and(|option| !option.is_all(OF_NAME))
        || !value.is_none_or(|value| is_valid_value(value.as_bytes()))
    {
        return Err(Code::Parse);
    }
    target.target = match (section, option) {
        (_, Some(_)) => OPTION,
        (Some(_), None) => SECTION,
        (None, None) => PACKAGE,
    };
    Ok(parts)
}

/// Finds what a reference names, as far as it is there.
fn resolve(context: &mut Context, target: &mut UciPtr, parts: Parts<'_>) -> Result<*mut Tree> {
    // SAFETY: the parts are null or strings; elements are null or were handed out and not freed, as the header asks.
    unsafe {
        if target.p.is_null() && !target.s.is_null() {
            target.p = (*target.s).package;
        }
        let tree = match (target.p.is_null(), parts.package) {
            (false, _) => context.own(target.p)?,
            (true, Some(name)) => context.find_or_load(name)?,
            (true, None) => return Err(Code::Invalid),
        };
        target.p = tree.cast();
        target.package = (*target.p).e.name;
        target.flags |= DONE;
        target.flags &= !COMPLETE;
        target.last = tree.cast();
        let section = parts.section;
        if target.s.is_null() {
            let Some(section) = section else {
                target.target = PACKAGE;
                target.flags |= COMPLETE;
                return Ok(tree);
            };
            target.s = if section.starts_with('@') {
                let found = (*tree).referred(section)?;
                if found.is_null() {
                    return Err(Code::NotFound);
                }
                found
            } else {
                (*tree).section(section)
            };
        }
        if target.target < SECTION {
            target.target = SECTION;
        }
        if target.s.is_null() {
            if !target.option.is_null() {
                target.target = OPTION;
            }
            return Ok(tree);
        }
        target.section = (*target.s).e.name;
        target.last = target.s.cast();
        if target.o.is_null() {
            let Some(option) = parts.option else {
                target.target = SECTION;
                target.flags |= COMPLETE;
                return Ok(tree);
            };
            target.o = (*tree).option(target.s, option);
        }
        target.target = OPTION;
        if !target.o.is_null() {
            target.option = (*target.o).e.name;
            target.last = target.o.cast();
            target.flags |= COMPLETE;
        }
        Ok(tree)
    }
}

/// Cuts a reference into its parts.
#[unsafe(no_mangle)]
pub extern "C" fn uci_parse_ptr(
    context: Option<&mut Context>,
    target: Option<&mut UciPtr>,
    text: *mut c_char,
) -> c_int {
    call(context, |_| parse(target.ok_or(Code::Invalid)?, text).map(drop))
}

/// Finds what a reference names.
#[unsafe(no_mangle)]
pub extern "C" fn uci_lookup_ptr(
    mut context: Option<&mut Context>,
    mut target: Option<&mut UciPtr>,
    text: *mut c_char,
    extended: bool,
) -> c_int {
    if let (Some(context), Some(target)) = (&mut context, &mut target)
        && !text.is_null()
        // SAFETY: the header asks for a string that may be written to, which outlives the pointer's use.
        && unsafe { lookup(context, target, text) }
    {
        context.shown.err = 0;
        return 0;
    }
    find_slowly(context, target, text, extended)
}

/// By itself, so that what most lookups do needs little room on the stack.
#[inline(never)]
fn find_slowly(
    context: Option<&mut Context>,
    target: Option<&mut UciPtr>,
    text: *mut c_char,
    extended: bool,
) -> c_int {
    call(context, |context| {
        let target = target.ok_or(Code::Invalid)?;
        let parts = if text.is_null() {
            // SAFETY: the header asks for strings, or nulls.
            unsafe { Parts::of(target) }?
        } else {
            let parts = parse(target, text)?;
            if target.flags & EXTENDED != 0 && !extended {
                return Err(Code::Invalid);
            }
            parts
        };
        resolve(context, target, parts).map(drop)
    })
}

/// The section of a name.
#[unsafe(no_mangle)]
pub extern "C" fn uci_lookup_section(
    context: Option<&mut Context>,
    package: *mut UciPackage,
    name: Text<'_>,
) -> *mut UciSection {
    let mut found = ptr::null_mut();
    call(context, |context| {
        let tree = context.own(package)?;
        let name = name.optional().and_then(|name| name.to_str().ok()).ok_or(Code::Invalid)?;
        // SAFETY: a package of this context.
        found = unsafe { &*tree }.section(name);
        if found.is_null() { Err(Code::NotFound) } else { Ok(()) }
    });
    found
}

/// The option of a section.
#[unsafe(no_mangle)]
pub extern "C" fn uci_lookup_option(
    context: Option<&mut Context>,
    section: *mut UciSection,
    name: Text<'_>,
) -> *mut UciOption {
    let mut found = ptr::null_mut();
    call(context, |_| {
        let name = name.optional().and_then(|name| name.to_str().ok()).ok_or(Code::Invalid)?;
        if section.is_null() {
            return Err(Code::Invalid);
        }
        // SAFETY: the header asks for a section that was handed out and is not freed.
        found = unsafe { option_of(section, name) };
        if found.is_null() { Err(Code::NotFound) } else { Ok(()) }
    });
    found
}

/// The text of an option of a section.
#[unsafe(no_mangle)]
pub extern "C" fn uci_lookup_option_string(
    context: Option<&mut Context>,
    section: *mut UciSection,
    name: Text<'_>,
) -> *const c_char {
    let option = uci_lookup_option(context, section, name);
    if option.is_null() {
        return ptr::null();
    }
    // SAFETY: it was found just now; of an option that is no list the string counts.
    unsafe { if (*option).kind == 0 { (*option).v.string } else { ptr::null() } }
}

/// Makes a change to what a reference names.
fn change(
    context: Option<&mut Context>,
    target: Option<&mut UciPtr>,
    line: impl FnOnce(&UciPtr) -> Result<(DeltaOperation, Option<Vec<u8>>)>,
    must_exist: bool,
) -> c_int {
    call(context, |context| {
        let target = target.ok_or(Code::Invalid)?;
        // SAFETY: the header asks for strings, or nulls.
        let parts = unsafe { Parts::of(target) }?;
        let tree = resolve(context, target, parts)?;
        if must_exist && target.flags & COMPLETE == 0 {
            return Err(Code::NotFound);
        }
        let (operation, value) = line(target)?;
        if value.as_ref().is_some_and(|value| !is_valid_value(value)) {
            return Err(Code::Invalid);
        }
        // SAFETY: the parts are null or strings.
        let (section, option) = unsafe { (part(target.section)?, part(target.option)?) };
        let section = name_of(section.ok_or(Code::Invalid)?)?;
        let option = option.map(name_of).transpose()?;
        let line = DeltaLine { operation, section: section.clone(), option: option.clone(), value };
        // SAFETY: a package of this context.
        let this = unsafe { &mut *tree };
        // A new name is where the element is found from now on.
        let renamed = match (&line.operation, &line.value) {
            (DeltaOperation::Rename, Some(name)) => Some(String::from_utf8_lossy(name).into_owned()),
            _ => None,
        };
        this.change(line)?;
        let (section, option) = match (renamed, option) {
            (None, option) => (section.to_string(), option.map(|option| option.to_string())),
            (Some(name), None) => (name, None),
            (Some(name), Some(_)) => (section.to_string(), Some(name)),
        };
        target.s = this.section(&section);
        target.o = ptr::null_mut();
        target.last = if target.s.is_null() { tree.cast() } else { target.s.cast() };
        if !target.s.is_null() {
            // SAFETY: it was found just now.
            target.section = unsafe { (*target.s).e.name };
            if let Some(option) = option {
                target.o = this.option(target.s, &option);
                if !target.o.is_null() {
                    // SAFETY: as above.
                    target.option = unsafe { (*target.o).e.name };
                    target.last = target.o.cast();
                }
            }
        }
        Ok(())
    })
}

/// The value of a reference.
fn value(target: &UciPtr) -> Result<Vec<u8>> {
    if target.value.is_null() {
        return Err(Code::Invalid);
    }
    // SAFETY: not null, and then a string.
    Ok(unsafe { CStr::from_ptr(target.value) }.to_bytes().to_vec())
}

/// Sets an option, or makes a section.
#[unsafe(no_mangle)]
pub extern "C" fn uci_set(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    change(context, target, |target| Ok((DeltaOperation::Set, Some(value(target)?))), false)
}

/// Appends an item to a list.
#[unsafe(no_mangle)]
pub extern "C" fn uci_add_list(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    change(context, target, |target| Ok((DeltaOperation::AddList, Some(value(target)?))), false)
}

/// Takes an item out of a list.
#[unsafe(no_mangle)]
pub extern "C" fn uci_del_list(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    change(context, target, |target| Ok((DeltaOperation::DelList, Some(value(target)?))), false)
}

/// Takes a section, an option or an item away.
#[unsafe(no_mangle)]
pub extern "C" fn uci_delete(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    change(context, target, |target| Ok((DeltaOperation::Delete, value(target).ok())), true)
}

/// Gives a section or an option another name.
#[unsafe(no_mangle)]
pub extern "C" fn uci_rename(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    change(context, target, |target| Ok((DeltaOperation::Rename, Some(value(target)?))), true)
}

/// Moves a section.
#[unsafe(no_mangle)]
pub extern "C" fn uci_reorder_section(
    context: Option<&mut Context>,
    section: *mut UciSection,
    position: c_int,
) -> c_int {
    call(context, |context| {
        if section.is_null() {
            return Err(Code::Invalid);
        }
        // SAFETY: the header asks for a section that was handed out and is not freed.
        let (package, name) = unsafe { ((*section).package, part((*section).e.name)?) };
        let tree = context.own(package)?;
        let line = DeltaLine {
            operation: DeltaOperation::Reorder,
            section: name_of(name.ok_or(Code::Invalid)?)?,
            option: None,
            value: Some(position.to_string().into_bytes()),
        };
        // SAFETY: a package of this context.
        unsafe { &mut *tree }.change(line)
    })
}

/// Adds an anonymous section.
#[unsafe(no_mangle)]
pub extern "C" fn uci_add_section(
    context: Option<&mut Context>,
    package: *mut UciPackage,
    kind: Text<'_>,
    made: Option<&mut *mut UciSection>,
) -> c_int {
    call(context, |context| {
        let tree = context.own(package)?;
        // SAFETY: a package of this context.
        let this = unsafe { &mut *tree };
        let kind = kind.optional().and_then(|kind| kind.to_str().ok()).ok_or(Code::Invalid)?;
        let name = this.add(&TypeName::new(kind).map_err(|_| Code::Invalid)?)?;
        if let Some(made) = made {
            *made = this.section(&name);
        }
        Ok(())
    })
}

/// Stages what was changed in a package.
#[unsafe(no_mangle)]
pub extern "C" fn uci_save(context: Option<&mut Context>, package: *mut UciPackage) -> c_int {
    call(context, |context| {
        let tree = context.own(package)?;
        // SAFETY: a package of this context.
        let this = unsafe { &mut *tree };
        let mode = std::fs::metadata(&this.path)
            .map_or(0o600, |metadata| std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777);
        delta::append(path(&context.savedir), &this.name, path(&context.confdir), mode, &this.unsaved)?;
        this.unsaved.clear();
        Ok(())
    })
}

/// Writes a package with all that is staged for it.
#[unsafe(no_mangle)]
pub extern "C" fn uci_commit(
    context: Option<&mut Context>,
    package: Option<&mut *mut UciPackage>,
    overwrite: bool,
) -> c_int {
    call(context, |context| {
        let package = package.ok_or(Code::Invalid)?;
        let tree = context.own(*package)?;
        *package = context.commit(tree, overwrite)?.cast();
        Ok(())
    })
}

/// Drops staged changes.
#[unsafe(no_mangle)]
pub extern "C" fn uci_revert(context: Option<&mut Context>, target: Option<&mut UciPtr>) -> c_int {
    call(context, |context| {
        let target = target.ok_or(Code::Invalid)?;
        // SAFETY: the header asks for strings, or nulls.
        let parts = unsafe { Parts::of(target) }?;
        let tree = resolve(context, target, parts)?;
        // SAFETY: a package of this context; the parts are null or strings, copied before elements go.
        let (this, section, option) = unsafe {
            let of = |text| part(text).map(|text| text.map(str::to_owned));
            (&mut *tree, of(target.section)?, of(target.option)?)
        };
        let name = this.name.clone();
        delta::revert(path(&context.savedir), &name, section.as_deref(), option.as_deref())?;
        let mut unsaved = std::mem::take(&mut this.unsaved);
        unsaved.retain(|line| !delta::is_about(line, section.as_deref(), option.as_deref()));
        let tree = context.load(&name)?;
        // SAFETY: it was loaded just now.
        let this = unsafe { &mut *tree };
        for line in unsaved {
            // What was made on what is reverted goes with it.
            let _ = this.change(line);
        }
        target.p = tree.cast();
        target.s = ptr::null_mut();
        target.o = ptr::null_mut();
        target.last = tree.cast();
        target.package = this.shown.e.name;
        // They may have led into elements that are gone.
        target.section = ptr::null();
        target.option = ptr::null();
        Ok(())
    })
}

/// The packages that have a file, in one piece of memory that `free` takes.
#[unsafe(no_mangle)]
pub extern "C" fn uci_list_configs(
    context: Option<&mut Context>,
    list: Option<&mut *mut *mut c_char>,
) -> c_int {
    call(context, |context| {
        let list = list.ok_or(Code::Invalid)?;
        let folder = std::fs::read_dir(path(&context.confdir)).map_err(|_| Code::NotFound)?;
        let mut names: Vec<String> = folder
            .flatten()
            .filter(|entry| std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.contains('.') && PackageName::new(name).is_ok())
            .collect();
        names.sort();
        let pointers = (names.len() + 1) * size_of::<*mut c_char>();
        let bytes: usize = names.iter().map(|name| name.len() + 1).sum();
        // SAFETY: the pointers come first, aligned as malloc aligns, then the names with a NUL each: as many bytes as were asked for.
        unsafe {
            let block = libc::malloc(pointers + bytes).cast::<*mut c_char>();
            if block.is_null() {
                return Err(Code::Io);
            }
            let mut text = block.cast::<c_char>().add(pointers);
            for (at, name) in names.iter().enumerate() {
                ptr::copy_nonoverlapping(name.as_ptr().cast(), text, name.len());
                text.add(name.len()).write(0);
                block.add(at).write(text);
                text = text.add(name.len() + 1);
            }
            block.add(names.len()).write(ptr::null_mut());
            *list = block;
        }
        Ok(())
    })
}

fn message(context: Option<&mut Context>, prefix: Text<'_>) -> CString {
    let error = sentence(context.map_or(Code::Invalid as c_int, |context| context.shown.err));
    let mut message = Vec::new();
    if let Some(prefix) = prefix.optional() {
        message.extend_from_slice(prefix.to_bytes());
        message.extend_from_slice(b": ");
    }
    message.extend_from_slice(error.to_bytes());
    CString::new(message).unwrap_or_default()
}

/// What the last call met, as text that `free` takes.
#[unsafe(no_mangle)]
pub extern "C" fn uci_get_errorstr(
    context: Option<&mut Context>,
    text: Option<&mut *mut c_char>,
    prefix: Text<'_>,
) {
    let _ = caught(|| {
        if let Some(text) = text {
            // SAFETY: it copies a string.
            *text = unsafe { libc::strdup(message(context, prefix).as_ptr()) };
        }
        Ok(())
    });
}

/// Writes it to the standard error.
#[unsafe(no_mangle)]
pub extern "C" fn uci_perror(context: Option<&mut Context>, prefix: Text<'_>) {
    let _ = caught(|| {
        let mut line = message(context, prefix).into_bytes();
        line.push(b'\n');
        // There is nobody to tell that it failed.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), &line);
        Ok(())
    });
}
