//! Being told of commits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cms::{Notice, Pattern, Revision};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{self, from_engine, from_pattern};
use crate::record;
use crate::transaction::duration;

/// How long one wait lasts before signals, such as that of Ctrl-C, and the end of the watch are looked for.
const SLICE: Duration = Duration::from_millis(100);

/// A reader of events.
#[pyclass(frozen, module = "cms._native")]
pub(crate) struct Watch {
    inner: Mutex<cms::Watch>,
    is_closed: AtomicBool,
}

impl Watch {
    pub fn new(
        py: Python<'_>,
        store: &cms::Store,
        patterns: &[String],
        after: Option<u64>,
    ) -> PyResult<Watch> {
        let patterns: Result<Vec<_>, _> = patterns.iter().map(|pattern| Pattern::new(pattern)).collect();
        let patterns = patterns.map_err(|error| from_pattern(py, &error))?;
        let watch = py.detach(|| store.watch(patterns, after.map(Revision)));
        let watch = watch.map_err(|error| from_engine(py, error))?;
        Ok(Watch { inner: Mutex::new(watch), is_closed: AtomicBool::new(false) })
    }
}

#[pymethods]
impl Watch {
    /// Waits for the next commit: revision, time, author, message and changes. `None` after the timeout, or once the watch is closed.
    #[pyo3(signature = (timeout=None))]
    fn next<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let end = timeout.map(duration).transpose()?.and_then(|time| Instant::now().checked_add(time));
        loop {
            if self.is_closed.load(Ordering::Acquire) {
                return Ok(None);
            }
            py.check_signals()?;
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let slice = left.map_or(SLICE, |left| left.min(SLICE));
            // The mutex is taken and given back without the interpreter's lock.
            let told = py.detach(|| self.inner.lock().next(Some(slice)));
            match told.map_err(|error| from_engine(py, error))? {
                Some(Notice::Commit(commit)) => {
                    let changes = record::changes(py, commit.events.iter().map(|event| &event.change))?;
                    let told = (commit.revision.0, commit.time_us, &*commit.author, &commit.message, changes);
                    return told.into_pyobject(py).map(Some);
                }
                Some(Notice::Compacted { after, resume }) => {
                    let message = format!(
                        "the log no longer has what came after revision {}: take the state at {}, the events after it follow",
                        after.0, resume.0
                    );
                    return Err(error::raise(py, "Compacted", &message, |with| {
                        with.set_item("after", after.0)?;
                        with.set_item("resume", resume.0)
                    }));
                }
                Some(Notice::Stopped { reason }) => return Err(error::plain(py, "StorageError", &reason)),
                Some(_) => {}
                None if left.is_some_and(|left| left <= SLICE) => return Ok(None),
                None => {}
            }
        }
    }

    /// The revision up to which everything was told.
    #[getter]
    fn revision(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.inner.lock().revision().0)
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }
}
