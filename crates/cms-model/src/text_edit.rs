//! Edits of a section's text: the least that has to change for an option to change.
//!
//! `docs/text-edits.md` states the rules. What is planned here are replacements of bytes; nothing
//! is carried out. A plan fails with [`SharedLine`] where commands stand together on a line that
//! must be broken up first.

use std::borrow::Cow;
use std::ops::Range;

use rapidhash::fast::RandomState;

use crate::scan::{Tail, line_start, tail};
use crate::{Command, SliceParser, Value, Word, quote};

/// The text of a stanza of the section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StanzaText<'a> {
    pub text: &'a [u8],
    /// Whether the next stanza starts on the line on which this one ends.
    pub ends_within_line: bool,
}

/// Bytes of a stanza and what is to stand in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextEdit {
    pub stanza: usize,
    pub range: Range<usize>,
    pub bytes: Vec<u8>,
}

/// Several commands share a line that has to be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedLine;

type Plan = Result<Vec<TextEdit>, SharedLine>;

/// Where a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    stanza: usize,
    start: usize,
    end: usize,
    is_config: bool,
}

/// A command of the option at hand.
#[derive(Debug)]
struct Line<'a> {
    stanza: usize,
    span: Range<usize>,
    name: Word<'a>,
    value: Option<Word<'a>>,
    list: bool,
    before: End,
}

impl Line<'_> {
    /// `option x` and `option x ''` do nothing.
    fn is_inert(&self) -> bool {
        !self.list && self.value.is_none_or(|value| value.is_empty())
    }

    fn item(&self) -> Cow<'_, [u8]> {
        self.value.map(|value| value.value()).unwrap_or_default()
    }
}

/// The commands of one option in the text of its section.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    stanzas: &'a [StanzaText<'a>],
    lines: Vec<Line<'a>>,
    last: End,
}

impl<'a> Layout<'a> {
    /// Finds the commands of `option`.
    pub fn new(stanzas: &'a [StanzaText<'a>], option: &str) -> Layout<'a> {
        let mut lines = Vec::new();
        let mut last = End { stanza: 0, start: 0, end: 0, is_config: true };
        for (stanza, part) in stanzas.iter().enumerate() {
            for event in SliceParser::new(part.text).flatten() {
                let (name, value, list) = match event.command {
                    Command::Option { name, value } => (Some(name), value, false),
                    Command::List { name, value } => (Some(name), value, true),
                    _ => (None, None, false),
                };
                if let Some(name) = name
                    && *name.value() == *option.as_bytes()
                {
                    let span = event.span.clone();
                    lines.push(Line { stanza, span, name, value, list, before: last });
                }
                last =
                    End { stanza, start: event.span.start, end: event.span.end, is_config: name.is_none() };
            }
        }
        Layout { stanzas, lines, last }
    }

    /// The value that the commands give the option.
    pub fn value(&self) -> Option<Value> {
        let effective = self.effective();
        // The last `option` takes the place of all before it; lists behind it add to it.
        let last_option = effective.clone().rfind(|line| !line.list);
        let from = last_option.map_or((0, 0), |line| (line.stanza, line.span.end));
        let counted = effective.filter(|line| (line.stanza, line.span.end) >= from);
        let items: Vec<_> = counted.map(|line| line.item().into_owned()).collect();
        match items.len() {
            0 => None,
            1 if last_option.is_some() => items.into_iter().next().map(Value::Scalar),
            _ => Some(Value::List(items)),
        }
    }

    /// Gives the option a value that is not empty. A new option goes where `at` says.
    pub fn set(&self, option: &str, value: &Value, at: Option<u32>) -> Plan {
        let all_lists = self.effective().all(|line| line.list);
        match (self.effective().last(), value) {
            (None, _) => self.create(option, value, at),
            (Some(last), Value::Scalar(bytes)) if !last.list => Ok(self.replace_word(last, bytes)),
            (Some(_), Value::List(items)) if all_lists => self.set_items(option, items),
            _ => self.write_anew(option, value),
        }
    }

    /// Returns the number of items if the option is a list and written as nothing else.
    pub fn plain_items(&self) -> Option<usize> {
        let plain = !self.lines.is_empty() && self.lines.iter().all(|line| line.list);
        plain.then_some(self.lines.len())
    }

    /// Finds an item of such a list: at `index`, or else the first one.
    pub fn find_item(&self, index: usize, item: &[u8]) -> Option<usize> {
        let is_there = self.lines.get(index).is_some_and(|line| *line.item() == *item);
        if is_there { Some(index) } else { self.lines.iter().position(|line| *line.item() == *item) }
    }

    /// Inserts an item in such a list.
    pub fn insert_item(&self, option: &str, index: usize, item: &[u8]) -> Plan {
        let items = [item.to_vec()];
        let edit = match (index.checked_sub(1).and_then(|before| self.lines.get(before)), self.lines.first())
        {
            (Some(before), _) => self.insert_behind(self.end_of(before), option, &items)?,
            (None, Some(first)) => self.insert_before(first, option, &items)?,
            (None, None) => return self.create(option, &Value::list(items), None),
        };
        Ok(vec![edit])
    }

    /// Removes an item of such a list; none if that takes more than its line.
    pub fn remove_item(&self, index: usize) -> Result<Option<Vec<TextEdit>>, SharedLine> {
        let Some(line) = self.lines.get(index) else { return Ok(None) };
        let follows = self.lines.get(1).is_some_and(|next| next.before == self.end_of(&self.lines[0]));
        if index == 0 && !follows {
            return Ok(None);
        }
        Ok(Some(vec![self.remove(line)?]))
    }

    /// Removes all commands of the option.
    pub fn unset(&self) -> Plan {
        self.lines.iter().map(|line| self.remove(line)).collect()
    }

    /// Gives the option another name.
    pub fn rename(&self, name: &str) -> Vec<TextEdit> {
        let edit = |line: &Line<'_>| TextEdit {
            stanza: line.stanza,
            range: line.name.span(),
            bytes: requote(line.name.raw(), name.as_bytes()),
        };
        self.lines.iter().map(edit).collect()
    }

    /// Returns the position of the option among those of the section; 0 if it is not there.
    pub fn position(&self, option: &str) -> u32 {
        let mut names = hashbrown::HashSet::<Cow<'_, [u8]>, RandomState>::default();
        for event in self.stanzas.iter().flat_map(|part| SliceParser::new(part.text)).flatten() {
            if let Some(name) = effective_name(&event.command) {
                if *name == *option.as_bytes() {
                    return names.len() as u32;
                }
                names.insert(name);
            }
        }
        0
    }

    fn effective(&self) -> impl DoubleEndedIterator<Item = &Line<'a>> + Clone {
        self.lines.iter().filter(|line| !line.is_inert())
    }

    /// Changes the items that differ, and no others.
    fn set_items(&self, option: &str, items: &[Vec<u8>]) -> Plan {
        let lines: Vec<_> = self.effective().collect();
        let same = |(line, item): &(&&Line<'_>, &Vec<u8>)| *line.item() == ***item;
        let head = lines.iter().zip(items).take_while(same).count();
        let rest = lines[head..].iter().rev().zip(items[head..].iter().rev());
        let tail = rest.take_while(same).count();
        let old = &lines[head..lines.len() - tail];
        let new = &items[head..items.len() - tail];
        // The option stands where it is first mentioned; without that line it would stand further down.
        let follows = |pair: &[&Line<'_>]| pair[1].before == self.end_of(pair[0]);
        if head == 0 && tail > 0 && new.is_empty() && !lines[..=old.len()].windows(2).all(follows) {
            return self.write_anew(option, &Value::List(items.to_vec()));
        }
        let mut edits: Vec<TextEdit> = Vec::new();
        for (line, item) in old.iter().zip(new) {
            edits.extend(self.replace_word(line, item));
        }
        for line in old.iter().skip(new.len()) {
            edits.push(self.remove(line)?);
        }
        if new.len() > old.len() {
            let added = &new[old.len()..];
            // Behind the last item before them, or before the first one there is.
            match (head + old.len()).checked_sub(1).and_then(|index| lines.get(index)) {
                Some(line) => edits.push(self.insert_behind(self.end_of(line), option, added)?),
                None => edits
                    .extend(lines.first().map(|line| self.insert_before(line, option, added)).transpose()?),
            }
        }
        Ok(edits)
    }

    fn create(&self, option: &str, value: &Value, at: Option<u32>) -> Plan {
        let anchor = at.and_then(|at| self.end_before(at as usize)).unwrap_or(self.last);
        let lines = lines_of(option, value);
        Ok(vec![self.insert_lines(anchor, &lines)?])
    }

    /// Writes the option in the canonical form where it is first mentioned, and nowhere else.
    fn write_anew(&self, option: &str, value: &Value) -> Plan {
        let mut lines = self.effective();
        let Some(first) = lines.next() else { return self.create(option, value, None) };
        let text = self.stanzas[first.stanza].text;
        let eol = eol_of(text);
        let indent = indent_of(text, first.span.start);
        let joined = lines_of(option, value).join(&[eol, indent].concat()[..]);
        let mut edits = vec![TextEdit { stanza: first.stanza, range: first.span.clone(), bytes: joined }];
        if value.items().len() > 1 {
            // The further lines must not push commands of the same line into the last of them.
            self.whole_line(first)?;
        }
        for line in lines {
            edits.push(self.remove(line)?);
        }
        edits.sort_by_key(|edit| (edit.stanza, edit.range.start));
        Ok(edits)
    }

    fn replace_word(&self, line: &Line<'_>, bytes: &[u8]) -> Vec<TextEdit> {
        let edit = |range, bytes| vec![TextEdit { stanza: line.stanza, range, bytes }];
        match line.value {
            Some(word) if *word.value() == *bytes => Vec::new(),
            Some(word) => edit(word.span(), requote(word.raw(), bytes)),
            None => edit(line.span.end..line.span.end, [b" ", &quote(bytes)[..]].concat()),
        }
    }

    fn remove(&self, line: &Line<'_>) -> Result<TextEdit, SharedLine> {
        Ok(TextEdit { stanza: line.stanza, range: self.whole_line(line)?, bytes: Vec::new() })
    }

    /// The line of a command, its comment and its end included.
    fn whole_line(&self, line: &Line<'_>) -> Result<Range<usize>, SharedLine> {
        let text = self.stanzas[line.stanza].text;
        let before = line.before;
        if before.stanza == line.stanza && tail(text, before.end) == Tail::Command(line.span.start) {
            return Err(SharedLine);
        }
        Ok(line_start(text, 0, line.span.start)..self.line_end(self.end_of(line))?)
    }

    fn end_of(&self, line: &Line<'_>) -> End {
        End { stanza: line.stanza, start: line.span.start, end: line.span.end, is_config: false }
    }

    fn line_end(&self, end: End) -> Result<usize, SharedLine> {
        let StanzaText { text, ends_within_line } = self.stanzas[end.stanza];
        match tail(text, end.end) {
            Tail::End(position) if position == text.len() && ends_within_line => Err(SharedLine),
            Tail::End(position) => Ok(position),
            Tail::Command(_) => Err(SharedLine),
        }
    }

    fn insert_behind(&self, end: End, option: &str, items: &[Vec<u8>]) -> Result<TextEdit, SharedLine> {
        let lines: Vec<_> = items.iter().map(|item| line_of(true, option, item)).collect();
        self.insert_lines(end, &lines)
    }

    fn insert_before(
        &self,
        line: &Line<'_>,
        option: &str,
        items: &[Vec<u8>],
    ) -> Result<TextEdit, SharedLine> {
        let range = self.whole_line(line)?;
        let text = self.stanzas[line.stanza].text;
        let indent = indent_of(text, line.span.start);
        let mut bytes = Vec::new();
        for item in items {
            bytes.extend([indent, &line_of(true, option, item), eol_of(text)].concat());
        }
        Ok(TextEdit { stanza: line.stanza, range: range.start..range.start, bytes })
    }

    /// Inserts lines behind the line of a command, indented as it is.
    fn insert_lines(&self, behind: End, lines: &[Vec<u8>]) -> Result<TextEdit, SharedLine> {
        let position = self.line_end(behind)?;
        let text = self.stanzas[behind.stanza].text;
        let indent = if behind.is_config { b"\t" } else { indent_of(text, behind.start) };
        let eol = eol_of(text);
        let missing = missing_eol(&text[..position], eol);
        let mut bytes = lines.iter().flat_map(|line| [indent, line, eol].concat()).collect::<Vec<u8>>();
        if !missing.is_empty() {
            // The last line stays without an end.
            bytes.truncate(bytes.len() - eol.len());
            bytes.splice(0..0, missing);
        }
        Ok(TextEdit { stanza: behind.stanza, range: position..position, bytes })
    }

    /// The command behind which a new option becomes number `at`; none if there are fewer options.
    fn end_before(&self, at: usize) -> Option<End> {
        let mut names = hashbrown::HashSet::<Cow<'_, [u8]>, RandomState>::default();
        let mut last = None;
        for (stanza, part) in self.stanzas.iter().enumerate() {
            for event in SliceParser::new(part.text).flatten() {
                let is_config = match effective_name(&event.command) {
                    Some(name) => {
                        if !names.contains(&name) && names.len() == at {
                            return last;
                        }
                        names.insert(name);
                        false
                    }
                    None => matches!(event.command, Command::Config { .. } | Command::Package { .. }),
                };
                last = Some(End { stanza, start: event.span.start, end: event.span.end, is_config });
            }
        }
        None
    }
}

fn effective_name<'a>(command: &Command<'a>) -> Option<Cow<'a, [u8]>> {
    match command {
        Command::Option { name, value: Some(value) } if !value.is_empty() => Some(name.value()),
        Command::List { name, .. } => Some(name.value()),
        _ => None,
    }
}

/// Breaks a text up so that each of its commands has a line of its own.
pub(crate) fn one_command_a_line(text: &[u8]) -> Vec<u8> {
    let eol = eol_of(text);
    let mut broken = Vec::with_capacity(text.len() + 64);
    let mut done = 0;
    let mut last_end = None;
    for event in SliceParser::new(text).flatten() {
        if let Some(end) = last_end
            && let Tail::Command(next) = tail(text, end)
        {
            broken.extend_from_slice(&text[done..end]);
            broken.extend_from_slice(eol);
            if matches!(event.command, Command::Option { .. } | Command::List { .. }) {
                broken.push(b'\t');
            }
            done = next;
        }
        last_end = Some(event.span.end);
    }
    broken.extend_from_slice(&text[done..]);
    broken
}

/// Writes the canonical lines of an option, without indentation and line ends.
fn lines_of(option: &str, value: &Value) -> Vec<Vec<u8>> {
    value.items().iter().map(|item| line_of(value.is_list(), option, item)).collect()
}

fn line_of(list: bool, option: &str, item: &[u8]) -> Vec<u8> {
    let keyword: &[u8] = if list { b"list " } else { b"option " };
    [keyword, option.as_bytes(), b" ", &quote(item)].concat()
}

/// Writes `value` in the way `raw` is written, if that way can express it; else in single quotes.
pub(crate) fn requote(raw: &[u8], value: &[u8]) -> Vec<u8> {
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:/@%+,=-*?!~^[](){}<>&|$".contains(byte);
    match raw {
        [b'"', .., b'"'] if !raw.contains(&b'\'') => {
            let mut quoted = vec![b'"'];
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    quoted.push(b'\\');
                }
                quoted.push(*byte);
            }
            quoted.push(b'"');
            quoted
        }
        [b'\'' | b'"', ..] | [] => quote(value),
        _ if !value.is_empty() && value.iter().all(bare) => value.to_vec(),
        _ => quote(value),
    }
}

/// The end of line that a text uses.
pub(crate) fn eol_of(text: &[u8]) -> &'static [u8] {
    match memchr::memchr(b'\n', text) {
        Some(newline) if newline > 0 && text[newline - 1] == b'\r' => b"\r\n",
        _ => b"\n",
    }
}

/// What a text lacks for something to follow on a line of its own. A backslash at its end would go
/// on with that line, so it gets an empty one.
pub(crate) fn missing_eol(text: &[u8], eol: &[u8]) -> Vec<u8> {
    match text.last() {
        None | Some(b'\n') => Vec::new(),
        Some(b'\\') => [eol, eol].concat(),
        Some(_) => eol.to_vec(),
    }
}

/// What stands before a command on its line; a tab if that is not only blank space.
fn indent_of(text: &[u8], start: usize) -> &[u8] {
    let indent = &text[line_start(text, 0, start)..start];
    if indent.iter().all(|byte| matches!(byte, b' ' | b'\t')) { indent } else { b"\t" }
}
