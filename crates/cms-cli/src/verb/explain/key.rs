//! What an option or a section is: its value and where that comes from, what its schema says, who changed it last, and what is done
//! when it changes.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use cms::model::schema::{Field, Module, Schemas, SectionType};
use cms::model::{Draft, Key, PackageName, Section, Value};
use cms::{HistoryEntry, HistoryQuery, Modules, Store, label};
use serde_json::{Value as JsonValue, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, Json};
use crate::section_type::{self, mode_word};
use crate::session::{Session, View};
use crate::text::{msg, text};
use crate::trigger::{self, Trigger};
use crate::{field, keys, lines, spelling, table, when};

/// All that is known.
struct Explained {
    /// The key, with the name that the section has.
    key: String,
    kind: String,
    /// What is configured: of a section its type.
    configured: Option<Value>,
    /// Whether what is configured is yet to be committed.
    is_staged: bool,
    schemas: Arc<Schemas>,
    package: PackageName,
    option: Option<String>,
    /// The file of the module that knows it.
    file: Option<PathBuf>,
    last: Option<HistoryEntry>,
    triggers: Vec<Trigger>,
}

pub(super) fn explain(typed: &OsStr, session: &mut Session) -> Result<Exit, Failure> {
    let key = keys::key(typed)?;
    let mut view = session.view(Some(&key.package), None)?;
    let store = session.store()?;
    let explained = look(&key, &mut view, &store)?;
    if session.globals.json {
        session.output.line(Json::answer("explain-key", explained.to_json()).to_string())?;
        return Ok(session.exit);
    }
    session.output.page();
    let title = session.output.paint.title(&explained.key);
    session.output.line(title)?;
    lines::write(&explained.lines(), session)?;
    Ok(session.exit)
}

fn look(key: &Key, view: &mut View, store: &Store) -> Result<Explained, Failure> {
    let committed =
        view.snapshot().package(&key.package).ok().map(|package| Draft::new((*package).clone(), 0));
    let draft = view.draft(&key.package)?;
    let package = Arc::new(draft.package().clone());
    let section = keys::section(draft, key)?;
    let schemas = store.schemas_of(&key.package, Some(&package))?;
    let value = |draft: &Draft, section: Section<'_>| match &key.option {
        Some(option) => keys::option(draft, section, option),
        None => Some(Value::scalar(section.kind())),
    };
    let configured = value(draft, section);
    let before = committed.as_ref().and_then(|draft| value(draft, draft.package().section(section.id())?));
    let mut explained = Explained {
        key: match &key.option {
            Some(option) => format!("{}.{}.{option}", key.package, label(&package, &section)),
            None => format!("{}.{}", key.package, label(&package, &section)),
        },
        kind: section.kind().to_owned(),
        is_staged: configured != before,
        configured,
        schemas,
        package: key.package.clone(),
        option: key.option.as_ref().map(ToString::to_string),
        file: None,
        last: None,
        triggers: Vec::new(),
    };
    if let Some(option) = &key.option
        && explained.configured.is_none()
        && explained.field().is_none()
    {
        return Err(nothing(key, option, section, &explained));
    }
    explained.file = file(&explained)?;
    explained.last = last(key, store)?;
    let (triggers, _) = trigger::read(store)?;
    explained.triggers = triggers.into_iter().filter(|trigger| takes(trigger, &explained)).collect();
    Ok(explained)
}

/// An option that is neither configured nor in a schema.
fn nothing(key: &Key, option: &str, section: Section<'_>, explained: &Explained) -> Failure {
    let configured = section.options();
    let known = explained.modules().filter_map(|module| Some((module, shape(module, &explained.kind)?)));
    let known = known.flat_map(|(module, shape)| module.fields_of(shape)).map(Field::name);
    let names = configured.iter().map(|(name, _)| name.as_str()).chain(known);
    let nearest = spelling::nearest(option, names);
    Failure::not_found(msg!("no-option", key = key.to_string()))
        .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name)))
}

fn shape<'m>(module: &'m Module, kind: &str) -> Option<&'m SectionType> {
    module.section_type(kind).or(module.undeclared())
}

/// The file of the module that knows the option or type.
fn file(explained: &Explained) -> Result<Option<PathBuf>, Failure> {
    let Some(module) = explained.module().filter(|module| !module.is_embedded()) else { return Ok(None) };
    let all = Modules::from_env().list()?;
    let is_it = |registered: &&cms::Registered| {
        registered.module.as_ref().is_ok_and(|known| known.name() == module.name())
    };
    Ok(all.iter().find(is_it).map(|registered| registered.path.clone()))
}

/// The last commit that changed it. Who may not read the history, or has none, is told the rest all the same.
fn last(key: &Key, store: &Store) -> Result<Option<HistoryEntry>, Failure> {
    if !store.has_log() {
        return Ok(None);
    }
    let query = HistoryQuery { key: Some(key.clone()), limit: Some(1), ..HistoryQuery::default() };
    Ok(store.history(&query)?.pop())
}

fn takes(trigger: &Trigger, explained: &Explained) -> bool {
    trigger.patterns.iter().any(|pattern| match explained.option {
        Some(_) => pattern.matches(&explained.key),
        None => pattern.reaches(&explained.key),
    })
}

impl Explained {
    fn modules(&self) -> impl Iterator<Item = &Module> {
        self.schemas.of(self.package.as_str()).map(|module| &**module)
    }

    /// The module that knows the option, or else the type.
    fn module(&self) -> Option<&Module> {
        let knows = |module: &&Module| match &self.option {
            Some(option) => module.field(&self.kind, option).is_some(),
            None => module.section_type(&self.kind).is_some(),
        };
        self.modules().find(knows)
    }

    fn field(&self) -> Option<&Field> {
        self.schemas.field(self.package.as_str(), &self.kind, self.option.as_deref()?)
    }

    fn section_type(&self) -> Option<&SectionType> {
        self.module()?.section_type(&self.kind)
    }

    fn is_secret(&self) -> bool {
        self.field().is_some_and(Field::is_secret)
    }

    /// What holds, and a word for where it comes from.
    fn value(&self) -> (Option<&Value>, &'static str) {
        let default = || self.field().and_then(Field::default_value);
        match (&self.configured, default()) {
            (Some(value), _) => (Some(value), "configured"),
            (None, Some(value)) => (Some(value), "default"),
            (None, None) => (None, "absent"),
        }
    }

    fn lines(&self) -> Vec<(String, String)> {
        let (value, origin) = self.value();
        let origin = match (origin, self.is_staged) {
            ("configured", true) => text("explain-staged"),
            ("configured", false) => text("explain-configured"),
            ("default", true) => text("explain-default-staged"),
            ("default", false) => text("explain-default"),
            (_, true) => text("explain-absent-staged"),
            (_, false) => text("explain-absent"),
        };
        let shown = match value {
            Some(_) if self.is_secret() => Some(text("explain-secret")),
            Some(value) => {
                Some(value.items().iter().map(|item| table::cell(item)).collect::<Vec<_>>().join("\n"))
            }
            None => None,
        };
        let of_option = self.option.is_some();
        let mut lines = Vec::new();
        let mut add = |label: &str, words: Option<String>| {
            lines.extend(words.filter(|words| !words.is_empty()).map(|words| (text(label), words)));
        };
        add(if of_option { "title-value" } else { "title-type" }, shown);
        add("explain-from", Some(origin));
        add("explain-section", of_option.then(|| self.kind.clone()));
        let mut rest = Vec::new();
        match (self.field(), self.section_type()) {
            (Some(field), _) => rest.extend(field::lines(field)),
            (None, Some(shape)) if !of_option => {
                rest.extend(shape.description().map(|words| (text("title-description"), words.to_owned())));
            }
            _ => {}
        }
        lines.append(&mut rest);
        let mut add = |label: &str, words: String| lines.push((text(label), words));
        match self.module() {
            Some(module) => add("title-module", module_words(module)),
            None => add("title-module", text("explain-no-module")),
        }
        add("explain-changed", self.last.as_ref().map_or_else(|| text("explain-unchanged"), commit_words));
        for trigger in &self.triggers {
            add("explain-trigger", format!("{}: {}", trigger.name, trigger.summary()));
        }
        lines
    }

    fn to_json(&self) -> JsonValue {
        let (value, origin) = self.value();
        let module = self.module().map(|module| {
            json!({
                "name": module.name(),
                "version": module.settings().version.to_string(),
                "mode": mode_word(module.settings().mode),
                "file": self.file,
            })
        });
        let last = self.last.as_ref().map(|entry| {
            json!({
                "revision": entry.revision.0,
                "time": when::rfc3339(entry.time_us),
                "author": entry.author,
                "tool": entry.tool,
                "message": entry.message,
            })
        });
        let triggers = self.triggers.iter().map(|trigger| {
            json!({
                "name": trigger.name,
                "does": trigger.summary(),
                "patterns": trigger.patterns.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        let type_json = |shape| section_type::to_json(shape, Vec::new());
        json!({
            "key": self.key,
            "section_type": self.kind,
            "value": value.filter(|_| !self.is_secret()).map(json::value),
            "origin": origin,
            "staged": self.is_staged,
            "secret": self.is_secret(),
            "field": self.field().map(field::to_json),
            "type": self.section_type().filter(|_| self.option.is_none()).map(type_json),
            "module": module,
            "modules": self.modules().map(Module::name).collect::<Vec<_>>(),
            "last_change": last,
            "triggers": triggers.collect::<Vec<_>>(),
        })
    }
}

fn module_words(module: &Module) -> String {
    let settings = module.settings();
    format!("{} {} ({})", module.name(), settings.version, mode_word(settings.mode))
}

/// `r12  2026-11-23 14:00  root: larger frames`.
fn commit_words(entry: &HistoryEntry) -> String {
    let mut words = format!("r{}  {}  {}", entry.revision.0, when::local(entry.time_us), entry.author);
    if !entry.message.is_empty() {
        words.push_str(": ");
        words.push_str(&entry.message);
    }
    words
}
