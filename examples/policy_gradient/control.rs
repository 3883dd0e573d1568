//! Control with known dynamics: a system with two states and one input, `x′ = next(x, u)`, under the policy `u = −k · φ(x) + σ ε`. A draw of it is differentiable
//! by hand, step by step backwards, and has a score too, so that every estimator runs on it.

use std::f64::consts::TAU;

use rand::Rng;
use reparam::{
    Additive, DifferentiableObjective, Distribution, Domain, Error, Layout, LogDensity, Objective,
    Reparameterizable, Sequential,
};

pub(crate) type Pair = [f64; 2];

/// Dynamics, features and costs with their derivatives; `pull_…` are products of a cotangent with a Jacobian.
pub(crate) trait System: Clone {
    /// Mean and standard deviation of the start.
    fn start(&self) -> (Pair, Pair);
    fn next(&self, x: Pair, u: f64) -> Pair;
    fn pull_next(&self, x: Pair, u: f64, v: Pair) -> (Pair, f64);
    fn features(&self, x: Pair) -> Pair;
    fn pull_features(&self, x: Pair, v: Pair) -> Pair;
    fn cost(&self, x: Pair, u: f64) -> f64;
    fn cost_slope(&self, x: Pair, u: f64) -> (Pair, f64);
}

fn dot(a: Pair, b: Pair) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// Paths of a system under the policy with gains k. A draw has three numbers a step, the state and the input. Its noise is that of the start and one
/// number a step.
#[derive(Debug, Clone)]
pub(crate) struct Paths<S> {
    pub(crate) system: S,
    pub(crate) steps: usize,
    pub(crate) sigma: f64,
    gains: Pair,
    layout: Layout,
}

impl<S: System> Paths<S> {
    pub(crate) fn new(system: S, steps: usize, gains: Pair, sigma: f64) -> Self {
        let layout = Layout::new(&[("gains", 2, Domain::Real)]);
        Self { system, steps, sigma, gains, layout }
    }

    fn at(z: &[f64], step: usize) -> (Pair, f64) {
        ([z[3 * step], z[3 * step + 1]], z[3 * step + 2])
    }

    /// The sum of the costs of all steps.
    pub(crate) fn costs(&self) -> Costs<S> {
        Costs { system: self.system.clone(), steps: self.steps }
    }

    /// `(u − mean of u)/σ` of a step, and the features that the mean comes from.
    fn surprise(&self, step: usize, z: &[f64]) -> (f64, Pair) {
        let (x, u) = Self::at(z, step);
        let features = self.system.features(x);
        ((u + dot(self.gains, features)) / self.sigma, features)
    }
}

impl<S: System> Distribution<f64> for Paths<S> {
    fn dim(&self) -> usize {
        3 * self.steps
    }

    fn params(&self) -> &[f64] {
        &self.gains
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.gains.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        let mut noise = vec![0.0; self.noise_dim()];
        for z in z.chunks_exact_mut(self.dim()) {
            self.draw_noise(rng, &mut noise);
            self.transform(&noise, z);
        }
    }
}

impl<S: System> Reparameterizable<f64> for Paths<S> {
    fn noise_dim(&self) -> usize {
        self.steps + 2
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [f64]) {
        reparam::noise::fill_standard_normal(rng, noise);
    }

    fn transform(&self, noise: &[f64], z: &mut [f64]) {
        let (mean, spread) = self.system.start();
        let mut x = [0, 1].map(|i| mean[i] + spread[i] * noise[i]);
        for (z, e) in z.chunks_exact_mut(3).zip(&noise[2..]) {
            let u = self.sigma * e - dot(self.gains, self.system.features(x));
            z.copy_from_slice(&[x[0], x[1], u]);
            x = self.system.next(x, u);
        }
    }

    /// Backwards in time: `back` is the derivative by the state, along the path.
    fn pullback(&self, _: &[f64], z: &[f64], dz: &[f64], dtheta: &mut [f64]) {
        dtheta.fill(0.0);
        let mut back = [0.0; 2];
        for step in (0..self.steps).rev() {
            let ((x, u), (dx, du)) = (Self::at(z, step), Self::at(dz, step));
            let (by_state, by_input) = self.system.pull_next(x, u, back);
            let by_input = by_input + du;
            let features = self.system.features(x);
            dtheta.iter_mut().zip(features).for_each(|(d, feature)| *d -= by_input * feature);
            let through_policy = self.system.pull_features(x, self.gains.map(|k| -k * by_input));
            back = [0, 1].map(|i| dx[i] + by_state[i] + through_policy[i]);
        }
    }
}

impl<S: System> LogDensity<f64> for Paths<S> {
    /// That of the inputs.
    fn log_prob(&self, z: &[f64]) -> f64 {
        let constant = 0.5 * TAU.ln() + self.sigma.ln();
        (0..self.steps).map(|step| -0.5 * self.surprise(step, z).0.powi(2) - constant).sum()
    }

    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.fill(0.0);
        for step in 0..self.steps {
            self.add_step_score(step, z, 1.0, score);
        }
    }
}

impl<S: System> Sequential<f64> for Paths<S> {
    fn steps(&self) -> usize {
        self.steps
    }

    fn before(&self, step: usize) -> usize {
        3 * step + 2
    }

    fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
        let (surprise, features) = self.surprise(step, z);
        for (g, feature) in gradient.iter_mut().zip(features) {
            *g -= weight * surprise / self.sigma * feature;
        }
    }
}

/// The sum of the costs along a path.
#[derive(Debug, Clone)]
pub(crate) struct Costs<S> {
    system: S,
    steps: usize,
}

impl<S: System> Objective<f64> for Costs<S> {
    fn value(&self, z: &[f64]) -> f64 {
        z.chunks_exact(3).map(|z| self.system.cost([z[0], z[1]], z[2])).sum()
    }
}

impl<S: System> DifferentiableObjective<f64> for Costs<S> {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        for (z, dz) in z.chunks_exact(3).zip(dz.chunks_exact_mut(3)) {
            let (dx, du) = self.system.cost_slope([z[0], z[1]], z[2]);
            dz.copy_from_slice(&[dx[0], dx[1], du]);
        }
        self.value(z)
    }
}

impl<S: System> Additive<f64> for Costs<S> {
    fn terms(&self) -> usize {
        self.steps
    }

    fn write_terms(&self, z: &[f64], terms: &mut [f64]) {
        for (z, term) in z.chunks_exact(3).zip(terms) {
            *term = self.system.cost([z[0], z[1]], z[2]);
        }
    }
}

/// A mass on a line that is pushed, ten times a second (a double integrator): linear dynamics and quadratic costs, so that everything is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mass;

/// Seconds between two pushes of the mass.
const SECONDS: f64 = 0.1;
/// What its position (m), speed (m/s) and input (m/s²) cost a second, squared.
const PRICES: [f64; 3] = [1.0, 0.1, 0.1];

impl System for Mass {
    fn start(&self) -> (Pair, Pair) {
        ([1.0, 0.0], [0.2, 0.2])
    }

    fn next(&self, x: Pair, u: f64) -> Pair {
        [x[0] + SECONDS * x[1], x[1] + SECONDS * u]
    }

    fn pull_next(&self, _: Pair, _: f64, v: Pair) -> (Pair, f64) {
        ([v[0], v[1] + SECONDS * v[0]], SECONDS * v[1])
    }

    fn features(&self, x: Pair) -> Pair {
        x
    }

    fn pull_features(&self, _: Pair, v: Pair) -> Pair {
        v
    }

    fn cost(&self, x: Pair, u: f64) -> f64 {
        SECONDS * (PRICES[0] * x[0] * x[0] + PRICES[1] * x[1] * x[1] + PRICES[2] * u * u)
    }

    fn cost_slope(&self, x: Pair, u: f64) -> (Pair, f64) {
        let slope = |price: f64, x: f64| 2.0 * SECONDS * price * x;
        ([slope(PRICES[0], x[0]), slope(PRICES[1], x[1])], slope(PRICES[2], u))
    }
}

type Matrix = [[f64; 2]; 2];

/// `mᵀ p m` and `m s mᵀ` are this with one of both transposed.
fn between(m: &Matrix, p: &Matrix) -> Matrix {
    let mut out = [[0.0; 2]; 2];
    for (i, row) in out.iter_mut().enumerate() {
        for (j, out) in row.iter_mut().enumerate() {
            for k in 0..2 {
                for l in 0..2 {
                    *out += m[k][i] * p[k][l] * m[l][j];
                }
            }
        }
    }
    out
}

/// What is known exactly of the mass: the expected cost `J = Σ E[c_t]`, its gradient by the gains, and the cost still to come, `xᵀ P_t x + c_t`.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    pub(crate) cost: f64,
    pub(crate) gradient: Pair,
    ahead: Vec<(Matrix, f64)>,
}

impl Exact {
    /// The covariances of the states forwards, `S′ = M S Mᵀ + σ² b bᵀ`, and the costs to come backwards, `P = Q + r k kᵀ + Mᵀ P′ M` with `M = A − b kᵀ`; the gradient is
    /// `Σ 2 S (r k − Mᵀ P′ b)`.
    pub(crate) fn new(paths: &Paths<Mass>) -> Self {
        let (k, variance) = (paths.gains, paths.sigma * paths.sigma);
        let m = [[1.0, SECONDS], [-SECONDS * k[0], 1.0 - SECONDS * k[1]]];
        let transposed = [[m[0][0], m[1][0]], [m[0][1], m[1][1]]];
        let r = SECONDS * PRICES[2];
        let mut running = [[0.0; 2]; 2];
        for i in 0..2 {
            for j in 0..2 {
                let own = if i == j { SECONDS * PRICES[i] } else { 0.0 };
                running[i][j] = own + r * k[i] * k[j];
            }
        }
        let mut ahead = vec![([[0.0; 2]; 2], 0.0); paths.steps + 1];
        for t in (0..paths.steps).rev() {
            let (p, c) = ahead[t + 1];
            let moved = between(&m, &p);
            let sum = [0, 1].map(|i| [0, 1].map(|j| running[i][j] + moved[i][j]));
            ahead[t] = (sum, c + variance * (r + SECONDS * SECONDS * p[1][1]));
        }

        let (mean, spread) = paths.system.start();
        let own = |i: usize, j: usize| if i == j { spread[i] * spread[i] } else { 0.0 };
        let mut s = [0, 1].map(|i| [0, 1].map(|j| mean[i] * mean[j] + own(i, j)));
        let (mut cost, mut gradient) = (0.0, [0.0; 2]);
        for (p, _) in &ahead[1..] {
            cost += r * variance;
            for i in 0..2 {
                cost += dot(running[i], s[i]);
                // (Mᵀ P′ b)ᵢ, b = (0, SECONDS)
                let pushed = |i: usize| SECONDS * (m[0][i] * p[0][1] + m[1][i] * p[1][1]);
                gradient[i] += 2.0 * dot(s[i], [r * k[0] - pushed(0), r * k[1] - pushed(1)]);
            }
            s = between(&transposed, &s);
            s[1][1] += variance * SECONDS * SECONDS;
        }
        Self { cost, gradient, ahead }
    }

    /// The expected cost from a step on, in a state.
    pub(crate) fn value(&self, step: usize, x: Pair) -> f64 {
        let (p, c) = &self.ahead[step];
        dot(x, [dot(p[0], x), dot(p[1], x)]) + c
    }
}

/// A pendulum that is kicked once a step, and pushed: `p′ = p + 2.5 sin q + u`, `q′ = q + p′`, q the angle from upright (the standard map, Chirikov 1979,
/// doi:10.1016/0370-1573(79)90023-1). It should stand upright; a step costs `1 − cos q`. The policy sees sin q and p. Left nearly to itself it is chaotic:
/// along a path, derivatives by the start grow by about half at each step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KickedPendulum;

const KICK: f64 = 2.5;

impl System for KickedPendulum {
    fn start(&self) -> (Pair, Pair) {
        ([0.0, 0.0], [1.0, 0.5])
    }

    fn next(&self, [q, p]: Pair, u: f64) -> Pair {
        let p = p + KICK * q.sin() + u;
        [q + p, p]
    }

    fn pull_next(&self, [q, _]: Pair, _: f64, v: Pair) -> (Pair, f64) {
        let both = v[0] + v[1];
        ([v[0] + KICK * q.cos() * both, both], both)
    }

    fn features(&self, [q, p]: Pair) -> Pair {
        [q.sin(), p]
    }

    fn pull_features(&self, [q, _]: Pair, v: Pair) -> Pair {
        [q.cos() * v[0], v[1]]
    }

    fn cost(&self, [q, _]: Pair, _: f64) -> f64 {
        1.0 - q.cos()
    }

    fn cost_slope(&self, [q, _]: Pair, _: f64) -> (Pair, f64) {
        ([q.sin(), 0.0], 0.0)
    }
}
