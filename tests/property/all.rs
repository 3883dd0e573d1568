//! Tests over random inputs, of serialised data and of compiler messages, in one program: what they need beside the crate is large.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

#[allow(dead_code, reason = "it serves the other program too")]
#[path = "../it/common/mod.rs"]
mod common;

mod compiler_messages;
mod derivatives;
mod inverse_cdf;
mod merge;
#[cfg(feature = "serde")]
mod serialization;
