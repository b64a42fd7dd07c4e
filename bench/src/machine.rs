//! Which machine the figures are of.

use std::fs;
use std::path::Path;

/// One line: processor, cores, memory, kernel, file systems of the target directory and of the segments, load.
pub fn describe() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 20;
    let system = rustix::system::uname();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} x {}, {memory} GiB, {} {}, {}, segments on {}, load {}",
        cores,
        field("/proc/cpuinfo", "model name"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        file_system(&crate::world::workplace()),
        file_system(&crate::world::memory()),
        load.split(' ').next().unwrap_or_default(),
    )
}

/// The file system of a folder.
fn file_system(place: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mut best = ("", "unknown", "");
    for line in mounts.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let [device, folder, kind, ..] = words[..]
            && place.starts_with(folder)
            && folder.len() >= best.0.len()
        {
            best = (folder, kind, device);
        }
    }
    format!("{} on {}", best.1, best.2)
}
