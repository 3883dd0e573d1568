//! Layers that sample, in somebody else's training loop.

mod estimator_node;
mod heads;
mod recorded_objective;
mod stochastic_node;

pub use estimator_node::EstimatorNode;
pub use recorded_objective::RecordedObjective;
pub use stochastic_node::StochasticNode;
