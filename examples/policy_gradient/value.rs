//! A value function for CartPole, fitted by least squares: how many steps are still to come, as a polynomial in state and time.

use reparam::estimators::StepValue;

use super::cart_pole::{SCALE, STEPS, State};

/// 1, τ, τ², τ³ with τ the share of the time that is left; the ten squares and products of the state; these times τ.
const FEATURES: usize = 24;

/// Of the mean square of a feature: keeps the fit sane where little was seen.
const RIDGE: f64 = 1e-4;

fn features(step: usize, state: &State) -> [f64; FEATURES] {
    let left = (STEPS - step) as f64 / STEPS as f64;
    let mut features = [0.0; FEATURES];
    (features[0], features[1], features[2], features[3]) = (1.0, left, left * left, left * left * left);
    let mut at = 4;
    for i in 0..4 {
        for j in 0..=i {
            let product = state[i] * state[j] / (SCALE[i] * SCALE[j]);
            (features[at], features[at + 10]) = (product, product * left);
            at += 1;
        }
    }
    features
}

/// `V(t, s) = c · features(t, s)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct FittedValue(Vec<f64>);

impl StepValue<f64> for FittedValue {
    /// What came before a push ends with the state; 0 before the first fit.
    fn value(&self, step: usize, before: &[f64]) -> f64 {
        let [.., x, v, angle, w] = before else { return 0.0 };
        if self.0.is_empty() {
            return 0.0;
        }
        features(step, &[*x, *v, *angle, *w]).iter().zip(&self.0).map(|(f, c)| f * c).sum()
    }
}

/// The normal equations of a least-squares fit: `A c = b`. Older episodes fade.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    a: [[f64; FEATURES]; FEATURES],
    b: [f64; FEATURES],
}

impl Fit {
    pub(crate) fn new() -> Self {
        Self { a: [[0.0; FEATURES]; FEATURES], b: [0.0; FEATURES] }
    }

    /// A state, and how many steps were still to come.
    pub(crate) fn see(&mut self, step: usize, state: &State, to_go: f64) {
        let features = features(step, state);
        for (i, f) in features.iter().enumerate() {
            self.b[i] += f * to_go;
            for (a, g) in self.a[i].iter_mut().zip(&features[..=i]) {
                *a += f * g;
            }
        }
    }

    pub(crate) fn fade(&mut self, keep: f64) {
        self.a.iter_mut().flatten().chain(&mut self.b).for_each(|x| *x *= keep);
    }

    /// By Cholesky's factor of the lower triangle.
    pub(crate) fn solve(&self) -> FittedValue {
        let (mut l, mut c) = (self.a, self.b);
        for i in 0..FEATURES {
            l[i][i] += RIDGE * (self.a[i][i] + 1.0);
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
                let rest = l[i][j] - known;
                l[i][j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / l[j][j] };
            }
            let known: f64 = (0..i).map(|k| l[i][k] * c[k]).sum();
            c[i] = (c[i] - known) / l[i][i];
        }
        for i in (0..FEATURES).rev() {
            let known: f64 = (i + 1..FEATURES).map(|k| l[k][i] * c[k]).sum();
            c[i] = (c[i] - known) / l[i][i];
        }
        FittedValue(c.to_vec())
    }
}
