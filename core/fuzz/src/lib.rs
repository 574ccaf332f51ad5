//! What hostile bytes must never bring about. The fuzz targets check it of any bytes, and
//! `core/tests/corpus.rs` of those in `corpus`.

pub mod exchange;
pub mod promises;
pub mod response;
