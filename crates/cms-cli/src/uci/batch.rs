//! `batch`: commands from the input, a logical line each. Whatever fails, the run goes on.

use std::io::Write;

use cms::model::WordLines;

use super::Session;
use super::failure::Failure;
use super::verbs;

/// More words than this are no command.
const MOST_WORDS: usize = 3;

/// Runs the commands of the input until it ends or says `exit`.
pub fn run(session: &mut Session<'_>) -> Result<(), Failure> {
    session.in_batch = true;
    loop {
        match next_command(session) {
            Ok(None) => break,
            Ok(Some(words)) if words.is_empty() => {}
            Ok(Some(words)) if words[0].eq_ignore_ascii_case(b"exit") => break,
            Ok(Some(words)) if words.len() > MOST_WORDS => session.say(format_args!("Too many arguments")),
            Ok(Some(words)) => match verbs::run(session, &words) {
                Ok(()) => {}
                Err(Failure::Usage) => session.say(format_args!("Unknown command")),
                Err(failure) => {
                    session.report(failure);
                }
            },
            Err(failure) => {
                session.report(failure);
            }
        }
        // Who feeds commands one by one waits for the answer to each.
        session.out.flush().map_err(|_| Failure::Silent)?;
    }
    session.in_batch = false;
    Ok(())
}

/// Reads the words of the next logical line; `None` at the end of the input.
fn next_command(session: &mut Session<'_>) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let mut text = Vec::new();
    if !session.input.line(&mut text)? {
        return Ok(None);
    }
    let mut complete = false;
    loop {
        let mut lines = if complete { WordLines::new(&text) } else { WordLines::partial(&text) };
        lines.next_line();
        let words = read_words(&mut lines);
        if !lines.wants_more() {
            return words.map(Some);
        }
        // The line goes on: in quotes, behind a backslash, or because it has no end.
        complete = !session.input.line(&mut text)?;
    }
}

fn read_words(lines: &mut WordLines<'_>) -> Result<Vec<Vec<u8>>, Failure> {
    let mut words = Vec::new();
    while words.len() <= MOST_WORDS {
        let word = lines.next_word()?.value().into_owned();
        if word.is_empty() {
            break;
        }
        words.push(word);
    }
    Ok(words)
}
