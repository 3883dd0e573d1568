//! Every public distribution once, with parameters at which nothing is special.

/// Calls a macro with rows `kind Name: value;`. The kind says how an exact gradient is found: `continuous`
/// from differences of draws at fixed noise, `finite` from a sum over all outcomes, `counts` from a sum
/// over 0, 1, 2, ….
macro_rules! every_distribution {
    ($use:ident) => {
        $use! {
            continuous Normal: Normal::new(&[0.3, -0.5], &[0.8, 1.2]);
            continuous LogNormal: LogNormal::new(&[0.2], &[0.5]);
            continuous SoftplusNormal: SoftplusNormal::new(&[0.4], &[0.9]);
            continuous LogitNormal: LogitNormal::new(&[0.2], &[0.8]);
            continuous Logistic: Logistic::new(&[0.3], &[0.7]);
            continuous Gumbel: Gumbel::new(&[0.3], &[0.7]);
            continuous Laplace: Laplace::new(&[0.3], &[0.7]);
            continuous Cauchy: Cauchy::new(&[0.3], &[0.7]);
            continuous Weibull: Weibull::new(&[0.9], &[1.7]);
            continuous Frechet: Frechet::new(&[0.9], &[3.4]);
            continuous Pareto: Pareto::new(&[0.8], &[3.0]);
            continuous Uniform: Uniform::new(&[-0.6], &[1.1]);
            continuous Exponential: Exponential::new(&[1.4]);
            continuous Kumaraswamy: Kumaraswamy::new(&[1.6], &[2.3]);
            continuous Beta: Beta::new(&[1.6], &[2.3]);
            continuous LogitBeta: LogitBeta::new(&[1.6], &[2.3]);
            continuous StudentT: StudentT::new(&[4.5], &[0.3], &[0.7]);
            continuous Gamma: Gamma::from_rate(&[2.2], &[1.5]);
            continuous LogGamma: LogGamma::from_rate(&[2.2], &[1.5]);
            continuous ChiSquared: ChiSquared::new(&[3.5]);
            continuous InverseGamma: InverseGamma::new(&[3.2], &[2.1]);
            continuous InverseGaussian: InverseGaussian::new(&[1.2], &[2.5]);
            continuous VonMises: VonMises::new(&[0.4], &[1.8]);
            continuous HalfNormal: HalfNormal::new(&[0.9]);
            continuous HalfCauchy: HalfCauchy::new(&[0.9]);
            continuous LogLogistic: LogLogistic::new(&[1.1], &[3.0]);
            continuous Gompertz: Gompertz::new(&[0.6], &[1.3]);
            continuous Triangular: Triangular::new(&[-0.7], &[0.2], &[1.5]);
            continuous TruncatedNormal: TruncatedNormal::new(&[0.2], &[0.9], &[-0.8], &[1.9]);
            continuous MultivariateNormal: MultivariateNormal::new(&[0.3, -0.4], &[0.9, 0.0, 0.5, 0.7]);
            continuous LowRankNormal: LowRankNormal::new(&[0.3, -0.4], &[0.6, -0.2], &[0.7, 0.9]);
            continuous MultivariateStudentT:
                MultivariateStudentT::new(&[5.0], &[0.3, -0.4], &[0.9, 0.0, 0.5, 0.7]);
            continuous Dirichlet: Dirichlet::new(&[1.5, 2.5, 2.0], 3);
            continuous GaussianMixture: GaussianMixture::new(&[0.4, -0.3], &[-0.8, 1.1], &[0.7, 0.5]);
            continuous Mixture: Mixture::new(reparam::distributions::LogisticFamily, 2, &[0.4, -0.3], &[&[-0.8, 1.1], &[0.4, 0.3]]);
            continuous BinaryConcrete: BinaryConcrete::new(&[0.4], 0.9);
            continuous GumbelSoftmax: GumbelSoftmax::new(&[0.4, -0.2, 0.1], 3, 0.9);
            continuous ExpConcrete: ExpConcrete::new(&[0.4, -0.2, 0.1], 3, 0.9);
            continuous Transformed: MultivariateNormal::new(&[0.3, -0.4], &[0.9, 0.0, 0.5, 0.7])
                .and_then(|base| Transformed::new(base, Planar::new(&[0.6, -0.3], &[0.5, 0.4], 0.1)?));
            continuous Product: Ok::<_, Error>(Product::new(
                Normal::new(&[0.3], &[0.8]).unwrap(),
                Gamma::from_rate(&[2.2], &[1.5]).unwrap(),
            ));
            continuous Frozen: Frozen::new(Pareto::new(&[0.8], &[3.0]).unwrap(), &["scale"]);
            continuous Unconstrained: Unconstrained::new(Gamma::from_rate(&[2.2], &[1.5]).unwrap());
            finite Bernoulli: Bernoulli::from_logits(&[0.4, -0.7, 0.1]);
            finite Categorical: Categorical::from_logits(&[0.4, -0.2, 0.1, 0.7, 0.0, -0.5], 3);
            finite BitChain: BitChain::new(&[0.4, -0.7, 0.1], &[0.8, -0.6]);
            finite Binomial: Binomial::from_logits(&[4], &[0.3]);
            finite ConditionalBernoulli: ConditionalBernoulli::new(&[0.4, -0.7, 0.1, 0.6], 2);
            finite PlackettLuce: PlackettLuce::new(&[0.4, -0.7, 0.1]);
            finite Subsets: Subsets::new(&[0.4, -0.7, 0.1, 0.6], 2);
            finite ProductOfBits: Ok::<_, Error>(Product::new(
                Bernoulli::from_logits(&[0.4]).unwrap(),
                Bernoulli::from_logits(&[-0.7, 0.1]).unwrap(),
            ));
            finite ProductOfFinite: Ok::<_, Error>(Product::new(
                Bernoulli::from_logits(&[0.4]).unwrap(),
                Categorical::from_logits(&[0.4, -0.2, 0.1], 3).unwrap(),
            ));
            finite FrozenBits: Frozen::new(
                Product::new(Bernoulli::from_logits(&[0.4]).unwrap(), Bernoulli::from_logits(&[-0.7, 0.1]).unwrap()),
                &["first.logits"],
            );
            finite UnconstrainedBits: Bernoulli::from_probs(&[0.6, 0.3]).and_then(Unconstrained::new);
            finite UnconstrainedCategories:
                Categorical::from_probs(&[0.5, 0.2, 0.3], 3).and_then(Unconstrained::new);
            counts Poisson: Poisson::new(&[1.3]);
            counts Geometric: Geometric::from_logits(&[0.2]);
            counts NegativeBinomial: NegativeBinomial::from_logits(&[2.5], &[0.6]);
        }
    };
}
pub(crate) use every_distribution;
