//! What the estimators that relax bits and categories share: perturbed logits, and the derivatives of
//! relaxed draws.

use rand::Rng;

use crate::distribution::{Bits, Relaxable};
use crate::error::Error;
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{sigmoid, softplus};
use crate::vector::{fill_gumbel, fill_logistic};

/// Refuses a temperature that is not above 0.
pub(crate) fn check_temperature(temperature: f64) -> Result<f64, Error> {
    if temperature > 0.0 && temperature.is_finite() {
        Ok(temperature)
    } else {
        Err(Error::Option { option: "temperature", value: temperature, expected: "a finite number above 0" })
    }
}

/// Refuses a temperature that is not above 0, or that the scalar cannot hold.
pub(crate) fn check_scalar_temperature<T: Real>(temperature: f64) -> Result<(), Error> {
    check_temperature(temperature)?;
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

/// Perturbed logits of any number of draws, and the draws that they decide.
pub(crate) fn perturb<T, D, R>(distribution: &D, rng: &mut R, perturbed: &mut [T], z: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    R: Rng + ?Sized,
{
    let dim = distribution.dim();
    let Some(classes) = distribution.classes() else {
        fill_logistic(rng, perturbed);
        for (perturbed, z) in perturbed.chunks_exact_mut(dim).zip(z.chunks_exact_mut(dim)) {
            for (i, (perturbed_logit, bit)) in perturbed.iter_mut().zip(z).enumerate() {
                *perturbed_logit += distribution.logit(i);
                *bit = if *perturbed_logit > T::zero() { T::one() } else { T::zero() };
            }
        }
        return;
    };
    fill_gumbel(rng, perturbed);
    z.fill(T::zero());
    for (perturbed, z) in perturbed.chunks_exact_mut(dim).zip(z.chunks_exact_mut(dim)) {
        for (i, perturbed_logit) in perturbed.iter_mut().enumerate() {
            *perturbed_logit += distribution.logit(i);
        }
        for (perturbed, hot) in perturbed.chunks_exact(classes).zip(z.chunks_exact_mut(classes)) {
            let higher = |best: usize, k: usize| if perturbed[k] > perturbed[best] { k } else { best };
            hot[(1..classes).fold(0, higher)] = T::one();
        }
    }
}

/// A perturbed logit given the bit that it decides, from a uniform s:
/// `±(−ln s + softplus(±l + ln(1 − s)))`, with + for a bit of 1 and − for a bit of 0. Nothing cancels in
/// it, however rare the bit is.
#[inline]
pub(crate) fn perturbed_given_bit<T: Real>(logit: T, bit: T, s: Probability<T>) -> T {
    let sign = if bit.is_one() { T::one() } else { -T::one() };
    sign * (softplus(sign * logit + s.ln_upper()) - s.ln_lower())
}

/// Perturbed logits of one draw, given the draw.
pub(crate) fn perturb_given<T, D, R>(distribution: &D, rng: &mut R, z: &[T], perturbed: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    R: Rng + ?Sized,
{
    let Some(classes) = distribution.classes() else {
        for (i, (perturbed_logit, &bit)) in perturbed.iter_mut().zip(z).enumerate() {
            let s = Probability::from_tail(T::signed_tail(rng));
            *perturbed_logit = perturbed_given_bit(distribution.logit(i), bit, s);
        }
        return;
    };
    fill_gumbel(rng, perturbed);
    let rows = perturbed.chunks_exact_mut(classes).zip(z.chunks_exact(classes));
    for (row, (perturbed, hot)) in rows.enumerate() {
        let chosen = hot.iter().position(|z| z.is_one()).unwrap_or(0);
        // The largest is Gumbel, and independent of its place; the others are Gumbel, truncated to lie
        // below it.
        let top = perturbed[chosen];
        for (k, perturbed_logit) in perturbed.iter_mut().enumerate().filter(|(k, _)| *k != chosen) {
            let free = *perturbed_logit + distribution.logit(row * classes + k);
            *perturbed_logit = top - softplus(top - free);
        }
    }
}

/// Adds `weight · vᵀ ∂x/∂logits` of the relaxed draw x, `σ(h/τ)` or `softmax(h/τ)`; overwrites the
/// perturbed logits h of the draw.
pub(crate) fn add_relaxed_slopes<T, D>(
    distribution: &D,
    tau: T,
    perturbed: &mut [T],
    v: &[T],
    weight: T,
    gradient: &mut [T],
) where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let Some(classes) = distribution.classes() else {
        for ((g, &perturbed_logit), &v) in gradient.iter_mut().zip(&*perturbed).zip(v) {
            *g += weight * (v * relaxed_slope(perturbed_logit, tau));
        }
        return;
    };
    let rows = perturbed.chunks_exact_mut(classes).zip(v.chunks_exact(classes));
    for ((x, v), gradient) in rows.zip(gradient.chunks_exact_mut(classes)) {
        let largest = x.iter().copied().fold(T::neg_infinity(), T::max);
        let mut total = T::zero();
        for x in &mut *x {
            // Divided after the largest is subtracted: this order keeps digits at small temperatures.
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
    // The mean is close to the v of a category that is nearly certain: what rounding took from it is added
    // back.
    let rest = mean(rough);
    for ((g, &x), &v) in gradient.iter_mut().zip(x).zip(v) {
        *g += weight * (x * ((v - rough) - rest) / tau);
    }
}

/// The probability of each coordinate of one draw, and its complement.
pub(crate) fn fill_probabilities<T, D>(distribution: &D, probabilities: &mut [T], opposites: &mut [T])
where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let bits = distribution.classes().is_none();
    for (i, (p, q)) in probabilities.iter_mut().zip(opposites).enumerate() {
        let perturbed_logit = distribution.logit(i);
        (*p, *q) = match bits {
            true => (sigmoid(perturbed_logit), sigmoid(-perturbed_logit)),
            false => (perturbed_logit.exp(), -perturbed_logit.exp_m1()),
        };
    }
}

/// Adds `weight · vᵀ ∂p/∂logits` of one draw.
pub(crate) fn add_mean_slopes<T, D>(
    distribution: &D,
    (p, q): (&[T], &[T]),
    v: &[T],
    weight: T,
    gradient: &mut [T],
) where
    T: Real,
    D: Relaxable<T> + ?Sized,
{
    let Some(classes) = distribution.classes() else {
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

/// `∂h/∂l` of a perturbed logit h given its bit, with the uniform behind it held fixed:
/// `P(b) (1 − e^(−|h|))`, where P(b) is the probability of the bit.
#[inline]
pub(crate) fn slope_given_bit<T: Real>(p: Probability<T>, bit: T, perturbed_logit: T) -> T {
    let mass = if bit.is_one() { p.lower() } else { p.upper() };
    -mass * (-perturbed_logit.abs()).exp_m1()
}

/// `∂ ln P(b)/∂l = b − p`.
#[inline]
pub(crate) fn score_of_bit<T: Real>(p: Probability<T>, bit: T) -> T {
    if bit.is_one() { p.upper() } else { -p.lower() }
}

/// `∂σ(h/τ)/∂h = e/(1 + e)²/τ` with `e = e^(−|h/τ|)`.
#[inline]
pub(crate) fn relaxed_slope<T: Real>(perturbed_logit: T, tau: T) -> T {
    let e = (-(perturbed_logit / tau).abs()).exp();
    let sum = T::one() + e;
    e / (sum * sum) / tau
}

/// Perturbed logits of one draw of bits, and the bits.
pub(crate) fn perturb_bits<T, D, R>(distribution: &D, rng: &mut R, perturbed: &mut [T], bits: &mut [T])
where
    T: Real,
    D: Bits<T> + ?Sized,
    R: Rng + ?Sized,
{
    fill_logistic(rng, perturbed);
    for (i, (perturbed_logit, bit)) in perturbed.iter_mut().zip(bits).enumerate() {
        *perturbed_logit += distribution.logit(i);
        *bit = if *perturbed_logit > T::zero() { T::one() } else { T::zero() };
    }
}

/// Perturbed logits of one draw of bits, given the bits.
pub(crate) fn perturb_given_bits<T, D, R>(distribution: &D, rng: &mut R, bits: &[T], perturbed: &mut [T])
where
    T: Real,
    D: Bits<T> + ?Sized,
    R: Rng + ?Sized,
{
    for (i, (perturbed_logit, &bit)) in perturbed.iter_mut().zip(bits).enumerate() {
        let s = Probability::from_tail(T::signed_tail(rng));
        *perturbed_logit = perturbed_given_bit(distribution.logit(i), bit, s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_given_a_bit_inverts_its_law_and_the_slope_is_its_derivative() {
        for logit in [-3.0, -0.4, 0.0, 1.2, 5.0] {
            for s in [1e-9, 0.01, 0.3, 0.7, 1.0 - 1e-6] {
                for bit in [0.0, 1.0] {
                    let perturbed_logit = |logit| perturbed_given_bit(logit, bit, Probability::from_lower(s));
                    let h: f64 = perturbed_logit(logit);
                    // P(h beyond this | b) = s, by the formula of the logistic tail.
                    let sign = 2.0 * bit - 1.0;
                    let beyond = sigmoid(sign * (logit - h)) / sigmoid(sign * logit);
                    assert!((beyond / s - 1.0).abs() < 1e-9 && sign * h > 0.0, "{logit} {s} {bit}");
                    let step = 1e-4;
                    let difference =
                        (perturbed_logit(logit + step) - perturbed_logit(logit - step)) / (2.0 * step);
                    let p = Probability::from_sides(sigmoid(logit), sigmoid(-logit));
                    let slope = slope_given_bit(p, bit, h);
                    assert!((slope - difference).abs() < 1e-8, "{logit} {s} {bit}: {slope} {difference}");
                }
            }
        }
    }
}
