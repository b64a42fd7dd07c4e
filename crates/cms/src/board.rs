//! Commits of several processes in one append: "The board" in `docs/commit-protocol.md`.
//!
//! A process that finds others at it leaves its commit on the store's board, and whoever has the right to append takes it along. All
//! that is done here may fail, or come to nothing because somebody died: then a process commits by itself, as it would have
//! without a board, after it has looked whether its commit is in the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cms_log::{Commit, CommitKind, Digest, EntryBody, Revision};
use cms_model::{Change, Package, PackageName};
use cms_segment::{Board, Note, Seat, Taken, Waited};
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use crate::commit::{Action, Committed};
use crate::describe::DisplayChange;
use crate::error::Result;
use crate::group::Request;
use crate::head::Head;
use crate::location::Location;
use crate::post;
use crate::store::{Log, Writing};

/// How long a post is waited for before somebody looks after the lock himself, and how long it is at most after that came to nothing.
/// Nobody waits so long unless a process died, or the disk is slow.
const PATIENCE: Duration = Duration::from_millis(10);
const MOST_PATIENCE: Duration = Duration::from_millis(100);

/// As many as there are seats.
const ALL: usize = 64;

/// The version of what whoever commits for others promises them. The first did not look whether sections were renamed, the second did
/// not note whether it was done as posted.
const RULES: u8 = 3;

/// What a process has of the board of its store.
pub(crate) struct Desk {
    path: PathBuf,
    location: Location,
    /// What must be the same for a process that commits for another one: the log, and what is checked.
    world: Digest,
    board: Mutex<Known>,
    /// Where this process waits, on the board that it is on; not every process gets a place.
    seat: Mutex<Option<(Arc<Board>, Option<Seat>)>>,
}

/// The board, if there is one, and when it was last looked for.
#[derive(Default)]
struct Known {
    board: Option<Arc<Board>>,
    at: Option<Instant>,
}

/// A commit of another process.
pub(crate) struct Posted {
    pub taken: Taken,
    pub request: Request,
}

/// What a process that wants to commit has come to.
pub(crate) enum Right<'a> {
    /// It may append, and leads.
    Append(Writing<'a>, Lead),
    /// Another one has made its commit.
    Done(Committed),
}

/// Says that this process leads for as long as it lives.
pub(crate) struct Lead {
    board: Option<(Arc<Board>, u32)>,
    /// Of how many processes it has made commits.
    made: usize,
}

impl Desk {
    pub(crate) fn new(location: &Location, log: [u8; 16]) -> Desk {
        use std::os::unix::ffi::OsStrExt;
        let mut world = log.to_vec();
        world.push(RULES);
        for directory in location.modules() {
            let path = directory.as_os_str().as_bytes();
            world.extend_from_slice(&(path.len() as u64).to_le_bytes());
            world.extend_from_slice(path);
        }
        Desk {
            path: location.run().join("board"),
            location: location.clone(),
            world: Digest::of(&world),
            board: Mutex::default(),
            seat: Mutex::new(None),
        }
    }

    /// Returns the board as it was last looked for, in this turn.
    fn known(&self) -> Option<Arc<Board>> {
        self.board.lock().board.clone()
    }

    /// Looks for the board, now and then, and makes one if there is need.
    fn board(&self, is_needed: bool) -> Option<Arc<Board>> {
        // Root in the store of somebody else commits by himself: who is not the owner is not asked, and does not ask, for others.
        let owner = self.location.owner();
        if rustix::process::geteuid().as_raw() != owner {
            return None;
        }
        let mut known = self.board.lock();
        let is_recent = known.at.is_some_and(|at| at.elapsed() < PATIENCE);
        if is_recent && !(is_needed && known.board.is_none()) {
            return known.board.clone();
        }
        known.at = Some(Instant::now());
        if let Some(board) = known.board.as_ref().filter(|board| board.is_in_place()) {
            return Some(board.clone());
        }
        let opened = if is_needed {
            self.location.create_run().ok()?;
            Board::open_or_create(&self.path, owner, self.location.group())
        } else {
            Board::open(&self.path, owner)
        };
        known.board = opened.inspect_err(|error| tracing::trace!(%error, "there is no board")).ok();
        known.board.clone()
    }

    /// Returns this process's place on a board.
    fn seat(&self, board: &Arc<Board>) -> Option<MappedMutexGuard<'_, Seat>> {
        let mut seat = self.seat.lock();
        if seat.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, board)) {
            // The place on one that is gone is given up.
            *seat = None;
            *seat = Some((board.clone(), board.sit()));
        }
        MutexGuard::try_map(seat, |seat| seat.as_mut()?.1.as_mut()).ok()
    }

    /// Tells whether another process is about to commit for all who wait.
    fn is_led(&self) -> bool {
        self.board(false).is_some_and(|board| {
            let own = self.seat(&board).map(|seat| seat.number());
            is_led_by_another(&board, own)
        })
    }

    /// Says that this process commits for all who wait.
    pub(crate) fn lead(&self) -> Lead {
        let lead = self.known().and_then(|board| {
            let seat = self.seat(&board)?;
            Some(Lead::of(&board, &seat))
        });
        lead.unwrap_or(Lead { board: None, made: 0 })
    }

    /// Takes the commits of other processes. Under the lock.
    pub(crate) fn take(&self) -> Vec<Posted> {
        let taken = self.known().map_or_else(Vec::new, |board| board.take(ALL));
        // What is not understood is refused, by being dropped.
        let understood = taken.into_iter().filter_map(|taken| {
            let request = post::decode(&self.world, &taken.work)?;
            Some(Posted { taken, request })
        });
        understood.collect()
    }

    /// Returns the revision of the newest checkpoint that somebody at the board has written, as far as that is known.
    pub(crate) fn checkpoint(&self) -> Option<Revision> {
        let left = self.known()?.left();
        (left > 0).then_some(Revision(left))
    }

    /// Says that a checkpoint was written, so that the others need not look for it.
    pub(crate) fn tell_checkpoint(&self, checkpoint: Revision) {
        if let Some(board) = self.known() {
            board.leave(checkpoint.0);
        }
    }

    /// Calls somebody who waits, unless somebody leads. After the lock was given back.
    pub(crate) fn call(&self) {
        if let Some(board) = self.known()
            && board.lead().is_none()
        {
            board.call();
        }
    }
}

impl Lead {
    fn of(board: &Arc<Board>, seat: &Seat) -> Lead {
        board.set_lead(seat.number());
        Lead { board: Some((board.clone(), seat.number())), made: 0 }
    }

    /// Lets others run who are about to post: one append and one sync for all of them cost little more than for one. Whoever are as many as
    /// last time have nobody to wait for, and neither has he whom nobody joins.
    fn gather(&self) {
        let Some((board, _)) = &self.board else { return };
        let expected = board.expected().min(ALL);
        let mut waiting = board.waiting();
        while waiting + 1 < expected {
            std::thread::yield_now();
            let now = board.waiting();
            if now <= waiting {
                return;
            }
            waiting = now;
        }
    }

    /// Notes how many processes have commits that are made, and about to be answered.
    pub(crate) fn made(&mut self, count: usize) {
        self.made = count;
    }

    /// Lets another one lead.
    pub(crate) fn pass(&mut self) {
        if let Some((board, number)) = self.board.take() {
            // Those who have their answers may come again, and those who came meanwhile are here.
            board.expect(self.made + board.waiting());
            board.end_lead(number);
            board.call();
        }
    }

    /// Does not lead: another one has the lock.
    fn resign(mut self) {
        if let Some((board, number)) = self.board.take() {
            board.end_lead(number);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.pass();
    }
}

/// Tells whether somebody else leads, and lives.
fn is_led_by_another(board: &Board, own: Option<u32>) -> bool {
    board.lead().is_some_and(|lead| Some(lead) != own && board.is_seated(lead))
}

impl Log {
    /// Waits for the right to append, or until another process has made the commit. `take` hands out the request that waits in this
    /// process, if it is the only one.
    pub(crate) fn right_to_commit(
        &self,
        mut take: impl FnMut() -> Option<Request>,
        own: &mut Option<Request>,
    ) -> Result<Right<'_>> {
        if !self.desk.is_led() {
            let lead = self.desk.lead();
            lead.gather();
            match self.write_unless_taken()? {
                Some(writing) => return Ok(Right::Append(writing, lead)),
                None => lead.resign(),
            }
        }
        if let Some(request) = take() {
            let work = post::encode(&self.desk.world, &request);
            let request = own.insert(request);
            if let Some(work) = work
                && let Some(board) = self.desk.known().or_else(|| self.desk.board(true))
                && let Some(mut seat) = self.desk.seat(&board)
                && seat.post(&work)
            {
                // Whether he lives was asked a moment ago; if he does not, the wait ends by itself.
                let is_led = board.lead().is_some_and(|lead| lead != seat.number());
                return self.wait(&board, &mut seat, is_led, request);
            }
        }
        let writing = self.write()?;
        Ok(Right::Append(writing, self.desk.lead()))
    }

    /// Waits until somebody has made the commit, or there is the right to do so.
    fn wait(
        &self,
        board: &Arc<Board>,
        seat: &mut Seat,
        is_led: bool,
        request: &Request,
    ) -> Result<Right<'_>> {
        let mut patience = PATIENCE;
        // Whoever led may have ended before he could see the post.
        let mut waited = if is_led { seat.wait(patience) } else { Waited::Called };
        let (writing, lead) = loop {
            match waited {
                Waited::Done => {
                    let note = seat.note();
                    if let Some(made) = note.and_then(|note| as_posted(note, request))
                        && self.backend.head().is_ok_and(|head| made.revision <= head)
                    {
                        seat.withdraw();
                        tell(&made);
                        return Ok(Right::Done(made));
                    }
                    let made = note.and_then(|note| self.made(note, request).transpose()).transpose();
                    let made = match (made, note) {
                        // It was given up as soon as it was made. Then there is only the word of the one who made it.
                        (Err(error), Some(note)) if error.first_kept().is_some() => {
                            Some(as_wanted(request, Revision(note.first)))
                        }
                        (made, _) => made.ok().flatten(),
                    };
                    if let Some(made) = made {
                        seat.withdraw();
                        return Ok(Right::Done(made));
                    }
                    // Nobody says so unless it is so; then it is found there.
                    break (self.write(), None);
                }
                Waited::Refused => break (self.write(), None),
                Waited::Called => {}
                Waited::Nothing => patience = (2 * patience).min(MOST_PATIENCE),
            }
            let lead = Lead::of(board, seat);
            lead.gather();
            match self.write_unless_taken() {
                Ok(Some(writing)) => break (Ok(writing), Some(lead)),
                Ok(None) => {
                    lead.resign();
                    waited = seat.wait(patience);
                }
                Err(error) => break (Err(error), None),
            }
        };
        // Those who take posts have the lock. So what is not in the log by now will not be.
        let note = seat.note();
        seat.withdraw();
        let writing = writing?;
        let lead = lead.unwrap_or_else(|| Lead::of(board, seat));
        let noted = note.filter(|note| Revision(note.first) <= writing.head.revision);
        let Some(made) = noted.and_then(|note| self.made(note, request).transpose()).transpose()? else {
            return Ok(Right::Append(writing, lead));
        };
        let head = Arc::new(writing.head.clone());
        drop(writing);
        self.backend.sync(self.backend.appended(made.revision)?)?;
        self.show(&self.publish(head), &[]);
        Ok(Right::Done(made))
    }

    /// Returns what became of a commit, if it is the one that a note is of.
    fn made(&self, note: Note, request: &Request) -> Result<Option<Committed>> {
        let revision = Revision(note.first);
        let Some(commit) = self.commit_in_log(revision)? else { return Ok(None) };
        if !is_of(&commit, note, request) {
            return Ok(None);
        }
        let mut committed = Committed::nothing(revision, Vec::new());
        for entry in &commit.packages {
            let EntryBody::Edit { changes, .. } = &entry.body else { return Ok(None) };
            let name = &entry.package;
            let shown = shown_by_draft(request, name, changes.iter()).unwrap_or_else(|| {
                // It is committed, whatever can be said of it.
                let states = self.states_of(name, revision).inspect_err(|error| {
                    tracing::warn!(%error, revision = revision.0, "what was committed cannot be named as it is");
                });
                let (before, after) = states.unwrap_or((None, None));
                let show = |change| DisplayChange::new(name, change, after.as_deref(), before.as_deref());
                changes.iter().map(show).collect()
            });
            committed.packages.push((name.clone(), shown));
        }
        tell(&committed);
        Ok(Some(committed))
    }

    /// Returns a package as it was before a revision, and after it.
    fn states_of(&self, name: &PackageName, revision: Revision) -> Result<States> {
        let backend = &*self.backend;
        let before = self.head_at(Revision(revision.0.saturating_sub(1)))?;
        let mut after = Head::clone(&before);
        after.follow(backend, revision)?;
        Ok((before.package(backend, name)?, after.package(backend, name)?))
    }
}

/// Says that a commit did what was wanted of it.
fn as_wanted(request: &Request, revision: Revision) -> Committed {
    let mut committed = Committed::nothing(revision, Vec::new());
    for wanted in &request.wanted.packages {
        if let Action::Changes { changes, made } = &wanted.action {
            let (before, after) = made.as_ref().map(|made| (&*made.base, made.shown())).unzip();
            let show =
                |(_, change): &(Revision, Change)| DisplayChange::new(&wanted.package, change, after, before);
            committed.packages.push((wanted.package.clone(), changes.iter().map(show).collect()));
        }
    }
    committed
}

/// Says what a commit did, if whoever made it has noted that it did just what was posted, and that can be said in the words of the working
/// copy. He is done with it when the log has it on disk, so it need not be read there.
fn as_posted(note: Note, request: &Request) -> Option<Committed> {
    if note.second & AS_POSTED == 0 {
        return None;
    }
    let mut committed = Committed::nothing(Revision(note.first), Vec::new());
    for wanted in &request.wanted.packages {
        let Action::Changes { changes, .. } = &wanted.action else { return None };
        let shown = shown_by_draft(request, &wanted.package, changes.iter().map(|(_, change)| change))?;
        committed.packages.push((wanted.package.clone(), shown));
    }
    Some(committed)
}

fn tell(committed: &Committed) {
    tracing::info!(revision = committed.revision.0, packages = committed.packages.len(), "committed");
}

/// A package before a commit, and after it.
type States = (Option<Arc<Package>>, Option<Arc<Package>>);

/// Says what a commit did to a package in the words of its own working copy, if these are those of the state that it made: then that state
/// need not be put together before somebody asks for it. (No section was renamed meanwhile, or it would not have been made for another
/// process.)
fn shown_by_draft<'a>(
    request: &Request,
    name: &PackageName,
    made: impl ExactSizeIterator<Item = &'a Change> + Clone,
) -> Option<Vec<DisplayChange>> {
    let wanted = request.wanted.packages.iter().find(|wanted| wanted.package == *name)?;
    let Action::Changes { changes, made: Some(draft) } = &wanted.action else { return None };
    let (before, after) = (&*draft.base, draft.shown());
    let posted = changes.iter().map(|(_, change)| change);
    let is_as_posted = posted.eq(made.clone()) && made.clone().all(|made| is_at_a_name(made, after));
    is_as_posted
        .then(|| made.map(|change| DisplayChange::new(name, change, Some(after), Some(before))).collect())
}

/// Tells whether the name of a section says where a change was made, whatever else is in the package.
fn is_at_a_name(change: &Change, package: &Package) -> bool {
    change.is_of_a_value() && package.section(change.section).is_some_and(|section| section.name().is_some())
}

/// Tells whether a commit is the one of a request that was noted before it was appended. Of two commits with one number only one is in
/// the log, and they are not made in one microsecond, since the writer of the first died in between.
fn is_of(commit: &Commit, note: Note, request: &Request) -> bool {
    let signature = &request.signature;
    commit.revision.0 == note.first
        && (commit.time_us as u64) << 1 == note.second & !AS_POSTED
        && commit.kind == CommitKind::Normal
        && commit.author == signature.author
        && commit.tool == signature.tool
        && commit.message == signature.message
        && commit
            .packages
            .iter()
            .all(|entry| request.wanted.packages.iter().any(|wanted| wanted.package == entry.package))
}

/// Says in the second number of a note, the time, that the commit does what was posted, no more and no less.
const AS_POSTED: u64 = 1;

/// What is noted of a commit before it is appended.
pub(crate) fn note_of(commit: &Commit, request: &Request) -> Note {
    let wanted = &request.wanted.packages;
    let is_as_posted = wanted.len() == commit.packages.len()
        && wanted.iter().zip(&commit.packages).all(|(wanted, entry)| match (&wanted.action, &entry.body) {
            (Action::Changes { changes: posted, .. }, EntryBody::Edit { changes, .. }) => {
                wanted.package == entry.package && posted.iter().map(|(_, change)| change).eq(changes)
            }
            _ => false,
        });
    let flag = if is_as_posted { AS_POSTED } else { 0 };
    Note { first: commit.revision.0, second: (commit.time_us as u64) << 1 | flag }
}

#[cfg(test)]
mod tests;
