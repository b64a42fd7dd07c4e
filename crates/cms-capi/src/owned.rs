//! Answers that are handed to C whole and freed whole: what the header shows of them, and behind it what it leads to.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use cms::model::{Diagnostic, Severity, Value};
use cms::{CommitEvents, DisplayChange, HistoryEntry};

use crate::border::guard;
use crate::text::shown;

/// The strings of an answer. They stay where they are when the answer moves.
#[derive(Default)]
pub struct Texts(Vec<CString>);

impl Texts {
    pub fn add(&mut self, text: &str) -> *const c_char {
        let text = shown(text);
        let place = text.as_ptr();
        self.0.push(text);
        place
    }

    fn add_optional(&mut self, text: Option<&str>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.add(text))
    }

    fn add_bytes(&mut self, text: &[u8]) -> *const c_char {
        let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0).collect();
        let text = CString::new(text).unwrap_or_default();
        let place = text.as_ptr();
        self.0.push(text);
        place
    }

    /// The items of a value, a newline between two of them.
    fn add_value(&mut self, value: Option<&Value>) -> *const c_char {
        value.map_or(ptr::null(), |value| self.add_bytes(&value.items().join(&b'\n')))
    }
}

/// `struct cms_list`.
#[repr(C)]
pub struct List {
    count: usize,
    first: *const *const c_char,
    _items: Vec<*const c_char>,
    _texts: Texts,
}

impl List {
    pub fn new<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Box<List> {
        let mut kept = Texts::default();
        let items: Vec<_> = texts.into_iter().map(|text| kept.add_bytes(text.as_ref())).collect();
        Box::new(List { count: items.len(), first: items.as_ptr(), _items: items, _texts: kept })
    }
}

/// `struct cms_change`.
#[repr(C)]
pub struct Change {
    action: *const c_char,
    key: *const c_char,
    old_value: *const c_char,
    new_value: *const c_char,
}

impl Change {
    pub fn new(change: &DisplayChange, texts: &mut Texts) -> Change {
        Change {
            action: texts.add(change.action.word()),
            key: texts.add(&change.key),
            old_value: texts.add_value(change.old.as_ref()),
            new_value: texts.add_value(change.new.as_ref()),
        }
    }
}

/// `struct cms_commit`.
#[repr(C)]
pub struct Commit {
    revision: u64,
    time_us: i64,
    author: *const c_char,
    tool: *const c_char,
    message: *const c_char,
    change_count: usize,
    changes: *const Change,
}

/// `struct cms_history`.
#[repr(C)]
pub struct History {
    count: usize,
    first: *const Commit,
    _commits: Vec<Commit>,
    _changes: Vec<Vec<Change>>,
    _texts: Texts,
}

impl History {
    pub fn new(entries: &[HistoryEntry]) -> Box<History> {
        let mut texts = Texts::default();
        let changes: Vec<Vec<Change>> = entries
            .iter()
            .map(|entry| entry.changes.iter().map(|change| Change::new(change, &mut texts)).collect())
            .collect();
        let of = |(entry, changes): (&HistoryEntry, &Vec<Change>)| Commit {
            revision: entry.revision.0,
            time_us: entry.time_us,
            author: texts.add(&entry.author),
            tool: texts.add(&entry.tool),
            message: texts.add(&entry.message),
            change_count: changes.len(),
            changes: changes.as_ptr(),
        };
        let commits: Vec<Commit> = entries.iter().zip(&changes).map(of).collect();
        Box::new(History {
            count: commits.len(),
            first: commits.as_ptr(),
            _commits: commits,
            _changes: changes,
            _texts: texts,
        })
    }
}

/// `struct cms_diagnostic`.
#[repr(C)]
pub struct Finding {
    severity: c_int,
    code: *const c_char,
    message: *const c_char,
    file: *const c_char,
    line: usize,
    column: usize,
    key: *const c_char,
    rule: *const c_char,
    value: *const c_char,
    allowed: *const c_char,
    hint: *const c_char,
}

/// `struct cms_diagnostics`.
#[repr(C)]
pub struct Findings {
    count: usize,
    first: *const Finding,
    _findings: Vec<Finding>,
    _texts: Texts,
}

impl Findings {
    pub fn new(diagnostics: &[Diagnostic]) -> Box<Findings> {
        let mut texts = Texts::default();
        let of = |diagnostic: &Diagnostic| {
            let detail = diagnostic.detail.as_deref();
            Finding {
                severity: match diagnostic.severity {
                    Severity::Warning => 1,
                    Severity::Error => 2,
                },
                code: texts.add(diagnostic.code),
                message: texts.add(&diagnostic.message),
                file: texts.add_optional(diagnostic.file.as_deref()),
                line: diagnostic.line,
                column: diagnostic.column,
                key: texts.add_optional(detail.map(|detail| &*detail.key)),
                rule: texts.add_optional(detail.and_then(|detail| detail.rule.as_deref())),
                value: match detail.and_then(|detail| detail.value.as_deref()) {
                    Some(value) => texts.add_bytes(value),
                    None => ptr::null(),
                },
                allowed: texts.add_optional(detail.and_then(|detail| detail.allowed.as_deref())),
                hint: texts.add_optional(diagnostic.hint.as_deref()),
            }
        };
        let findings: Vec<Finding> = diagnostics.iter().map(of).collect();
        Box::new(Findings {
            count: findings.len(),
            first: findings.as_ptr(),
            _findings: findings,
            _texts: texts,
        })
    }
}

/// `struct cms_notice`.
#[repr(C)]
pub struct Notice {
    kind: c_int,
    commit: Commit,
    _changes: Vec<Change>,
    _texts: Texts,
}

impl Notice {
    pub fn new(notice: &cms::Notice) -> Box<Notice> {
        let mut texts = Texts::default();
        let (kind, revision, message, commit): (c_int, u64, &str, Option<&CommitEvents>) = match notice {
            cms::Notice::Commit(commit) => (1, commit.revision.0, &commit.message, Some(commit)),
            cms::Notice::Lagged { upto, .. } => (2, upto.0, "", None),
            cms::Notice::Compacted { resume, .. } => (3, resume.0, "", None),
            cms::Notice::Stopped { reason } => (4, 0, reason, None),
            _ => (0, 0, "", None),
        };
        let changes: Vec<Change> = commit
            .iter()
            .flat_map(|commit| &commit.events)
            .map(|event| Change::new(&event.change, &mut texts))
            .collect();
        let commit = Commit {
            revision,
            time_us: commit.map_or(0, |commit| commit.time_us),
            author: texts.add(commit.map_or("", |commit| &commit.author)),
            tool: texts.add(""),
            message: texts.add(message),
            change_count: changes.len(),
            changes: changes.as_ptr(),
        };
        Box::new(Notice { kind, commit, _changes: changes, _texts: texts })
    }

    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        self.kind == 4
    }
}

// The answers are what only their owner looks at; the pointers in them lead into themselves.
#[expect(unsafe_code, reason = "pointers into oneself may go to another thread")]
// SAFETY: whoever has the box has all that it leads to.
unsafe impl Send for Notice {}

macro_rules! frees {
    ($($function:ident($type:ty);)*) => {$(
        #[doc = "Frees an answer."]
        #[unsafe(no_mangle)]
        pub extern "C" fn $function(answer: Option<Box<$type>>) {
            guard((), || {
                drop(answer);
                Ok(())
            });
        }
    )*};
}

frees! {
    cms_list_free(List);
    cms_history_free(History);
    cms_diagnostics_free(Findings);
    cms_notice_free(Notice);
}

/// Frees a string.
#[unsafe(no_mangle)]
pub extern "C" fn cms_string_free(text: *mut c_char) {
    guard((), || {
        if !text.is_null() {
            // SAFETY: the header asks for a string that the library handed over, which is one of `into_raw`.
            drop(unsafe { CString::from_raw(text) });
        }
        Ok(())
    });
}
