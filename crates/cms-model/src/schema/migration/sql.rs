//! What a migration does to tables: scripts of SQL, which change rows, and statements that make, alter and drop tables.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::step::StepError;
use super::words::{Word, words};
use crate::table::{Column, Datum, Definition, Script, TableError, TableName};

const FIRST: [&str; 3] = ["create", "alter", "drop"];

/// One entry of `list sql` in a migration: a script, or a statement that defines a table.
///
/// ```
/// use cms_model::schema::{SqlAction, SqlStep};
///
/// let step = SqlStep::parse("UPDATE leases SET host = lower(host); DELETE FROM leases WHERE ip IS NULL").unwrap();
/// assert!(matches!(step.action(), SqlAction::Script(script) if script.statements().len() == 2));
/// let step = SqlStep::parse(r#"create table leases "ip TEXT required|ipv4" "host TEXT" key ip index host"#).unwrap();
/// assert_eq!(step.tables().into_iter().collect::<Vec<_>>(), ["leases"]);
///
/// let error = SqlStep::parse("PRAGMA user_version = 9").unwrap_err();
/// assert_eq!(error.to_string(), "line 1 of the script: PRAGMA is not allowed: it is SQLite's own");
/// ```
#[derive(Debug, Clone)]
pub struct SqlStep {
    text: String,
    action: SqlAction,
}

/// What an entry does.
#[derive(Debug, Clone)]
pub enum SqlAction {
    /// Changes rows.
    Script(Script),
    /// Makes a table.
    Create(Definition),
    /// Gives a table other columns or indexes.
    Alter(Alteration),
    /// Removes a table with its rows.
    Drop(TableName),
}

/// What is altered of a table, in order.
#[derive(Debug, Clone)]
pub struct Alteration {
    /// The table.
    pub table: TableName,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Add { column: Column, default: Datum },
    Drop(String),
    Index { columns: Vec<String>, unique: bool },
    NoIndex(Vec<String>),
}

impl Alteration {
    /// Alters a definition.
    ///
    /// # Errors
    /// If there is no such column or index, or one of the name already.
    pub fn apply(&self, definition: &mut Definition) -> Result<(), TableError> {
        self.parts.iter().try_for_each(|part| match part {
            Part::Add { column, .. } => definition.add_column(column.clone()),
            Part::Drop(column) => definition.drop_column(column),
            Part::Index { columns, unique } => definition.add_index(columns, *unique),
            Part::NoIndex(columns) => definition.drop_index(columns),
        })
    }

    /// Returns the columns that are new, with what the rows that are there have in them.
    pub fn defaults(&self) -> Vec<(Column, Datum)> {
        let added = self.parts.iter().filter_map(|part| match part {
            Part::Add { column, default } => Some((column.clone(), default.clone())),
            _ => None,
        });
        added.collect()
    }
}

impl PartialEq for SqlStep {
    /// Entries are the same if they say the same.
    fn eq(&self, other: &SqlStep) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for SqlStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SqlStep {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it, with its place in `text`.
    pub fn parse(text: &str) -> Result<SqlStep, StepError> {
        let first = text.split_whitespace().next().unwrap_or_default();
        let action = match FIRST.iter().find(|word| word.eq_ignore_ascii_case(first)) {
            Some(_) => Reader { words: &words(text)?, next: 0, end: text.len() }.definition()?,
            None => {
                let script = Script::parse(text).map_err(|error| {
                    StepError::new(line_of(text, error.line), error.to_string())
                        .hint("docs/tables.md says which SQL there is")
                })?;
                if script.statements().is_empty() {
                    return Err(StepError::new(0..text.len(), "there is no statement in it"));
                }
                SqlAction::Script(script)
            }
        };
        Ok(SqlStep { text: text.trim().to_owned(), action })
    }

    /// Returns what it does.
    pub fn action(&self) -> &SqlAction {
        &self.action
    }

    /// Returns its statements as they are written.
    pub fn statements(&self) -> Vec<&str> {
        match &self.action {
            SqlAction::Script(script) => script.statements().iter().map(|(_, sql)| &**sql).collect(),
            _ => vec![&self.text],
        }
    }

    /// Returns the names of the tables that it may change, in small letters.
    pub fn tables(&self) -> BTreeSet<String> {
        let own = match &self.action {
            SqlAction::Script(script) => return script.targets().clone(),
            SqlAction::Create(definition) => &definition.name,
            SqlAction::Alter(alteration) => &alteration.table,
            SqlAction::Drop(table) => table,
        };
        BTreeSet::from([own.as_str().to_owned()])
    }
}

/// The bytes of a line.
fn line_of(text: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (number, piece) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            return start..start + piece.trim_end().len();
        }
        start += piece.len();
    }
    text.len()..text.len()
}

/// The words of a statement, one after the other.
struct Reader<'a> {
    words: &'a [Word],
    next: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn definition(mut self) -> Result<SqlAction, StepError> {
        let verb = self.word("what to do")?.text.to_ascii_lowercase();
        let table = self.word("`table`")?;
        if table.quoted || !table.text.eq_ignore_ascii_case("table") {
            return Err(StepError::new(table.at.clone(), format!("`{}` where `table` belongs", table.text))
                .hint("`create`, `alter` and `drop` are about tables; indexes are a part of them"));
        }
        let word = self.word("the name of the table")?;
        let name =
            TableName::new(&word.text).map_err(|error| StepError::new(word.at.clone(), error.to_string()))?;
        match &*verb {
            "create" => self.create(name, &word.at),
            "alter" => self.alter(name),
            _ => match self.words.get(self.next) {
                Some(word) => {
                    Err(StepError::new(word.at.clone(), format!("`{}` is one word too many", word.text)))
                }
                None => Ok(SqlAction::Drop(name)),
            },
        }
    }

    fn create(&mut self, name: TableName, at: &Range<usize>) -> Result<SqlAction, StepError> {
        let mut columns: Vec<String> = Vec::new();
        while let Some(word) = self.words.get(self.next).filter(|word| word.quoted) {
            column(word)?;
            columns.push(word.text.clone());
            self.next += 1;
        }
        if columns.is_empty() {
            let at = self.words.get(self.next).map_or(self.end..self.end, |word| word.at.clone());
            return Err(StepError::new(at, "a column is missing").hint("write it as \"NAME TYPE [RULES]\""));
        }
        let wrong = |at: &Range<usize>| {
            let at = at.clone();
            move |error: TableError| StepError::new(at, error.to_string())
        };
        let mut key: Vec<String> = Vec::new();
        let mut indexes = Vec::new();
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            match &*word.text {
                "key" if !word.quoted && key.is_empty() => key = self.columns()?.0,
                "index" | "unique" if !word.quoted => {
                    let (columns, at) = self.columns()?;
                    indexes.push((columns, word.text == "unique", at));
                }
                other => {
                    return Err(StepError::new(word.at.clone(), format!("`{other}` is out of place here"))
                        .hint("behind the columns stand `key A,B`, `index A,B` and `unique A,B`"));
                }
            }
        }
        let mut definition = Definition::parse(name.as_str(), &columns, &key).map_err(wrong(at))?;
        for (columns, unique, at) in indexes {
            definition.add_index(&columns, unique).map_err(wrong(&at))?;
        }
        Ok(SqlAction::Create(definition))
    }

    fn alter(&mut self, table: TableName) -> Result<SqlAction, StepError> {
        let mut parts = Vec::new();
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            parts.push(match &*word.text {
                _ if word.quoted => return Err(out_of_place(word)),
                "add" => self.added()?,
                "drop" => Part::Drop(self.word("the column")?.text.clone()),
                "index" => Part::Index { columns: self.columns()?.0, unique: false },
                "unique" => Part::Index { columns: self.columns()?.0, unique: true },
                "no-index" => Part::NoIndex(self.columns()?.0),
                _ => return Err(out_of_place(word)),
            });
        }
        if parts.is_empty() {
            let error = StepError::new(self.end..self.end, "what to alter is missing");
            return Err(error.hint(ALTERATIONS));
        }
        Ok(SqlAction::Alter(Alteration { table, parts }))
    }

    /// `"NAME TYPE [RULES]" [default VALUE]`
    fn added(&mut self) -> Result<Part, StepError> {
        let column = column(self.word("the column")?)?;
        let is_default = |word: &&Word| !word.quoted && word.text == "default";
        if self.words.get(self.next).filter(is_default).is_none() {
            return Ok(Part::Add { column, default: Datum::Null });
        }
        self.next += 1;
        let word = self.word("the default")?;
        let default = column.kind.read(&word.text);
        let default = default.map_err(|reason| StepError::new(word.at.clone(), reason))?;
        Ok(Part::Add { column, default })
    }

    fn columns(&mut self) -> Result<(Vec<String>, Range<usize>), StepError> {
        let word = self.word("the columns")?;
        Ok((word.text.split(',').map(|name| name.trim().to_owned()).collect(), word.at.clone()))
    }

    fn word(&mut self, what: &str) -> Result<&'a Word, StepError> {
        let word = self.words.get(self.next);
        self.next += 1;
        word.ok_or_else(|| StepError::new(self.end..self.end, format!("{what} is missing")))
    }
}

const ALTERATIONS: &str =
    "there are `add \"COLUMN\" [default VALUE]`, `drop COLUMN`, `index A,B`, `unique A,B` and `no-index A,B`";

fn out_of_place(word: &Word) -> StepError {
    StepError::new(word.at.clone(), format!("`{}` is out of place here", word.text)).hint(ALTERATIONS)
}

fn column(word: &Word) -> Result<Column, StepError> {
    Column::parse(&word.text).map_err(|reason| StepError::new(word.at.clone(), reason))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_with_an_entry_has_its_place() {
        let check = |text: &str, at: &str, message: &str| {
            let error = SqlStep::parse(text).unwrap_err();
            assert_eq!((&text[error.at.clone()], &*error.message), (at, message), "{text}");
        };
        check("", "", "there is no statement in it");
        check("-- nothing", "-- nothing", "there is no statement in it");
        check(
            "SELECT 1;\n  ATTACH 'x' AS y;\nSELECT 2",
            "  ATTACH 'x' AS y;",
            "line 2 of the script: ATTACH is not allowed: it is SQLite's own",
        );
        check("create index a", "index", "`index` where `table` belongs");
        check("create table", "", "the name of the table is missing");
        check(
            "create table commits \"a INT\"",
            "commits",
            "table commits: the name belongs to the log or a database: take another one",
        );
        check("create table a", "", "a column is missing");
        check("create table a key b", "key", "a column is missing");
        check("create table a \"b INT\" keys b", "keys", "`keys` is out of place here");
        check("create table a \"b INT\" key", "", "the columns is missing");
        check("alter table a", "", "what to alter is missing");
        check("alter table a rename b", "rename", "`rename` is out of place here");
        check("alter table a add \"b INT\" default x", "x", "`x` is no number of 64 bits");
        check("drop table a b", "b", "`b` is one word too many");
        check("drop table \"a", "\"a", "a quote is not closed");
    }

    #[test]
    fn an_alteration_goes_in_order() {
        let parse = |text: &str| SqlStep::parse(text).unwrap();
        let made = parse(
            "CREATE TABLE dhcp.leases \"ip TEXT ipv4\" \"pool INT\" \"host TEXT\" key ip,pool unique host",
        );
        let SqlAction::Create(mut table) = made.action().clone() else { unreachable!("{made}") };
        let step = "alter table dhcp.leases no-index host drop host add \"name TEXT len:1,9\" default \"a b\" index name";
        let SqlAction::Alter(alteration) = parse(step).action().clone() else { unreachable!("{step}") };
        alteration.apply(&mut table).unwrap();
        let columns: Vec<String> = table.columns.iter().map(ToString::to_string).collect();
        assert_eq!(columns, ["ip TEXT ipv4", "pool INT", "name TEXT len:1,9"]);
        assert_eq!((&table.key[..], &table.indexes[0].columns[..]), (&[0, 1][..], &[2][..]));
        assert_eq!(alteration.defaults()[0].1, Datum::Text("a b".to_owned()));
        assert!(alteration.apply(&mut table).is_err());
    }

    #[test]
    fn the_tables_that_it_may_change_are_known() {
        let check = |text: &str, tables: &[&str]| {
            let step = SqlStep::parse(text).unwrap();
            assert_eq!(step.tables().into_iter().collect::<Vec<_>>(), tables, "{text}");
        };
        check("INSERT INTO a SELECT * FROM b ON CONFLICT (x) DO UPDATE SET y = 1", &["a"]);
        check("UPDATE \"dhcp.A\" SET x = 1; delete from c where x in (select x from d)", &["c", "dhcp.a"]);
        check("WITH e AS (SELECT 1) UPDATE f SET x = (SELECT 1 FROM e)", &["f"]);
        check("SELECT 1 FROM a", &[]);
        check("drop table a", &["a"]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(
            text in "((create|alter|drop|table|add|key|index|default|\"a INT\"|a|b|,|\"|;|\u{e9}) ?){0,9}"
        ) {
            let _ = SqlStep::parse(&text);
        }
    }
}
