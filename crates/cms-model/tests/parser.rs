//! The grammar: what each text means in the two dialects, and where its errors are.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use cms_model::{
    Command, Dialect, Event, Export, First, ParseError, ParseOptions, Parser, SliceParser, Structure, Value,
};
use proptest::prelude::*;

fn options(dialect: Dialect) -> ParseOptions {
    ParseOptions { dialect, lenient: false, first: First::Section }
}

fn show_event(event: &Event<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = |word: &Option<cms_model::Word<'_>>| {
        word.as_ref().map_or("-".to_owned(), |word| format!("[{}]", text(&word.value())))
    };
    match &event.command {
        Command::Package { name } => format!("package {}", text(&name.value())),
        Command::Config { kind, name } => format!("config {} {}", text(&kind.value()), value(name)),
        Command::Option { name, value: word } => format!("option {} {}", text(&name.value()), value(word)),
        Command::List { name, value: word } => format!("list {} {}", text(&name.value()), value(word)),
    }
}

fn show(result: &Result<Event<'_>, ParseError>) -> String {
    match result {
        Ok(event) => show_event(event),
        Err(error) => error.to_string(),
    }
}

fn read(text: &str, options: ParseOptions) -> Vec<String> {
    SliceParser::with_options(text.as_bytes(), options).map(|result| show(&result)).collect()
}

/// Both dialects read `text` as `expected`, a line for each command or error.
fn check(text: &str, expected: &[&str]) {
    assert_eq!(read(text, options(Dialect::Reference)), expected, "reference: {text:?}");
    assert_eq!(read(text, options(Dialect::Strict)), expected, "strict: {text:?}");
}

/// The dialects differ on `text`.
fn differ(text: &str, reference: &[&str], strict: &[&str]) {
    assert_eq!(read(text, options(Dialect::Reference)), reference, "reference: {text:?}");
    assert_eq!(read(text, options(Dialect::Strict)), strict, "strict: {text:?}");
}

/// The first error of `text`, as the reference places it, is the same in both dialects.
fn check_error(text: &str, expected: &str) {
    for dialect in [Dialect::Reference, Dialect::Strict] {
        let error = SliceParser::with_options(text.as_bytes(), options(dialect)).find_map(Result::err);
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected), "{dialect:?}: {text:?}");
    }
}

#[test]
fn keywords_in_full_and_by_their_first_letter() {
    let expected = ["package p", "config a [x]", "option o [v]", "list l [w]"];
    check("package p\nconfig a x\noption o v\nlist l w\n", &expected);
    check("p p\nc a x\n\to o v\n\tl l w", &expected);
}

#[test]
fn canonical_and_loose_lines_mean_the_same() {
    let expected = ["config a [x]", "option o [v]", "list l [w]", "config b -", "option o [1 2]"];
    check("\nconfig a 'x'\n\toption o 'v'\n\tlist l 'w'\n\nconfig b\n\toption o '1 2'\n", &expected);
    check("  config\ta  \"x\"\r\noption 'o' v\r\n\t list l 'w' # c\n\n# c\nc b\no o 1\\ 2", &expected);
}

#[test]
fn words_are_runs_of_parts() {
    check("config a x\n option o a''b\"c\"\n", &["config a [x]", "option o [abc]"]);
    check("config a x\n option o '\\n' \n", &["config a [x]", "option o [\\n]"]);
    check("config a x\n option o \"\\n\\\\\\\"\"\n", &["config a [x]", "option o [n\\\"]"]);
    check("config a x\n option o 'a\nb'\n", &["config a [x]", "option o [a\nb]"]);
    check("config a x\n option o \"a\\\nb\"\n", &["config a [x]", "option o [ab]"]);
    check("config a x\n option o a\\\nb\n", &["config a [x]", "option o [ab]"]);
    check("config a x\n option o a\\\r\nb\r\n", &["config a [x]", "option o [ab]"]);
    check("config \\\na x\n", &["config a [x]"]);
}

#[test]
fn comments_start_anywhere_outside_quotes() {
    check(
        "# c\nconfig a#b x\n option o 'v'#w\n option o a#b\n",
        &["config a -", "option o [v]", "option o [a]"],
    );
    check("config a x\n option o '#' \n option p \\#\n", &["config a [x]", "option o [#]", "option p [#]"]);
    check("config a x #y 'z\n option o \"#\"\n", &["config a [x]", "option o [#]"]);
}

#[test]
fn semicolons_end_commands() {
    let expected = ["config a [x]", "option o [v]", "option p [w]"];
    check("config a 'x'; option o 'v'; option p 'w'\n", &expected);
    check("config a x ;option o v ; option p w ; # c\n", &expected);
    differ(
        "config a 'x';option o 'v';option p 'w';\n",
        &["config a [x]", "option o [v]", "option p [w]", "(invalid command) at line 1, byte 39"],
        &expected,
    );
    differ("config a x;option o v;option p w", &["config a [x]"], &expected);
    differ(
        "config a x\n option o ; option p w\n",
        &["config a [x]", "(too many arguments) at line 2, byte 19"],
        &["config a [x]", "option o -", "option p [w]"],
    );
    differ("config a;config b", &["config a -"], &["config a -", "config b -"]);
    check(";config a\n", &["(invalid command) at line 1, byte 0"]);
}

#[test]
fn a_continued_line_may_start_with_a_blank_except_in_the_reference() {
    differ(
        "config a x\n\toption o \\\n    value\n",
        &["config a [x]", "(too many arguments) at line 3, byte 21"],
        &["config a [x]", "option o [value]"],
    );
    check_error("config a x\n\toption o v\\\n  w\n", "(too many arguments) at line 3, byte 16");
}

#[test]
fn empty_words_are_missing_words() {
    check(
        "config a ''\n option o ''\n option p\n list l\n list l ''\n",
        &["config a -", "option o []", "option p -", "list l -", "list l []"],
    );
    check("config '' x\n", &["(insufficient arguments) at line 1, byte 10"]);
    check_error("config a x\n option '' v\n", "(insufficient arguments) at line 2, byte 11");
}

#[test]
fn errors_are_placed_as_the_reference_places_them() {
    check_error("config a x\n\tbogus o v\n", "(invalid command) at line 2, byte 1");
    check_error("Config a x\n", "(invalid command) at line 1, byte 0");
    check_error("config \n", "(insufficient arguments) at line 1, byte 8");
    check_error("config \u{e9} x\n", "(invalid character in type field) at line 1, byte 10");
    check_error("config a my-name\n", "(invalid character in name field) at line 1, byte 17");
    check_error("config a 'my name'\n", "(invalid character in name field) at line 1, byte 19");
    check_error("config a x y\n", "(too many arguments) at line 1, byte 13");
    check_error(
        "# c\n\n\toption o v\n",
        "(option/list command found before the first section) at line 3, byte 1",
    );
    check_error("config a x\n\toption my-opt v\n", "(invalid character in name field) at line 2, byte 15");
    check_error("package a b\n", "(too many arguments) at line 1, byte 12");
    check_error("package ''\n", "(insufficient arguments) at line 1, byte 11");
    check_error("config a x\n\toption o 'v\n", "(EOF with unterminated ') at line 2, byte 13");
    check_error(
        "config a x\n\toption o \"v\nconfig b y\n\n",
        "(EOF with unterminated \") at line 4, byte 25",
    );
    differ(
        "config",
        &["(config without name) at line 0, byte 0"],
        &["(insufficient arguments) at line 0, byte 6"],
    );
}

#[test]
fn lenient_reading_lets_one_word_too_many_pass() {
    let lenient = ParseOptions { lenient: true, ..options(Dialect::Reference) };
    assert_eq!(read("config a x y\n option o v w\n", lenient), ["config a [x]", "option o [v]"]);
    assert_eq!(read("config a x y z\n", lenient), ["config a [x]", "(invalid command) at line 1, byte 13"]);
}

#[test]
fn every_error_comes_in_one_pass() {
    let text = "config a x\n bad\n option o-o v\n option o v\nconfig a-b c d\n option p 'q\n option r s\n";
    let errors: Vec<_> =
        SliceParser::with_options(text.as_bytes(), ParseOptions::FILE).filter_map(Result::err).collect();
    let places: Vec<_> =
        errors.iter().map(|error| (error.reason.code(), error.start_line, error.column)).collect();
    let expected = [
        ("invalid-command", 2, 2),
        ("invalid-name", 3, 9),
        ("extra-word", 5, 14),
        ("unterminated-quote", 6, 11),
    ];
    assert_eq!(places, expected);
    assert_eq!(errors[1].line_text, b" option o-o v");
    assert_eq!((errors[1].offset, errors[1].length), (24, 3));
    assert!(errors.iter().skip(1).all(|error| error.hint.is_some()));
}

#[test]
fn a_nul_byte_is_an_error_in_the_strict_dialect() {
    let found = read("config a x\n option o 'v\0w'\n# \0\n\toption p '1'\n", options(Dialect::Strict));
    assert_eq!(
        found,
        ["config a [x]", "(NUL byte) at line 2, byte 12", "(NUL byte) at line 3, byte 2", "option p [1]"]
    );
}

#[test]
fn a_stream_for_import_begins_with_a_package() {
    let import = ParseOptions { first: First::Package, ..options(Dialect::Reference) };
    assert_eq!(
        read("config a x\n", import),
        ["(attempting to import a file without a package name) at line 1, byte 0"]
    );
    let found = read("package a\nconfig a x\npackage b\n option o v\n", import);
    assert_eq!(found[..3], ["package a", "config a [x]", "package b"]);
    assert_eq!(found[3], "(option/list command found before the first section) at line 4, byte 1");
    // Within one package such lines mean nothing.
    check("config a x\npackage b\noption o v\n", &["config a [x]", "package b", "option o [v]"]);
}

#[test]
fn spans_and_lines_are_those_of_the_text() {
    let text = b"\n\nconfig a 'x'\n\t# c\n\toption o \"v\nw\" ; list l y # d\n";
    let events: Vec<_> = SliceParser::new(text).map(Result::unwrap).collect();
    let places: Vec<_> = events.iter().map(|event| (event.line, &text[event.span.clone()])).collect();
    let expected: [(usize, &[u8]); 3] = [(3, b"config a 'x'"), (5, b"option o \"v\nw\""), (6, b"list l y")];
    assert_eq!(places, expected);
    let Command::Option { value: Some(value), .. } = events[1].command else { panic!() };
    assert_eq!(&text[value.span()], value.raw());
}

#[test]
fn a_section_keeps_its_type() {
    let mut structure = Structure::default();
    let text = b"config a x\nconfig a\nconfig b\nconfig a x\nconfig b x\n";
    let mut parser = SliceParser::new(text);
    let mut errors = Vec::new();
    while let Some(event) = parser.next() {
        if let Err(reason) = structure.check(&event.unwrap().command) {
            errors.push(parser.reject(reason));
        }
    }
    let [error] = &errors[..] else { panic!("{errors:?}") };
    let message = "(section of different type overwrites prior section with same name) at line 5, byte 11";
    assert_eq!((error.to_string().as_str(), error.start_line, error.column), (message, 5, 1));
}

#[test]
fn a_line_that_never_ends_is_read_once_in_linear_time() {
    let text = format!("config a x\n\toption o '{}'\n", "v\n".repeat(500_000));
    let mut parser = Parser::with_window(text.as_bytes(), ParseOptions::FILE, 16);
    let mut lines = Vec::new();
    while let Some(event) = parser.next().unwrap() {
        lines.push(event.unwrap().line);
    }
    assert_eq!(lines, [1, 2]);
    let many = "option a b ; ".repeat(100_000);
    assert_eq!(SliceParser::new(many.as_bytes()).filter(Result::is_ok).count(), 100_000);
}

/// Reads through a reader that gives the text in the pieces that `cuts` say.
fn stream(text: &[u8], cuts: &[usize], options: ParseOptions) -> Vec<String> {
    struct Pieces<'a>(&'a [u8], Vec<usize>);
    impl std::io::Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let want = self.1.pop().unwrap_or(usize::MAX).max(1);
            let count = want.min(buffer.len()).min(self.0.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }
    let mut parser = Parser::with_window(Pieces(text, cuts.to_vec()), options, 8);
    let mut found = Vec::new();
    while let Some(result) = parser.next().unwrap() {
        let place = match &result {
            Ok(event) => (event.offset(), event.line),
            Err(error) => (error.offset, error.start_line),
        };
        found.push(format!("{place:?} {}", show(&result)));
    }
    found
}

fn whole(text: &[u8], options: ParseOptions) -> Vec<String> {
    let place = |result: &Result<Event<'_>, ParseError>| match result {
        Ok(event) => (event.offset(), event.line),
        Err(error) => (error.offset, error.start_line),
    };
    SliceParser::with_options(text, options)
        .map(|result| format!("{:?} {}", place(&result), show(&result)))
        .collect()
}

/// Text made of the grammar's own pieces, so that random choices reach its corners.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "config ",
        "option ",
        "list ",
        "package ",
        "c ",
        "o ",
        "\n",
        "\n",
        "\n\t",
        "'",
        "\"",
        "\\",
        "\\\n",
        "\r\n",
        ";",
        "#",
        " ",
        "a",
        "b_1",
        "x-y",
        "\0",
        "'v'",
        "\"w\"",
        "\tlist l '1'\n",
        "\toption o '12345678901234'\n",
        "\nconfig t 'n'\n",
        "config t\n",
        "\u{e9}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Lines that are canonical, or nearly so.
fn lines() -> impl Strategy<Value = String> {
    let keyword = prop::sample::select(vec![
        "\toption ",
        "\tlist ",
        "config ",
        "option ",
        "\toption  ",
        "\toptions ",
        "",
    ]);
    let name = prop::sample::select(vec!["o", "a_long_name_1", "o-o", "o#", "o;", "'o'", ""]);
    let value = prop::sample::select(vec![
        " 'v'",
        " '1234567'",
        " '12345678'",
        " 'a\tb'",
        " 'a\rb'",
        " '\0'",
        " ''",
        " 'n' 'm'",
        " \"v\"",
        " v",
        "  'v'",
        "'v'",
        "",
    ]);
    let end = prop::sample::select(vec!["\n", "\n", "\n\n", " \n", "\r\n", ";\n", " # c\n"]);
    (keyword, name, value, end).prop_map(|(keyword, name, value, end)| format!("{keyword}{name}{value}{end}"))
}

fn all_options() -> impl Strategy<Value = ParseOptions> {
    let dialect = prop::sample::select(vec![Dialect::Strict, Dialect::Reference]);
    let first = prop::sample::select(vec![First::Any, First::Section, First::Package]);
    (dialect, any::<bool>(), first).prop_map(|(dialect, lenient, first)| ParseOptions {
        dialect,
        lenient,
        first,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_the_parser_panic(text: Vec<u8>, options in all_options()) {
        for result in SliceParser::with_options(&text, options) {
            show(&result);
        }
    }

    #[test]
    fn a_reader_cut_anywhere_gives_the_same(
        text in texts(), cuts in prop::collection::vec(0usize..40, 0..30), options in all_options()
    ) {
        prop_assert_eq!(stream(&text, &cuts, options), whole(&text, options));
    }

    #[test]
    fn the_short_way_and_the_general_way_agree(lines in prop::collection::vec(lines(), 0..12), options in all_options()) {
        // A blank before a line takes it off the short way and means nothing.
        let short: String = lines.concat();
        let general: String = lines.iter().map(|line| format!(" {line}")).collect();
        let events = |text: &str| -> Vec<String> {
            let show = |result: &Result<Event<'_>, ParseError>| match result {
                Ok(event) => format!("{} {}", event.line, show_event(event)),
                Err(error) => format!("{} {}", error.start_line, error.reason),
            };
            SliceParser::with_options(text.as_bytes(), options).map(|result| show(&result)).collect()
        };
        prop_assert_eq!(events(&short), events(&general));
    }

    #[test]
    fn what_is_printed_reads_back(
        sections in prop::collection::vec(
            ("[!-~]{1,8}", prop::option::of("[a-zA-Z0-9_]{1,8}"), prop::collection::vec(("[a-z0-9_]{1,6}", prop::collection::vec(prop::collection::vec(1u8.., 0..12), 1..3), any::<bool>()), 0..5)),
            0..5,
        )
    ) {
        let mut export = Export::new(Vec::new());
        let mut expected = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for (kind, name, options) in &sections {
            export.section(kind.as_bytes(), name.as_deref().map(str::as_bytes)).unwrap();
            expected.push(format!("config {kind} {}", name.as_ref().map_or("-".into(), |name| format!("[{name}]"))));
            for (name, items, list) in options {
                if *list {
                    export.option(name.as_bytes(), &Value::List(items.clone())).unwrap();
                    expected.extend(items.iter().map(|item| format!("list {name} [{}]", text(item))));
                } else {
                    export.option(name.as_bytes(), &Value::Scalar(items[0].clone())).unwrap();
                    expected.push(format!("option {name} [{}]", text(&items[0])));
                }
            }
        }
        export.end().unwrap();
        let printed = export.into_inner();
        for dialect in [Dialect::Strict, Dialect::Reference] {
            let found: Vec<_> = SliceParser::with_options(&printed, options(dialect)).map(|result| show(&result)).collect();
            prop_assert_eq!(&found, &expected);
        }
    }
}
