//! What each change does to the text: every rule of `docs/text-edits.md` as input and output.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use cms_model::{Draft, Name, Package, Selector, TypeName, Value};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn section(text: &str) -> Selector {
    match text.strip_prefix('#') {
        Some(index) => Selector::Nth { kind: None, index: index.parse().unwrap() },
        None => Selector::Named(name(text)),
    }
}

/// Carries out `verb`, a verb of `uci` with `|` between its words, on `before`.
fn check(before: &str, verb: &str, after: &str) {
    let base = Package::parse(before.as_bytes()).unwrap_or_else(|error| panic!("{before:?}: {error:?}"));
    let mut draft = Draft::new(base, 1);
    let words: Vec<&str> = verb.split('|').collect();
    match words[..] {
        ["set", s, o, v] => draft.set_option(&section(s), &name(o), Value::scalar(v)).map(drop).unwrap(),
        ["set", s, o, ref items @ ..] if !items.is_empty() => {
            draft.set_option(&section(s), &name(o), Value::list(items.iter().copied())).map(drop).unwrap();
        }
        ["set", s, kind] => draft.set_type(&section(s), &TypeName::new(kind).unwrap()).map(drop).unwrap(),
        ["add", kind] => draft.add(&TypeName::new(kind).unwrap()).map(drop).unwrap(),
        ["add_list", s, o, v] => draft.add_list(&section(s), &name(o), v.as_bytes()).map(drop).unwrap(),
        ["del_list", s, o, v] => draft.del_list(&section(s), &name(o), v.as_bytes()).map(drop).unwrap(),
        ["delete", s] => draft.delete_section(&section(s)).map(drop).unwrap(),
        ["delete", s, o] => draft.delete_option(&section(s), &name(o)).map(drop).unwrap(),
        ["rename", s, new] => draft.rename_section(&section(s), &name(new)).map(drop).unwrap(),
        ["rename", s, o, new] => draft.rename_option(&section(s), &name(o), &name(new)).map(drop).unwrap(),
        ["reorder", s, place] => draft.reorder(&section(s), place.parse().unwrap()).map(drop).unwrap(),
        _ => panic!("what is {verb:?}?"),
    }
    let text = String::from_utf8(draft.package().text()).unwrap();
    assert_eq!(text, after, "\n{verb} on:\n{before}\n-- gave --\n{text}");
    let again = Package::parse(text.as_bytes()).unwrap();
    let meaning = |package: &Package| -> Vec<_> {
        package.sections().map(|s| (s.kind().to_owned(), s.name().map(str::to_owned), s.options())).collect()
    };
    assert_eq!(meaning(&again), meaning(draft.package()), "{text:?}");
}

#[test]
fn a_value_is_replaced_where_it_stands_and_as_it_is_quoted() {
    check("config a s\n\toption  x   1 # why\n", "set|s|x|2", "config a s\n\toption  x   2 # why\n");
    check("config a s\n\toption x 1\n", "set|s|x|a b", "config a s\n\toption x 'a b'\n");
    check("config a s\n\toption x '1'\n", "set|s|x|it's", "config a s\n\toption x 'it'\\''s'\n");
    check(
        "config a s\n\toption x \"1\"\n",
        "set|s|x|a \"b\"\\",
        "config a s\n\toption x \"a \\\"b\\\"\\\\\"\n",
    );
    check("config a s\n\toption x a'b'\"c\"\n", "set|s|x|d e", "config a s\n\toption x 'd e'\n");
    check("config a s; option x 1; option y 2\n", "set|s|x|3", "config a s; option x 3; option y 2\n");
    check("config a s\n\toption x 'a\nb' # c", "set|s|x|c\nd", "config a s\n\toption x 'c\nd' # c");
}

#[test]
fn of_an_option_written_twice_the_last_is_edited() {
    check(
        "config a s\n\toption x 1\n\toption x 2\n",
        "set|s|x|3",
        "config a s\n\toption x 1\n\toption x 3\n",
    );
    check(
        "config a s\n\toption x 1\n\toption x ''\n",
        "set|s|x|3",
        "config a s\n\toption x 3\n\toption x ''\n",
    );
    check(
        "config a s\n\tlist x 1\n\toption x 2 #\n",
        "set|s|x|3",
        "config a s\n\tlist x 1\n\toption x 3 #\n",
    );
    check(
        "config a s\n\toption x 1\n\toption y 2\n\tlist x ''\n",
        "delete|s|x",
        "config a s\n\toption y 2\n",
    );
}

#[test]
fn a_new_option_follows_the_last_command_and_its_indentation() {
    check("config a s\n", "set|s|x|1", "config a s\n\toption x '1'\n");
    check("config a s # c\n\n# end\n", "set|s|x|1", "config a s # c\n\toption x '1'\n\n# end\n");
    check(
        "config a s\n    option y 1 # c\n# d\n",
        "set|s|x|1",
        "config a s\n    option y 1 # c\n    option x '1'\n# d\n",
    );
    check("config a s\r\n\toption y 1\r\n", "set|s|x|1", "config a s\r\n\toption y 1\r\n\toption x '1'\r\n");
    check("config a s\n\toption y 1", "set|s|x|1", "config a s\n\toption y 1\n\toption x '1'");
    check(
        "config a s\n\toption y 1 \\\n\nconfig b\n",
        "set|s|x|1",
        "config a s\n\toption y 1 \\\n\n\toption x '1'\nconfig b\n",
    );
    check(
        "config a s\nconfig b t\nconfig a s # again\n",
        "set|s|x|1",
        "config a s\nconfig b t\nconfig a s # again\n\toption x '1'\n",
    );
    check(
        "config a s; option y 1; config b t\n",
        "set|s|x|1",
        "config a s\n\toption y 1\n\toption x '1'\nconfig b t\n",
    );
    check("config a s \\", "set|s|x|1", "config a s \\\n\n\toption x '1'");
}

#[test]
fn items_come_behind_the_last_one() {
    check(
        "config a s\n\tlist x 1\n\toption y 1\n",
        "add_list|s|x|2",
        "config a s\n\tlist x 1\n\tlist x '2'\n\toption y 1\n",
    );
    check("config a s\n\toption y 1\n", "add_list|s|x|2", "config a s\n\toption y 1\n\tlist x '2'\n");
    check(
        "config a s\n\toption x 1\n\toption y 1\n",
        "add_list|s|x|2",
        "config a s\n\tlist x '1'\n\tlist x '2'\n\toption y 1\n",
    );
    check(
        "config a s\n  option x 1\n  option y 1\n  list x 2 # c\n",
        "add_list|s|x|3",
        "config a s\n  list x '1'\n  list x '2'\n  list x '3'\n  option y 1\n",
    );
    check(
        "config a s\n\tlist x 1 # one\n\tlist x 2 # two\n\tlist x 1\n",
        "del_list|s|x|1",
        "config a s\n\tlist x 2 # two\n",
    );
    check("config a s\n\tlist x 1\n", "del_list|s|x|1", "config a s\n");
    check(
        "config a s\n\tlist x 1\n\tlist x 2\n\tlist x 3\n",
        "set|s|x|1|4|5|3",
        "config a s\n\tlist x 1\n\tlist x 4\n\tlist x '5'\n\tlist x 3\n",
    );
    check(
        "config a s\n\tlist x 1\n\tlist x 2\n",
        "set|s|x|0|1|2",
        "config a s\n\tlist x '0'\n\tlist x 1\n\tlist x 2\n",
    );
    check("config a s\n\tlist x 1 # c\n\tlist x 2\n", "set|s|x|3", "config a s\n\toption x '3' # c\n");
    check(
        "config a s\n\tlist x 1; list x 2; option y 1\n",
        "add_list|s|x|3",
        "config a s\n\tlist x 1\n\tlist x 2\n\tlist x '3'\n\toption y 1\n",
    );
}

#[test]
fn a_section_goes_with_its_comments() {
    check("# head\n\n# of a\nconfig a s\n\toption x 1\n\nconfig b t\n", "delete|s", "# head\n\nconfig b t\n");
    check("\nconfig a s\n\nconfig b t\n\n", "delete|t", "\nconfig a s\n\n");
    check("\nconfig a s\n\nconfig b t\n\n", "delete|s", "\nconfig b t\n\n");
    check("config a s\n\toption x 1\nconfig b t\nconfig a s\n\toption y 1\n", "delete|s", "config b t\n");
    check("config a s; option x 1; config b t\n", "delete|s", "config b t\n");
    check("config a s\n", "delete|s", "");
    check("# head\nconfig a s", "delete|s", "");
    check("config a s\n\nconfig b t\n\toption x 1\n\n# vim\n", "delete|t", "config a s\n\n# vim\n");
}

#[test]
fn a_new_section_keeps_the_style_of_the_file() {
    check("", "add|a", "\nconfig a\n\n");
    check("\n", "add|a", "\nconfig a\n\n");
    check("# head\n", "add|a", "# head\n\nconfig a\n");
    check("\nconfig a s\n\toption x '1'\n\n", "add|b", "\nconfig a s\n\toption x '1'\n\nconfig b\n\n");
    check("config a s", "add|b", "config a s\n\nconfig b\n");
    check("config a s \\", "add|b", "config a s \\\n\n\nconfig b\n");
    check("config a s\nconfig a t\n", "add|b", "config a s\nconfig a t\nconfig b\n");
    check(
        "config a s\r\n\r\nconfig a t\r\n",
        "set|u|b",
        "config a s\r\n\r\nconfig a t\r\n\r\nconfig b 'u'\r\n",
    );
    check("config a s\n\n# vim\n", "add|b#c", "config a s\n\nconfig 'b#c'\n\n# vim\n");
}

#[test]
fn names_and_types_change_in_place() {
    check("config a s # c\n\toption x 1\n", "rename|s|t", "config a t # c\n\toption x 1\n");
    check("config a 's'\n", "rename|s|t", "config a 't'\n");
    check("config a # c\n", "rename|#0|t", "config a 't' # c\n");
    check("config a ''\n", "rename|#0|t", "config a 't'\n");
    check(
        "config a s\nconfig b u\nconfig a \"s\"\n",
        "rename|s|t",
        "config a t\nconfig b u\nconfig a \"t\"\n",
    );
    check("config 'a' s\nconfig a s\n", "set|s|b", "config 'b' s\nconfig b s\n");
    check("config a s\n", "set|s|b;c", "config 'b;c' s\n");
    check(
        "config a s\n\toption 'x' 1\n\toption y 2\n\toption x 2\n",
        "rename|s|x|z",
        "config a s\n\toption 'z' 1\n\toption y 2\n\toption z 2\n",
    );
    check("config a s\n\toption y ''\n\toption x 1\n", "rename|s|x|y", "config a s\n\toption y 1\n");
}

#[test]
fn a_section_moves_with_its_text() {
    check(
        "#h\n\nconfig a s\n\n# t\nconfig a t\n\toption x 1\n",
        "reorder|t|0",
        "#h\n\n# t\nconfig a t\n\toption x 1\n\nconfig a s\n",
    );
    check(
        "\nconfig a s\n\nconfig a t\n\nconfig a u\n\n",
        "reorder|s|9",
        "\nconfig a t\n\nconfig a u\n\nconfig a s\n\n",
    );
    check("config a s\nconfig a t\nconfig a u", "reorder|u|-1", "config a u\nconfig a s\nconfig a t\n");
    check("config a s\nconfig a t\nconfig a u", "reorder|s|1", "config a t\nconfig a s\nconfig a u");
    check(
        "config a s\n\toption x 1\nconfig a t\n# more\nconfig a s\n\toption y 1\nconfig a u\n",
        "reorder|s|1",
        "config a t\nconfig a s\n\toption x 1\n# more\n\toption y 1\nconfig a u\n",
    );
    check("config a s; option x 1; config a t\n", "reorder|s|1", "config a t\nconfig a s\n\toption x 1\n");
}
