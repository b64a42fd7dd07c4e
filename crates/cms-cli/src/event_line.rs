//! An event as a line: of `cms watch`, and for the commands that it runs.

use cms::{CommitEvents, Event, Revision};
use serde_json::json;

use crate::change_line;
use crate::json::Json;
use crate::paint::Paint;
use crate::when;

/// The events of a commit for programs, a line each; specified in `docs/json.md`.
pub(crate) fn json_lines(commit: &CommitEvents) -> String {
    let count = commit.events.len();
    commit
        .events
        .iter()
        .enumerate()
        .map(|(at, event)| format!("{}\n", to_json(event, at + 1, count)))
        .collect()
}

/// For people: the revision, the time, who, and the change.
pub(crate) fn lines(commit: &CommitEvents, paint: Paint) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in &commit.events {
        let revision = paint.changed(&format!("r{}", event.revision.0));
        let head = format!("{revision}  {}  {}  ", when::local(event.time_us), event.author);
        lines.extend_from_slice(head.as_bytes());
        lines.extend(change_line::line_with_old(&event.change, paint));
        lines.push(b'\n');
    }
    lines
}

/// Tells a program that commits are gone.
pub(crate) fn compacted(after: Revision, resume: Revision) -> String {
    format!("{}\n", Json::answer("compacted", json!({ "after": after.0, "resume": resume.0 })))
}

fn to_json(event: &Event, number: usize, count: usize) -> Json {
    let mut members = json!({
        "revision": event.revision.0,
        "time": when::rfc3339(event.time_us),
        "author": &*event.author,
        "package": event.package.as_str(),
        "number": number,
        "count": count,
    });
    if let (Some(members), serde_json::Value::Object(change)) =
        (members.as_object_mut(), change_line::to_json(&event.change))
    {
        members.extend(change);
    }
    Json::answer("event", members)
}
