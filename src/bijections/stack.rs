//! Any number of maps of one type, one after the other.

use super::Bijection;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::scratch::with_scratch;

/// A stack of layers of one type, `y = hₙ(… h₁(x))`: a flow whose depth is only known at run time. The
/// parameters of the layers follow one another. In the layout they form one range, `layers`; this
/// requires them to be free, as those of [`Planar`](super::Planar) and of
/// [`AffineCoupling`](super::AffineCoupling) with the [`TanhConditioner`](super::TanhConditioner) are.
///
/// ```
/// use reparam::bijections::{Bijection, Planar, Stack};
///
/// let layer = |b: f64| Planar::new(&[1.0, 0.5], &[0.2, -0.3], b);
/// let flow = Stack::new(vec![layer(0.0)?, layer(1.0)?, layer(-1.0)?])?;
/// assert_eq!(flow.params().len(), 15);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Stack<T, B> {
    layers: Vec<B>,
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real, B: Bijection<T>> Stack<T, B> {
    /// From the layers; the first one is applied first.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without layers, [`Error::Length`] if their dimensions differ or a layer's
    /// output has another dimension than its input, [`Error::Option`] if a layer's image is not the whole
    /// space or its parameters are not free: put such a map after the stack.
    pub fn new(layers: Vec<B>) -> Result<Self, Error> {
        let Some(first) = layers.first() else {
            return Err(Error::EmptySupport { what: "a stack without layers" });
        };
        let dim = first.input_dim();
        for (index, layer) in layers.iter().enumerate() {
            check_len("a layer's input", dim, layer.input_dim())?;
            check_len("a layer's output", dim, layer.output_dim())?;
            if !layer.is_onto() || layer.layout().iter().any(|part| part.domain != Domain::Real) {
                let expected = "a map onto the whole space whose parameters are free numbers";
                return Err(Error::Option { option: "layers", value: index as f64, expected });
            }
        }
        let params: Vec<T> = layers.iter().flat_map(|layer| layer.params()).copied().collect();
        let layout = Layout::new(&[("layers", params.len(), Domain::Real)]);
        Ok(Self { layers, params, layout })
    }

    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &[B] {
        &self.layers
    }

    fn dim(&self) -> usize {
        self.layers[0].input_dim()
    }

    /// Calls `run` with x and the row after every layer.
    fn with_rows<Y>(&self, x: &[T], run: impl FnOnce(&mut [T]) -> Y) -> Y {
        let dim = self.dim();
        with_scratch((self.layers.len() + 1) * dim, T::zero(), |rows| {
            rows[..dim].copy_from_slice(x);
            for (i, layer) in self.layers.iter().enumerate() {
                let (before, after) = rows.split_at_mut((i + 1) * dim);
                layer.forward(&before[i * dim..], &mut after[..dim]);
            }
            run(rows)
        })
    }
}

impl<T: Real, B: Bijection<T>> Bijection<T> for Stack<T, B> {
    fn input_dim(&self) -> usize {
        self.dim()
    }

    fn is_onto(&self) -> bool {
        true
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.replace(&mut self.params, params, |mut params| {
            for layer in &mut self.layers {
                let (own, rest) = params.split_at(layer.params().len());
                layer.set_params(own)?;
                params = rest;
            }
            Ok(())
        })
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        y.copy_from_slice(x);
        with_scratch(x.len(), T::zero(), |before| {
            let mut ln_det = T::zero();
            for layer in &self.layers {
                before.copy_from_slice(y);
                ln_det += layer.forward(before, y);
            }
            ln_det
        })
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        x.copy_from_slice(y);
        with_scratch(y.len(), T::zero(), |after| {
            self.layers.iter().rev().all(|layer| {
                after.copy_from_slice(x);
                layer.inverse(after, x)
            })
        })
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]) {
        let dim = x.len();
        dx.copy_from_slice(dy);
        self.with_rows(x, |rows| {
            with_scratch(dim, T::zero(), |dafter| {
                let mut end = dparams.len();
                for (i, layer) in self.layers.iter().enumerate().rev() {
                    let start = end - layer.params().len();
                    let (before, after) = (&rows[i * dim..][..dim], &rows[(i + 1) * dim..][..dim]);
                    dafter.copy_from_slice(dx);
                    layer.pullback(before, after, dafter, dln, dx, &mut dparams[start..end]);
                    end = start;
                }
            });
        });
    }

    fn solve_transposed(&self, x: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        let dim = x.len();
        dy.copy_from_slice(dx);
        self.with_rows(x, |rows| {
            with_scratch(dim, T::zero(), |dbefore| {
                for (i, layer) in self.layers.iter().enumerate() {
                    let (before, after) = (&rows[i * dim..][..dim], &rows[(i + 1) * dim..][..dim]);
                    dbefore.copy_from_slice(dy);
                    layer.solve_transposed(before, after, dbefore, dy);
                }
            });
        });
    }
}
