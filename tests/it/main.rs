//! All tests of behaviour in one program, which is linked once: a module for each of the things under test.
//! One module alone: `cargo test --test it engine::`.
//!
//! What must have a process to itself is a program of its own beside this directory, and says why.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

mod antithetic;
mod bit_chain;
mod blr;
mod bounds;
mod cdf;
mod closed_families;
mod counts;
mod dirichlet;
mod discrete;
mod discrete_estimators;
mod divergences;
mod documentation;
mod engine;
mod estimator_node;
mod frozen;
mod gamma_family;
mod gaussian;
mod greeks;
mod gumbel_softmax;
mod implicit_beta;
mod incomplete_beta;
mod jumps;
mod log_normal;
mod measure_valued;
mod mixture;
mod multivariate;
mod node;
mod noise;
mod policy_gradient;
mod preludes;
mod readme;
mod relaxed_estimators;
mod reward_to_go;
mod rqmc;
mod rules;
mod schools;
mod special;
mod special_gamma;
mod special_von_mises;
mod subsets;
mod transformed;
mod truncated_normal;
mod verify;
mod vimco;
mod with_explicit;
mod wrappers;
