//! Eight schools: a small hierarchical model whose posterior is known.
//!
//! Eight schools report the effect yⱼ of coaching on a test score, with a standard error σⱼ each (Rubin 1981, Journal of Educational Statistics 6).
//! `yⱼ ~ N(θⱼ, σⱼ²)`, `θⱼ = μ + τ ηⱼ` with `ηⱼ ~ N(0, 1)` (the non-centred form, whose posterior has no funnel), `μ ~ N(0, 5²)`,
//! `τ ~ half-Cauchy(5)`. A point is `z = (μ, ln τ, η₁ … η₈)`.

use reparam::DifferentiableObjective;
use reparam::Objective;

/// Effects in points of the test, and their standard errors.
const EFFECTS: [(f64, f64); 8] = [
    (28.0, 15.0),
    (8.0, 10.0),
    (-3.0, 16.0),
    (7.0, 11.0),
    (-1.0, 9.0),
    (1.0, 11.0),
    (18.0, 10.0),
    (12.0, 18.0),
];

/// The scale of both priors.
const SCALE: f64 = 5.0;

/// `½ ln 2π`.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// `ln p(y, z)` with all its constants, the Jacobian of `τ = exp(ln τ)` included: its integral over z is the evidence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EightSchools;

impl EightSchools {
    /// The length of a point.
    pub(crate) const DIM: usize = 2 + EFFECTS.len();

    /// μ, τ and the effects θ of a point.
    pub(crate) fn quantities(z: &[f64]) -> [f64; Self::DIM] {
        let mut quantities = [0.0; Self::DIM];
        let (mu, tau) = (z[0], z[1].exp());
        (quantities[0], quantities[1]) = (mu, tau);
        for (theta, eta) in quantities[2..].iter_mut().zip(&z[2..]) {
            *theta = mu + tau * eta;
        }
        quantities
    }

    fn evaluate(z: &[f64], mut dz: Option<&mut [f64]>) -> f64 {
        let (mu, ln_tau, eta) = (z[0], z[1], &z[2..]);
        let tau = ln_tau.exp();
        // As 1/(1 + (5/τ)²), which does not overflow.
        let share = (1.0 + (SCALE / tau).powi(2)).recip();
        let mut value = -0.5 * (mu / SCALE).powi(2) - SCALE.ln() - HALF_LN_TAU;
        value += (2.0 / std::f64::consts::PI / SCALE).ln() - (tau / SCALE).powi(2).ln_1p() + ln_tau;
        let (mut dmu, mut dln_tau) = (-mu / (SCALE * SCALE), 1.0 - 2.0 * share);
        for (j, (&(effect, error), &eta)) in EFFECTS.iter().zip(eta).enumerate() {
            let residual = (effect - mu - tau * eta) / error;
            value -= 0.5 * (eta * eta + residual * residual) + error.ln() + 2.0 * HALF_LN_TAU;
            let dtheta = residual / error;
            dmu += dtheta;
            dln_tau += tau * eta * dtheta;
            if let Some(dz) = &mut dz {
                dz[2 + j] = tau * dtheta - eta;
            }
        }
        if let Some(dz) = dz {
            (dz[0], dz[1]) = (dmu, dln_tau);
        }
        value
    }
}

impl Objective<f64> for EightSchools {
    fn value(&self, z: &[f64]) -> f64 {
        Self::evaluate(z, None)
    }
}

impl DifferentiableObjective<f64> for EightSchools {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        Self::evaluate(z, Some(dz))
    }
}
