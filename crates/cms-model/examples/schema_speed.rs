//! Prints what checking costs: all of a package of a million options, and one changed option of it.
//!
//! `cargo run --release -p cms-model --example schema_speed`

use std::time::Instant;

use cms_model::schema::{Checker, Module, Rules, Schemas};
use cms_model::{Draft, Package, Value};

const SCHEMA: &[u8] = b"
config module 'hosts'
\toption mode 'enforce'
config section 'host'
\toption naming 'named'
config fields
\toption ip 'required|ipv4'
\toption mac 'macaddr'
\toption name 'hostname'
\toption port 'port'
\toption enabled 'bool'
\toption mtu 'uint|between:68,9216'
\toption proto 'in:tcp,udp,icmp'
\toption note 'max:80'
\toption lease 'duration'
\toption tag 'regex:[a-z]+[0-9]*'
";

fn package(sections: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..sections {
        let (high, low) = (number / 256 % 256, number % 256);
        text.extend_from_slice(
            format!(
                "\nconfig host 'host_{number}'\n\toption ip '10.1.{high}.{low}'\n\toption mac '00:11:22:33:{high:02x}:{low:02x}'\n\
                 \toption name 'host-{number}.lan'\n\toption port '{low}'\n\toption enabled '1'\n\toption mtu '1500'\n\
                 \toption proto 'udp'\n\toption note 'somewhere in room {low}'\n\toption lease '12h'\n\toption tag 'lab{low}'\n"
            )
            .as_bytes(),
        );
    }
    text
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parse = |text: &[u8]| Package::parse(text).map_err(|errors| errors[0].to_string());
    let mut schemas = Schemas::default();
    let module =
        Module::read(&parse(SCHEMA)?, "hosts", &Rules::default()).map_err(|faults| faults[0].to_string())?;
    schemas.insert(module);
    let checker = Checker::new(&schemas, &());

    let large = parse(&package(100_000))?;
    let whole = (0..7).map(|_| {
        let start = Instant::now();
        assert_eq!(checker.check("hosts", &large).len(), 0);
        start.elapsed().as_secs_f64() * 1e3
    });
    println!("all of 1,000,000 options: {:.1} ms", median(whole.collect()));

    let times = (0..2000u64).map(|number| -> Result<f64, Box<dyn std::error::Error>> {
        let mut draft = Draft::new(large.clone(), number);
        let host = format!("host_{}", number * 37).parse()?;
        draft.set_option(&host, &"mtu".parse()?, Value::scalar((number + 100).to_string()))?;
        let start = Instant::now();
        assert_eq!(checker.check_changes("hosts", draft.package(), draft.changes()).len(), 0);
        Ok(start.elapsed().as_secs_f64() * 1e6)
    });
    println!("one option of 1,000,000:  {:.2} us", median(times.collect::<Result<_, _>>()?));

    let broken = parse(&[package(100_000), b"config host 'last'\n\toption mtu '1'\n".to_vec()].concat())?;
    let start = Instant::now();
    let found = checker.check("hosts", &broken);
    println!("with {} findings at the end: {:.1} ms", found.len(), start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
