//! Timing on a machine that is never quiet: rounds, medians, and both sides of a comparison in the same minute.

use std::time::Instant;

use crate::Result;

/// One value for each round.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    /// The values of the rounds, in order.
    pub fn new(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// Adds a round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        median(&mut self.0.clone())
    }

    /// The smallest one.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The largest one.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Each round's quotient with the same round of `other`.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine / theirs).collect())
    }

    /// Each round's difference from the same round of `other`.
    pub fn above(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine - theirs).collect())
    }
}

/// The median of some values; NaN of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

/// The seconds that something takes.
pub fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let start = Instant::now();
    let made = work()?;
    Ok((start.elapsed().as_secs_f64(), made))
}

/// The seconds of a core that something takes, in which this thread ran. They do not count what others ran meanwhile.
pub fn core_seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    let made = work()?;
    Ok((now() - start, made))
}

/// Something that is timed; answers the seconds that it took.
pub type Side<'a> = &'a mut dyn FnMut() -> Result<f64>;

/// Has each of some sides take its turn, which it times itself, and answers the rounds' medians of each.
pub fn by_turns<const N: usize>(
    rounds: usize,
    turns: usize,
    mut sides: [Side<'_>; N],
) -> Result<[Rounds; N]> {
    for side in &mut sides {
        side()?;
    }
    let mut all = [const { Rounds(Vec::new()) }; N];
    for _ in 0..rounds {
        let mut times = [const { Vec::new() }; N];
        for _ in 0..turns {
            for (side, times) in sides.iter_mut().zip(&mut times) {
                times.push(side()?);
            }
        }
        for (rounds, times) in all.iter_mut().zip(&mut times) {
            rounds.push(median(times));
        }
    }
    Ok(all)
}

/// How a comparison is laid out: so many rounds of so many turns, each turn so many operations of either side.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds; each gives one median.
    pub rounds: usize,
    /// Turns in a round; the sides take turns.
    pub turns: usize,
    /// Operations of one side in a turn.
    pub operations: usize,
}

/// Times two operations by turns. Answers the rounds' medians, in seconds, of both.
pub fn side_by_side(
    plan: Plan,
    mut mine: impl FnMut() -> Result<()>,
    mut theirs: impl FnMut() -> Result<()>,
) -> Result<(Rounds, Rounds)> {
    // The first operations of either pay for caches, files and page tables that later ones find ready.
    for _ in 0..plan.operations.min(3) {
        mine()?;
        theirs()?;
    }
    let (mut my_rounds, mut their_rounds) = (Rounds::default(), Rounds::default());
    for _ in 0..plan.rounds {
        let (mut my_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..plan.turns {
            for _ in 0..plan.operations {
                my_times.push(seconds(&mut mine)?.0);
            }
            for _ in 0..plan.operations {
                their_times.push(seconds(&mut theirs)?.0);
            }
        }
        my_rounds.push(median(&mut my_times));
        their_rounds.push(median(&mut their_times));
    }
    Ok((my_rounds, their_rounds))
}

/// The same with both results multiplied, to turn seconds into another unit.
pub fn scaled(rounds: &Rounds, factor: f64) -> Rounds {
    Rounds(rounds.0.iter().map(|value| value * factor).collect())
}

/// How much of something is done in a second, from the seconds that so much of it takes.
pub fn rate(rounds: &Rounds, amount: f64) -> Rounds {
    Rounds(rounds.0.iter().map(|seconds| amount / seconds).collect())
}
