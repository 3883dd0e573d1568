//! Layers that sample, in somebody else's training loop.

mod estimator_node;
mod heads;
mod stochastic_node;
mod tape;

pub use estimator_node::EstimatorNode;
pub use stochastic_node::StochasticNode;
pub use tape::Tape;
