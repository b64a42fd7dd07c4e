//! The program's log: what it did and with which revision, for the person who looks into a fault.
//!
//! Off unless `CMS_LOG` or `-v` asks for it. Values are never logged: one of them may be a secret.

use std::io;

use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts the log if `CMS_LOG` or `-v` asks for one.
///
/// `CMS_LOG` is a filter (`debug`, `cms=trace,cms_log=info`), with `journald:` before it to write to the
/// journal instead of stderr.
pub(crate) fn start(verbose: u8) {
    let order = std::env::var("CMS_LOG").unwrap_or_default();
    if order.is_empty() && verbose == 0 {
        return;
    }
    let (to_journal, filter) = match order.strip_prefix("journald") {
        Some(rest) => (true, rest.trim_start_matches(':')),
        None => (false, order.as_str()),
    };
    let level = match verbose {
        0 | 1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let filter = if filter.is_empty() { level.as_str() } else { filter };
    let Ok(filter) = EnvFilter::try_new(filter.to_ascii_lowercase()) else { return };
    let registry = tracing_subscriber::registry().with(filter);
    if to_journal && let Ok(journal) = tracing_journald::layer() {
        let _ = registry.with(journal).try_init();
        return;
    }
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(false);
    let _ = registry.with(layer).try_init();
}
