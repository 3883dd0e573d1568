//! The continuity equation of a pathwise field.

use super::comparison::{Comparison, Comparisons};
use super::derivatives::moves;
use super::differences::{Slope, slope};
use crate::distribution::{LogDensity, Reparameterizable};
use crate::error::{Error, check_len};

/// Whether the pullback's field transports the density, at one point: `∂ log p/∂θᵢ = −(v·∇ log p + div v)`,
/// where `vⱼ = ∂zⱼ/∂θᵢ` is what the pullback makes of the unit cotangents.
///
/// The left side (found) is the score; the right side (expected) is made from differences of the
/// log-density and of the field. A field that satisfies the equation everywhere gives an unbiased pathwise
/// gradient, whether it is the derivative of a transform or not (a mixture's, a Dirichlet's). The pullback
/// must be a function of z alone: it is called with NaN for the noise.
///
/// `x` holds the coordinates in which p is a density, and `embed` writes the whole draw z, whose first
/// `x.len()` numbers are x: for a density on all coordinates `|x, z| z.copy_from_slice(x)`; on a simplex,
/// the last number is 1 minus the sum of the others.
///
/// Jankowiak & Obermeyer 2018, arXiv:1806.01851.
///
/// # Errors
/// [`Error::Length`] if there are more coordinates than a draw has numbers.
///
/// ```
/// use reparam::prelude::*;
/// use reparam::verify;
///
/// let dirichlet = Dirichlet::new(&[0.7, 2.0, 3.5], 3)?;
/// let on_the_simplex = |x: &[f64], z: &mut [f64]| z.copy_from_slice(&[x[0], x[1], 1.0 - x[0] - x[1]]);
/// verify::continuity(&dirichlet, &[0.15, 0.35], on_the_simplex)?.within(1e-6)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn continuity<D>(
    distribution: &D,
    x: &[f64],
    embed: impl Fn(&[f64], &mut [f64]),
) -> Result<Comparisons, Error>
where
    D: Reparameterizable<f64> + LogDensity<f64>,
{
    let (dim, params) = (distribution.dim(), distribution.params().len());
    check_len("x", x.len().min(dim), x.len())?;
    let embedded = |x: &[f64]| {
        let mut z = vec![f64::NAN; dim];
        embed(x, &mut z);
        z
    };
    let moved = |j: usize, to: f64| {
        let mut moved = x.to_vec();
        moved[j] = to;
        embedded(&moved)
    };
    let no_noise = vec![f64::NAN; distribution.noise_dim()];
    // ∂zⱼ/∂θ for all θ
    let field = |z: &[f64], j: usize| {
        let (mut unit, mut row) = (vec![0.0; dim], vec![f64::NAN; params]);
        unit[j] = 1.0;
        distribution.pullback(&no_noise, z, &unit, &mut row);
        row
    };

    let z = embedded(x);
    let mut score = vec![f64::NAN; params];
    distribution.score(&z, &mut score);
    let steps: Vec<f64> = x.iter().map(|x| 0.25 * x.abs().clamp(1e-3, 1.0)).collect();
    let slopes: Vec<Slope> = (0..x.len())
        .map(|j| slope(|to| Some(distribution.log_prob(&moved(j, to))), x[j], steps[j]))
        .collect();
    let velocities: Vec<Vec<f64>> = (0..x.len()).map(|j| field(&z, j)).collect();

    let compare = |m: super::derivatives::Move| {
        let mut sum = Slope { value: 0.0, uncertainty: 0.0, ordinary: 0.0 };
        let mut add = |part: Slope, weight: f64| {
            sum.value -= weight * part.value;
            sum.uncertainty += weight.abs() * part.uncertainty;
            sum.ordinary += weight.abs() * part.ordinary.max(part.value.abs());
        };
        for j in 0..x.len() {
            add(slopes[j], m.of_row(&velocities[j]));
            add(slope(|to| Some(m.of_row(&field(&moved(j, to), j))), x[j], steps[j]), 1.0);
        }
        let found = m.of_row(&score);
        Comparison::new(m.name, m.index, found, sum)
    };
    Ok(Comparisons(moves(distribution).into_iter().map(compare).collect()))
}
