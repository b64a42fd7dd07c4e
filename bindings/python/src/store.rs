//! An open store, and the fast way to a value.

use std::path::PathBuf;

use cms::{Dirs, Latest, Location, Options, Revision};
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::error::from_engine;
use crate::handle::Handle;
use crate::snapshot::{Snapshot, exact, handed_out};
use crate::transaction::Transaction;
use crate::watch::Watch;

/// A configuration directory with its log.
#[pyclass(frozen, subclass, module = "cms._native")]
pub(crate) struct Store {
    pub inner: cms::Store,
    now: Mutex<Now>,
}

/// The newest state that was asked for.
struct Now {
    latest: Latest,
    snapshot: Py<Snapshot>,
}

impl Store {
    /// Returns the newest state; looks at the package files as well if `files` says so.
    fn newest<'py>(&self, py: Python<'py>, files: bool) -> PyResult<Bound<'py, Snapshot>> {
        let mut latest = {
            let now = self.now.lock();
            if !files && now.latest.is_current() {
                return Ok(now.snapshot.bind(py).clone());
            }
            now.latest.clone()
        };
        let is_another = py
            .detach(|| if files { latest.refresh() } else { latest.follow() })
            .map_err(|error| from_engine(py, error))?;
        let revision = latest.snapshot().revision();
        let fresh = match is_another {
            true => Some(Py::new(py, Snapshot::new(py, self.inner.clone(), latest.snapshot().clone()))?),
            false => None,
        };
        let mut now = self.now.lock();
        // Another thread may have brought a newer one meanwhile.
        if now.latest.snapshot().revision() > revision {
            return Ok(now.snapshot.bind(py).clone());
        }
        let mut displaced = None;
        if let Some(fresh) = fresh {
            displaced = Some(std::mem::replace(&mut now.snapshot, fresh));
        }
        now.latest = latest;
        let snapshot = now.snapshot.bind(py).clone();
        drop(now);
        // What ends with the old state may run code of Python.
        drop(displaced);
        Ok(snapshot)
    }
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (path, *, state_dir=None, run_dir=None, modules=None, create=true))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        state_dir: Option<PathBuf>,
        run_dir: Option<PathBuf>,
        modules: Option<Vec<PathBuf>>,
        create: bool,
    ) -> PyResult<Store> {
        let open = || -> cms::Result<(cms::Store, Latest)> {
            let of_environment = Dirs::from_env();
            let dirs =
                Dirs { state: state_dir.or(of_environment.state), run: run_dir.or(of_environment.run) };
            let mut location = Location::find(&path, &dirs)?;
            if let Some(modules) = modules {
                location = location.with_modules(modules);
            }
            let store = cms::Store::open(&location, Options { create, ..Options::from_env()? })?;
            let latest = store.latest()?;
            Ok((store, latest))
        };
        let (inner, latest) = py.detach(open).map_err(|error| from_engine(py, error))?;
        let snapshot = Py::new(py, Snapshot::new(py, inner.clone(), latest.snapshot().clone()))?;
        Ok(Store { inner, now: Mutex::new(Now { latest, snapshot }) })
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, key) = (key.py(), exact(key)?);
        let kept = {
            let now = self.now.lock();
            match now.latest.is_current() {
                true => now.snapshot.get().values.bind(py).get_item(&key)?,
                false => None,
            }
        };
        // Not under the lock: a list is made here, and that may collect garbage, and so run anybody's code.
        if let Some(value) = kept {
            return handed_out(value);
        }
        let snapshot = self.newest(py, false)?;
        let snapshot = snapshot.get();
        match snapshot.values.bind(py).get_item(&key)? {
            Some(value) => handed_out(value),
            None => snapshot.read(py, &key),
        }
    }

    /// The newest state, after what others committed.
    fn current<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        self.newest(py, false)
    }

    /// The newest state, after what others committed and wrote into package files.
    fn look<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        self.newest(py, true)
    }

    /// The state at an older revision.
    fn state_at(&self, py: Python<'_>, revision: u64) -> PyResult<Snapshot> {
        let found = py.detach(|| self.inner.snapshot_at(Revision(revision)));
        let snapshot = found.map_err(|error| from_engine(py, error))?;
        Ok(Snapshot::new(py, self.inner.clone(), snapshot))
    }

    #[getter]
    fn directory(&self) -> PathBuf {
        self.inner.location().config().to_owned()
    }

    #[getter]
    fn has_log(&self) -> bool {
        self.inner.has_log()
    }

    fn head(&self, py: Python<'_>) -> PyResult<u64> {
        let head = py.detach(|| self.inner.head());
        head.map(|revision| revision.0).map_err(|error| from_engine(py, error))
    }

    #[pyo3(signature = (*, message, author, serializable, timeout))]
    fn begin(
        &self,
        py: Python<'_>,
        message: &str,
        author: Option<&str>,
        serializable: bool,
        timeout: Option<f64>,
    ) -> PyResult<Transaction> {
        Transaction::begin(py, &self.inner, message, author, serializable, timeout)
    }

    #[pyo3(signature = (patterns, after=None))]
    fn watching(&self, py: Python<'_>, patterns: Vec<String>, after: Option<u64>) -> PyResult<Watch> {
        Watch::new(py, &self.inner, &patterns, after)
    }

    fn bound(&self, py: Python<'_>, key: &str, kind: &str) -> PyResult<Handle> {
        let snapshot = self.newest(py, false)?;
        Handle::new(py, &self.inner, snapshot.get(), key, kind)
    }
}
