//! A figure: a measured value beside its peer, what it must reach, and what it aims at.

use std::fmt;

use serde_json::{Value, json};

use crate::Result;
use crate::measure::Rounds;

/// A bound on a value.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// At least this much.
    AtLeast(f64),
    /// Below this much.
    Below(f64),
    /// At most this much.
    AtMost(f64),
    /// Below this much, and at most this many times the peer.
    BelowAndAtMostTimes(f64, f64),
    /// Below this many times the peer.
    BelowTimes(f64),
    /// Below this much, or at most this many times the peer.
    BelowOrAtMostTimes(f64, f64),
    /// At least this many times the peer.
    AtLeastTimes(f64),
    /// At most this many times the peer.
    AtMostTimes(f64),
    /// Less than this much above the peer.
    BelowPlus(f64),
    /// It ran to its end with the right answer, which the measurement itself asserts.
    Works,
}

impl Limit {
    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(limit) => format!(">= {limit} {unit}"),
            Self::Below(limit) => format!("< {limit} {unit}"),
            Self::AtMost(limit) => format!("<= {limit} {unit}"),
            Self::BelowAndAtMostTimes(limit, factor) => format!("< {limit} {unit}, <= {factor}x"),
            Self::BelowTimes(factor) => format!("< {factor}x"),
            Self::BelowOrAtMostTimes(limit, factor) => format!("< {limit} {unit} or <= {factor}x"),
            Self::AtLeastTimes(factor) => format!(">= {factor}x"),
            Self::AtMostTimes(factor) => format!("<= {factor}x"),
            Self::BelowPlus(margin) => format!("< +{margin} {unit}"),
            Self::Works => "works".into(),
        }
    }

    /// Whether the value is within the bound. Against a peer, what counts is the median over the rounds of each
    /// round's own comparison: both sides of a round saw the same machine.
    fn holds(self, value: &Rounds, peer: &Rounds) -> bool {
        match self {
            Self::AtLeast(limit) => value.median() >= limit,
            Self::Below(limit) => value.median() < limit,
            Self::AtMost(limit) => value.median() <= limit,
            Self::BelowAndAtMostTimes(limit, factor) => {
                value.median() < limit && value.over(peer).median() <= factor
            }
            Self::BelowTimes(factor) => value.over(peer).median() < factor,
            Self::BelowOrAtMostTimes(limit, factor) => {
                value.median() < limit || value.over(peer).median() <= factor
            }
            Self::AtLeastTimes(factor) => value.over(peer).median() >= factor,
            Self::AtMostTimes(factor) => value.over(peer).median() <= factor,
            Self::BelowPlus(margin) => value.above(peer).median() < margin,
            Self::Works => true,
        }
    }
}

/// What a measurement found.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The name under which it is tracked.
    pub id: &'static str,
    /// What was done.
    pub what: String,
    /// The unit of both values.
    pub unit: &'static str,
    /// One value for each round.
    pub value: Rounds,
    /// What it is compared with.
    pub peer: String,
    /// The peer's value of each round.
    pub peer_value: Rounds,
    /// The bound to keep.
    pub must: Limit,
    /// The bound to aim at.
    pub goal: Limit,
}

impl Figure {
    /// As it is printed and stored.
    pub fn row(&self) -> Row {
        Row(json!({
            "id": self.id,
            "what": self.what,
            "value": rounded(self.value.median()),
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": rounded(self.peer_value.median()),
            "must": self.must.text(self.unit),
            "goal": self.goal.text(self.unit),
            "pass": self.must.holds(&self.value, &self.peer_value),
            "goal_met": self.goal.holds(&self.value, &self.peer_value),
            "min": rounded(self.value.min()),
            "max": rounded(self.value.max()),
            "peer_min": rounded(self.peer_value.min()),
            "peer_max": rounded(self.peer_value.max()),
            "ratio": rounded(self.value.over(&self.peer_value).median()),
        }))
    }
}

/// Three significant digits are more than the machine can repeat.
fn rounded(number: f64) -> Value {
    if !number.is_finite() {
        return Value::Null;
    }
    let text = format!("{number:.2e}");
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

/// A figure as it is stored.
#[derive(Clone, Debug)]
pub struct Row(Value);

impl Row {
    /// The head of the table.
    pub const HEADER: &str = "figure                       value [min-max]                   peer [min-max]   ratio  must           goal";

    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn range(&self, value: &str, min: &str, max: &str) -> String {
        let number = |field: &str| self.0[field].as_f64().map_or("-".into(), |number| number.to_string());
        format!("{} [{}-{}]", number(value), number(min), number(max))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = |field: &str| if self.0[field] == true { "ok" } else { "SHORT" };
        let ratio = self.0["ratio"].as_f64().map_or("-".into(), |ratio| format!("{ratio}x"));
        write!(
            f,
            "{:<24} {:>26} {:<4} {:>28} {:>7}  {:<14} {:<14}\n    {}; beside: {}",
            self.text("id"),
            self.range("value", "min", "max"),
            self.text("unit"),
            self.range("peer_value", "peer_min", "peer_max"),
            ratio,
            format!("{} {}", self.text("must"), verdict("pass")),
            format!("{} {}", self.text("goal"), verdict("goal_met")),
            self.text("what"),
            self.text("peer"),
        )
    }
}

/// The rows as an array.
pub fn to_json(rows: &[Row]) -> String {
    let rows: Vec<&Value> = rows.iter().map(|row| &row.0).collect();
    serde_json::to_string_pretty(&rows).unwrap_or_default()
}

/// The reverse of [`to_json`].
pub fn from_json(text: &[u8]) -> Result<Vec<Row>> {
    let rows: Vec<Value> = serde_json::from_slice(text)?;
    Ok(rows.into_iter().map(Row).collect())
}
