//! Being called with events: subscribers of one process, and the threads that serve them.
//!
//! One thread at a time leads: it waits for the next commit, and puts what it changed into the queues of those who asked. Then it
//! serves them itself, so that a call begins without a further switch between threads. Another one leads meanwhile: at once where there
//! are more to serve, else when a call [lasts](super::alarm).

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cms_log::Revision;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::alarm::Alarm;
use super::cursor::Cursor;
use super::feed::Feed;
use super::wake::Wake;
use super::{CommitEvents, Notice, Pattern};
use crate::error::{Error, Result};
use crate::store::Store;

/// How many notices a thread hands to a subscriber, or reads from the log, before it looks around.
const TURN: usize = 64;
/// How long the end of a manager may have to wait for the thread that leads.
const ATTENTION: Duration = Duration::from_millis(100);
/// So many revisions without anything for a subscriber are acknowledged without its having been called.
const QUIET_REVISIONS: u64 = 1000;

/// How much an [`EventManager`] takes on.
#[derive(Clone, Copy, Debug)]
pub struct EventLimits {
    /// Subscribers of one topic.
    pub subscribers: usize,
    /// Events in the queues of all subscribers together. Who is too slow for it reads from the log.
    pub queued: usize,
    /// Threads that call subscribers.
    pub threads: usize,
}

impl Default for EventLimits {
    fn default() -> EventLimits {
        EventLimits { subscribers: 1000, queued: 1_000_000, threads: 4 }
    }
}

/// Where a subscriber begins.
#[derive(Clone)]
pub enum Start {
    /// With the next commit.
    Now,
    /// After a revision.
    After(Revision),
    /// After the last revision that was acknowledged, or with the next commit if there is none. What the closure has returned from is
    /// acknowledged.
    At(Cursor),
}

/// Calls closures with the events that they subscribed to.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// # store.snapshot()?;
/// use cms::{EventLimits, EventManager, Notice, Pattern, Revision, Start};
///
/// let events = EventManager::new(&store, EventLimits::default())?;
/// let (sender, keys) = std::sync::mpsc::channel();
/// events.subscribe("mtu", Pattern::new("*.*.mtu")?, Start::After(Revision(0)), move |notice| {
///     if let Notice::Commit(commit) = notice {
///         let _ = sender.send(commit.events[0].change.key.clone());
///     }
/// })?;
/// assert_eq!(keys.recv()?, "network.lan.mtu");
/// # Ok(())
/// # }
/// ```
pub struct EventManager {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The one that waits for the alarm.
    watch: Option<JoinHandle<()>>,
}

type Callback = Box<dyn FnMut(&Notice) + Send>;

struct Shared {
    store: Store,
    limits: EventLimits,
    state: Mutex<State>,
    work: Condvar,
    live: Mutex<Live>,
    /// Rings where a call lasts; without it another thread is woken before each.
    alarm: Option<Alarm>,
}

/// What the thread that leads works with.
struct Live {
    feed: Feed,
    wake: Wake,
    /// The version of the topics that the feed knows.
    version: u64,
}

struct State {
    topics: BTreeMap<Pattern, Vec<u64>>,
    /// Changes with the topics.
    version: u64,
    members: BTreeMap<u64, Member>,
    next: u64,
    /// Members that have something to be called with.
    ready: VecDeque<u64>,
    queued: usize,
    /// What was put into the queues.
    revision: Revision,
    is_led: bool,
    is_ending: bool,
    /// Why the log cannot be read any more.
    failed: Option<Arc<str>>,
}

struct Member {
    id: String,
    topic: Pattern,
    cursor: Option<Cursor>,
    acknowledged: Revision,
    /// Who serves it has it.
    callback: Option<Callback>,
    /// What it was told, or need not be told.
    revision: Revision,
    queue: VecDeque<Notice>,
    queued: usize,
    source: Source,
    is_scheduled: bool,
}

/// Where a member gets its events from.
enum Source {
    Queue,
    /// From the log, until it has caught up. The feed is with who serves it, or yet to be made.
    Log(Option<Box<Feed>>),
}

impl EventManager {
    /// Begins to watch a store.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not read the log, [`Error::Io`] if no thread can be started.
    pub fn new(store: &Store, limits: EventLimits) -> Result<EventManager> {
        let mut wake = Wake::new(store)?;
        let revision = wake.newest()?;
        let feed = Feed::new(store, Vec::new(), revision)?;
        let state = State {
            topics: BTreeMap::new(),
            version: 0,
            members: BTreeMap::new(),
            next: 0,
            ready: VecDeque::new(),
            queued: 0,
            revision,
            is_led: false,
            is_ending: false,
            failed: None,
        };
        let shared = Arc::new(Shared {
            store: store.clone(),
            limits,
            state: Mutex::new(state),
            work: Condvar::new(),
            live: Mutex::new(Live { feed, wake, version: 0 }),
            alarm: Alarm::new(),
        });
        let mut manager = EventManager { shared, threads: Vec::new(), watch: None };
        let failed = |source| Error::io("start a thread for events of", store.location().config(), source);
        // One leads, another one serves.
        for _ in 0..limits.threads.max(2) {
            let shared = manager.shared.clone();
            let thread =
                std::thread::Builder::new().name("cms-events".to_owned()).spawn(move || shared.work());
            manager.threads.push(thread.map_err(failed)?);
        }
        let shared = manager.shared.clone();
        let watch = std::thread::Builder::new().name("cms-events".to_owned()).spawn(move || shared.watch());
        manager.watch = Some(watch.map_err(failed)?);
        Ok(manager)
    }

    /// Calls `callback` with what happens to a topic, in order, for as long as it is subscribed. It is called on a thread of the
    /// manager, and holds up nobody but itself; what it needs to know it takes along.
    ///
    /// # Errors
    /// [`Error::Exists`] if the id is taken, [`Error::Subscribers`] if the topic has as many as it may have,
    /// [`Error::Log`] for a revision that there is not yet.
    pub fn subscribe(
        &self,
        id: &str,
        topic: Pattern,
        start: Start,
        callback: impl FnMut(&Notice) + Send + 'static,
    ) -> Result<()> {
        let log = self.shared.store.log("watch")?;
        let head = log.backend.head()?;
        let (after, cursor) = match start {
            Start::Now => (head, None),
            Start::After(after) => (after, None),
            Start::At(cursor) => {
                let after = match cursor.revision()? {
                    Some(after) => after,
                    None => {
                        // From here on nothing may be lost.
                        cursor.acknowledge(head)?;
                        head
                    }
                };
                (after, Some(cursor))
            }
        };
        if after > head {
            return Err(cms_log::Error::NoSuchRevision { revision: after, head }.into());
        }
        let mut state = self.shared.state.lock();
        if let Some(reason) = &state.failed {
            let reason = format!("the log cannot be read any more: {reason}; open the store again");
            return Err(Error::Invalid { key: topic.to_string(), reason });
        }
        if state.members.values().any(|member| member.id == id) {
            return Err(Error::Exists { key: format!("the subscriber {id}") });
        }
        let limit = self.shared.limits.subscribers;
        if state.topics.get(&topic).is_some_and(|members| members.len() >= limit) || limit == 0 {
            return Err(Error::Subscribers { topic: topic.to_string(), limit });
        }
        let number = state.next;
        state.next += 1;
        if !state.topics.contains_key(&topic) {
            state.version += 1;
        }
        state.topics.entry(topic.clone()).or_default().push(number);
        let is_behind = after < state.revision;
        let member = Member {
            id: id.to_owned(),
            topic,
            cursor,
            acknowledged: after,
            callback: Some(Box::new(callback)),
            revision: after,
            queue: VecDeque::new(),
            queued: 0,
            source: if is_behind { Source::Log(None) } else { Source::Queue },
            is_scheduled: is_behind,
        };
        state.members.insert(number, member);
        if is_behind {
            state.ready.push_back(number);
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// Ends a subscription; answers whether there was one. A call that is under way comes to its end.
    pub fn unsubscribe(&self, id: &str) -> bool {
        let mut state = self.shared.state.lock();
        let found = state.members.iter().find(|(_, member)| member.id == id).map(|(number, _)| *number);
        found.is_some_and(|number| state.remove(number).is_some())
    }

    /// Returns how many subscribers a topic has.
    pub fn subscribers(&self, topic: &Pattern) -> usize {
        self.shared.state.lock().topics.get(topic).map_or(0, Vec::len)
    }

    /// Returns how many events wait in queues.
    pub fn queued(&self) -> usize {
        self.shared.state.lock().queued
    }

    /// Returns the revision up to which a subscriber knows everything that it asked for; `None` if there is no such subscriber.
    pub fn revision(&self, id: &str) -> Option<Revision> {
        let state = self.shared.state.lock();
        let member = state.members.values().find(|member| member.id == id)?;
        let is_idle = !member.is_scheduled && member.queue.is_empty();
        Some(if is_idle { member.revision.max(state.revision) } else { member.revision })
    }
}

impl Drop for EventManager {
    fn drop(&mut self) {
        self.shared.state.lock().is_ending = true;
        self.shared.work.notify_all();
        let this = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // A closure may hold the last handle.
            if thread.thread().id() != this {
                let _ = thread.join();
            }
        }
        // Last, when nobody is left who would turn it off.
        if let (Some(alarm), Some(watch)) = (&self.shared.alarm, self.watch.take()) {
            alarm.ring();
            let _ = watch.join();
        }
    }
}

impl Shared {
    /// What each thread does until the manager goes.
    fn work(&self) {
        let mut state = self.state.lock();
        while !state.is_ending {
            if let Some(number) = state.ready.pop_front() {
                // With more to be called, somebody else is wanted at once; else only if this call lasts.
                let is_last = state.ready.is_empty();
                let alarm = self.alarm.as_ref().filter(|alarm| is_last && !state.is_led && alarm.set());
                if alarm.is_none() && !(is_last && state.is_led) {
                    self.work.notify_one();
                }
                self.serve(state, number);
                if let Some(alarm) = alarm {
                    alarm.clear();
                }
                state = self.state.lock();
            } else if !state.is_led && state.failed.is_none() {
                state.is_led = true;
                drop(state);
                let led = self.lead();
                state = self.state.lock();
                state.is_led = false;
                if let Err(error) = led {
                    state.fail(&error);
                }
            } else {
                self.work.wait(&mut state);
            }
        }
    }

    /// Wakes somebody to lead when a call lasts.
    fn watch(&self) {
        let Some(alarm) = &self.alarm else { return };
        while alarm.wait() {
            let state = self.state.lock();
            if state.is_ending {
                return;
            }
            if !state.is_led {
                self.work.notify_one();
            }
        }
    }

    /// Waits for commits and puts what they changed into the queues; returns when somebody is to be called.
    fn lead(&self) -> Result<()> {
        let mut live = self.live.lock();
        let live = &mut *live;
        loop {
            let newest = live.wake.newest()?;
            let before = live.feed.revision();
            {
                let state = self.state.lock();
                if state.is_ending || !state.ready.is_empty() {
                    return Ok(());
                }
                if state.version != live.version {
                    live.version = state.version;
                    let patterns = state.topics.keys().cloned().collect();
                    drop(state);
                    live.feed.ask_for(patterns)?;
                }
            }
            let mut notices = Vec::new();
            while notices.len() < TURN
                && let Some(notice) = live.feed.next(newest)?
            {
                notices.push(notice);
            }
            if live.feed.revision() != before {
                let mut state = self.state.lock();
                if state.version != live.version {
                    // Somebody asked for what was not looked for.
                    drop(state);
                    live.feed.go_to(before)?;
                    continue;
                }
                state.revision = live.feed.revision();
                for notice in &notices {
                    state.distribute(notice);
                }
                state.relieve(self.limits.queued);
                if !state.ready.is_empty() {
                    return Ok(());
                }
                if notices.len() == TURN {
                    continue;
                }
            }
            live.wake.wait(Some(ATTENTION))?;
        }
    }

    /// Calls a member with what waits for it.
    fn serve(&self, mut state: MutexGuard<'_, State>, number: u64) {
        let now = &mut *state;
        let upto = now.revision;
        let Some(member) = now.members.get_mut(&number) else { return };
        let Some(mut callback) = member.callback.take() else { return };
        let cursor = member.cursor.clone();
        let mut revision = member.revision;
        let mut log_feed = None;
        let mut notices = VecDeque::new();
        match &mut member.source {
            Source::Queue => {
                while notices.len() < TURN
                    && let Some(notice) = member.queue.pop_front()
                {
                    member.queued -= weight(&notice);
                    now.queued -= weight(&notice);
                    notices.push_back(notice);
                }
            }
            Source::Log(feed) => {
                // Lagged, if it was told so.
                notices.append(&mut member.queue);
                log_feed = Some((feed.take(), member.topic.clone()));
            }
        }
        drop(state);

        let mut is_alive = true;
        let mut is_over = false;
        let mut call = |notice: &Notice, revision: &mut Revision| {
            is_over |= matches!(notice, Notice::Stopped { .. });
            is_alive = catch_unwind(AssertUnwindSafe(|| callback(notice))).is_ok();
            if let (true, Some(told)) = (is_alive, notice.revision()) {
                *revision = told;
            }
            is_alive
        };
        for notice in &notices {
            if !call(notice, &mut revision) {
                break;
            }
        }
        let mut feed = None;
        if let Some((begun, topic)) = log_feed {
            let outcome = (|| {
                let mut begun = match begun {
                    Some(begun) => begun,
                    None => Box::new(Feed::new(&self.store, vec![topic], revision)?),
                };
                for _ in 0..TURN {
                    let Some(notice) = begun.next(upto)? else { break };
                    if !call(&notice, &mut revision) {
                        break;
                    }
                }
                revision = begun.revision();
                Ok::<_, Error>(begun)
            })();
            match outcome {
                Ok(begun) => feed = Some(begun),
                Err(error) => {
                    call(&Notice::Stopped { reason: error.to_string().into() }, &mut revision);
                }
            }
        }

        let mut acknowledged = None;
        if let Some(cursor) = &cursor {
            match cursor.acknowledge(revision) {
                Ok(()) => acknowledged = Some(revision),
                // What was not acknowledged is told again.
                Err(error) => tracing::warn!(cursor = cursor.name(), %error, "could not acknowledge events"),
            }
        }
        let mut state = self.state.lock();
        if !is_alive || is_over {
            if let Some(member) = state.remove(number) {
                tracing::warn!(subscriber = member.id, "a subscriber was dropped");
            }
            drop(state);
            // What it has taken along may call back here when it goes.
            drop(callback);
            return;
        }
        let newest = state.revision;
        let Some(member) = state.members.get_mut(&number) else {
            drop(state);
            drop(callback);
            return;
        };
        member.callback = Some(callback);
        member.revision = revision.max(member.revision);
        if let Some(acknowledged) = acknowledged {
            member.acknowledged = acknowledged;
        }
        let has_more = match &mut member.source {
            Source::Queue => !member.queue.is_empty(),
            Source::Log(_) => match feed {
                // What comes after this comes into the queue.
                Some(feed) if feed.revision() >= newest => {
                    member.source = Source::Queue;
                    !member.queue.is_empty()
                }
                feed => {
                    member.source = Source::Log(feed);
                    true
                }
            },
        };
        member.is_scheduled = has_more;
        if has_more {
            state.ready.push_back(number);
        }
    }
}

impl State {
    /// Puts a notice into the queues of those who asked for it.
    fn distribute(&mut self, notice: &Notice) {
        let is_single = self.topics.len() == 1;
        for (topic, members) in &self.topics {
            let notice = match notice {
                // What the feed tells was asked for by somebody.
                Notice::Commit(commit) if !is_single => match part_for(topic, commit) {
                    Some(part) => Notice::Commit(part),
                    None => continue,
                },
                notice => notice.clone(),
            };
            for number in members {
                let Some(member) = self.members.get_mut(number) else { continue };
                let is_news = notice.revision().is_none_or(|revision| revision > member.revision);
                if !is_news || matches!(member.source, Source::Log(_)) {
                    continue;
                }
                member.queued += weight(&notice);
                self.queued += weight(&notice);
                member.queue.push_back(notice.clone());
                if !member.is_scheduled {
                    member.is_scheduled = true;
                    self.ready.push_back(*number);
                }
            }
        }
    }

    /// Drops the longest queues until there is room again. Their owners read from the log.
    fn relieve(&mut self, room: usize) {
        let newest = self.revision;
        while self.queued > room {
            let longest = self.members.values_mut().max_by_key(|member| member.queued);
            let Some(member) = longest.filter(|member| member.queued > 0) else { return };
            self.queued -= member.queued;
            member.queued = 0;
            // Being called, it is about to be told of more than its revision says: the feed is made when it has returned.
            let after = match &member.queue.front() {
                Some(Notice::Commit(first)) => Revision(first.revision.0.saturating_sub(1)),
                _ => member.revision,
            };
            member.queue.clear();
            member.queue.push_back(Notice::Lagged { after, upto: newest });
            member.source = Source::Log(None);
        }
        let idle = self.members.values_mut().filter(|member| !member.is_scheduled && member.cursor.is_some());
        for member in idle {
            if newest.0.saturating_sub(member.acknowledged.0) >= QUIET_REVISIONS
                && let Some(cursor) = &member.cursor
                && cursor.acknowledge(newest).is_ok()
            {
                member.acknowledged = newest;
            }
        }
    }

    fn fail(&mut self, error: &Error) {
        tracing::error!(%error, "events cannot be read any more");
        let reason: Arc<str> = error.to_string().into();
        self.failed = Some(reason.clone());
        self.distribute(&Notice::Stopped { reason });
    }

    fn remove(&mut self, number: u64) -> Option<Member> {
        let member = self.members.remove(&number)?;
        self.queued -= member.queued;
        if let Some(members) = self.topics.get_mut(&member.topic) {
            members.retain(|other| *other != number);
            if members.is_empty() {
                self.topics.remove(&member.topic);
                self.version += 1;
            }
        }
        Some(member)
    }
}

/// What a topic asked for of a commit.
fn part_for(topic: &Pattern, commit: &Arc<CommitEvents>) -> Option<Arc<CommitEvents>> {
    let taken = commit.events.iter().filter(|event| topic.takes(&event.change)).count();
    if taken == commit.events.len() {
        return Some(commit.clone());
    }
    if taken == 0 {
        return None;
    }
    let events = commit.events.iter().filter(|event| topic.takes(&event.change)).cloned().collect();
    let CommitEvents { revision, time_us, .. } = **commit;
    let (author, message) = (commit.author.clone(), commit.message.clone());
    Some(Arc::new(CommitEvents { revision, time_us, author, message, events }))
}

fn weight(notice: &Notice) -> usize {
    match notice {
        Notice::Commit(commit) => commit.events.len(),
        _ => 0,
    }
}
