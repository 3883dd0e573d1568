//! Tests over random inputs and of serialised data, in one program: what they need beside the crate is large.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

#[allow(dead_code, reason = "it serves the other program too")]
#[path = "../it/common/mod.rs"]
mod common;

mod derivatives;
mod inverse_cdf;
mod merge;
#[cfg(feature = "serde")]
mod travel;
