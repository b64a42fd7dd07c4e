//! Changes carried out on a package.

use std::fmt;

use crate::arrange::Place;
use crate::package::Spot;
use crate::text_edit::{Layout, SharedLine, StanzaText, TextEdit, requote};
use crate::{
    Change, ChangeKind, Command, Name, Package, SectionId, SliceParser, TypeName, Value, quote, write_type,
};

/// Why a change cannot be applied to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplyError {
    /// There is no section with that id.
    NoSection(SectionId),
    /// There is a section with that id already.
    SectionExists(SectionId),
    /// Another section has that name already.
    NameTaken(Name),
    /// The section has no such option.
    NoOption(Name),
    /// The section has an option of that name already.
    OptionTaken(Name),
    /// The list holds no such item.
    NoItem(Name),
    /// The value is empty or holds a NUL byte: no text can express it.
    Value(Name),
    /// The package would grow beyond what can be held (4 GiB in one section).
    TooLarge,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::NoSection(id) => write!(f, "there is no section {id}"),
            ApplyError::SectionExists(id) => write!(f, "there is a section {id} already"),
            ApplyError::NameTaken(name) => write!(f, "there is a section `{name}` already"),
            ApplyError::NoOption(name) => write!(f, "there is no option `{name}`"),
            ApplyError::OptionTaken(name) => write!(f, "there is an option `{name}` already"),
            ApplyError::NoItem(name) => write!(f, "the list `{name}` does not hold that item"),
            ApplyError::Value(name) => write!(f, "the value for `{name}` is empty or holds a NUL byte"),
            ApplyError::TooLarge => f.write_str("the section is too large"),
        }
    }
}

impl std::error::Error for ApplyError {}

impl Package {
    /// Applies a change and returns it as it took effect, with what was really there before.
    ///
    /// A change made for another state finds its place again: an appended section or item goes to
    /// the end, a section whose neighbour is gone too, an item is removed where it is now. Of the
    /// text only what has to change does; `docs/text-edits.md` has the rules.
    ///
    /// # Errors
    /// If what it changes is not there, or what it creates is. The package is then unchanged.
    pub fn apply(&mut self, change: &Change) -> Result<Change, ApplyError> {
        let id = change.section;
        let kind = match &change.kind {
            ChangeKind::Add { kind, name, after, at_end, options } => {
                self.add(id, kind, name.as_ref(), *after, *at_end, options)?
            }
            ChangeKind::Delete { .. } => self.delete(id)?,
            ChangeKind::Rename { new, .. } => self.rename(id, new.clone())?,
            ChangeKind::Retype { new, .. } => self.retype(id, new.clone())?,
            ChangeKind::Move { new_after, .. } => self.move_behind(id, *new_after)?,
            ChangeKind::Set { option, new, at, .. } => self.set(id, option, new.clone(), *at)?,
            ChangeKind::Unset { option, .. } => self.unset(id, option)?,
            ChangeKind::RenameOption { old, new } => self.rename_option(id, old, new)?,
            ChangeKind::InsertItem { option, index, at_end, item, at, .. } => {
                self.insert_item(id, option, *index, *at_end, item, *at)?
            }
            ChangeKind::RemoveItem { option, index, item, to_scalar, .. } => {
                self.remove_item(id, option, *index, item, *to_scalar)?
            }
        };
        Ok(Change { section: id, kind })
    }

    fn add(
        &mut self,
        id: SectionId,
        kind: &TypeName,
        name: Option<&Name>,
        after: Option<SectionId>,
        at_end: bool,
        options: &[(Name, Value)],
    ) -> Result<ChangeKind, ApplyError> {
        if self.spot(id).is_some() {
            return Err(ApplyError::SectionExists(id));
        }
        if let Some(name) = name
            && self.spot_of_name(name).is_some()
        {
            return Err(ApplyError::NameTaken(name.clone()));
        }
        if let Some((option, _)) = options.iter().find(|(_, value)| !is_writable(value)) {
            return Err(ApplyError::Value(option.clone()));
        }
        let place = match after {
            _ if at_end => Place::Last,
            None => Place::First,
            Some(after) => Place::Behind(after),
        };
        let text = self.stanza_text(kind, name, options);
        if !self.put_stanza(place, text, id, true) {
            return Err(ApplyError::TooLarge);
        }
        // Options given twice have merged.
        let options = self.section(id).map(|section| section.options()).unwrap_or_default();
        let after = self.section_before(id);
        Ok(ChangeKind::Add { kind: kind.clone(), name: name.cloned(), after, at_end, options })
    }

    fn stanza_text(&self, kind: &TypeName, name: Option<&Name>, options: &[(Name, Value)]) -> Vec<u8> {
        let eol = self.chunks().next().map_or(&b"\n"[..], crate::text_edit::eol_of);
        let mut text = b"config ".to_vec();
        write_type(&mut text, kind.as_bytes()).ok();
        if let Some(name) = name {
            text.extend([b" '", name.as_bytes(), b"'"].concat());
        }
        text.extend_from_slice(eol);
        for (option, value) in options {
            let keyword: &[u8] = if value.is_list() { b"\tlist " } else { b"\toption " };
            for item in value.items() {
                text.extend([keyword, option.as_bytes(), b" ", &quote(item), eol].concat());
            }
        }
        text
    }

    fn delete(&mut self, id: SectionId) -> Result<ChangeKind, ApplyError> {
        let section = self.section(id).ok_or(ApplyError::NoSection(id))?;
        let (kind, name) = (kind_name(section.kind())?, section.name().and_then(|name| Name::new(name).ok()));
        let (after, options) = (self.section_before(id), section.options());
        self.take_stanzas(id);
        Ok(ChangeKind::Delete { kind, name, after, options })
    }

    fn move_behind(&mut self, id: SectionId, after: Option<SectionId>) -> Result<ChangeKind, ApplyError> {
        self.spot(id).ok_or(ApplyError::NoSection(id))?;
        let old_after = self.section_before(id);
        let exists = after.is_none_or(|after| self.spot(after).is_some());
        if after == old_after || after == Some(id) || (!exists && self.last_section() == Some(id)) {
            return Ok(ChangeKind::Move { old_after, new_after: old_after });
        }
        let text = self.take_stanzas(id);
        let place = after.map_or(Place::First, Place::Behind);
        if !self.put_stanza(place, text, id, false) {
            return Err(ApplyError::TooLarge);
        }
        Ok(ChangeKind::Move { old_after, new_after: self.section_before(id) })
    }

    fn retype(&mut self, id: SectionId, new: TypeName) -> Result<ChangeKind, ApplyError> {
        let section = self.section(id).ok_or(ApplyError::NoSection(id))?;
        let old = kind_name(section.kind())?;
        if old != new {
            let mut bare = Vec::new();
            write_type(&mut bare, new.as_bytes()).ok();
            self.edit_heads(id, |text, config| {
                let raw = &text[config.kind.clone()];
                let quoted = raw.first().is_some_and(|byte| matches!(byte, b'\'' | b'"'));
                let word = if quoted { requote(raw, new.as_bytes()) } else { bare.clone() };
                (config.kind.clone(), word)
            })?;
        }
        Ok(ChangeKind::Retype { old, new })
    }

    fn rename(&mut self, id: SectionId, new: Option<Name>) -> Result<ChangeKind, ApplyError> {
        let section = self.section(id).ok_or(ApplyError::NoSection(id))?;
        let old = section.name().and_then(|name| Name::new(name).ok());
        if old == new {
            return Ok(ChangeKind::Rename { old, new });
        }
        match &new {
            Some(name) => {
                if self.spot_of_name(name).is_some() {
                    return Err(ApplyError::NameTaken(name.clone()));
                }
            }
            // Without a name no second stanza could go on with the section.
            None => self.join_stanzas(id)?,
        }
        self.edit_heads(id, |text, config| match (&new, &config.name) {
            (Some(new), Some(name)) => (name.clone(), requote(&text[name.clone()], new.as_bytes())),
            (Some(new), None) => (config.kind.end..config.end, [b" '", new.as_bytes(), b"'"].concat()),
            (None, _) => (config.kind.end..config.end, Vec::new()),
        })?;
        Ok(ChangeKind::Rename { old, new })
    }

    fn join_stanzas(&mut self, id: SectionId) -> Result<(), ApplyError> {
        if self.spots(id).len() < 2 {
            return Ok(());
        }
        let after = self.section_before(id);
        let text = self.take_stanzas(id);
        let place = after.map_or(Place::First, Place::Behind);
        if self.put_stanza(place, text, id, false) { Ok(()) } else { Err(ApplyError::TooLarge) }
    }

    /// Edits the `config` command of each stanza of a section.
    fn edit_heads(
        &mut self,
        id: SectionId,
        edit: impl Fn(&[u8], &ConfigWords) -> (std::ops::Range<usize>, Vec<u8>),
    ) -> Result<(), ApplyError> {
        let spots = self.spots(id);
        for spot in &spots {
            let block = self.block(spot.slot);
            let stanza = block.stanza(spot.entry);
            let text = &block.text[stanza.clone()];
            let Some(config) = ConfigWords::find(text) else { continue };
            let (range, bytes) = edit(text, &config);
            let text = [&text[..range.start], &bytes, &text[range.end..]].concat();
            let reopen = block.entries[spot.entry].reopen;
            let entries = spot.entry..spot.entry + 1;
            if !self.replace_stanzas(spot.slot, entries, stanza, &text, false, &[(id, reopen)]) {
                return Err(ApplyError::TooLarge);
            }
        }
        self.settle_all(spots.into_iter().map(|spot| spot.slot).collect());
        Ok(())
    }

    fn set(
        &mut self,
        id: SectionId,
        option: &Name,
        new: Value,
        at: Option<u32>,
    ) -> Result<ChangeKind, ApplyError> {
        if !is_writable(&new) {
            return Err(ApplyError::Value(option.clone()));
        }
        let old = self.edit_option(id, option, |layout| {
            let old = layout.value();
            let edits = if old.as_ref() == Some(&new) { Vec::new() } else { layout.set(option, &new, at)? };
            Ok((old, edits))
        })?;
        let at = if old.is_some() { None } else { at };
        Ok(ChangeKind::Set { option: option.clone(), old, new, at })
    }

    fn unset(&mut self, id: SectionId, option: &Name) -> Result<ChangeKind, ApplyError> {
        let old = self.edit_option(id, option, |layout| match layout.value() {
            Some(old) => Ok((Some((old, layout.position(option))), layout.unset()?)),
            None => Ok((None, Vec::new())),
        })?;
        let (old, index) = old.ok_or_else(|| ApplyError::NoOption(option.clone()))?;
        Ok(ChangeKind::Unset { option: option.clone(), old, index })
    }

    fn rename_option(&mut self, id: SectionId, old: &Name, new: &Name) -> Result<ChangeKind, ApplyError> {
        let section = self.section(id).ok_or(ApplyError::NoSection(id))?;
        if old != new && section.get(new).is_some() {
            return Err(ApplyError::OptionTaken(new.clone()));
        }
        if section.get(old).is_none() {
            return Err(ApplyError::NoOption(old.clone()));
        }
        if old != new {
            // What the new name was mentioned for without effect would become a part of it.
            self.edit_option(id, new, |layout| Ok(((), layout.unset()?)))?;
            self.edit_option(id, old, |layout| Ok(((), layout.rename(new))))?;
        }
        Ok(ChangeKind::RenameOption { old: old.clone(), new: new.clone() })
    }

    fn insert_item(
        &mut self,
        id: SectionId,
        option: &Name,
        index: u32,
        at_end: bool,
        item: &[u8],
        at: Option<u32>,
    ) -> Result<ChangeKind, ApplyError> {
        if item.contains(&0) {
            return Err(ApplyError::Value(option.clone()));
        }
        let (index, was_scalar, created) = self.edit_option(id, option, |layout| {
            if let Some(count) = layout.plain_items() {
                let index = if at_end { count } else { count.min(index as usize) };
                return Ok(((index as u32, false, false), layout.insert_item(option, index, item)?));
            }
            let old = layout.value();
            let was_scalar = matches!(old, Some(Value::Scalar(_)));
            let created = old.is_none();
            let mut items = into_items(old);
            let index = if at_end { items.len() } else { items.len().min(index as usize) };
            items.insert(index, item.to_vec());
            let edits = layout.set(option, &Value::List(items), at)?;
            Ok(((index as u32, was_scalar, created), edits))
        })?;
        let at = if created { at } else { None };
        Ok(ChangeKind::InsertItem {
            option: option.clone(),
            index,
            at_end,
            item: item.to_vec(),
            was_scalar,
            at,
        })
    }

    fn remove_item(
        &mut self,
        id: SectionId,
        option: &Name,
        index: u32,
        item: &[u8],
        to_scalar: bool,
    ) -> Result<ChangeKind, ApplyError> {
        let missing = || ApplyError::NoItem(option.clone());
        let removed = self.edit_option(id, option, |layout| {
            if let Some(count) = layout.plain_items().filter(|count| *count > 1 && !to_scalar) {
                let Some(index) = layout.find_item(index as usize, item) else {
                    return Ok((Err(missing()), Vec::new()));
                };
                debug_assert!(index < count);
                if let Some(edits) = layout.remove_item(index)? {
                    return Ok((Ok(Removed { index, ..Removed::default() }), edits));
                }
            }
            let old = layout.value();
            let was_scalar = matches!(old, Some(Value::Scalar(_)));
            let mut items = into_items(old);
            if items.is_empty() {
                return Ok((Err(ApplyError::NoOption(option.clone())), Vec::new()));
            }
            let is_there = items.get(index as usize).is_some_and(|known| known == item);
            let found =
                if is_there { Some(index as usize) } else { items.iter().position(|known| known == item) };
            let Some(index) = found else { return Ok((Err(missing()), Vec::new())) };
            items.remove(index);
            let to_scalar = to_scalar && items.len() == 1 && !items[0].is_empty();
            let at = items.is_empty().then(|| layout.position(option));
            let edits = match (items.is_empty(), to_scalar) {
                (true, _) => layout.unset()?,
                (_, true) => layout.set(option, &Value::Scalar(items.swap_remove(0)), None)?,
                _ => layout.set(option, &Value::List(items), None)?,
            };
            Ok((Ok(Removed { index, was_scalar, to_scalar, at }), edits))
        })?;
        let Removed { index, was_scalar, to_scalar, at } = removed?;
        if was_scalar {
            // A string that goes as an item would come back as a list.
            let (old, index) = (Value::scalar(item), at.unwrap_or(0));
            return Ok(ChangeKind::Unset { option: option.clone(), old, index });
        }
        Ok(ChangeKind::RemoveItem {
            option: option.clone(),
            index: index as u32,
            item: item.to_vec(),
            to_scalar,
            at,
        })
    }

    fn stanza_texts(&self, spots: &[Spot]) -> Vec<StanzaText<'_>> {
        let text = |spot: &Spot| {
            let text = self.stanza(*spot);
            let ends_within_line = text.last() != Some(&b'\n') && !self.is_last_stanza(*spot);
            StanzaText { text, ends_within_line }
        };
        spots.iter().map(text).collect()
    }

    /// Plans the edits for an option, given its commands, and carries them out.
    fn edit_option<T>(
        &mut self,
        id: SectionId,
        option: &Name,
        plan: impl Fn(&Layout<'_>) -> Result<(T, Vec<TextEdit>), SharedLine>,
    ) -> Result<T, ApplyError> {
        let mut broken = false;
        loop {
            let spots = self.spots(id);
            if spots.is_empty() {
                return Err(ApplyError::NoSection(id));
            }
            let texts = self.stanza_texts(&spots);
            let layout = Layout::new(&texts, option);
            match plan(&layout) {
                Ok((outcome, edits)) => {
                    self.carry_out(&spots, &edits)?;
                    return Ok(outcome);
                }
                // After the lines are broken up none is shared.
                Err(SharedLine) if broken => return Err(ApplyError::TooLarge),
                Err(SharedLine) => {
                    self.break_lines(id);
                    broken = true;
                }
            }
        }
    }

    fn carry_out(&mut self, spots: &[Spot], mut edits: &[TextEdit]) -> Result<(), ApplyError> {
        let mut touched: Vec<usize> = Vec::new();
        while let Some(last) = edits.last() {
            let first =
                edits.iter().rposition(|edit| edit.stanza != last.stanza).map_or(0, |other| other + 1);
            let (rest, of_stanza) = edits.split_at(first);
            edits = rest;
            let (Some(spot), [head, ..]) = (spots.get(last.stanza), of_stanza) else { continue };
            let range = head.range.start..last.range.end;
            let fits = |bytes: usize| bytes < u32::MAX as usize;
            let added: usize = of_stanza.iter().map(|edit| edit.bytes.len()).sum();
            if !fits(self.block(spot.slot).text.len().saturating_add(added)) {
                return Err(ApplyError::TooLarge);
            }
            if of_stanza.len() == 1 {
                self.splice(*spot, range, &head.bytes);
            } else {
                // One splice instead of many, each of which would move the rest of the block.
                let text = self.stanza(*spot);
                let mut bytes = Vec::with_capacity(range.len() + added);
                let mut done = range.start;
                for edit in of_stanza {
                    bytes.extend_from_slice(&text[done..edit.range.start]);
                    bytes.extend_from_slice(&edit.bytes);
                    done = edit.range.end;
                }
                self.splice(*spot, range, &bytes);
            }
            touched.push(spot.slot);
        }
        self.settle_all(touched);
        Ok(())
    }
}

/// How an item went.
#[derive(Default)]
struct Removed {
    index: usize,
    was_scalar: bool,
    to_scalar: bool,
    at: Option<u32>,
}

/// The words of a `config` command, by their place in the stanza.
struct ConfigWords {
    kind: std::ops::Range<usize>,
    name: Option<std::ops::Range<usize>>,
    /// The end of the command.
    end: usize,
}

impl ConfigWords {
    fn find(stanza: &[u8]) -> Option<ConfigWords> {
        SliceParser::new(stanza).flatten().find_map(|event| match event.command {
            Command::Config { kind, name } => {
                let name = name.map(|name| name.span());
                Some(ConfigWords { kind: kind.span(), name, end: event.span.end })
            }
            _ => None,
        })
    }
}

fn kind_name(kind: &str) -> Result<TypeName, ApplyError> {
    TypeName::new(kind).map_err(|_| ApplyError::TooLarge)
}

fn into_items(value: Option<Value>) -> Vec<Vec<u8>> {
    match value {
        None => Vec::new(),
        Some(Value::Scalar(bytes)) => vec![bytes],
        Some(Value::List(items)) => items,
    }
}

/// Says whether text can express a value.
fn is_writable(value: &Value) -> bool {
    let whole = match value {
        Value::Scalar(bytes) => !bytes.is_empty(),
        Value::List(items) => !items.is_empty(),
    };
    whole && !value.items().iter().any(|item| item.contains(&0))
}
