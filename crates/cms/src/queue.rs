//! Whoever comes first works for all who wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use parking_lot::{Mutex, MutexGuard};
use rustix::thread::futex;

/// Threads that want the same done, one of which does it for all that wait.
///
/// [`run`](Queue::run) hands in a piece of work. The thread that finds nobody leading leads: it [takes](Turn::take) what is
/// waiting, does it, and hands out the answers. Before the end of its work it may [pass on](Turn::pass) the lead, so that the next one
/// begins while this one hands out the answers.
pub(crate) struct Queue<W, A> {
    state: Mutex<State<W, A>>,
}

struct State<W, A> {
    is_led: bool,
    waiting: Vec<Arc<Slot<W, A>>>,
    /// What those who wait sleep by, all that time.
    bell: Arc<Bell>,
    /// How many are likely to come: as many as last time, and a few more, so that groups grow.
    expected: usize,
}

/// What threads sleep by that are answered together: to wake each by itself takes longer than all that is done for it.
#[derive(Default)]
struct Bell(AtomicU32);

impl Bell {
    /// How often it was rung.
    fn rings(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Sleeps, unless it was rung since it was asked for its rings; may wake before.
    fn sleep(&self, rings: u32) {
        let _ = futex::wait(&self.0, futex::Flags::PRIVATE, rings, None);
    }

    /// Wakes so many.
    fn ring(&self, count: u32) {
        self.0.fetch_add(1, Ordering::Release);
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, count);
    }
}

/// As many as there are: the kernel counts them in a signed number.
const ALL: u32 = i32::MAX as u32;

/// One piece of work, and what became of it.
struct Slot<W, A> {
    content: Mutex<Content<W, A>>,
}

enum Content<W, A> {
    Waiting(W),
    Taken,
    Done(A),
    /// Its leader died without an answer.
    Abandoned,
    Collected,
}

/// The lead.
pub(crate) struct Turn<'a, W, A> {
    queue: &'a Queue<W, A>,
    own: Arc<Slot<W, A>>,
    /// Until it has passed the lead on.
    leads: bool,
    taken: Vec<Arc<Slot<W, A>>>,
    /// What they sleep by.
    bells: Vec<Arc<Bell>>,
}

impl<W, A> Queue<W, A> {
    pub(crate) fn new() -> Self {
        let bell = Arc::default();
        Queue { state: Mutex::new(State { is_led: false, waiting: Vec::new(), bell, expected: 0 }) }
    }

    /// Waits for the answer to `work`, which this thread or another one gives. `lead` answers all that it took, in that order.
    ///
    /// `None` if the thread that led died of a panic.
    pub(crate) fn run(&self, work: W, lead: impl FnOnce(&mut Turn<'_, W, A>) -> Vec<A>) -> Option<A> {
        let slot = Arc::new(Slot { content: Mutex::new(Content::Waiting(work)) });
        let mut state = self.state.lock();
        state.waiting.push(slot.clone());
        let bell = state.bell.clone();
        loop {
            if !state.is_led && matches!(*slot.content.lock(), Content::Waiting(_)) {
                state.is_led = true;
                self.gather(state);
                let mut turn = Turn {
                    queue: self,
                    own: slot.clone(),
                    leads: true,
                    taken: Vec::new(),
                    bells: Vec::new(),
                };
                let answers = lead(&mut turn);
                turn.answer(answers);
                return slot.collect();
            }
            // Asked under the lock and before the answer is looked for: a lead that is passed on and an answer ring afterwards.
            let rings = bell.rings();
            drop(state);
            if let Some(answer) = slot.answered() {
                return answer;
            }
            bell.sleep(rings);
            if let Some(answer) = slot.answered() {
                return answer;
            }
            state = self.state.lock();
        }
    }

    /// Lets others run who are about to come: what their work waits for costs the same for one as for many, so small groups would keep
    /// large ones from forming. Whoever are as many as last time have nobody to wait for, and neither has he whom nobody joins.
    fn gather<'q>(&'q self, mut state: MutexGuard<'q, State<W, A>>) {
        let expected = state.expected;
        loop {
            let waiting = state.waiting.len();
            if waiting >= expected {
                return;
            }
            drop(state);
            thread::yield_now();
            state = self.state.lock();
            if state.waiting.len() <= waiting {
                return;
            }
        }
    }
}

impl<W, A> Slot<W, A> {
    /// The outcome, once there is one.
    fn answered(&self) -> Option<Option<A>> {
        let is_over = matches!(*self.content.lock(), Content::Done(_) | Content::Abandoned);
        is_over.then(|| self.collect())
    }

    fn collect(&self) -> Option<A> {
        match std::mem::replace(&mut *self.content.lock(), Content::Collected) {
            Content::Done(answer) => Some(answer),
            _ => None,
        }
    }

    fn take(&self) -> Option<W> {
        let mut content = self.content.lock();
        match std::mem::replace(&mut *content, Content::Taken) {
            Content::Waiting(work) => Some(work),
            other => {
                *content = other;
                None
            }
        }
    }
}

impl<W, A> Turn<'_, W, A> {
    /// Takes all the work that waits.
    pub(crate) fn take(&mut self) -> Vec<W> {
        let mut state = self.queue.state.lock();
        let waiting = std::mem::take(&mut state.waiting);
        state.expected = waiting.len() + waiting.len() / 8;
        self.bells.push(std::mem::take(&mut state.bell));
        drop(state);
        let works = waiting.iter().filter_map(|slot| slot.take()).collect();
        self.taken.extend(waiting);
        works
    }

    /// Takes the work of this thread alone, before any other: what fails at once shall fail for each by itself.
    pub(crate) fn take_own(&mut self) -> Option<W> {
        let mut state = self.queue.state.lock();
        state.waiting.retain(|slot| !Arc::ptr_eq(slot, &self.own));
        drop(state);
        self.taken.push(self.own.clone());
        self.own.take()
    }

    /// Takes the work of this thread if nobody else waits.
    pub(crate) fn take_if_alone(&mut self) -> Option<W> {
        let is_alone = self.queue.state.lock().waiting.len() == 1;
        if is_alone { self.take_own() } else { None }
    }

    /// Lets the next one lead.
    pub(crate) fn pass(&mut self) {
        if !std::mem::take(&mut self.leads) {
            return;
        }
        let mut state = self.queue.state.lock();
        state.is_led = false;
        let bell = (!state.waiting.is_empty()).then(|| state.bell.clone());
        drop(state);
        // Any of them: all wait, and whoever finds nobody leading leads.
        if let Some(bell) = bell {
            bell.ring(1);
        }
    }

    fn answer(mut self, answers: Vec<A>) {
        let mut answers = answers.into_iter();
        self.hand_out(|| answers.next().map_or(Content::Abandoned, Content::Done));
    }

    fn hand_out(&mut self, mut answer: impl FnMut() -> Content<W, A>) {
        for slot in self.taken.drain(..) {
            *slot.content.lock() = answer();
        }
        for bell in self.bells.drain(..) {
            bell.ring(ALL);
        }
    }
}

impl<W, A> Drop for Turn<'_, W, A> {
    fn drop(&mut self) {
        // Only where the leader panicked there is something left.
        self.hand_out(|| Content::Abandoned);
        self.pass();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_work_is_answered_once_and_in_few_turns() {
        let (queue, turns) = (Queue::new(), AtomicUsize::new(0));
        let start = Barrier::new(16);
        thread::scope(|scope| {
            for number in 0..16_usize {
                let (queue, turns, start) = (&queue, &turns, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..50 {
                        let answer = queue.run(number * 1000 + round, |turn| {
                            turns.fetch_add(1, Ordering::Relaxed);
                            let works = turn.take();
                            thread::sleep(Duration::from_micros(300));
                            turn.pass();
                            works.into_iter().map(|work| work * 2).collect()
                        });
                        assert_eq!(answer, Some((number * 1000 + round) * 2));
                    }
                });
            }
        });
        assert!(turns.into_inner() < 16 * 50);
    }

    #[test]
    fn who_takes_only_his_own_leaves_the_others_to_lead() {
        let queue = Queue::new();
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for number in 0..8 {
                let (queue, start) = (&queue, &start);
                scope.spawn(move || {
                    start.wait();
                    let answer = queue.run(number, |turn| turn.take_own().into_iter().collect());
                    assert_eq!(answer, Some(number));
                });
            }
        });
    }

    #[test]
    fn a_leader_that_panics_leaves_nobody_waiting() {
        let queue = Queue::<(), ()>::new();
        let start = Barrier::new(4);
        let answered = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                let (queue, start, answered) = (&queue, &start, &answered);
                scope.spawn(move || {
                    start.wait();
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        queue.run((), |turn| {
                            turn.take();
                            thread::sleep(Duration::from_millis(20));
                            std::panic::resume_unwind(Box::new("no answer"))
                        })
                    }));
                    assert!(!matches!(outcome, Ok(Some(()))));
                    answered.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(answered.into_inner(), 4);
    }
}
