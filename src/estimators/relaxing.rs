//! What the estimators that relax bits and categories share: perturbed logits, and derivatives of what they become.

use rand::Rng;

use crate::distribution::Relaxable;
use crate::error::Error;
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{sigmoid, softplus};
use crate::vector::{fill_gumbel, fill_logistic};

/// Refuses a temperature that is not above 0.
pub(super) fn check_temperature(temperature: f64) -> Result<f64, Error> {
    if temperature > 0.0 && temperature.is_finite() {
        Ok(temperature)
    } else {
        Err(Error::Option { option: "temperature", value: temperature, expected: "a finite number above 0" })
    }
}

/// Refuses a temperature that the scalar cannot hold.
pub(super) fn check_scalar_temperature<T: Real>(temperature: f64) -> Result<(), Error> {
    let tau = T::of(temperature);
    if tau > T::zero() && tau.is_finite() {
        Ok(())
    } else {
        Err(Error::Option {
            option: "temperature",
            value: temperature,
            expected: "a number that the scalar type can hold",
        })
    }
}

/// Perturbed heights of any number of draws, and the draws that they decide.
pub(super) fn perturb<T, D, R>(distribution: &D, rng: &mut R, heights: &mut [T], z: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    R: Rng + ?Sized,
{
    let dim = distribution.dim();
    let Some(classes) = distribution.row_classes() else {
        fill_logistic(rng, heights);
        for (heights, z) in heights.chunks_exact_mut(dim).zip(z.chunks_exact_mut(dim)) {
            for (i, (height, bit)) in heights.iter_mut().zip(z).enumerate() {
                *height += distribution.height(i);
                *bit = if *height > T::zero() { T::one() } else { T::zero() };
            }
        }
        return;
    };
    fill_gumbel(rng, heights);
    z.fill(T::zero());
    for (heights, z) in heights.chunks_exact_mut(dim).zip(z.chunks_exact_mut(dim)) {
        for (i, height) in heights.iter_mut().enumerate() {
            *height += distribution.height(i);
        }
        for (heights, hot) in heights.chunks_exact(classes).zip(z.chunks_exact_mut(classes)) {
            let higher = |best: usize, k: usize| if heights[k] > heights[best] { k } else { best };
            hot[(1..classes).fold(0, higher)] = T::one();
        }
    }
}

/// A perturbed logit given the bit that it decides, from a uniform s: `±(−ln s + softplus(±l + ln(1 − s)))`, the sign that of the bit.
/// Nothing cancels in it, however rare the bit.
#[inline]
pub(super) fn height_given_bit<T: Real>(logit: T, bit: T, s: Probability<T>) -> T {
    let sign = if bit.is_one() { T::one() } else { -T::one() };
    sign * (softplus(sign * logit + s.ln_upper()) - s.ln_lower())
}

/// Perturbed heights of one draw, given the draw.
pub(super) fn perturb_given<T, D, R>(distribution: &D, rng: &mut R, z: &[T], heights: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    R: Rng + ?Sized,
{
    let Some(classes) = distribution.row_classes() else {
        for (i, (height, &bit)) in heights.iter_mut().zip(z).enumerate() {
            let s = Probability::from_tail(T::signed_tail(rng));
            *height = height_given_bit(distribution.height(i), bit, s);
        }
        return;
    };
    fill_gumbel(rng, heights);
    let rows = heights.chunks_exact_mut(classes).zip(z.chunks_exact(classes));
    for (row, (heights, hot)) in rows.enumerate() {
        let chosen = hot.iter().position(|z| z.is_one()).unwrap_or(0);
        // The largest is Gumbel, and independent of where it is; the others are Gumbel below it.
        let top = heights[chosen];
        for (k, height) in heights.iter_mut().enumerate().filter(|(k, _)| *k != chosen) {
            let free = *height + distribution.height(row * classes + k);
            *height = top - softplus(top - free);
        }
    }
}

/// Adds `weight · vᵀ ∂x/∂logits` of the relaxed draw x, `σ(h/τ)` or `softmax(h/τ)`; the heights h of one draw are used up.
pub(super) fn add_relaxed_slopes<T, D>(
    distribution: &D,
    tau: T,
    heights: &mut [T],
    v: &[T],
    weight: T,
    gradient: &mut [T],
) where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let Some(classes) = distribution.row_classes() else {
        for ((g, &height), &v) in gradient.iter_mut().zip(&*heights).zip(v) {
            let y = height / tau;
            *g += weight * (v * sigmoid(y) * sigmoid(-y) / tau);
        }
        return;
    };
    let rows = heights.chunks_exact_mut(classes).zip(v.chunks_exact(classes));
    for ((x, v), gradient) in rows.zip(gradient.chunks_exact_mut(classes)) {
        let largest = x.iter().copied().fold(T::neg_infinity(), T::max);
        let mut total = T::zero();
        for x in &mut *x {
            // Divided after the largest is taken out: the order keeps digits at small temperatures.
            *x = ((*x - largest) / tau).exp();
            total += *x;
        }
        for x in &mut *x {
            *x /= total;
        }
        add_softmax_slopes(x, v, (weight, tau), gradient);
    }
}

/// Adds `weight · x (v − x·v)/τ`.
fn add_softmax_slopes<T: Real>(x: &[T], v: &[T], (weight, tau): (T, T), gradient: &mut [T]) {
    let mean = |shift: T| x.iter().zip(v).map(|(&x, &v)| x * (v - shift)).sum::<T>();
    let rough = mean(T::zero());
    // The mean is next to v of a category that is nearly certain: what rounding took from it is put back.
    let rest = mean(rough);
    for ((g, &x), &v) in gradient.iter_mut().zip(x).zip(v) {
        *g += weight * (x * ((v - rough) - rest) / tau);
    }
}

/// The probabilities of one draw's coordinates, and of their opposites.
pub(super) fn fill_probabilities<T, D>(distribution: &D, probabilities: &mut [T], opposites: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let bits = distribution.row_classes().is_none();
    for (i, (p, q)) in probabilities.iter_mut().zip(opposites).enumerate() {
        let height = distribution.height(i);
        (*p, *q) = match bits {
            true => (sigmoid(height), sigmoid(-height)),
            false => (height.exp(), -height.exp_m1()),
        };
    }
}

/// Adds `weight · vᵀ ∂p/∂logits`, one draw.
pub(super) fn add_mean_slopes<T, D>(
    distribution: &D,
    (p, q): (&[T], &[T]),
    v: &[T],
    weight: T,
    gradient: &mut [T],
) where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let Some(classes) = distribution.row_classes() else {
        for (((g, &p), &q), &v) in gradient.iter_mut().zip(p).zip(q).zip(v) {
            *g += weight * (v * (p * q));
        }
        return;
    };
    let rows = p.chunks_exact(classes).zip(v.chunks_exact(classes));
    for ((p, v), gradient) in rows.zip(gradient.chunks_exact_mut(classes)) {
        add_softmax_slopes(p, v, (weight, T::one()), gradient);
    }
}
