//! Packages as large networks have them: hosts with names, rules without, comments now and then.

use std::io::{self, Write};

use cms_testkit::Random;

/// A package to be written.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sections; every second one is anonymous.
    pub sections: u64,
    /// Options of all sections together, list items included.
    pub options: u64,
}

impl Shape {
    /// The package of a small router's service: 20 sections of 10 options.
    pub const SMALL: Self = Self { sections: 20, options: 200 };
}

/// The name of a section that every package written here has, with an option `ip`.
pub const A_HOST: &str = "host_000000";

/// The name of the section of a writer; every second section has one.
pub fn host(number: usize) -> String {
    format!("host_{:06}", 2 * number)
}

/// Writes a package of some shape.
pub fn write(out: &mut impl Write, shape: Shape) -> io::Result<()> {
    let mut random = Random::new(shape.sections);
    for section in 0..shape.sections {
        let options =
            shape.options * (section + 1) / shape.sections - shape.options * section / shape.sections;
        write_section(out, section, options, &mut random)?;
    }
    Ok(())
}

/// Writes a package of about `bytes` bytes, 12 options to a section.
pub fn write_bytes(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let mut random = Random::new(bytes);
    let mut counted = Counted { out, bytes: 0 };
    let mut section = 0;
    while counted.bytes < bytes {
        write_section(&mut counted, section, 12, &mut random)?;
        section += 1;
    }
    Ok(())
}

/// A package of some shape as text.
pub fn text(shape: Shape) -> Vec<u8> {
    let mut text = Vec::new();
    write(&mut text, shape).expect("a Vec takes all");
    text
}

fn write_section(out: &mut impl Write, number: u64, options: u64, random: &mut Random) -> io::Result<()> {
    if number > 0 {
        writeln!(out)?;
    }
    if number.is_multiple_of(10) {
        writeln!(out, "# rack {}, row {}", number / 400, number / 10 % 40)?;
    }
    if number.is_multiple_of(2) {
        writeln!(out, "config host 'host_{number:06}'")?;
    } else {
        writeln!(out, "config rule")?;
    }
    for option in 0..options {
        let bits = random.next();
        let byte = |shift: u32| (bits >> shift) & 0xff;
        match option {
            0 => writeln!(out, "\toption ip '10.{}.{}.{}'", byte(0), byte(8), byte(16))?,
            1 => writeln!(out, "\toption name 'node-{:05}'", bits % 100_000)?,
            2 => writeln!(out, "\toption mac '52:54:00:{:02x}:{:02x}:{:02x}'", byte(0), byte(8), byte(16))?,
            3 => writeln!(out, "\toption leasetime '{}h'", 1 + bits % 48)?,
            4 => writeln!(out, "\toption enabled '{}'", bits & 1)?,
            5 => writeln!(out, "\tlist tag 'group-{:03}'", bits % 1000)?,
            6 => writeln!(out, "\tlist tag 'site-{:04}'", bits % 10_000)?,
            7 => writeln!(out, "\toption description 'Port {} of switch {}'", byte(0), byte(8))?,
            8 => writeln!(out, "\toption gateway '10.{}.{}.1'", byte(0), byte(8))?,
            9 => writeln!(out, "\toption mtu '{}'", if bits & 7 == 0 { 9000 } else { 1500 })?,
            10 => writeln!(out, "\toption metric '{}'", bits % 4096)?,
            11 => writeln!(out, "\toption interface 'vlan{}'", bits % 4094)?,
            more => writeln!(out, "\toption extra_{more} '{:016x}'", bits)?,
        }
    }
    Ok(())
}

struct Counted<'a, W> {
    out: &'a mut W,
    bytes: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
