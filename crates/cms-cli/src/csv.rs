//! Comma-separated values (RFC 4180). An empty field is no value; `""` is an empty text.

use crate::text::{Message, msg};

/// The rows of a text, and of each its line.
pub(crate) type Rows = Vec<(usize, Vec<Option<String>>)>;

/// Reads rows.
pub(crate) fn read(text: &str) -> Result<Rows, Message> {
    let mut rows = Rows::new();
    let mut letters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let (mut line, mut first) = (1, 1);
    let mut row = Vec::new();
    let (mut field, mut quoted) = (String::new(), false);
    let end_of_field = |field: &mut String, quoted: &mut bool, row: &mut Vec<Option<String>>| {
        let value = std::mem::take(field);
        row.push((*quoted || !value.is_empty()).then_some(value));
        *quoted = false;
    };
    while let Some(letter) = letters.next() {
        match letter {
            '"' if field.is_empty() && !quoted => {
                quoted = true;
                let opened = line;
                loop {
                    match letters.next() {
                        Some('"') if letters.peek() == Some(&'"') => {
                            letters.next();
                            field.push('"');
                        }
                        Some('"') => break,
                        Some(letter) => {
                            line += usize::from(letter == '\n');
                            field.push(letter);
                        }
                        None => return Err(msg!("csv-open", line = opened)),
                    }
                }
                if !matches!(letters.peek(), None | Some(',' | '\n' | '\r')) {
                    return Err(msg!("csv-behind-quote", line = line));
                }
            }
            ',' => end_of_field(&mut field, &mut quoted, &mut row),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => {
                if !row.is_empty() || !field.is_empty() || quoted {
                    end_of_field(&mut field, &mut quoted, &mut row);
                    rows.push((first, std::mem::take(&mut row)));
                }
                line += 1;
                first = line;
            }
            letter => field.push(letter),
        }
    }
    if !row.is_empty() || !field.is_empty() || quoted {
        end_of_field(&mut field, &mut quoted, &mut row);
        rows.push((first, row));
    }
    Ok(rows)
}

/// Writes a row.
pub(crate) fn line<'a>(fields: impl Iterator<Item = Option<std::borrow::Cow<'a, str>>>) -> String {
    let fields: Vec<String> = fields
        .map(|field| match field {
            None => String::new(),
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            Some(text) => text.into_owned(),
        })
        .collect();
    fields.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&[Option<&str>]]) {
        let rows = read(text).expect("it can be read");
        let rows: Vec<Vec<Option<&str>>> =
            rows.iter().map(|(_, row)| row.iter().map(Option::as_deref).collect()).collect();
        assert_eq!(rows, expected, "{text}");
    }

    #[test]
    fn fields_are_read() {
        check(
            "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n,\"\"\n",
            &[&[Some("a"), Some("b")], &[Some("1"), Some("x, \"y\"\nz")], &[None, Some("")]],
        );
        check("\u{feff}a", &[&[Some("a")]]);
        check("a,", &[&[Some("a"), None]]);
        assert!(read("a\n\"b").is_err());
        assert!(read("\"a\"b").is_err());
        assert_eq!(read("a\n\n\"b\nc\"\nd").expect("rows")[2].0, 5);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec(prop::option::of("[a,\"\n\r é]{0,6}"), 2..4), 0..5)) {
            let text: String = rows.iter().map(|row| line(row.iter().map(|field| field.as_deref().map(Into::into))) + "\n").collect();
            let read: Vec<_> = read(&text).expect("it can be read").into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
