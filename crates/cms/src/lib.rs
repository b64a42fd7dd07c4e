//! cms
pub use cms_model as model;
