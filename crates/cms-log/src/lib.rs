//! cms-log
