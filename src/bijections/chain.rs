//! Two maps, one after the other.

use super::Bijection;
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;
use crate::scratch::with_scratch;

/// `y = h₂(h₁(x))`, with the parameters one after the other and their names prefixed by `first.` and
/// `second.`. Chains nest. They are made by [`then`](Bijection::then).
///
/// Where the image of the first map is not the whole space, the parameters of the second move the
/// support; the layout says so.
///
/// ```
/// use reparam::bijections::{AffineMap, Bijection, SigmoidMap};
///
/// // From the line onto (−1, 3).
/// let map = SigmoidMap::new(1)?.then(AffineMap::new(&[-1.0], &[4.0])?)?;
/// let mut y = [0.0f64];
/// map.forward(&[0.0], &mut y);
/// assert_eq!(y, [1.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chain<T, A, B> {
    first: A,
    second: B,
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real, A: Bijection<T>, B: Bijection<T>> Chain<T, A, B> {
    /// The second map after the first.
    ///
    /// # Errors
    /// [`Error::Length`] if the input dimension of the second is not the output dimension of the first,
    /// or if the first maps onto a simplex: no map may follow that.
    pub fn new(first: A, second: B) -> Result<Self, Error> {
        check_len("the second map's input", first.output_dim(), second.input_dim())?;
        check_len("the image of a map that is followed by another", first.input_dim(), first.output_dim())?;
        let mut after = second.layout().clone();
        if !first.is_onto() {
            after = after.with_all_moving_support();
        }
        let layout = Layout::join(first.layout(), &after);
        let params = [first.params(), second.params()].concat();
        Ok(Self { first, second, params, layout })
    }

    /// Both maps.
    #[must_use]
    pub fn maps(&self) -> (&A, &B) {
        (&self.first, &self.second)
    }

    /// Calls `run` with the row between the maps and the first log-determinant.
    fn between<Y>(&self, x: &[T], run: impl FnOnce(&mut [T], T) -> Y) -> Y {
        with_scratch(self.first.output_dim(), T::zero(), |middle| {
            let ln_det = self.first.forward(x, middle);
            run(middle, ln_det)
        })
    }
}

impl<T: Real, A: Bijection<T>, B: Bijection<T>> Bijection<T> for Chain<T, A, B> {
    fn input_dim(&self) -> usize {
        self.first.input_dim()
    }

    fn output_dim(&self) -> usize {
        self.second.output_dim()
    }

    fn is_onto(&self) -> bool {
        self.first.is_onto() && self.second.is_onto()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        let cut = self.first.params().len();
        self.layout.replace(&mut self.params, params, |params| {
            self.first.set_params(&params[..cut])?;
            self.second.set_params(&params[cut..])
        })
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        self.between(x, |middle, ln_det| ln_det + self.second.forward(middle, y))
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        with_scratch(self.second.input_dim(), T::zero(), |middle| {
            self.second.inverse(y, middle) && self.first.inverse(middle, x)
        })
    }

    fn pullback(&self, x: &[T], y: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]) {
        let (dfirst, dsecond) = dparams.split_at_mut(self.first.params().len());
        self.between(x, |middle, _| {
            with_scratch(middle.len(), T::zero(), |dmiddle| {
                self.second.pullback(middle, y, dy, dln, dmiddle, dsecond);
                self.first.pullback(x, middle, dmiddle, dln, dx, dfirst);
            });
        });
    }

    fn solve_transposed(&self, x: &[T], y: &[T], dx: &[T], dy: &mut [T]) {
        self.between(x, |middle, _| {
            with_scratch(middle.len(), T::zero(), |dmiddle| {
                self.first.solve_transposed(x, middle, dx, dmiddle);
                self.second.solve_transposed(middle, y, dmiddle, dy);
            });
        });
    }
}
