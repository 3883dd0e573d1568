//! CartPole as a distribution over episodes: a pole stands on a cart, and a policy pushes the cart left or right, 50 times a second, so that the pole
//! does not fall. The policy is logistic: it pushes to the right with probability `σ(gains · s + bias)`, s the state in units of [`SCALE`].
//!
//! Barto, Sutton & Anderson 1983, doi:10.1109/TSMC.1983.6313077; the constants are those in common use since.

use rand::{Rng, RngExt};
use reparam::special::{log_sigmoid, sigmoid};
use reparam::{Distribution, Domain, Error, Layout, LogDensity, Sequential};

/// Position of the cart (m), its speed (m/s), angle of the pole (rad, 0 is upright), its speed (rad/s).
pub(crate) type State = [f64; 4];

/// 500 steps are ten seconds.
pub(crate) const STEPS: usize = 500;

/// What a policy calls one: about the largest that it sees.
pub(crate) const SCALE: State = [2.4, 3.0, 0.21, 3.0];

const GRAVITY: f64 = 9.8;
const CART: f64 = 1.0;
const POLE: f64 = 0.1;
const HALF_LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const SECONDS: f64 = 0.02;
const FARTHEST: f64 = 2.4;
const STEEPEST: f64 = 12.0 * std::f64::consts::PI / 180.0;
const START: f64 = 0.05;

/// The state after a push to the right or to the left, by Euler's rule.
pub(crate) fn push([x, v, angle, w]: State, right: bool) -> State {
    let force = if right { FORCE } else { -FORCE };
    let (sin, cos) = angle.sin_cos();
    let total = CART + POLE;
    let pushed = (force + POLE * HALF_LENGTH * w * w * sin) / total;
    let turn = (GRAVITY * sin - cos * pushed) / (HALF_LENGTH * (4.0 / 3.0 - POLE * cos * cos / total));
    let speedup = pushed - POLE * HALF_LENGTH * turn * cos / total;
    [x + SECONDS * v, v + SECONDS * speedup, angle + SECONDS * w, w + SECONDS * turn]
}

/// Whether the pole is falling, or the cart is off its track.
pub(crate) fn is_over(state: &State) -> bool {
    state[0].abs() > FARTHEST || state[2].abs() > STEEPEST
}

/// Episodes under a policy. A draw has five numbers a step, the state and the push (1 right, 0 left); after the last push the state in which the episode
/// is over, and zeros. Only the pushes depend on θ.
#[derive(Debug, Clone)]
pub(crate) struct Episodes {
    params: Vec<f64>,
    layout: Layout,
}

impl Episodes {
    /// A policy that pushes at random.
    pub(crate) fn new() -> Self {
        let layout = Layout::new(&[("gains", 4, Domain::Real), ("bias", 1, Domain::Real)]);
        Self { params: vec![0.0; 5], layout }
    }

    /// The state at a step.
    pub(crate) fn state(z: &[f64], step: usize) -> State {
        [0, 1, 2, 3].map(|i| z[5 * step + i])
    }

    /// How many pushes the pole stood.
    pub(crate) fn pushes(z: &[f64]) -> usize {
        (0..STEPS).find(|&step| is_over(&Self::state(z, step))).unwrap_or(STEPS)
    }

    fn scaled(state: &State) -> State {
        [0, 1, 2, 3].map(|i| state[i] / SCALE[i])
    }

    fn logit(&self, state: &State) -> f64 {
        let terms = Self::scaled(state).into_iter().zip(&self.params);
        self.params[4] + terms.map(|(s, gain)| s * gain).sum::<f64>()
    }
}

impl Distribution<f64> for Episodes {
    fn dim(&self) -> usize {
        5 * STEPS
    }

    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        for z in z.chunks_exact_mut(self.dim()) {
            z.fill(0.0);
            let mut state: State = [0; 4].map(|_| START * (2.0 * rng.random::<f64>() - 1.0));
            for step in z.chunks_exact_mut(5) {
                step[..4].copy_from_slice(&state);
                if is_over(&state) {
                    break;
                }
                let right = rng.random::<f64>() < sigmoid(self.logit(&state));
                step[4] = f64::from(right);
                state = push(state, right);
            }
        }
    }
}

impl LogDensity<f64> for Episodes {
    /// That of the pushes.
    fn log_prob(&self, z: &[f64]) -> f64 {
        let push = |step: usize| {
            let logit = self.logit(&Self::state(z, step));
            if z[5 * step + 4] == 1.0 { log_sigmoid(logit) } else { log_sigmoid(-logit) }
        };
        (0..self.length(z)).map(push).sum()
    }

    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.fill(0.0);
        for step in 0..self.length(z) {
            self.add_step_score(step, z, 1.0, score);
        }
    }
}

impl Sequential<f64> for Episodes {
    fn steps(&self) -> usize {
        STEPS
    }

    /// All states and pushes up to now, and the state now.
    fn before(&self, step: usize) -> usize {
        5 * step + 4
    }

    fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
        let state = Self::state(z, step);
        let surprise = weight * (z[5 * step + 4] - sigmoid(self.logit(&state)));
        for (g, s) in gradient.iter_mut().zip(Self::scaled(&state)) {
            *g += surprise * s;
        }
        gradient[4] += surprise;
    }

    /// A step is taken unless the state before its push says that all is over.
    fn length(&self, z: &[f64]) -> usize {
        Self::pushes(z)
    }
}
