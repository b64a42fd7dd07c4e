//! Any bytes parse without a panic, through a reader as in memory, and what was understood prints and
//! reads back as itself.
#![no_main]

use cms_model::{
    Command, Dialect, Event, Export, First, ParseError, ParseOptions, Parser, SliceParser, Value,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for dialect in [Dialect::Strict, Dialect::Reference] {
        let options = ParseOptions { dialect, lenient: false, first: First::Section };
        let found: Vec<_> = SliceParser::with_options(text, options).map(meaning).collect();

        let mut streamed = Vec::new();
        let mut parser = Parser::with_window(text, options, 7);
        while let Some(result) = parser.next().expect("a slice never fails to read") {
            streamed.push(meaning(result));
        }
        assert_eq!(found, streamed);

        let understood: Vec<_> = found.into_iter().filter_map(Result::ok).collect();
        let printed = print(&understood);
        let again: Result<Vec<_>, _> = SliceParser::with_options(&printed, options).map(meaning).collect();
        assert_eq!(again.as_ref(), Ok(&understood));
    }
});

#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Package(Vec<u8>),
    Config(Vec<u8>, Option<Vec<u8>>),
    Option(Vec<u8>, Vec<u8>),
    List(Vec<u8>, Vec<u8>),
}

fn meaning(result: Result<Event<'_>, ParseError>) -> Result<Meaning, ParseError> {
    let value = |word: Option<cms_model::Word<'_>>| word.map(|word| word.value().into_owned()).unwrap_or_default();
    Ok(match result?.command {
        Command::Package { name } => Meaning::Package(value(Some(name))),
        Command::Config { kind, name } => {
            Meaning::Config(value(Some(kind)), name.map(|name| name.value().into_owned()))
        }
        Command::Option { name, value: word } => Meaning::Option(value(Some(name)), value(word)),
        Command::List { name, value: word } => Meaning::List(value(Some(name)), value(word)),
    })
}

fn print(commands: &[Meaning]) -> Vec<u8> {
    let mut export = Export::new(Vec::new());
    for command in commands {
        match command {
            Meaning::Package(name) => export.package(name),
            Meaning::Config(kind, name) => export.section(kind, name.as_deref()),
            Meaning::Option(name, value) => export.option(name, &Value::scalar(value.clone())),
            Meaning::List(name, value) => export.option(name, &Value::list([value.clone()])),
        }
        .expect("writing to memory cannot fail");
    }
    export.into_inner()
}
