//! The affine coupling layer.

use super::{Bijection, check_dim};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::scratch::with_scratch;

/// The function that tells a coupling layer how to scale and shift: any differentiable function of a row,
/// with parameters and analytic derivatives.
pub trait Conditioner<T: Real> {
    /// Length of its input.
    fn inputs(&self) -> usize;

    /// Length of its output.
    fn outputs(&self) -> usize;

    /// Its flat parameters.
    fn params(&self) -> &[T];

    /// Replaces the parameters.
    ///
    /// # Errors
    /// Those of [`Layout::check`]; the parameters are then unchanged.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error>;

    /// Names, ranges and domains of its parameters.
    fn layout(&self) -> &Layout;

    /// Writes the output.
    fn value(&self, input: &[T], output: &mut [T]);

    /// Pulls back a cotangent of the output to the input and the parameters.
    fn pullback(&self, input: &[T], doutput: &[T], dinput: &mut [T], dparams: &mut [T]);
}

/// The affine coupling layer (RealNVP): one part of x passes unchanged, and determines how the other part
/// is scaled and shifted, `y_b = x_b e^(s(x_a)) + m(x_a)`, `y_a = x_a`.
///
/// | | |
/// | --- | --- |
/// | φ | those of the [`Conditioner`], whose outputs are raw log-scales r, then shifts m |
/// | log-scale | `s = 4 tanh(r/4)`, so that every scale is within e^±4 |
/// | ln det | `Σ s` |
///
/// The first `pass` numbers pass; with [`reversed`](Self::reversed) the last ones pass instead. Alternate
/// the two in a chain.
///
/// # References
/// Dinh, Sohl-Dickstein & Bengio 2017, arXiv:1605.08803.
///
/// ```
/// use reparam::bijections::{AffineCoupling, Bijection, TanhConditioner};
///
/// // One number passes, through 3 hidden units; the other is scaled and shifted. All weights 0: the identity.
/// let layer = AffineCoupling::new(TanhConditioner::new(1, 3, 2, &[0.0; 14])?)?;
/// let mut y = [0.0; 2];
/// assert_eq!(layer.forward(&[0.5, -1.0], &mut y), 0.0);
/// assert_eq!(y, [0.5, -1.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AffineCoupling<C> {
    conditioner: C,
    pass: usize,
    moved: usize,
    reversed: bool,
}

/// The bound on the absolute log-scale.
const LIMIT: f64 = 4.0;

impl<C> AffineCoupling<C> {
    /// From a conditioner with a inputs and 2b outputs: a layer on a + b numbers.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without inputs or outputs, [`Error::Length`] for an odd number of outputs.
    pub fn new<T: Real>(conditioner: C) -> Result<Self, Error>
    where
        C: Conditioner<T>,
    {
        let (pass, outputs) = (conditioner.inputs(), conditioner.outputs());
        check_dim(pass)?;
        check_dim(outputs)?;
        check_len("the conditioner's output", outputs.next_multiple_of(2), outputs)?;
        Ok(Self { conditioner, pass, moved: outputs / 2, reversed: false })
    }

    /// The same layer, but the last numbers pass and the first ones are moved.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// The conditioner.
    #[must_use]
    pub fn conditioner(&self) -> &C {
        &self.conditioner
    }

    /// Splits a row into the part that passes and the part that is moved.
    fn split<'a, T>(&self, row: &'a [T]) -> (&'a [T], &'a [T]) {
        if self.reversed {
            let (moved, pass) = row.split_at(self.moved);
            (pass, moved)
        } else {
            row.split_at(self.pass)
        }
    }

    fn split_mut<'a, T>(&self, row: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        if self.reversed {
            let (moved, pass) = row.split_at_mut(self.moved);
            (pass, moved)
        } else {
            row.split_at_mut(self.pass)
        }
    }

    /// The log-scales and shifts for the part that passes.
    fn conditioned<T: Real, Y>(&self, pass: &[T], run: impl FnOnce(&mut [T], &[T]) -> Y) -> Y
    where
        C: Conditioner<T>,
    {
        with_scratch(2 * self.moved, T::zero(), |output| {
            self.conditioner.value(pass, output);
            let (log_scales, shifts) = output.split_at_mut(self.moved);
            for s in &mut *log_scales {
                *s = T::of(LIMIT) * (*s / T::of(LIMIT)).tanh();
            }
            run(log_scales, shifts)
        })
    }

    /// Pulls cotangents of the moved part and of the determinant back through the conditioner: to its
    /// input in `dpass`, to its parameters in `dparams`.
    fn pull_conditioner<T: Real>(
        &self,
        (pass, moved): (&[T], &[T]),
        dy: &[T],
        dln: T,
        dpass: &mut [T],
        dparams: &mut [T],
    ) where
        C: Conditioner<T>,
    {
        self.conditioned(pass, |log_scales, _| {
            with_scratch(2 * self.moved, T::zero(), |doutput| {
                for (i, &s) in log_scales.iter().enumerate() {
                    let squashed = s / T::of(LIMIT);
                    let ds = dy[i] * moved[i] * s.exp() + dln;
                    doutput[i] = ds * (T::one() - squashed) * (T::one() + squashed);
                    doutput[self.moved + i] = dy[i];
                }
                self.conditioner.pullback(pass, doutput, dpass, dparams);
            });
        });
    }
}

impl<T: Real, C: Conditioner<T>> Bijection<T> for AffineCoupling<C> {
    fn input_dim(&self) -> usize {
        self.pass + self.moved
    }

    fn is_onto(&self) -> bool {
        true
    }

    fn params(&self) -> &[T] {
        self.conditioner.params()
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.conditioner.set_params(params)
    }

    fn layout(&self) -> &Layout {
        self.conditioner.layout()
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        let (pass, moved) = self.split(x);
        let (same, image) = self.split_mut(y);
        same.copy_from_slice(pass);
        self.conditioned(pass, |log_scales, shifts| {
            for (i, image) in image.iter_mut().enumerate() {
                *image = moved[i] * log_scales[i].exp() + shifts[i];
            }
            log_scales.iter().copied().sum()
        })
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        let (pass, image) = self.split(y);
        let (same, moved) = self.split_mut(x);
        same.copy_from_slice(pass);
        self.conditioned(pass, |log_scales, shifts| {
            for (i, moved) in moved.iter_mut().enumerate() {
                *moved = (image[i] - shifts[i]) * (-log_scales[i]).exp();
            }
        });
        true
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]) {
        let (pass, moved) = self.split(x);
        let (dsame, dimage) = self.split(dy);
        let (dpass, dmoved) = self.split_mut(dx);
        self.pull_conditioner((pass, moved), dimage, dln, dpass, dparams);
        for (dpass, &dsame) in dpass.iter_mut().zip(dsame) {
            *dpass += dsame;
        }
        self.conditioned(pass, |log_scales, _| {
            for ((dmoved, &dimage), s) in dmoved.iter_mut().zip(dimage).zip(log_scales) {
                *dmoved = dimage * s.exp();
            }
        });
    }

    fn solve_transposed(&self, x: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        let (pass, moved) = self.split(x);
        let (dpass, dmoved) = self.split(dx);
        let (dsame, dimage) = self.split_mut(dy);
        self.conditioned(pass, |log_scales, _| {
            for ((dimage, &dmoved), s) in dimage.iter_mut().zip(dmoved).zip(log_scales) {
                *dimage = dmoved * (-*s).exp();
            }
        });
        with_scratch(self.conditioner.params().len(), T::zero(), |unused| {
            self.pull_conditioner((pass, moved), dimage, T::zero(), dsame, unused);
        });
        for (dsame, &dpass) in dsame.iter_mut().zip(dpass) {
            *dsame = dpass - *dsame;
        }
    }
}

/// A network of one hidden layer, `W₂ tanh(W₁ x + b₁) + b₂`: the built-in [`Conditioner`].
///
/// Parameters: `weight1` (hidden × inputs), `bias1`, `weight2` (outputs × hidden), `bias2`, all row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct TanhConditioner<T> {
    sizes: [usize; 3],
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real> TanhConditioner<T> {
    /// From the numbers of inputs, hidden units and outputs, and the flat parameters.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] for a size of 0, [`Error::Length`], [`Error::NonFiniteParameter`].
    pub fn new(inputs: usize, hidden: usize, outputs: usize, params: &[T]) -> Result<Self, Error> {
        for size in [inputs, hidden, outputs] {
            check_dim(size)?;
        }
        let layout = Layout::new(&[
            ("weight1", hidden * inputs, Domain::Real),
            ("bias1", hidden, Domain::Real),
            ("weight2", outputs * hidden, Domain::Real),
            ("bias2", outputs, Domain::Real),
        ]);
        layout.check(params)?;
        Ok(Self { sizes: [inputs, hidden, outputs], params: params.to_vec(), layout })
    }

    /// Calls `run` with the hidden units.
    fn with_hidden<Y>(&self, input: &[T], run: impl FnOnce(&mut [T]) -> Y) -> Y {
        let [inputs, hidden, _] = self.sizes;
        let (weights, rest) = self.params.split_at(hidden * inputs);
        with_scratch(hidden, T::zero(), |units| {
            for ((unit, row), &bias) in units.iter_mut().zip(weights.chunks_exact(inputs)).zip(rest) {
                let sum: T = row.iter().zip(input).map(|(&w, &x)| w * x).sum();
                *unit = (sum + bias).tanh();
            }
            run(units)
        })
    }

    /// The ends of the four parts.
    fn cuts(&self) -> [usize; 3] {
        let [inputs, hidden, outputs] = self.sizes;
        let first = hidden * inputs;
        [first, first + hidden, first + hidden + outputs * hidden]
    }
}

impl<T: Real> Conditioner<T> for TanhConditioner<T> {
    fn inputs(&self) -> usize {
        self.sizes[0]
    }

    fn outputs(&self) -> usize {
        self.sizes[2]
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn value(&self, input: &[T], output: &mut [T]) {
        let [_, bias1, weight2] = self.cuts();
        let (weights, biases) = (&self.params[bias1..weight2], &self.params[weight2..]);
        self.with_hidden(input, |units| {
            for ((output, row), &bias) in output.iter_mut().zip(weights.chunks_exact(units.len())).zip(biases)
            {
                *output = bias + row.iter().zip(&*units).map(|(&w, &h)| w * h).sum::<T>();
            }
        });
    }

    fn pullback(&self, input: &[T], doutput: &[T], dinput: &mut [T], dparams: &mut [T]) {
        let [weight1, bias1, weight2] = self.cuts();
        let hidden = self.sizes[1];
        let second = &self.params[bias1..weight2];
        let (dfirst, dsecond) = dparams.split_at_mut(bias1);
        let (dweight1, dbias1) = dfirst.split_at_mut(weight1);
        let (dweight2, dbias2) = dsecond.split_at_mut(weight2 - bias1);
        dbias2.copy_from_slice(doutput);
        dinput.fill(T::zero());
        self.with_hidden(input, |units| {
            for (row, &d) in dweight2.chunks_exact_mut(hidden).zip(doutput) {
                for (dw, &h) in row.iter_mut().zip(&*units) {
                    *dw = d * h;
                }
            }
            let first = self.params.chunks_exact(input.len()).zip(dweight1.chunks_exact_mut(input.len()));
            for ((j, &h), (row, drow)) in units.iter().enumerate().zip(first) {
                let dh: T = doutput.iter().enumerate().map(|(k, &d)| d * second[k * hidden + j]).sum();
                let da = dh * (T::one() - h) * (T::one() + h);
                dbias1[j] = da;
                for ((dx, dw), (&w, &x)) in dinput.iter_mut().zip(drow).zip(row.iter().zip(input)) {
                    *dx += da * w;
                    *dw = da * x;
                }
            }
        });
    }
}
