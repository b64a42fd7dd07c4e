//! `import.json`: a million options from a document in JSON, validated by a schema and committed.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Rounds, seconds};
use crate::other::Other;
use crate::packages::{self, Shape};
use crate::process::{Cost, Program};
use crate::world::World;

const LARGE: Shape = Shape { sections: 83_334, options: 1_000_000 };
const ROUNDS: usize = 5;

/// What the package holds, down to the last option.
const SCHEMA: &str = "config module 'hosts'
	option mode 'enforce'

config fields
	option ip 'required|ipv4'
	option name 'required|max:32|regex:[a-z]+-[0-9]+'
	option mac 'mac'
	option leasetime 'duration'
	option enabled 'bool'
	list tag 'starts_with:group-,site-'
	option description 'max:80'
	option gateway 'ipv4'
	option mtu 'uint|in:1500,9000'
	option metric 'uint'
	option interface 'regex:vlan[0-9]{1,4}'

config section 'host'
config section 'rule'
";

pub fn measure() -> Result<Vec<Figure>> {
    let source = World::new()?;
    source.write(&source.package("hosts"), |out| packages::write(out, LARGE))?;
    let (document, modules) = (source.root().join("hosts.json"), source.root().join("modules"));
    Program::new(&source)?.cost(&["export", "hosts", "--format", "json"], None, Some(&document))?;
    fs::create_dir(&modules)?;
    fs::write(modules.join("hosts"), SCHEMA)?;
    let bytes = document.metadata()?.len() as f64;
    let [mut value, mut parsing, mut peak, mut previewing] = std::array::from_fn(|_| Rounds::default());
    for _ in 0..ROUNDS {
        let world = World::new()?;
        let cms = Program::new(&world)?.with_modules(&modules);
        let preview = cms.cost(&["import", "--format", "json", "--dry-run"], Some(&document), None)?;
        assert!(!world.package("hosts").exists(), "a dry run wrote");
        let Cost { seconds, peak: most } =
            cms.cost(&["import", "--format", "json"], Some(&document), None)?;
        value.push(seconds);
        peak.push(most / bytes);
        previewing.push(preview.seconds);
        parsing.push(Other::start("json-parser", &[&document.to_string_lossy()])?.hear()?.parse()?);
        check(&source.package("hosts"), &world.package("hosts"))?;
    }
    let what = format!(
        "1M options from {:.0} MB of JSON, validated by an enforced schema, committed, file written (a dry run: {:.2} s)",
        bytes / 1e6,
        previewing.median()
    );
    let time = Figure {
        id: "import.json",
        what,
        unit: "s",
        value,
        peer: "serde_json parses the document to its values".into(),
        peer_value: parsing,
        must: Limit::Below(5.0),
        goal: Limit::Below(2.0),
    };
    let memory = Figure {
        id: "import.json.memory",
        what: "the peak memory of that".into(),
        unit: "x",
        value: peak,
        peer: "the size of the document".into(),
        peer_value: Rounds::new(vec![1.0; ROUNDS]),
        must: Limit::Works,
        goal: Limit::Below(3.0),
    };
    Ok(vec![time, memory])
}

/// What was imported says what was exported: all but the layout.
fn check(from: &Path, to: &Path) -> Result<()> {
    let lines = |path: &Path| -> Result<usize> {
        let text = fs::read_to_string(path)?;
        Ok(text.lines().filter(|line| line.starts_with('\t') || line.starts_with("config")).count())
    };
    assert_eq!(lines(from)?, lines(to)?, "options were lost");
    Ok(())
}

/// In a process of its own, so that its memory is not that of the next program started: how long a parser takes that builds all values.
pub fn parse(path: &Path) -> Result<f64> {
    let text = fs::read(path)?;
    let (time, value) = seconds(|| Ok(serde_json::from_slice::<serde_json::Value>(&text)?))?;
    assert!(value.get("packages").is_some(), "this is another document");
    Ok(time)
}
