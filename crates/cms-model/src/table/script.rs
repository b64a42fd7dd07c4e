//! Which SQL may run: the part that means the same on SQLite and on PostgreSQL (`docs/tables.md`).
//!
//! This looks at words, for a clear answer. That nothing but the tables is touched does not rest on it: the database's own
//! authorizer sees to that.

use std::collections::BTreeSet;
use std::fmt;

/// Why a script is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub reason: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the script: {}", self.line, self.reason)
    }
}

impl std::error::Error for ScriptError {}

/// SQL whose words were looked at.
///
/// ```
/// use cms_model::table::Script;
///
/// let script = Script::parse("UPDATE leases SET host = 'a;b' WHERE ip = '10.0.0.1'; DELETE FROM \"dhcp.pool\"")?;
/// assert_eq!(script.statements().len(), 2);
/// assert!(script.names().contains("leases") && script.names().contains("dhcp.pool"));
/// let error = Script::parse("SELECT 1;\nPRAGMA user_version = 9").unwrap_err();
/// assert_eq!(error.to_string(), "line 2 of the script: PRAGMA is not allowed: it is SQLite's own");
/// # Ok::<(), cms_model::table::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    statements: Vec<(usize, String)>,
    names: BTreeSet<String>,
    targets: BTreeSet<String>,
}

/// The longest script.
const LONGEST: usize = 4 << 20;

const FUNCTIONS: [&str; 18] = [
    "abs",
    "avg",
    "coalesce",
    "count",
    "like",
    "lower",
    "length",
    "ltrim",
    "max",
    "min",
    "nullif",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "substr",
    "sum",
    "trim",
];

/// Tells whether a function means the same on both databases.
pub fn is_allowed_function(name: &str) -> bool {
    name.eq_ignore_ascii_case("upper") || FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Words that are refused wherever they stand.
fn refusal(word: &str) -> Option<&'static str> {
    Some(match word {
        "PRAGMA" | "ATTACH" | "DETACH" | "VACUUM" | "REINDEX" | "ANALYZE" | "EXPLAIN" | "INDEXED" => {
            "it is SQLite's own"
        }
        "GLOB" | "REGEXP" | "MATCH" => "PostgreSQL has no such operator, use LIKE",
        "COLLATE" => "the orders of the two databases have different names",
        "ROWID" | "OID" | "_ROWID_" => "rows have no number, use the key",
        "SQLITE_MASTER" | "SQLITE_SCHEMA" => "only the tables of the store can be read, see `cms table list`",
        _ => return None,
    })
}

/// First words of statements that are refused.
fn statement_refusal(word: &str) -> &'static str {
    match word {
        "CREATE" | "ALTER" | "DROP" | "TRUNCATE" => {
            "tables are defined by `cms table create`, `alter` and `drop`"
        }
        "BEGIN" | "COMMIT" | "END" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "START" => {
            "a script is a part of one transaction, all of it or nothing"
        }
        "REPLACE" => "write INSERT with ON CONFLICT (…) DO UPDATE",
        _ => "a statement is SELECT, INSERT, UPDATE, DELETE, VALUES or WITH",
    }
}

impl Script {
    /// Looks at a script.
    ///
    /// # Errors
    /// The first thing that is not allowed, with its line.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        if text.len() > LONGEST {
            let reason = format!("it has {} bytes, the most is {LONGEST}: split it", text.len());
            return Err(ScriptError { line: 1, reason });
        }
        let mut script = Script { statements: Vec::new(), names: BTreeSet::new(), targets: BTreeSet::new() };
        let mut words = Words { text, at: 0, line: 1 };
        let mut start: Option<(usize, usize)> = None;
        // The last word, and the one before that.
        let (mut before, mut earlier) = (String::new(), String::new());
        let mut is_target = false;
        // Behind IS, or IS NOT.
        let mut is_test = false;
        loop {
            let word = words.next()?;
            let refuse = |what: &str, why: &str| {
                Err(ScriptError { line: word.line, reason: format!("{what} is not allowed: {why}") })
            };
            let upper = match word.kind {
                Kind::End | Kind::Semicolon => {
                    if let Some((line, from)) = start.take() {
                        script.statements.push((line, text[from..word.from].trim_end().to_owned()));
                    }
                    if word.kind == Kind::End {
                        return Ok(script);
                    }
                    continue;
                }
                Kind::Word => word.text.to_ascii_uppercase(),
                Kind::Quoted => String::new(),
                Kind::Other => word.text.to_owned(),
            };
            if start.is_none() {
                let opens = ["SELECT", "INSERT", "UPDATE", "DELETE", "VALUES", "WITH"];
                if let (Kind::Word, Some(why)) = (word.kind, refusal(&upper)) {
                    return refuse(&upper, why);
                }
                if !opens.contains(&upper.as_str()) {
                    return refuse(
                        if upper.is_empty() { word.text } else { &upper },
                        statement_refusal(&upper),
                    );
                }
                start = Some((word.line, word.from));
                before.clear();
                earlier.clear();
            }
            match word.kind {
                Kind::Word => {
                    if let Some(why) = refusal(&upper) {
                        return refuse(&upper, why);
                    }
                    if upper == "OR" && (before == "INSERT" || before == "UPDATE") {
                        return refuse(&format!("{before} OR"), "write INSERT with ON CONFLICT (…)");
                    }
                    if upper == "INTO" && before == "REPLACE" {
                        return refuse("REPLACE INTO", "write INSERT with ON CONFLICT (…) DO UPDATE");
                    }
                    let tests = ["NULL", "NOT", "TRUE", "FALSE", "DISTINCT"];
                    if is_test && !tests.contains(&upper.as_str()) {
                        return refuse(
                            "IS",
                            "only NULL, TRUE, FALSE and DISTINCT FROM may follow it; else write =",
                        );
                    }
                    script.names.insert(word.text.to_ascii_lowercase());
                }
                _ if is_test => {
                    return refuse(
                        "IS",
                        "only NULL, TRUE, FALSE and DISTINCT FROM may follow it; else write =",
                    );
                }
                Kind::Quoted => {
                    script.names.insert(word.text.to_ascii_lowercase());
                }
                _ => match word.text {
                    "`" => return refuse("`", "names stand in double quotes"),
                    "[" => return refuse("[", "names stand in double quotes"),
                    "==" => return refuse("==", "write ="),
                    "?" | ":" | "@" | "$" | "#" => return refuse(word.text, "a script has no parameters"),
                    "x'" => return refuse("X'…'", "the two databases write bytes differently"),
                    "->" => return refuse("->", "a column is no JSON"),
                    _ => {}
                },
            }
            is_target = match before.as_str() {
                "." => is_target,
                "INTO" => true,
                // Not of ON CONFLICT … DO UPDATE.
                "UPDATE" => earlier != "DO",
                "FROM" => earlier == "DELETE",
                // What stands before a point names what the table is in.
                _ => is_target && upper == ".",
            };
            if is_target && upper != "." {
                script.targets.insert(word.text.to_ascii_lowercase());
            }
            is_test = upper == "IS" || is_test && upper == "NOT";
            earlier = std::mem::replace(&mut before, upper);
        }
    }

    /// Returns the statements, each with its line.
    pub fn statements(&self) -> &[(usize, String)] {
        &self.statements
    }

    /// Returns every word and name in it, in small letters: the names of the tables are among them.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Returns the names of the tables that it inserts into, updates or deletes from, in small letters.
    pub fn targets(&self) -> &BTreeSet<String> {
        &self.targets
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// In double quotes, which are not part of its text.
    Quoted,
    Other,
    Semicolon,
    End,
}

struct Token<'a> {
    kind: Kind,
    text: &'a str,
    from: usize,
    line: usize,
}

/// The words of a script, without comments and the insides of text.
struct Words<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<Token<'a>, ScriptError> {
        self.skip_blank()?;
        let (from, line) = (self.at, self.line);
        let rest = &self.text[from..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token { kind: Kind::End, text: "", from, line });
        };
        let token = |kind, text| Ok(Token { kind, text, from, line });
        if first == '\0' {
            return Err(ScriptError { line, reason: "it holds a NUL byte".to_owned() });
        }
        if first.is_ascii_alphabetic() || first == '_' {
            if matches!(first, 'x' | 'X') && rest[1..].starts_with('\'') {
                self.at += 2;
                return token(Kind::Other, "x'");
            }
            let len = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
                .unwrap_or(rest.len());
            self.at += len;
            return token(Kind::Word, &rest[..len]);
        }
        match first {
            '\'' => {
                self.quoted('\'')?;
                token(Kind::Other, "''")
            }
            '"' => {
                let inner = self.quoted('"')?;
                token(Kind::Quoted, inner)
            }
            ';' => {
                self.at += 1;
                token(Kind::Semicolon, ";")
            }
            _ => {
                let known = ["==", "->"].into_iter().find(|operator| rest.starts_with(operator));
                let len = known.map_or(first.len_utf8(), str::len);
                self.at += len;
                token(Kind::Other, &rest[..len])
            }
        }
    }

    /// Passes over something in quotes, which are doubled inside; answers the inside.
    fn quoted(&mut self, quote: char) -> Result<&'a str, ScriptError> {
        let (text, begin, line) = (self.text, self.at + 1, self.line);
        let mut at = begin;
        while let Some(found) = text[at..].find(quote) {
            at += found + 1;
            if !text[at..].starts_with(quote) {
                self.line += text[begin..at].matches('\n').count();
                self.at = at;
                return Ok(&text[begin..at - 1]);
            }
            at += 1;
        }
        Err(ScriptError { line, reason: format!("a {quote} is opened and not closed") })
    }

    fn skip_blank(&mut self) -> Result<(), ScriptError> {
        loop {
            let rest = &self.text[self.at..];
            let len = if rest.starts_with("--") {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    // One database nests comments, the other does not.
                    Some(end) if comment[..end].contains("/*") => {
                        let reason = "a comment holds another one".to_owned();
                        return Err(ScriptError { line: self.line, reason });
                    }
                    Some(end) => end + 4,
                    None => {
                        let reason = "a comment is opened and not closed".to_owned();
                        return Err(ScriptError { line: self.line, reason });
                    }
                }
            } else {
                rest.find(|letter: char| !letter.is_ascii_whitespace()).unwrap_or(rest.len())
            };
            if len == 0 {
                return Ok(());
            }
            self.line += rest[..len].matches('\n').count();
            self.at += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(script: &str, words: &str) {
        match Script::parse(script) {
            Ok(_) => assert_eq!(script, "is refused"),
            Err(error) => assert!(error.reason.contains(words), "{script}: {error}"),
        }
    }

    #[test]
    fn what_is_one_database_s_own_is_refused_with_a_word() {
        refused("PRAGMA writable_schema = 1", "SQLite's own");
        refused("ATTACH '/etc/passwd' AS x", "SQLite's own");
        refused("CREATE TABLE x (a)", "cms table create");
        refused("create trigger x after insert on y begin select 1; end", "cms table create");
        refused("BEGIN; SELECT 1; COMMIT", "all of it or nothing");
        refused("INSERT OR REPLACE INTO t VALUES (1)", "ON CONFLICT");
        refused("INSERT /* so */ or ignore INTO t VALUES (1)", "ON CONFLICT");
        refused("REPLACE INTO t VALUES (1)", "ON CONFLICT");
        refused("SELECT * FROM t WHERE a GLOB 'x'", "LIKE");
        refused("SELECT [a] FROM t", "double quotes");
        refused("SELECT `a` FROM t", "double quotes");
        refused("SELECT a FROM t WHERE a == 1", "write =");
        refused("SELECT ?1", "parameters");
        refused("SELECT x'00'", "bytes");
        refused("SELECT rowid FROM t", "key");
        refused("SELECT a FROM t WHERE a IS b", "write =");
        refused("SELECT a FROM t WHERE a IS NOT 5", "write =");
        refused("SELECT 'open", "not closed");
        refused("SELECT 1 /* open", "not closed");
        refused("SELECT 1 /* a /* b */ */", "holds another one");
        refused("SELECT 1 /*/ 2", "not closed");
        refused("(SELECT 1)", "a statement is");
    }

    #[test]
    fn text_and_comments_are_not_looked_at() {
        let script = "SELECT 1 FROM t WHERE a IS NOT NULL AND b IS NOT DISTINCT FROM c";
        assert!(Script::parse(script).is_ok());
        let script = "-- PRAGMA\nSELECT 'PRAGMA; ''ATTACH', \"a\"\"b\" FROM t /* DROP ; */; ; select replace(a, 'x', 'y') from t;";
        let script = Script::parse(script).expect("it is allowed");
        assert_eq!(script.statements().len(), 2);
        assert_eq!(script.statements()[0].0, 2);
        assert!(script.statements()[1].1.starts_with("select replace"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "[a-z'\";/*\\-\\[`?= \n\u{e9}]{0,60}") {
            let _ = Script::parse(&text);
        }
    }
}
