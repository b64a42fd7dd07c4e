//! `confirm`: keeps what `commit --confirm` would roll back, or rolls it back now.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::{Options, Pending, Settled, Store};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::guardian;
use crate::json::Json;
use crate::session::{self, Session};
use crate::text::msg;
use crate::trigger;
use crate::when;

pub(super) const VERB: Verb =
    Verb { name: "confirm", aliases: &[], uci: false, hidden: false, arguments, run };

/// The guardian's own call.
pub(super) const GUARD: Verb = Verb {
    name: guardian::VERB,
    aliases: &[],
    uci: false,
    hidden: true,
    arguments: |command, help| {
        let number = clap::value_parser!(i32).range(3..);
        command.arg(
            Arg::new("descriptors").num_args(0..).value_parser(number).help(help!("guard-descriptors", help)),
        )
    },
    run: |matches, session| {
        let descriptors: Vec<i32> = matches.get_many("descriptors").into_iter().flatten().copied().collect();
        guardian::run(session, &descriptors)
    },
};

fn arguments(command: Command, help: Help) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    command
        .arg(Arg::new("token").value_name("TOKEN").help(help!("confirm-token", help)))
        .arg(flag("cancel").help(help!("confirm-cancel", help)).conflicts_with_all(["list", "expire"]))
        .arg(flag("list").help(help!("confirm-list", help)).conflicts_with_all(["token", "expire"]))
        .arg(flag("expire").help(help!("confirm-expire", help)).conflicts_with("token"))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    // Not through the session, which would make a log where there is none and tell what is told here.
    let store =
        session::open(&session.globals, Options { create: false, writes: true, ..Options::from_env()? })?;
    let token = super::text_of(matches, "token");
    if matches.get_flag("list") {
        return list(&store, session);
    }
    if matches.get_flag("expire") {
        return expire(&store, session);
    }
    let settled = if matches.get_flag("cancel") { store.cancel(token) } else { store.confirm(token) };
    let settled = settled.inspect_err(|error| {
        // Whoever is told now need not be told again.
        if let cms::Error::Settled(settled) = error {
            let _ = store.acknowledge(std::slice::from_ref(&**settled));
        }
    })?;
    if let Err(error) = trigger::start_after(&store, &session.globals, std::slice::from_ref(&settled)) {
        tracing::error!(%error, "the triggers of a rollback could not be started");
    }
    answer(&[], std::slice::from_ref(&settled), &store, session)?;
    if !session.globals.json {
        session.output.say(&confirmation::rolled_back(&settled));
        if !settled.conflicts.is_empty() {
            let keys = settled.conflicts.join(", ");
            session.output.warn(&msg!("confirm-kept", keys = keys));
        }
    }
    Ok(Exit::Ok)
}

/// What is pending, and what became of the last ones.
fn list(store: &Store, session: &mut Session) -> Result<Exit, Failure> {
    let has_none = !store.has_log() && store.location().is_ours();
    let (pending, settled) =
        if has_none { (Vec::new(), Vec::new()) } else { (store.pending()?, store.settled()?) };
    answer(&pending, &settled, store, session)?;
    if !session.globals.json {
        for pending in &pending {
            session.output.line(line(pending, store))?;
        }
        for settled in &settled {
            let tokens = settled.tokens.join(", ");
            session.output.line(format!("{tokens}  {}", confirmation::rolled_back(settled)))?;
            if !settled.conflicts.is_empty() {
                let keys = settled.conflicts.join(", ");
                session.output.line(format!("    {}", msg!("confirm-kept", keys = keys)))?;
            }
            if !settled.probe_failure.is_empty() {
                let failure = &settled.probe_failure;
                session.output.line(format!("    {}", msg!("confirm-probe-failed", failure = failure)))?;
            }
        }
        if pending.is_empty() {
            session.output.say(&msg!("confirm-none"));
        }
    }
    if settled.iter().any(|settled| !settled.seen) {
        store.acknowledge(&settled)?;
    }
    Ok(Exit::Ok)
}

fn line(pending: &Pending, store: &Store) -> String {
    let packages: Vec<&str> = pending.packages.iter().map(|package| package.as_str()).collect();
    let left = store.time_left(pending).unwrap_or_default().as_secs().to_string();
    let (tokens, revisions) = (pending.tokens.join(", "), confirmation::names(&pending.revisions));
    let until = msg!("confirm-until", time = when::local(pending.until_us), left = left);
    let probe = pending.probe.as_ref().map(|probe| format!("  {}", msg!("confirm-probe", probe = probe)));
    let guard = if store.is_guarded() { String::new() } else { format!("  {}", msg!("confirm-unguarded")) };
    let probe = probe.unwrap_or_default();
    format!("{tokens}  {revisions}  {}  {until}{probe}{guard}", packages.join(", "))
}

/// Rolls back what is due; opening the store has done so already, if it could.
fn expire(store: &Store, session: &mut Session) -> Result<Exit, Failure> {
    let mut unseen: Vec<Settled> = Vec::new();
    if store.has_log() || !store.location().is_ours() {
        store.expire()?;
        unseen.extend(store.settled()?.into_iter().filter(|settled| !settled.seen));
    }
    answer(&[], &unseen, store, session)?;
    if !session.globals.json {
        for settled in &unseen {
            confirmation::warn(settled, session);
        }
        if unseen.is_empty() {
            session.output.say(&msg!("confirm-nothing-due", folder = confirmation::folder(store.location())));
        }
    }
    Ok(Exit::Ok)
}

/// The answer for programs, if one was asked for.
fn answer(
    pending: &[Pending],
    settled: &[Settled],
    store: &Store,
    session: &mut Session,
) -> Result<(), Failure> {
    if !session.globals.json {
        return Ok(());
    }
    let pending: Vec<_> =
        pending.iter().map(|pending| confirmation::pending_to_json(pending, store)).collect();
    let settled: Vec<_> = settled.iter().map(confirmation::settled_to_json).collect();
    let members = json!({ "pending": pending, "settled": settled });
    session.output.line(Json::answer("confirm", members).to_string())
}
