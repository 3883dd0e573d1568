//! What features change, and what takes so long to compile that one build of it must do: estimates on many threads, and every estimator
//! with every distribution (some 600 pairs). A program of its own, so that the tests of `it` are not built a second time with features
//! that do not touch them: `cargo test --all-features --test features`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

#[allow(dead_code, reason = "it serves the other programs too")]
#[path = "it/common/mod.rs"]
mod common;
#[path = "it/coverage.rs"]
mod coverage;
#[path = "it/common/every.rs"]
mod every;
#[path = "it/rules.rs"]
mod rules;
#[path = "it/threads.rs"]
mod threads;
