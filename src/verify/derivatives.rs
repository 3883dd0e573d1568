//! Hand-written derivatives against differences.

use std::borrow::Cow;

use super::comparison::{Comparison, Comparisons};
use super::differences::{Slope, slope};
use crate::distribution::{
    DifferentiableLogDensity, Distribution, Entropy, KlDivergence, LogDensity, Reparameterizable,
};
use crate::error::{Error, check_len};
use crate::layout::Domain;
use crate::objective::{DifferentiableObjective, Objective};

/// How a parameter is moved to differentiate with respect to it.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) name: Cow<'static, str>,
    pub(super) index: usize,
    pub(super) flat: usize,
    /// On a simplex, what one probability gains, another loses.
    pub(super) partner: Option<usize>,
    pub(super) value: f64,
    pub(super) step: f64,
}

impl Move {
    /// The distribution with the parameter at x; `None` if it is not valid there.
    pub(super) fn apply<D: Distribution<f64> + Clone>(&self, distribution: &D, x: f64) -> Option<D> {
        let mut params = distribution.params().to_vec();
        params[self.flat] = x;
        if let Some(partner) = self.partner {
            params[partner] -= x - self.value;
        }
        let mut moved = distribution.clone();
        moved.set_params(&params).ok()?;
        Some(moved)
    }

    /// The derivative along the move, from a row of derivatives with respect to all parameters.
    pub(super) fn of_row(&self, row: &[f64]) -> f64 {
        row[self.flat] - self.partner.map_or(0.0, |partner| row[partner])
    }
}

/// One move per parameter, by a length on which it matters, as far as its domain tells.
pub(super) fn moves<D: Distribution<f64> + ?Sized>(distribution: &D) -> Vec<Move> {
    let params = distribution.params();
    let mut moves = Vec::with_capacity(params.len());
    let mut previous = 0;
    let mut parts = distribution.layout().iter().peekable();
    while let Some(part) = parts.next() {
        let bounded = parts.peek().is_some_and(|next| next.domain == Domain::AbovePrevious);
        for (index, flat) in part.range.clone().enumerate() {
            let value = params[flat];
            let (partner, step) = match part.domain {
                Domain::Positive => (None, 0.25 * value),
                Domain::UnitInterval => (None, 0.25 * value.min(1.0 - value)),
                Domain::AbovePrevious => (None, 0.25 * (value - params[previous + index])),
                Domain::Simplex(classes) => {
                    let row = flat - index % classes;
                    let partner = row + (index + 1) % classes;
                    (Some(partner), 0.25 * value.min(params[partner]))
                }
                Domain::Real => (None, 0.25 * value.abs().max(1.0)),
            };
            let room = if bounded { 0.25 * (params[flat + part.range.len()] - value) } else { f64::INFINITY };
            let step = step.min(room);
            moves.push(Move { name: part.name.clone(), index, flat, partner, value, step });
        }
        previous = part.range.start;
    }
    moves
}

/// `∂(function of the distribution)/∂θ` against a row of derivatives.
fn by_parameters<D>(distribution: &D, found: &[f64], function: impl Fn(&D) -> f64) -> Comparisons
where
    D: Distribution<f64> + Clone,
{
    let compare = |m: Move| {
        let found = m.of_row(found);
        let slope = slope(|x| Some(function(&m.apply(distribution, x)?)), m.value, m.step);
        Comparison::new(m.name, m.index, found, slope)
    };
    Comparisons(moves(distribution).into_iter().map(compare).collect())
}

/// `∂(function of z)/∂z` against a row of derivatives.
fn by_coordinates(z: &[f64], found: &[f64], function: impl Fn(&[f64]) -> f64) -> Comparisons {
    let compare = |(index, (&x, &found)): (usize, (&f64, &f64))| {
        let moved = |x: f64| {
            let mut moved = z.to_vec();
            moved[index] = x;
            Some(function(&moved))
        };
        let slope = slope(moved, x, 0.25 * x.abs().clamp(1e-3, 1.0));
        Comparison::new("z".into(), index, found, slope)
    };
    Comparisons(z.iter().zip(found).enumerate().map(compare).collect())
}

/// The [pullback](Reparameterizable::pullback) of a cotangent `v` against differences of `v · g(θ, ε)` at
/// fixed noise.
///
/// For a distribution whose pullback is a separate field, and not the derivative of its transform (the
/// Dirichlet, mixtures in several dimensions), use [`continuity`](super::continuity()).
///
/// # Errors
/// [`Error::Length`] for noise or a cotangent of the wrong length.
pub fn pullback<D>(distribution: &D, noise: &[f64], cotangent: &[f64]) -> Result<Comparisons, Error>
where
    D: Reparameterizable<f64> + Clone,
{
    check_len("noise", distribution.noise_dim(), noise.len())?;
    check_len("cotangent", distribution.dim(), cotangent.len())?;
    let draw = |d: &D| {
        let mut z = vec![0.0; d.dim()];
        d.transform(noise, &mut z);
        z
    };
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.pullback(noise, &draw(distribution), cotangent, &mut found);
    Ok(by_parameters(distribution, &found, |d| draw(d).iter().zip(cotangent).map(|(z, v)| z * v).sum()))
}

/// The pullback of a scalar distribution against `−(∂F/∂θ)/p` at a draw z, with F given as
/// `cdf(distribution, z)`. Give whichever tail is small: only its derivative matters, and that of the upper
/// tail has the opposite sign, so pass `−(1 − F)` there.
///
/// This is the check for an implicit pullback, which is a function of z alone: it is called with NaN for
/// the noise. A difference of a rejection sampler would not do: with a fixed seed, it is not a derivative
/// of the distribution.
///
/// # Errors
/// [`Error::Length`] unless the distribution has one coordinate.
///
/// ```
/// use reparam::prelude::*;
/// use reparam::{special, verify};
///
/// let gamma = Gamma::from_rate(&[2.5], &[1.5])?;
/// let cdf = |g: &Gamma<f64>, z: f64| special::gamma_cdf(z * g.rate()[0], g.shape()[0]);
/// verify::implicit_pullback(&gamma, 0.8, cdf)?.within(1e-8)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn implicit_pullback<D>(
    distribution: &D,
    z: f64,
    cdf: impl Fn(&D, f64) -> f64,
) -> Result<Comparisons, Error>
where
    D: Reparameterizable<f64> + LogDensity<f64> + Clone,
{
    check_len("a draw", 1, distribution.dim())?;
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.pullback(&vec![f64::NAN; distribution.noise_dim()], &[z], &[1.0], &mut found);
    let density = distribution.log_prob(&[z]).exp();
    Ok(by_parameters(distribution, &found, |d| -cdf(d, z) / density))
}

/// The [score](LogDensity::score) at z against differences of the log-density.
///
/// # Errors
/// [`Error::Length`] for a z of the wrong length.
pub fn score<D: LogDensity<f64> + Clone>(distribution: &D, z: &[f64]) -> Result<Comparisons, Error> {
    check_len("z", distribution.dim(), z.len())?;
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.score(z, &mut found);
    Ok(by_parameters(distribution, &found, |d| d.log_prob(z)))
}

/// [`∇_z log p`](DifferentiableLogDensity::log_prob_gradient) at z against differences of the log-density.
///
/// # Errors
/// [`Error::Length`] for a z of the wrong length.
pub fn log_prob_gradient<D: DifferentiableLogDensity<f64>>(
    distribution: &D,
    z: &[f64],
) -> Result<Comparisons, Error> {
    check_len("z", distribution.dim(), z.len())?;
    let mut found = vec![f64::NAN; z.len()];
    distribution.log_prob_gradient(z, &mut found);
    Ok(by_coordinates(z, &found, |z| distribution.log_prob(z)))
}

/// The [gradient of the entropy](Entropy::entropy_gradient) against differences of the entropy.
#[must_use]
pub fn entropy_gradient<D: Entropy<f64> + Clone>(distribution: &D) -> Comparisons {
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.entropy_gradient(&mut found);
    by_parameters(distribution, &found, |d| d.entropy())
}

/// Both [gradients of the divergence](KlDivergence::kl_gradient) `KL(p ‖ q)` against differences: those
/// with respect to the parameters of p, then those with respect to the parameters of q.
///
/// # Errors
/// What the divergence refuses.
pub fn kl_gradient<D: KlDivergence<f64> + Clone>(p: &D, q: &D) -> Result<Comparisons, Error> {
    let (mut dp, mut dq) = (vec![f64::NAN; p.params().len()], vec![f64::NAN; q.params().len()]);
    p.kl_gradient(q, &mut dp, &mut dq)?;
    let mut comparisons = by_parameters(p, &dp, |p| p.kl(q).unwrap_or(f64::NAN));
    comparisons.0.extend(by_parameters(q, &dq, |q| p.kl(q).unwrap_or(f64::NAN)).0);
    Ok(comparisons)
}

/// The gradient of an [objective](DifferentiableObjective) at z against differences of its value. It also
/// compares [`value`](crate::Objective::value) with the value that
/// [`value_and_gradient`](DifferentiableObjective::value_and_gradient) returns (named `value`).
#[must_use]
pub fn objective_gradient<F: DifferentiableObjective<f64> + ?Sized>(objective: &F, z: &[f64]) -> Comparisons {
    let mut found = vec![f64::NAN; z.len()];
    let value = objective.value_and_gradient(z, &mut found);
    let mut comparisons = by_coordinates(z, &found, |z| objective.value(z));
    let expected = objective.value(z);
    let exact = Slope { value: expected, uncertainty: 0.0, ordinary: expected.abs() };
    comparisons.0.push(Comparison::new("value".into(), 0, value, exact));
    comparisons
}

/// The [explicit gradient](Objective::add_parameter_gradient) of an objective at z against differences of
/// its value, with the objective made anew at each θ: `make(θ)` is `f_θ`. It is called with weights 1 and
/// −2, on a row that is not 0, so an implementation fails if it overwrites the row or forgets the weight.
///
/// ```
/// use reparam::{Parametric, verify};
///
/// let make = |theta: &[f64]| {
///     let r = theta[0];
///     Parametric(
///         move |z: &[f64]| (-r).exp() * z[0],
///         move |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] -= weight * (-r).exp() * z[0],
///     )
/// };
/// verify::parameter_gradient(make, &[0.05], &[2.0]).within(1e-7)?;
/// # Ok::<(), verify::Mismatch>(())
/// ```
#[must_use]
pub fn parameter_gradient<F>(make: impl Fn(&[f64]) -> F, params: &[f64], z: &[f64]) -> Comparisons
where
    F: Objective<f64>,
{
    let objective = make(params);
    let mut compared = Vec::with_capacity(2 * params.len());
    for weight in [1.0, -2.0] {
        // The row already holds 1 or −2 as well: exact in every sum that matters.
        let mut found = vec![weight; params.len()];
        objective.add_parameter_gradient(z, weight, &mut found);
        for (index, (&value, &found)) in params.iter().zip(&found).enumerate() {
            let moved = |x: f64| {
                let mut moved = params.to_vec();
                moved[index] = x;
                Some(make(&moved).value(z))
            };
            let slope = slope(moved, value, 0.25 * value.abs().clamp(1e-3, 1.0));
            compared.push(Comparison::new("θ".into(), index, found / weight - 1.0, slope));
        }
    }
    Comparisons(compared)
}
