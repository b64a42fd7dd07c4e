//! Group commit: whoever comes first commits for all who wait.
//!
//! The steps are those of "A commit" in `docs/commit-protocol.md`, for several commits at once: one look at the files, one
//! append, one sync, one update of the segment. Each stays a commit of its own, checked against those before it. The commits of
//! other processes that wait on the [board](crate::board) are taken along.

use std::collections::BTreeSet;
use std::sync::Arc;

use cms_log::{Appended, Commit, Pending, Revision};
use cms_model::PackageName;
use cms_segment::Taken;

use crate::amend::{Amended, amend};
use crate::board::{Posted, Right, note_of};
use crate::commit::{Built, Committed, Display, Prepared, Signature, Wanted, prepare, refuse_unparsable};
use crate::error::{Error, Result};
use crate::external::{Absorbed, Warning};
use crate::head::Head;
use crate::queue::{Queue, Turn};
use crate::store::{Log, Store, Writing};
use crate::tables::Wish;
use crate::terms::Terms;
use crate::validate::{Bounds, Looked};

/// A commit that somebody waits for.
pub(crate) struct Request {
    pub wanted: Wish,
    pub signature: Signature,
    pub terms: Terms,
}

pub(crate) type Commits = Queue<Request, Result<Committed>>;

/// Commits that follow the log's head and are not in the log yet.
struct Group {
    commits: Vec<Arc<Commit>>,
    /// The requests that they are of.
    requests: Vec<usize>,
    /// The state that the first one follows.
    before: Head,
}

/// A commit that stands up to the head and the schemas.
struct Ready {
    prepared: Prepared,
    packages: Display,
    armed: Option<Pending>,
    /// What its user should know.
    warnings: Vec<Warning>,
}

/// What a turn has come to.
struct Progress {
    outcomes: Vec<Option<Result<Committed>>>,
    group: Option<Group>,
    /// The last append.
    appended: Option<Appended>,
    commits: Vec<Arc<Commit>>,
    /// The posts that the requests after so many are of.
    ours: usize,
    posts: Vec<Taken>,
    looked: Looked,
    /// What the commit that is being added has changed in the head already.
    amended: Option<Amended>,
}

impl Progress {
    /// The post that a request is of, if it is not of this process.
    fn post(&self, number: usize) -> Option<&Taken> {
        self.posts.get(number.checked_sub(self.ours)?)
    }
}

impl Store {
    /// Commits, and returns when the log has it on disk and the segment shows it.
    pub(crate) fn commit(
        &self,
        wanted: impl Into<Wish>,
        signature: Signature,
        terms: Terms,
    ) -> Result<Committed> {
        let log = self.log("commit")?;
        if signature.confirm.is_some() {
            // What is due must not be joined.
            self.expire()?;
        }
        let request = Request { wanted: wanted.into(), signature, terms };
        let outcome = log.commits.run(request, |turn| self.commit_for_all(log, turn));
        // Whoever led panicked.
        outcome
            .unwrap_or_else(|| Err(cms_log::Error::Poisoned { path: log.backend.place().to_owned() }.into()))
    }

    fn commit_for_all(
        &self,
        log: &Log,
        turn: &mut Turn<'_, Request, Result<Committed>>,
    ) -> Vec<Result<Committed>> {
        let mut own = None;
        let (mut writing, mut lead) = match log.right_to_commit(|| turn.take_if_alone(), &mut own) {
            Ok(Right::Append(writing, lead)) => (writing, lead),
            Ok(Right::Done(committed)) => return vec![Ok(committed)],
            Err(error) => {
                if own.is_none() {
                    turn.take_own();
                }
                return vec![Err(error)];
            }
        };
        let before = writing.head.revision;
        let mut requests: Vec<Request> = own.into_iter().collect();
        requests.extend(turn.take());
        let ours = requests.len();
        // Those of other processes come last, and what does not go well with one of them is left to its process.
        let mut posts = Vec::new();
        for Posted { taken, request } in log.desk.take() {
            posts.push(taken);
            requests.push(request);
        }
        let names: BTreeSet<&PackageName> = requests
            .iter()
            .flat_map(|request| request.wanted.packages.iter().map(|wanted| &wanted.package))
            .collect();
        let names: Vec<PackageName> = names.into_iter().cloned().collect();
        let absorbed = match self.absorb(log, &mut writing, &names) {
            Ok(absorbed) => absorbed,
            Err(error) if requests.len() == 1 && ours == 1 => return vec![Err(error)],
            // One of them may be at fault, so each looks at its own files.
            Err(_) => {
                return requests[..ours]
                    .iter()
                    .map(|request| self.commit_alone(log, &mut writing, request))
                    .collect();
            }
        };
        // What they are checked against is read once for all.
        let bases = requests.iter().flat_map(|request| &request.wanted.packages).map(Wanted::oldest);
        log.recent.reach_back(&*log.backend, bases, writing.head.revision);
        let mut progress = Progress {
            outcomes: requests.iter().map(|_| None).collect(),
            group: None,
            appended: None,
            commits: Vec::new(),
            ours,
            posts,
            looked: Looked::new(),
            amended: None,
        };
        for (number, request) in requests.iter().enumerate() {
            let before = writing.head.revision;
            let added = self.add(log, &mut writing, request, number, &absorbed, &mut progress);
            if let Err(error) = added.and(take_back_unmade(before, log, &mut writing, &mut progress)) {
                // What it named was collected since it was looked for: alone, it is looked for again.
                let is_overtaken = matches!(&error, Error::Log(error) if error.is_object_missing());
                progress.outcomes[number] = (!is_overtaken).then_some(Err(error));
            }
        }
        flush(log, &mut writing, &mut progress);
        // What could not be appended together is tried one by one, so that each has its own answer.
        let mut outcomes = Vec::with_capacity(ours);
        let mut tried = progress.outcomes.into_iter();
        for (request, outcome) in requests.iter().zip(tried.by_ref().take(ours)) {
            outcomes.push(outcome.unwrap_or_else(|| self.commit_alone(log, &mut writing, request)));
        }
        let is_made = |outcome: &Result<Committed>| outcome.as_ref().is_ok_and(|made| !made.is_empty());
        let mut posts = progress.posts;
        // The others are refused, by being dropped.
        let mut tried = tried.map(|outcome| outcome.is_some_and(|outcome| is_made(&outcome)));
        posts.retain(|_| tried.next().unwrap_or(false));
        let head = log.publish(Arc::new(writing.head.clone()));
        // From here on others may append; all who wait share the sync.
        drop(writing);
        let Some(appended) = progress.appended else { return outcomes };
        // This process and those who posted.
        lead.made(1 + posts.len());
        for outcome in &mut outcomes {
            if is_made(outcome)
                && let Err(error) = log.backend.sync(appended)
            {
                *outcome = Err(error.into());
            }
        }
        if !posts.is_empty() && log.backend.sync(appended).is_err() {
            // Each finds its commit in the log, and meets the error itself.
            posts.clear();
        }
        turn.pass();
        if !posts.is_empty() || outcomes.iter().any(is_made) {
            log.show(&head, &progress.commits);
            posts.into_iter().for_each(Taken::done);
            log.upkeep.after(before, appended.revision(), &log.backend);
        }
        outcomes
    }

    /// Adds the commit of a request to the group.
    fn add(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        request: &Request,
        number: usize,
        absorbed: &Absorbed,
        progress: &mut Progress,
    ) -> Result<()> {
        if !(request.wanted.tables.is_empty() && request.terms.tables.is_empty()) {
            // Rows are compared with what the log has, so all before it must be there. Where they cannot be, the head is what it was.
            flush(log, writing, progress);
        }
        let warnings = warnings_of(absorbed, request);
        // What the first of a group follows is kept as it is, for when the group cannot be appended.
        let place = progress.group.is_some().then_some(&mut progress.amended);
        let Ready { prepared, packages, armed, warnings } =
            self.prepare(log, writing, request, warnings, &mut progress.looked, place)?;
        if prepared.is_empty() {
            progress.outcomes[number] = Some(Ok(Committed::nothing(writing.head.revision, warnings)));
            return Ok(());
        }
        let post = progress.post(number);
        if post.is_some() && (!warnings.is_empty() || was_renamed(log, &writing.head, request)) {
            // Its user is to be told, or cannot say by himself what his changes are called now.
            return Ok(());
        }
        let tables = prepared.display_tables();
        let built = self.build(log, &writing.head, prepared)?;
        let revision = built.commit.revision;
        if let Some(post) = post {
            // Before it is in the log.
            post.note(note_of(&built.commit, request));
        }
        let Built { commit, next, objects, checkpoint, notes } = built;
        if objects.is_empty() && checkpoint.is_none() && notes.is_empty() && commit.tables.is_empty() {
            let group = progress.group.get_or_insert_with(|| Group {
                commits: Vec::new(),
                requests: Vec::new(),
                before: Head::clone(&writing.head),
            });
            group.commits.push(commit.clone());
            group.requests.push(number);
            log.recent.push(commit);
            *writing.head = next;
        } else {
            // A group holds edits alone. With this one, texts or notes have to be stored.
            if !flush(log, writing, progress) {
                // It was built on commits that did not come to be.
                return Ok(());
            }
            let built = Built { commit, next, objects, checkpoint, notes };
            let (appended, commit) = self.append_built(log, writing, built)?;
            progress.appended = Some(appended);
            progress.commits.push(commit);
        }
        if number < progress.ours {
            tracing::info!(revision = revision.0, packages = packages.len(), "committed");
        }
        progress.outcomes[number] = Some(Ok(Committed { revision, packages, tables, warnings, armed }));
        Ok(())
    }

    /// Commits for one that could not be helped together with others.
    fn commit_alone(&self, log: &Log, writing: &mut Writing<'_>, request: &Request) -> Result<Committed> {
        let mut tries = 0..OVERTAKEN;
        loop {
            match self.try_alone(log, writing, request) {
                Err(Error::Log(error)) if error.is_object_missing() && tries.next().is_some() => {}
                outcome => return outcome,
            }
        }
    }

    fn try_alone(&self, log: &Log, writing: &mut Writing<'_>, request: &Request) -> Result<Committed> {
        let names: Vec<PackageName> =
            request.wanted.packages.iter().map(|wanted| wanted.package.clone()).collect();
        let before = writing.head.revision;
        let absorbed = self.absorb(log, writing, &names)?;
        let warnings = warnings_of(&absorbed, request);
        let Ready { prepared, packages, armed, warnings } =
            self.prepare(log, writing, request, warnings, &mut Looked::new(), None)?;
        if prepared.is_empty() {
            return Ok(Committed::nothing(writing.head.revision, warnings));
        }
        let tables = prepared.display_tables();
        let (appended, commit) = self.append(log, writing, prepared)?;
        let durable = log.backend.sync(appended)?;
        log.show(&log.publish(Arc::new(writing.head.clone())), &[commit]);
        log.upkeep.after(before, durable.revision(), &log.backend);
        Ok(Committed { revision: durable.revision(), packages, tables, warnings, armed })
    }

    /// Checks what is wanted against the head and the schemas, and arms its rollback if it has to be confirmed.
    ///
    /// Whoever can take it back gives a place for what was `amended` in the head already.
    fn prepare(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        request: &Request,
        mut warnings: Vec<Warning>,
        looked: &mut Looked,
        amended: Option<&mut Option<Amended>>,
    ) -> Result<Ready> {
        refuse_unparsable(&warnings)?;
        request.terms.hold(log, &writing.head)?;
        let in_place = amended
            .and_then(|amended| Some((amend(log, self.modules(), &mut writing.head, request)?, amended)));
        let (mut prepared, packages) = match in_place {
            Some(((prepared, packages, done), amended)) => {
                *amended = Some(done);
                (prepared, packages)
            }
            None => prepare(log, &writing.head, &request.wanted, request.signature.clone())?,
        };
        let bounds = Bounds::of(&request.signature);
        warnings.extend(self.check(log, &writing.head, &prepared, bounds, looked)?);
        let mut armed = None;
        if let Some(confirm) = &request.signature.confirm
            && !prepared.is_empty()
        {
            let touched: Vec<PackageName> = packages.iter().map(|(name, _)| name.clone()).collect();
            let (note, pending) = self.arm(log, confirm, writing.head.revision.next(), &touched)?;
            prepared.notes.push(note);
            armed = Some(pending);
        }
        Ok(Ready { prepared, packages, armed, warnings })
    }
}

/// How often what a commit names may be collected between being looked for and being named: its manifest, then the pages, then the
/// blocks, and all of it once more.
const OVERTAKEN: usize = 6;

/// Takes back what a commit changed in the head, unless it was made: then the head is no longer at `before`.
fn take_back_unmade(
    before: Revision,
    log: &Log,
    writing: &mut Writing<'_>,
    progress: &mut Progress,
) -> Result<()> {
    if let Some(amended) = progress.amended.take()
        && writing.head.revision == before
        && !amended.take_back(&mut writing.head)
    {
        // The log knows what it was.
        flush(log, writing, progress);
        writing.forget_unmade();
        *writing.head = Head::load(&*log.backend, None)?;
    }
    Ok(())
}

/// Appends the group. Where that fails, the state is again what it was, and its requests are without an outcome.
fn flush(log: &Log, writing: &mut Writing<'_>, progress: &mut Progress) -> bool {
    let Some(group) = progress.group.take() else { return true };
    let commits: Vec<&Commit> = group.commits.iter().map(|commit| &**commit).collect();
    match log.backend.append_all(group.before.revision, &commits) {
        Ok(appended) => {
            progress.appended = Some(appended);
            progress.commits.extend(group.commits);
            true
        }
        Err(error) => {
            log.recent.forget_from(group.before.revision.next());
            *writing.head = group.before;
            match &group.requests[..] {
                [number] if !error.is_object_missing() => {
                    progress.outcomes[*number] = Some(Err(error.into()));
                }
                several => {
                    tracing::debug!(%error, "several commits could not be appended together");
                    for number in several {
                        progress.outcomes[*number] = None;
                    }
                }
            }
            false
        }
    }
}

/// Tells whether sections of the packages that a request is for may have been renamed since it was made.
fn was_renamed(log: &Log, head: &Head, request: &Request) -> bool {
    request.wanted.packages.iter().any(|wanted| {
        let is_newest = head.cell(&wanted.package).is_some_and(|cell| cell.changed <= wanted.base);
        !is_newest && !log.recent.leaves_names(&wanted.package, wanted.base, head.revision)
    })
}

fn warnings_of(absorbed: &Absorbed, request: &Request) -> Vec<Warning> {
    let is_ours = |warning: &&Warning| {
        request.wanted.packages.iter().any(|wanted| wanted.package == *warning.package())
    };
    absorbed.warnings.iter().filter(is_ours).cloned().collect()
}
