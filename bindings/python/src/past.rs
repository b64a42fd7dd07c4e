//! History, blame, going back, and what awaits confirmation.

use cms::{CommitKind, CommitOptions, HistoryQuery, Revision};
use pyo3::prelude::*;

use crate::error::from_engine;
use crate::record::{self, Armed, Change, Outcome};
use crate::store::Store;
use crate::value::{key as parse_key, raw};

/// Revision, time, author, tool, message, kind and changes.
type Entry<'py> = (u64, i64, String, String, String, &'static str, Vec<Change<'py>>);

/// Key, value, and the commit: revision, author, time, message.
type Line<'py> = (String, Bound<'py, PyAny>, Option<(u64, String, i64, String)>);

#[pymethods]
impl Store {
    #[pyo3(signature = (key, since, until, limit))]
    fn past<'py>(
        &self,
        py: Python<'py>,
        key: Option<&str>,
        since: Option<u64>,
        until: Option<u64>,
        limit: Option<usize>,
    ) -> PyResult<Vec<Entry<'py>>> {
        let key = key.map(|key| parse_key(py, key)).transpose()?;
        let query = HistoryQuery { key, since: since.map(Revision), until: until.map(Revision), limit };
        let found = py.detach(|| self.inner.history(&query)).map_err(|error| from_engine(py, error))?;
        let entry = |entry: cms::HistoryEntry| {
            let kind = match entry.kind {
                CommitKind::Normal => "normal",
                CommitKind::External => "external",
                CommitKind::Rollback { .. } => "rollback",
                CommitKind::Undo { .. } => "undo",
                CommitKind::Import => "import",
            };
            let changes = record::changes(py, &entry.changes)?;
            Ok((entry.revision.0, entry.time_us, entry.author, entry.tool, entry.message, kind, changes))
        };
        found.into_iter().map(entry).collect()
    }

    fn blamed<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Vec<Line<'py>>> {
        let key = parse_key(py, key)?;
        let found = py.detach(|| self.inner.blame(&key)).map_err(|error| from_engine(py, error))?;
        let line = |line: cms::BlameLine| {
            let commit = line.commit.map(|by| (by.revision.0, by.author, by.time_us, by.message));
            Ok((line.key, raw(py, &line.value)?, commit))
        };
        found.into_iter().map(line).collect()
    }

    #[pyo3(signature = (revision, key, message))]
    fn go_back<'py>(
        &self,
        py: Python<'py>,
        revision: u64,
        key: Option<&str>,
        message: &str,
    ) -> PyResult<record::Commit<'py>> {
        let key = key.map(|key| parse_key(py, key)).transpose()?;
        let options = options(message);
        let done = py.detach(|| self.inner.rollback(Revision(revision), key.as_ref(), &options));
        record::commit(py, &self.inner, &done.map_err(|error| from_engine(py, error))?)
    }

    fn reverse<'py>(
        &self,
        py: Python<'py>,
        first: u64,
        last: u64,
        message: &str,
    ) -> PyResult<record::Commit<'py>> {
        let options = options(message);
        let done = py.detach(|| self.inner.undo(Revision(first)..=Revision(last), &options));
        record::commit(py, &self.inner, &done.map_err(|error| from_engine(py, error))?)
    }

    fn awaiting(&self, py: Python<'_>) -> PyResult<Vec<Armed>> {
        let pending = py.detach(|| self.inner.pending()).map_err(|error| from_engine(py, error))?;
        Ok(pending.iter().map(|pending| record::armed(&self.inner, pending)).collect())
    }

    #[pyo3(signature = (token, keep))]
    fn settle(&self, py: Python<'_>, token: Option<&str>, keep: bool) -> PyResult<Outcome> {
        let done = py.detach(|| if keep { self.inner.confirm(token) } else { self.inner.cancel(token) });
        Ok(record::outcome(&done.map_err(|error| from_engine(py, error))?))
    }

    /// Rolls back what is due; answers what was.
    fn roll_back_due(&self, py: Python<'_>) -> PyResult<Vec<Outcome>> {
        let done = py.detach(|| self.inner.expire()).map_err(|error| from_engine(py, error))?;
        Ok(done.iter().map(record::outcome).collect())
    }

    /// Rolls back what nobody confirms in time; returns when nothing is pending any more.
    fn guard(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.guard(&mut |_| {})).map_err(|error| from_engine(py, error))
    }

    /// Registers a module from its text.
    fn register(&self, py: Python<'_>, name: &str, text: &[u8]) -> PyResult<()> {
        let done = py.detach(|| self.inner.modules().add(name, text));
        done.map(drop).map_err(|error| from_engine(py, error))
    }
}

fn options(message: &str) -> CommitOptions {
    CommitOptions { message: message.to_owned(), tool: "python".to_owned(), ..CommitOptions::default() }
}
