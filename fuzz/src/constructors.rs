//! Every public distribution from adversarial numbers and sizes, then its parameters replaced, then drawn from.

use reparam::bijections::{
    AffineCoupling, AffineMap, Chain, ExpMap, Planar, SigmoidMap, SoftplusMap, StickBreaking,
    TanhConditioner, TanhMap,
};
use reparam::distributions::{BetaFamily, GammaFamily, StudentTFamily};
use reparam::prelude::*;
use reparam::{Distribution, Error, Real};

use crate::input::Input;
use crate::one_of;

/// Draws a case; panics where a constructor, `set_params` or a draw panics, where a refused `set_params` changes θ, and where an accepted
/// parameter or a draw is NaN.
pub fn constructors(data: &[u8]) {
    let mut input = Input::new(data);
    if input.below(2) == 0 { construct::<f64>(&mut input) } else { construct::<f32>(&mut input) }
}

fn construct<T: Real>(input: &mut Input<'_>) {
    let len = input.below(4);
    let (classes, size) = (input.size(), input.size());
    let [a, b, c, d] = [0; 4].map(|_| input.parameter::<T>(len));
    let square = input.parameter::<T>(len * len);
    let number = input.number::<T>();
    let trials: Vec<u64> = (0..len).map(|_| input.word() >> input.below(64)).collect();
    let i = input;
    one_of! { i;
        check(i, Normal::new(&a, &b));
        check(i, Normal::<T>::standard(size));
        check(i, LogNormal::new(&a, &b));
        check(i, SoftplusNormal::new(&a, &b));
        check(i, LogitNormal::new(&a, &b));
        check(i, HalfNormal::new(&a));
        check(i, TruncatedNormal::new(&a, &b, &c, &d));
        check(i, MultivariateNormal::new(&a, &square));
        check(i, MultivariateNormal::from_covariance(&a, &square));
        check(i, MultivariateNormal::<T>::standard(size));
        check(i, LowRankNormal::new(&a, &square, &b));
        check(i, MultivariateStudentT::new(&[number], &a, &square));
        check(i, MultivariateStudentT::from_scale_matrix(&[number], &a, &square));
        check(i, Exponential::new(&a));
        check(i, Logistic::new(&a, &b));
        check(i, Gumbel::new(&a, &b));
        check(i, Laplace::new(&a, &b));
        check(i, Cauchy::new(&a, &b));
        check(i, HalfCauchy::new(&a));
        check(i, Weibull::new(&a, &b));
        check(i, Pareto::new(&a, &b));
        check(i, Uniform::new(&a, &b));
        check(i, Kumaraswamy::new(&a, &b));
        check(i, LogLogistic::new(&a, &b));
        check(i, Gompertz::new(&a, &b));
        check(i, Triangular::new(&a, &b, &c));
        check(i, Gamma::from_rate(&a, &b));
        check(i, LogGamma::from_rate(&a, &b));
        check(i, InverseGamma::new(&a, &b));
        check(i, ChiSquared::new(&a));
        check(i, InverseGaussian::new(&a, &b));
        check(i, VonMises::new(&a, &b));
        check(i, Beta::new(&a, &b));
        check(i, LogitBeta::new(&a, &b));
        check(i, StudentT::new(&a, &b, &c));
        check(i, Dirichlet::new(&a, classes));
        check(i, GumbelSoftmax::new(&a, classes, number));
        check(i, ExpConcrete::new(&a, classes, number).map(ExpConcrete::with_learned_temperature));
        check(i, BinaryConcrete::new(&a, number).map(BinaryConcrete::with_learned_temperature));
        check(i, Bernoulli::from_logits(&a));
        check(i, Bernoulli::from_probs(&a));
        check(i, Categorical::from_logits(&a, classes));
        check(i, Categorical::from_probs(&a, classes));
        check(i, Poisson::new(&a));
        check(i, Binomial::from_logits(&trials, &a));
        check(i, Binomial::from_probs(&trials, &a));
        check(i, Geometric::from_logits(&a));
        check(i, Geometric::from_probs(&a));
        check(i, NegativeBinomial::from_logits(&a, &b));
        check(i, NegativeBinomial::from_probs(&a, &b));
        check(i, PlackettLuce::new(&a));
        check(i, Subsets::new(&a, classes));
        check(i, ConditionalBernoulli::new(&a, classes));
        check(i, BitChain::new(&a, &b));
        check(i, GaussianMixture::new(&a, &b, &c));
        check(i, GaussianMixture::from_weights(&a, &b, &c));
        check(i, Mixture::new(BetaFamily, classes, &a, &[&b, &c]));
        check(i, Mixture::from_weights(GammaFamily, classes, &a, &[&b, &c]));
        check(i, Mixture::new(StudentTFamily, classes, &a, &[&b, &c, &d]));
        check(i, Normal::new(&a, &b).and_then(|p| Frozen::new(p, &["mu"])));
        check(i, Gamma::from_rate(&a, &b).and_then(|p| Frozen::new(p, &["rate", "nobody"])));
        check(i, TruncatedNormal::new(&a, &b, &c, &d).and_then(Unconstrained::new));
        check(i, Beta::new(&a, &b).and_then(|p| Ok(Product::new(p, Gamma::from_rate(&c, &d)?))));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, AffineMap::new(&c, &d)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, ExpMap::<T>::new(size)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, SoftplusMap::<T>::new(len)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, SigmoidMap::<T>::new(len)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, Chain::new(
            AffineMap::new(&c, &d)?, TanhMap::<T>::new(len)?)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, Planar::new(&c, &d, number)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, StickBreaking::new(classes, size)?)));
        check(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, AffineCoupling::new::<T>(
            TanhConditioner::new(1, size, 2, &square)?)?)));
    }
}

fn check<T: Real, D: Distribution<T>>(input: &mut Input<'_>, made: Result<D, Error>) {
    let mut distribution = match made {
        Ok(distribution) => distribution,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let sample = |distribution: &D, input: &mut Input<'_>| {
        let mut z = vec![T::zero(); 3 * distribution.dim()];
        distribution.sample(&mut input.rng(), &mut z);
        assert!(z.iter().all(|z| !z.is_nan()), "drawn: {z:?} at {:?}", distribution.params());
    };
    let before = distribution.params().to_vec();
    assert!(before.iter().all(|x| x.is_finite()), "accepted: {before:?}");
    assert_eq!(distribution.layout().len(), before.len(), "the layout does not name all parameters");
    sample(&distribution, input);
    let mut other = input.parameter::<T>(before.len());
    match distribution.set_params(&other) {
        Ok(()) => {
            other.truncate(before.len());
            assert_eq!(distribution.params(), other, "set");
            sample(&distribution, input);
        }
        Err(_) => assert_eq!(distribution.params(), before, "refused, but changed"),
    }
    // Parameters that were its own are always accepted again.
    assert_eq!(distribution.set_params(&before), Ok(()), "its own parameters: {before:?}");
}
