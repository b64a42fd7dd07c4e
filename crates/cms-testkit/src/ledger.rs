//! What the program has acknowledged, and what must therefore be there.

use crate::Home;

const PACKAGE: &str = "store";

/// A package of numbered options whose text is known byte for byte, the values that are committed, and those
/// that are staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    committed: Vec<u64>,
    staged: Vec<Option<u64>>,
}

/// What is found in a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The package file.
    pub file: String,
    /// The value of each option with the staged changes applied, as the program shows them.
    pub effective: Vec<Option<u64>>,
    /// What `cms changes` says.
    pub changes: String,
    /// All names in the configuration directory.
    pub names: Vec<String>,
}

impl Ledger {
    /// A package of so many options, all 0, nothing staged; writes its file.
    pub fn new(home: &Home, options: usize) -> Self {
        let ledger = Self { committed: vec![0; options], staged: vec![None; options] };
        home.write(PACKAGE, ledger.text());
        ledger
    }

    /// How many options there are.
    pub fn len(&self) -> usize {
        self.committed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.committed.is_empty()
    }

    /// The key of an option.
    pub fn key(option: usize) -> String {
        format!("{PACKAGE}.main.o{option}")
    }

    /// The arguments of the command that stages a value.
    pub fn set_command(option: usize, value: u64) -> [String; 2] {
        ["set".into(), format!("{}={value}", Self::key(option))]
    }

    /// After a `set` that was acknowledged.
    pub fn stage(&mut self, option: usize, value: u64) {
        self.staged[option] = Some(value);
    }

    /// After a `commit` that was acknowledged.
    pub fn commit(&mut self) {
        for (committed, staged) in self.committed.iter_mut().zip(&mut self.staged) {
            *committed = staged.take().unwrap_or(*committed);
        }
    }

    /// The committed value of an option.
    pub fn committed(&self, option: usize) -> u64 {
        self.committed[option]
    }

    /// The file as it must be: only values ever change.
    pub fn text(&self) -> String {
        let mut text = "# Kept by hand. Do not lose this line.\n\nconfig store 'main'\n".to_owned();
        for (option, value) in self.committed.iter().enumerate() {
            let comment = if option % 3 == 0 { "\t# see the manual" } else { "" };
            text.push_str(&format!("\toption o{option} '{value}'{comment}\n"));
        }
        text.push_str("\n# The tail.\nconfig store\n\tlist item \"a b\"\n\tlist item c\n");
        text
    }

    /// Why what is seen is not what the ledger says; `Ok` when it is.
    pub fn explains(&self, seen: &Seen) -> Result<(), String> {
        let effective: Vec<Option<u64>> = self
            .committed
            .iter()
            .zip(&self.staged)
            .map(|(value, staged)| Some(staged.unwrap_or(*value)))
            .collect();
        if seen.effective != effective {
            return Err(format!("values {:?}, expected {effective:?}", seen.effective));
        }
        if seen.file != self.text() {
            return Err(format!("the file is\n{}\nexpected\n{}", seen.file, self.text()));
        }
        for (option, (committed, staged)) in self.committed.iter().zip(&self.staged).enumerate() {
            let listed = mentions(&seen.changes, &Self::key(option));
            let expected = staged.is_some_and(|staged| staged != *committed);
            if listed != expected {
                return Err(format!("o{option} staged: {expected}, but `changes` says {:?}", seen.changes));
            }
        }
        if seen.names != [PACKAGE] {
            return Err(format!("files in the configuration directory: {:?}", seen.names));
        }
        Ok(())
    }

    /// Asserts that a home holds what the ledger says.
    #[track_caller]
    pub fn check(&self, home: &Home, situation: &str) {
        if let Err(difference) = self.explains(&Seen::of(home, self.len())) {
            panic!("{situation}: {difference}");
        }
    }

    /// Resolves an operation whose end is not known: the home must hold all of what `self` says or all of what
    /// `after` says; the answer is the one it holds.
    #[track_caller]
    pub fn either(self, after: Self, home: &Home, situation: &str) -> Self {
        let seen = Seen::of(home, self.len());
        match (self.explains(&seen), after.explains(&seen)) {
            (_, Ok(())) => after,
            (Ok(()), _) => self,
            (Err(before), Err(after)) => {
                panic!("{situation}: neither as before nor as after\n\nbefore: {before}\n\nafter: {after}")
            }
        }
    }
}

impl Seen {
    /// Runs the next commands in a home, which must just work, and looks around.
    #[track_caller]
    pub fn of(home: &Home, options: usize) -> Self {
        let shown = home.cms(["show", &format!("{PACKAGE}.main")]).run().success().stdout();
        let changes = home.cms(["changes"]).run().success().stdout();
        let value = |option: usize| {
            let start = format!("{}=", Ledger::key(option));
            let line = shown.lines().find_map(|line| line.strip_prefix(&start))?;
            line.trim_matches('\'').parse().ok()
        };
        Self {
            file: home.read(PACKAGE),
            effective: (0..options).map(value).collect(),
            changes,
            names: home.names(),
        }
    }
}

/// Whether a text has a key as a whole word.
fn mentions(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let next = text[at + key.len()..].chars().next();
        !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
    })
}
