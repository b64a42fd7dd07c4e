//! `validate.1m` and `validate.commit`: what a schema costs, asked for all of a large package, and at each commit.

use std::hint::black_box;

use cms_model::SliceParser;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{Bench, Until, open_with_modules};
use crate::measure::{Rounds, by_turns, core_seconds, scaled, seconds};
use crate::packages::{self, A_HOST, Shape};
use crate::world::World;

const LARGE: Shape = Shape { sections: 83_334, options: 1_000_000 };
const ROUNDS: usize = 7;

/// What the packages of the benchmarks hold, down to the last option.
const SCHEMA: &[u8] = b"config module 'hosts'
	option mode 'enforce'

config fields
	option ip 'required|ipv4'
	option name 'required|max:32|regex:[a-z]+-[0-9]+'
	option mac 'mac|unique'
	option leasetime 'duration'
	option enabled 'bool'
	list tag 'starts_with:group-,site-'
	option description 'max:80'
	option gateway 'ipv4'
	option mtu 'uint|in:1500,9000'
	option metric 'uint|default:0'
	option interface 'regex:vlan[0-9]{1,4}'

config section 'host'
config section 'rule'
";

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let text = packages::text(LARGE);
    std::fs::write(world.package("hosts"), &text)?;
    let modules = world.root().join("modules");
    std::fs::create_dir(&modules)?;
    std::fs::write(modules.join("hosts"), SCHEMA)?;
    let checked = Bench::of(open_with_modules(&world, &modules)?, "hosts")?;
    let (mut validating, mut parsing) = (Rounds::default(), Rounds::default());
    // The package is loaded when it is first asked for.
    checked.validate()?;
    for _ in 0..ROUNDS {
        let (time, found) = seconds(|| checked.validate())?;
        // Few addresses of cards are drawn twice.
        assert!(found.len() < 1000 && found.iter().all(|finding| finding.ends_with("unique")), "{found:?}");
        validating.push(time);
        parsing.push(seconds(|| events(&text))?.0);
    }
    let whole = Figure {
        id: "validate.1m",
        what: "a package of 1M options, each with a type or a rule, validated".into(),
        unit: "s",
        value: validating,
        peer: "the same text to events".into(),
        peer_value: parsing,
        must: Limit::Below(1.0),
        goal: Limit::Below(0.2),
    };
    drop(checked);

    let [with, without] = [true, false].map(|with| -> Result<(World, Bench)> {
        let world = World::new()?;
        std::fs::write(world.package("hosts"), &text)?;
        let modules = world.root().join("modules");
        std::fs::create_dir(&modules)?;
        if with {
            std::fs::write(modules.join("hosts"), SCHEMA)?;
        }
        let bench = Bench::of(open_with_modules(&world, &modules)?, "hosts")?;
        Ok((world, bench))
    });
    let ((_with, mut with), (_without, mut without)) = (with?, without?);
    // Of the thread's own time: what the disk takes differs more from one commit to the next than all of this.
    let one = |bench: &mut Bench| Ok(core_seconds(|| bench.set(A_HOST, "metric", Until::Log))?.0);
    let other = |bench: &mut Bench| Ok(core_seconds(|| bench.set(A_HOST, "metric", Until::Log))?.0);
    let [with, without] = by_turns(ROUNDS, 120, [&mut || one(&mut with), &mut || other(&mut without)])?;
    let commit = Figure {
        id: "validate.commit",
        what: "one option of a package of 1M options committed under an enforced schema: time of the core"
            .into(),
        unit: "us",
        value: scaled(&with, 1e6),
        peer: "the same without a schema".into(),
        peer_value: scaled(&without, 1e6),
        must: Limit::BelowPlus(20.0),
        goal: Limit::BelowPlus(3.0),
    };
    Ok(vec![whole, commit])
}

fn events(text: &[u8]) -> Result<()> {
    for event in SliceParser::new(text) {
        black_box(event.map_err(|error| error.to_string())?);
    }
    Ok(())
}
