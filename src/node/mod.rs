//! Layers that sample, in another library's training loop.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `stochastic_node` | `StochasticNode`: the pathwise gradient |
//! | `estimator_node` | `EstimatorNode`: the same with any estimator |
//! | `heads` | the rows of parameters that a network lends |
//! | `recorded_objective` | `RecordedObjective`: an objective that is evaluated elsewhere |

mod estimator_node;
mod heads;
mod recorded_objective;
mod stochastic_node;

pub use estimator_node::EstimatorNode;
pub use recorded_objective::RecordedObjective;
pub use stochastic_node::StochasticNode;
