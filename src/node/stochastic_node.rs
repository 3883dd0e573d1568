//! The pathwise gradient as a node in another library's training loop.

use rand::Rng;

use super::heads::{count_rows, is_fused, read_row, write_rows};
use crate::bijector::{PositiveBijector, chain, constrain};
use crate::distribution::Conditional;
use crate::error::{Error, check_len};
use crate::real::Real;

/// A layer that samples. Forward, it makes a minibatch of draws and keeps the noise; backward, it gives
/// `(∂z/∂θ)ᵀ ∂L/∂z`. The parameters are rows that a network produced, one per draw; they are borrowed, not
/// copied.
///
/// The prototype distribution gives the shape of one row; its own parameters are not used.
///
/// # Heads
///
/// Parameters come as one slice per named range of the layout, each row-major `rows × length of the range`
/// (separate heads of the network: the means, the scales), or as a single slice of whole rows of θ (one
/// fused head with rows `[μ₁ … μ_D σ₁ … σ_D]`). Gradients are written in the same form, and overwrite what
/// is there.
///
/// With [`unconstrained`](Self::unconstrained) the heads are unconstrained numbers (`ln σ` for `σ`), as a
/// linear layer gives them, and the node applies the chain rule.
///
/// Unbiased, as the pathwise estimator is, for a loss that is continuous and differentiable almost
/// everywhere. A draw costs one transform, a pullback one pass over the row. Kingma & Welling 2014,
/// arXiv:1312.6114; Rezende, Mohamed & Wierstra 2014, arXiv:1401.4082.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::{StochasticNode, prelude::*};
///
/// // Two heads of a network for a minibatch of 3 and a latent space of 2.
/// let mu = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];
/// let log_sigma = [-1.0; 6];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
///
/// let mut node = StochasticNode::unconstrained(Normal::standard(2)?);
/// let z = node.forward(&[&mu, &log_sigma], &mut rng)?;
/// assert_eq!(z.len(), 6);
///
/// let dz = [1.0; 6]; // from the decoder's backward pass
/// let (mut dmu, mut dlog_sigma) = ([0.0; 6], [0.0; 6]);
/// node.backward(&[&mu, &log_sigma], &dz, &mut [&mut dmu, &mut dlog_sigma])?;
/// assert_eq!(dmu, dz); // ∂z/∂μ = 1
/// let epsilon = node.noise()[0];
/// assert!((dlog_sigma[0] - epsilon * (-1.0f64).exp()).abs() < 1e-15); // ∂z/∂ln σ = ε σ
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StochasticNode<T, D> {
    prototype: D,
    bijector: Option<PositiveBijector>,
    rows: usize,
    noise: Vec<T>,
    z: Vec<T>,
    /// θ and its slopes, row by row, where the heads are unconstrained.
    theta: Vec<T>,
    slope: Vec<T>,
    /// One row of unconstrained parameters.
    row: Vec<T>,
}

impl<T: Real, D: Conditional<T>> StochasticNode<T, D> {
    /// A node whose heads are the parameters θ themselves (`sigma` above 0).
    #[must_use]
    pub fn new(prototype: D) -> Self {
        Self {
            prototype,
            bijector: None,
            rows: 0,
            noise: Vec::new(),
            z: Vec::new(),
            theta: Vec::new(),
            slope: Vec::new(),
            row: Vec::new(),
        }
    }

    /// A node whose heads are unconstrained, with the logarithm of every positive parameter.
    #[must_use]
    pub fn unconstrained(prototype: D) -> Self {
        Self::unconstrained_with(prototype, PositiveBijector::Exp)
    }

    /// A node whose heads are unconstrained, with a chosen map for positive parameters.
    #[must_use]
    pub fn unconstrained_with(prototype: D, bijector: PositiveBijector) -> Self {
        Self { bijector: Some(bijector), ..Self::new(prototype) }
    }

    /// The prototype.
    #[must_use]
    pub fn prototype(&self) -> &D {
        &self.prototype
    }

    /// The prototype, to change a setting such as a temperature between steps. If it changes between a draw
    /// and its pullback, the pullback is that of the new setting.
    pub fn prototype_mut(&mut self) -> &mut D {
        &mut self.prototype
    }

    /// The noise of the last draw, rows × noise dimension.
    #[must_use]
    pub fn noise(&self) -> &[T] {
        &self.noise
    }

    /// The last draw, rows × dimension.
    #[must_use]
    pub fn draw(&self) -> &[T] {
        &self.z
    }

    /// Draws one z per row, and keeps noise and draw for [`backward`](Self::backward).
    ///
    /// # Errors
    /// [`Error::Length`] for heads that do not fit the layout, [`Error::NonFiniteParameter`] or
    /// [`Error::ParameterDomain`] for a parameter outside its domain, [`Error::NonFiniteTransform`]
    /// (`sample` is the row). After an error, no draw can be pulled back.
    pub fn forward<R: Rng + ?Sized>(&mut self, heads: &[&[T]], rng: &mut R) -> Result<&[T], Error> {
        let rows = self.begin(heads)?;
        self.noise.resize(rows * self.prototype.noise_dim(), T::zero());
        self.prototype.draw_noise(rng, &mut self.noise);
        self.finish(heads, rows)
    }

    /// Draws with the noise of the last draw and other parameters: common random numbers.
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward), and [`Error::NoDraw`] or [`Error::Length`] if there is no noise
    /// for this many rows.
    pub fn replay(&mut self, heads: &[&[T]]) -> Result<&[T], Error> {
        if self.noise.is_empty() {
            return Err(Error::NoDraw);
        }
        let rows = self.begin(heads)?;
        check_len("noise", rows * self.prototype.noise_dim(), self.noise.len())?;
        self.finish(heads, rows)
    }

    /// Writes `(∂z/∂θ)ᵀ dz`, row by row, given the heads of the draw again.
    ///
    /// # Errors
    /// [`Error::NoDraw`] before a draw, [`Error::Length`] if something does not fit the draw,
    /// [`Error::NonFiniteObjectiveGradient`] for a cotangent that is not finite,
    /// [`Error::NonFiniteGradient`] for a product that is not. After an error, nothing has been written.
    pub fn backward(&self, heads: &[&[T]], dz: &[T], dheads: &mut [&mut [T]]) -> Result<(), Error> {
        if self.rows == 0 {
            return Err(Error::NoDraw);
        }
        let rows = count_rows(self.prototype.layout(), heads)?;
        check_len("heads of the draw", self.rows, rows)?;
        check_len("dz", self.z.len(), dz.len())?;
        check_len("gradient heads", heads.len(), dheads.len())?;
        for (head, dhead) in heads.iter().zip(&*dheads) {
            check_len("gradient head", head.len(), dhead.len())?;
        }
        let dim = self.prototype.dim();
        if let Some(i) = dz.iter().position(|dz| !dz.is_finite()) {
            let (sample, coordinate) = ((i / dim) as u64, i % dim);
            return Err(Error::NonFiniteObjectiveGradient { sample, coordinate, value: dz[i].f64() });
        }

        let layout = self.prototype.layout();
        let (params, noise_dim) = (layout.len(), self.prototype.noise_dim());
        let mut lent = Vec::with_capacity(layout.iter().len());
        // All rows are computed before any is written: a product of finite numbers need not be finite.
        let mut gradients = vec![T::zero(); rows * params];
        for (row, dtheta) in gradients.chunks_exact_mut(params).enumerate() {
            self.lend(heads, row, &mut lent);
            let noise = &self.noise[row * noise_dim..][..noise_dim];
            let (z, dz) = (&self.z[row * dim..][..dim], &dz[row * dim..][..dim]);
            self.prototype.pullback_with(&lent, noise, z, dz, dtheta);
            if self.bijector.is_some() {
                chain(layout, &self.slope[row * params..][..params], dtheta);
            }
        }
        write_rows(layout, &gradients, dheads)
    }

    /// Checks the heads and computes θ where they are unconstrained.
    fn begin(&mut self, heads: &[&[T]]) -> Result<usize, Error> {
        self.rows = 0;
        let rows = count_rows(self.prototype.layout(), heads)?;
        let params = self.prototype.layout().len();
        if let Some(bijector) = self.bijector {
            self.theta.resize(rows * params, T::zero());
            self.slope.resize(rows * params, T::zero());
            self.row.resize(params, T::zero());
            let layout = self.prototype.layout();
            for row in 0..rows {
                read_row(layout, heads, row, &mut self.row);
                let (theta, slope) = (&mut self.theta[row * params..], &mut self.slope[row * params..]);
                constrain(layout, bijector, &self.row, &mut theta[..params], &mut slope[..params]);
            }
        }
        let mut lent = Vec::with_capacity(self.prototype.layout().iter().len());
        for row in 0..rows {
            self.lend(heads, row, &mut lent);
            let mut previous: &[T] = &[];
            for (part, values) in self.prototype.layout().iter().zip(&lent) {
                part.check(values, previous)?;
                previous = values;
            }
        }
        Ok(rows)
    }

    /// The slices of one row, one per range: of the heads, or of θ computed from them.
    fn lend<'a>(&'a self, heads: &[&'a [T]], row: usize, lent: &mut Vec<&'a [T]>) {
        lent.clear();
        let layout = self.prototype.layout();
        let params = layout.len();
        for (i, part) in layout.iter().enumerate() {
            let len = part.range.len();
            lent.push(match (self.bijector, is_fused(layout, heads)) {
                (Some(_), _) => &self.theta[row * params..][part.range.clone()],
                (None, true) => &heads[0][row * params..][part.range.clone()],
                (None, false) => &heads[i][row * len..][..len],
            });
        }
    }

    fn finish(&mut self, heads: &[&[T]], rows: usize) -> Result<&[T], Error> {
        let (dim, noise_dim) = (self.prototype.dim(), self.prototype.noise_dim());
        let mut z = std::mem::take(&mut self.z);
        z.resize(rows * dim, T::zero());
        let mut lent = Vec::with_capacity(self.prototype.layout().iter().len());
        for row in 0..rows {
            self.lend(heads, row, &mut lent);
            let noise = &self.noise[row * noise_dim..][..noise_dim];
            self.prototype.transform_with(&lent, noise, &mut z[row * dim..][..dim]);
        }
        drop(lent);
        self.z = z;
        if let Some(i) = self.z.iter().position(|z| !z.is_finite()) {
            let (sample, coordinate) = ((i / dim) as u64, i % dim);
            return Err(Error::NonFiniteTransform { sample, coordinate, value: self.z[i].f64() });
        }
        self.rows = rows;
        Ok(&self.z)
    }
}
