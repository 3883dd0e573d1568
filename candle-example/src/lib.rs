//! `reparam` under [candle](https://docs.rs/candle-core): two layers that sample, for networks whose gradients candle makes.
//!
//! candle differentiates what it computes; a draw it cannot differentiate. Its custom operations close the gap: the forward pass lends
//! the network's numbers to a node of `reparam`, and the backward pass asks the node what candle does not know.
//!
//! | layer | node | `backward` gives the network |
//! | --- | --- | --- |
//! | [`PathwiseLayer`] | [`StochasticNode`] | `(∂z/∂θ)ᵀ ∂L/∂z` |
//! | [`EstimatorLayer`] | [`EstimatorNode`] with any estimator | the estimator's gradient sample, from the values of f or their slopes |
//!
//! A variational autoencoder is then, in a training loop:
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use candle_example::PathwiseLayer;
//! use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
//! use reparam::{StochasticNode, prelude::*};
//!
//! let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
//! let layer = PathwiseLayer::new(StochasticNode::unconstrained(Normal::standard(2)?));
//! // What an encoder would give for three images: μ and ln σ of two latent numbers, a row an image.
//! let heads = candle_core::Var::from_tensor(&Tensor::zeros((3, 4), candle_core::DType::F32, &Device::Cpu)?)?;
//! let z = layer.draw(&heads, &mut rng)?; // 3 × 2, as any other tensor
//! let loss = z.sqr()?.sum_all()?;
//! let gradients = loss.backward()?;
//! assert_eq!(gradients.get(&heads).expect("the draw depends on the heads").dims(), [3, 4]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything is on the CPU, in `f32`. The generator is the caller's: the same seed gives the same run.

mod estimator_layer;
mod likelihood;
mod network;
mod pathwise_layer;
mod slices;
mod training;

pub mod digits;

pub use estimator_layer::EstimatorLayer;
pub use likelihood::log_likelihood;
pub use network::Mlp;
pub use pathwise_layer::PathwiseLayer;
pub use training::{Course, Options, on_one_thread, repeated, train};

#[cfg(doc)]
use reparam::{EstimatorNode, StochasticNode};
