//! cms-model
