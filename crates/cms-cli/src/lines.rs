//! What there is to say of one thing: a line each, with a label before it.

use crate::failure::Failure;
use crate::session::Session;

/// Writes lines with their labels, one below the other.
pub(crate) fn write(lines: &[(String, String)], session: &mut Session) -> Result<(), Failure> {
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    for (label, words) in lines {
        let label = session.output.paint.place(&format!("{label:<width$}"));
        // What goes on in further lines stays in its column.
        let words = words.replace('\n', &format!("\n{:1$}", "", width + 4));
        session.output.line(format!("  {label}  {words}"))?;
    }
    Ok(())
}
