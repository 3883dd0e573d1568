//! What a distribution can do, `Unconstrained`, `Frozen` and `Product` of it can do too: gradient samples of every estimator are those of the inner
//! distribution with the chain rule, with fewer columns, or side by side.

use crate::common::{Row, Table, rng, sample_batches};
use reparam::Estimate;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{
    Bits, Distribution, Domain, FiniteFactors, FiniteSupport, Jump, Layout, LogDensity, PositiveBijector,
    Real, Relaxable, Sequential,
};

/// Bonferroni: at most 60 comparisons in one of these tests; 5 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.0;

/// Bits of which the first three are independent, and an objective of theirs with a gradient in between.
const PROBS: [f64; 3] = [0.3, 0.85, 0.5];

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn smooth() -> impl DifferentiableObjective<f64> {
    let weights = |i: usize| [1.0, -0.5, 0.75, 0.4, -0.2, 0.9][i % 6];
    Differentiable(move |z: &[f64], dz: Option<&mut [f64]>| {
        let sum = z.iter().enumerate().map(|(i, z)| weights(i) * z).sum::<f64>() - 0.6;
        if let Some(dz) = dz {
            dz.iter_mut().enumerate().for_each(|(i, dz)| *dz = 2.0 * sum * weights(i));
        }
        sum * sum
    })
}

/// Terms that do not look ahead, one for `width` coordinates.
fn terms(steps: usize, width: usize) -> Terms<impl Fn(&[f64], &mut [f64])> {
    Terms(steps, move |z: &[f64], terms: &mut [f64]| {
        for (t, term) in terms.iter_mut().enumerate() {
            let seen = &z[..(t + 1) * width];
            *term =
                (1.0 + t as f64) * seen.iter().enumerate().map(|(i, z)| z * (1.3 + i as f64)).sum::<f64>();
        }
    })
}

fn step_baselines(steps: usize) -> [RewardToGo; 4] {
    [
        StepBaseline::None,
        StepBaseline::PerStep(vec![0.7; steps]),
        StepBaseline::MovingAverage { decay: 0.5 },
        StepBaseline::LeaveOneOut { draws: 3 },
    ]
    .map(|baseline| RewardToGo::new().with_step_baseline(baseline))
}

/// Single gradient samples, from the same seeds, of an estimator on two distributions: blocks of one are cut alike. The estimators learn on the way.
#[track_caller]
fn check_samples<E, A, B, F>(
    estimator: &E,
    p: &A,
    q: &B,
    f: &F,
    map: impl Fn(&[f64]) -> Vec<f64>,
    tolerance: f64,
) where
    A: Distribution<f64>,
    B: Distribution<f64>,
    F: Objective<f64>,
    E: GradientEstimator<f64, A, F> + GradientEstimator<f64, B, F> + Clone,
{
    let (mut on_p, mut on_q) = (estimator.clone(), estimator.clone());
    let mut moved = false;
    for seed in 0..20 {
        let a = Estimate::<f64, A, F>::estimate(&mut on_p, p, f, 1, &mut rng(seed)).unwrap();
        let b = Estimate::<f64, B, F>::estimate(&mut on_q, q, f, 1, &mut rng(seed)).unwrap();
        let (expected, found) = (map(a.gradient()), b.gradient());
        assert_eq!(expected.len(), found.len());
        moved |= found.iter().any(|g| *g != 0.0);
        let size = expected.iter().fold(1.0f64, |size, e| size.max(e.abs()));
        for (i, (e, g)) in expected.iter().zip(found).enumerate() {
            assert!((e - g).abs() <= tolerance * size, "seed {seed}, parameter {i}: {g}, expected {e}");
        }
        assert!((a.value() - b.value()).abs() <= tolerance * (1.0 + a.value().abs()));
    }
    assert!(moved, "a gradient that is always 0 shows nothing");
}

/// All estimators for which bits are enough, on two distributions of the same three bits.
fn check_bits<A, B>(p: &A, q: &B, map: &dyn Fn(&[f64]) -> Vec<f64>, tolerance: f64)
where
    A: Bits<f64> + Relaxable<f64> + FiniteFactors<f64> + FiniteSupport<f64>,
    B: Bits<f64> + Relaxable<f64> + FiniteFactors<f64> + FiniteSupport<f64>,
{
    let f = smooth();
    check_samples(&Arm, p, q, &f, map, tolerance);
    check_samples(&DisArm, p, q, &f, map, tolerance);
    check_samples(&Arms::new(3), p, q, &f, map, tolerance);
    check_samples(&DoubleControl::new(3), p, q, &f, map, tolerance);
    check_samples(&Rebar::new(), p, q, &f, map, tolerance);
    check_samples(&Relax::new(QuadraticSurrogate::new(3, 0.5).unwrap()), p, q, &f, map, tolerance);
    check_relaxed(p, q, map, tolerance);
    check_samples(&LocalExpectation, p, q, &f, map, tolerance);
    // These add up scores that are chained one by one.
    check_supported(p, q, map, tolerance.max(1e-14));
}

fn check_relaxed<A, B>(p: &A, q: &B, map: &dyn Fn(&[f64]) -> Vec<f64>, tolerance: f64)
where
    A: Relaxable<f64>,
    B: Relaxable<f64>,
{
    let f = smooth();
    check_samples(&StraightThrough, p, q, &f, map, tolerance);
    check_samples(&ReinMax, p, q, &f, map, tolerance);
    check_samples(&StraightThroughGumbelSoftmax::new(0.5), p, q, &f, map, tolerance);
    check_samples(&GumbelRao::new(0.5, 3), p, q, &f, map, tolerance);
}

fn check_listed<A, B>(p: &A, q: &B, map: &dyn Fn(&[f64]) -> Vec<f64>, tolerance: f64)
where
    A: FiniteFactors<f64> + FiniteSupport<f64>,
    B: FiniteFactors<f64> + FiniteSupport<f64>,
{
    let f = smooth();
    check_samples(&LocalExpectation, p, q, &f, map, tolerance);
    check_supported(p, q, map, tolerance);
}

fn check_supported<A: FiniteSupport<f64>, B: FiniteSupport<f64>>(
    p: &A,
    q: &B,
    map: &dyn Fn(&[f64]) -> Vec<f64>,
    tolerance: f64,
) {
    let f = smooth();
    check_samples(&Enumerate, p, q, &f, map, tolerance);
    check_samples(&SumAndSample::new(2), p, q, &f, map, tolerance);
    check_samples(&UnorderedSet::new(3).with_built_in_baseline(), p, q, &f, map, tolerance);
    check_samples(&ScoreFunction::new(), p, q, &f, map, tolerance);
    check_samples(&Vimco::new(3).with_log_joint(), p, q, &f, map, tolerance);
}

fn check_steps<A, B>(p: &A, q: &B, width: usize, map: &dyn Fn(&[f64]) -> Vec<f64>, tolerance: f64)
where
    A: Sequential<f64>,
    B: Sequential<f64>,
{
    assert_eq!(p.steps(), q.steps());
    for estimator in step_baselines(p.steps()) {
        let estimator = estimator.with_value(|t: usize, before: &[f64]| t as f64 + 0.1 * before.len() as f64);
        check_samples(&estimator, p, q, &terms(p.steps(), width), map, tolerance);
    }
}

#[test]
fn bits_on_the_real_line_are_bits_by_their_logits() {
    let walk = Unconstrained::new(Bernoulli::from_probs(&PROBS).unwrap()).unwrap();
    let bits = Bernoulli::from_logits(&PROBS.map(logit)).unwrap();
    let same = |g: &[f64]| g.to_vec();
    check_bits(&bits, &walk, &same, 1e-12);
    check_steps(&bits, &walk, 1, &same, 1e-12);
    check_samples(&SmoothedPerturbation, &bits, &walk, &smooth(), same, 1e-12);
    check_samples(&MeasureValued::coupled(), &bits, &walk, &smooth(), same, 1e-12);

    // And the inner distribution's with the chain rule: bit for bit, but where it divides by the slope and multiplies again.
    let chained = |g: &[f64]| {
        let mut g = g.to_vec();
        walk.chain_rule(&mut g).unwrap();
        g
    };
    check_bits(walk.inner(), &walk, &chained, 0.0);
    check_steps(walk.inner(), &walk, 1, &chained, 0.0);
    check_samples(&SmoothedPerturbation, walk.inner(), &walk, &smooth(), chained, 1e-15);
}

#[test]
fn categories_on_the_real_line_are_categories_by_their_logits() {
    let probs = [0.2f64, 0.7, 0.1, 0.4, 0.35, 0.25];
    let walk = Unconstrained::new(Categorical::from_probs(&probs, 3).unwrap()).unwrap();
    let rows = Categorical::from_logits(&probs.map(f64::ln), 3).unwrap();
    let same = |g: &[f64]| g.to_vec();
    check_relaxed(&rows, &walk, &same, 1e-12);
    check_listed(&rows, &walk, &same, 1e-12);
    check_steps(&rows, &walk, 3, &same, 1e-12);
    check_samples(&DisArmSticks, &rows, &walk, &smooth(), same, 1e-12);
    // Its jumps by probabilities are along the simplex: nothing but the slope is left to apply.
    check_samples(&SmoothedPerturbation, &rows, &walk, &smooth(), same, 1e-12);
    assert_eq!(walk.classes(), Some(3));
    let chained = |g: &[f64]| {
        let mut g = g.to_vec();
        walk.chain_rule(&mut g).unwrap();
        g
    };
    check_relaxed(walk.inner(), &walk, &chained, 0.0);
    check_samples(&LocalExpectation, walk.inner(), &walk, &smooth(), chained, 0.0);
    check_supported(walk.inner(), &walk, &chained, 1e-14);
    check_steps(walk.inner(), &walk, 3, &chained, 0.0);
    check_samples(&DisArmSticks, walk.inner(), &walk, &smooth(), chained, 0.0);
}

#[test]
fn rewards_to_go_on_the_real_line_are_the_inner_ones_with_the_chain_rule() {
    fn check<D: Sequential<f64> + Clone>(p: &D) {
        for link in [PositiveBijector::Exp, PositiveBijector::Softplus] {
            let walk = Unconstrained::with_bijector(p.clone(), link).unwrap();
            let chained = |g: &[f64]| {
                let mut g = g.to_vec();
                walk.chain_rule(&mut g).unwrap();
                g
            };
            check_steps(walk.inner(), &walk, 1, &chained, 0.0);
        }
    }
    check(&Normal::new(&[0.5, -1.0, 0.2], &[2.0, 0.3, 1.0]).unwrap());
    check(&Gamma::from_rate(&[0.5, 3.0], &[2.0, 0.3]).unwrap());
    check(&NegativeBinomial::from_probs(&[2.5, 4.0], &[0.4, 0.3]).unwrap());
    check(&LogNormal::new(&[0.5, -1.0], &[0.2, 0.3]).unwrap());
    check(&BitChain::new(&[0.0, -0.4, 1.0], &[2.0, -1.0]).unwrap());
    check(&Product::new(Poisson::new(&[2.0]).unwrap(), Laplace::new(&[1.0], &[0.4]).unwrap()));
}

#[test]
fn jumps_of_counts_come_with_the_slope() {
    let rates = [0.7, 3.0];
    let walk = Unconstrained::new(Poisson::new(&rates).unwrap()).unwrap();
    let sloped = |g: &[f64]| vec![rates[0] * g[0], rates[1] * g[1]];
    check_samples(&SmoothedPerturbation, walk.inner(), &walk, &smooth(), sloped, 1e-15);
}

/// Two integers between bounds: only what a jump needs.
#[derive(Debug, Clone)]
struct Bounded(Layout, [f64; 3]);

impl Distribution<f64> for Bounded {
    fn dim(&self) -> usize {
        1
    }
    fn params(&self) -> &[f64] {
        &self.1
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.0.check(params)?;
        self.1.copy_from_slice(params);
        Ok(())
    }
    fn layout(&self) -> &Layout {
        &self.0
    }
    fn sample<R: rand::Rng + ?Sized>(&self, _: &mut R, z: &mut [f64]) {
        z.fill(1.0);
    }
}

impl Jump<f64> for Bounded {
    fn jumps(&self, _: usize) -> bool {
        true
    }
    fn jump(&self, _: usize, z: &mut [f64]) -> f64 {
        z[0] += 1.0;
        2.0
    }
}

#[test]
fn a_lower_bound_that_moves_the_upper_one_has_no_jump_on_the_real_line() {
    let layout = Layout::new(&[
        ("rate", 1, Domain::Positive),
        ("low", 1, Domain::Real),
        ("high", 1, Domain::AbovePrevious),
    ]);
    let walk = Unconstrained::new(Bounded(layout, [0.5, 1.0, 4.0])).unwrap();
    assert_eq!([0, 1, 2].map(|i| walk.jumps(i)), [true, false, true]);
    let weights = [0, 2].map(|i| walk.jump(i, &mut [0.0]));
    assert!(weights.iter().zip([2.0 * 0.5, 2.0 * (4.0 - 1.0)]).all(|(w, exact)| (w - exact).abs() < 1e-14));
    let error = SmoothedPerturbation.estimate(&walk, &|z: &[f64]| z[0], 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NoWeakDerivative { parameter: "low".into() });
}

#[test]
fn the_free_columns_are_those_of_the_whole() {
    fn check<D: Distribution<f64> + Clone>(whole: &D, names: &[&str]) -> (Frozen<f64, D>, Vec<usize>) {
        let frozen = Frozen::new(whole.clone(), names).unwrap();
        let free = whole.layout().iter().filter(|part| !names.contains(&&*part.name));
        let places = free.flat_map(|part| part.range.clone()).collect();
        (frozen, places)
    }
    let pick = |places: Vec<usize>| move |g: &[f64]| places.iter().map(|&i| g[i]).collect::<Vec<_>>();

    let whole = BitChain::new(&[0.3, -0.4, 1.0], &[2.0, -1.0]).unwrap();
    for name in ["logits", "couplings"] {
        let (frozen, places) = check(&whole, &[name]);
        check_steps(&whole, &frozen, 1, &pick(places.clone()), 0.0);
        check_supported(&whole, &frozen, &pick(places), 0.0);
    }
    let whole = Normal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let (frozen, places) = check(&whole, &["mu"]);
    check_steps(&whole, &frozen, 1, &pick(places), 0.0);

    let rows = Categorical::from_probs(&[0.2, 0.5, 0.3], 3).unwrap();
    let whole = Product::new(Bernoulli::from_logits(&[0.4, -1.0]).unwrap(), rows);
    for name in ["first.logits", "second.probs"] {
        let (frozen, places) = check(&whole, &[name]);
        check_listed(&whole, &frozen, &pick(places), 0.0);
    }
    // One wrapper on another: the free ones on the real line.
    let (frozen, places) = check(&whole, &["first.logits"]);
    let (walk, all) = (Unconstrained::new(frozen).unwrap(), Unconstrained::new(whole).unwrap());
    check_listed(&all, &walk, &pick(places), 0.0);
}

#[test]
fn more_parameters_than_there_is_room_for_on_the_stack_change_nothing() {
    let logits: Vec<f64> = (0..70).map(|i| (i as f64 * 0.7).sin()).collect();
    let bits = Bernoulli::from_logits(&logits).unwrap();
    let probs: Vec<f64> = logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).collect();
    let walk = Unconstrained::new(Bernoulli::from_probs(&probs).unwrap()).unwrap();
    let same = |g: &[f64]| g.to_vec();
    check_samples(&LocalExpectation, &bits, &walk, &smooth(), same, 1e-11);
    check_steps(&bits, &walk, 1, &same, 1e-11);
    let chain = BitChain::new(&logits, &logits[1..]).unwrap();
    let frozen = Frozen::new(chain.clone(), &["logits"]).unwrap();
    check_steps(&chain, &frozen, 1, &|g: &[f64]| g[70..].to_vec(), 0.0);
}

/// Sums of weighted scores are those scores one after the other, by both of the ways that there are.
#[test]
fn sums_of_scores_are_the_scores_added_up() {
    fn steps<D: Sequential<f64>>(p: &D) {
        let (params, dim, steps) = (p.params().len(), p.dim(), p.steps());
        let (mut z, mut found) = (vec![0.0; 3 * dim], vec![f64::NAN; params]);
        p.sample(&mut rng(3), &mut z);
        let weights: Vec<f64> = (0..3 * steps).map(|i| (i as f64).cos()).collect();
        p.sum_step_scores(z.chunks_exact(dim).zip(weights.chunks_exact(steps)), &mut found);
        let (mut sum, mut size) = (vec![0.0; params], 0.0);
        for (z, weights) in z.chunks_exact(dim).zip(weights.chunks_exact(steps)) {
            let (mut score, mut whole) = (vec![0.0; params], vec![f64::NAN; params]);
            for (t, &weight) in weights.iter().enumerate().take(p.length(z)) {
                let before = sum.clone();
                p.add_step_score(t, z, weight, &mut sum);
                size += before.iter().zip(&sum).map(|(a, b): (&f64, &f64)| (a - b).abs()).sum::<f64>();
                p.add_step_score(t, z, 1.0, &mut score);
            }
            p.score(z, &mut whole);
            for (a, b) in score.iter().zip(&whole) {
                assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} {b}");
            }
        }
        for (a, b) in sum.iter().zip(&found) {
            assert!((a - b).abs() <= 1e-14 * size, "{a} {b}");
        }
        // No step knows what comes after it.
        let mut speaks = vec![false; steps];
        for seed in 0..20 {
            p.sample(&mut rng(seed), &mut z);
            for (t, speaks) in speaks.iter_mut().enumerate().take(p.length(&z[..dim])) {
                let next = if t + 1 < steps { p.before(t + 1) } else { dim };
                let spliced = [&z[..next], &z[dim + next..2 * dim]].concat();
                let (mut a, mut b) = (vec![0.0; params], vec![0.0; params]);
                p.add_step_score(t, &z[..dim], 1.0, &mut a);
                p.add_step_score(t, &spliced, 1.0, &mut b);
                assert_eq!(a, b, "step {t}");
                // On top of what there is, in proportion to the weight.
                p.add_step_score(t, &z[..dim], 2.5, &mut b);
                for (a, b) in a.iter().zip(&b) {
                    assert!((3.5 * a - b).abs() <= 1e-14 * b.abs(), "step {t}: {a} {b}");
                }
                assert!(p.before(t) < next);
                *speaks |= a.iter().any(|g| *g != 0.0);
            }
        }
        // The last place of a whole ranking is no choice.
        assert!(speaks[..steps.max(2) - 1].iter().all(|s| *s), "{speaks:?}");
    }
    fn factors<D: FiniteFactors<f64>>(p: &D) {
        let params = p.params().len();
        let (mut asked, mut found, mut sum) = (Vec::new(), vec![f64::NAN; params], vec![0.0; params]);
        let weight = |i: usize, k: usize| if k == 1 { 0.0 } else { 1.0 + i as f64 - 0.3 * k as f64 };
        p.sum_scores(
            |i, k| {
                asked.push((i, k));
                weight(i, k)
            },
            &mut found,
        );
        let all: Vec<_> =
            (0..p.factors()).flat_map(|i| (0..p.alternatives(i)).map(move |k| (i, k))).collect();
        assert_eq!(asked, all);
        for (i, k) in all {
            p.add_score(i, k, weight(i, k), &mut sum);
        }
        for (a, b) in sum.iter().zip(&found) {
            assert!((a - b).abs() <= 1e-14 * (1.0 + b.abs()), "{a} {b}");
        }
        // A factor takes its alternatives where it says so, with the mass that it says.
        let mut z = vec![0.0; p.dim()];
        p.sample(&mut rng(4), &mut z);
        for i in 0..p.factors() {
            let drawn = p.chosen(i, &z);
            let at = p.log_prob(&z) - p.log_mass(i, drawn);
            for k in 0..p.alternatives(i) {
                p.choose(i, k, &mut z);
                assert_eq!(p.chosen(i, &z), k);
                assert!((p.log_prob(&z) - at - p.log_mass(i, k)).abs() < 1e-12);
            }
            p.choose(i, drawn, &mut z);
        }
    }
    let normal = || Normal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let chain = || BitChain::new(&[0.3, -0.4, 1.0], &[2.0, -1.0]).unwrap();
    let probs = || Bernoulli::from_probs(&PROBS).unwrap();
    let rows = || Categorical::from_probs(&[0.2, 0.5, 0.3, 0.1, 0.1, 0.8], 3).unwrap();
    steps(&Unconstrained::new(normal()).unwrap());
    steps(&Unconstrained::new(rows()).unwrap());
    steps(&Frozen::new(normal(), &["mu"]).unwrap());
    steps(&Product::new(chain(), Unconstrained::new(normal()).unwrap()));
    steps(&Unconstrained::new(Product::new(rows(), Product::new(probs(), normal()))).unwrap());
    steps(&Product::new(UntilOne(probs()), chain()));
    steps(&Unconstrained::new(Product::new(chain(), UntilOne(probs()))).unwrap());
    steps(&Frozen::new(Product::new(chain(), UntilOne(probs())), &["first.couplings"]).unwrap());
    steps(&PlackettLuce::new(&[0.3, -1.0, 2.0, 0.1]).unwrap());
    steps(&PlackettLuce::top(&[0.3, -1.0, 2.0, 0.1], 2).unwrap());
    steps(&Gamma::from_rate(&[0.5, 3.0], &[2.0, 0.3]).unwrap());
    steps(&StudentT::new(&[4.0, 7.0], &[0.5, -1.0], &[2.0, 0.3]).unwrap());
    steps(&LogNormal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap());
    steps(&SoftplusNormal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap());
    steps(&NegativeBinomial::from_probs(&[2.5, 4.0], &[0.4, 0.3]).unwrap());
    steps(&Poisson::new(&[2.5, 0.3]).unwrap());
    let weights = [0.2, 0.8, 0.6, 0.4];
    let values: [&[f64]; 2] = [&[0.0, 1.0, -1.0, 2.0], &[1.0, 0.5, 0.3, 2.0]];
    steps(
        &Mixture::from_weights(*Laplace::new(&[0.0], &[1.0]).unwrap().family(), 2, &weights, &values)
            .unwrap(),
    );

    factors(&Unconstrained::new(probs()).unwrap());
    factors(&Unconstrained::new(rows()).unwrap());
    factors(&Product::new(probs(), rows()));
    factors(&Product::new(rows(), Product::new(probs(), Binomial::from_logits(&[3], &[0.4]).unwrap())));
    factors(&Frozen::new(Product::new(rows(), probs()), &["first.probs"]).unwrap());
}

/// Bits up to the first 1.
#[derive(Debug, Clone)]
struct UntilOne(Bernoulli<f64>);

impl Distribution<f64> for UntilOne {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn params(&self) -> &[f64] {
        self.0.params()
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.0.set_params(params)
    }
    fn layout(&self) -> &Layout {
        self.0.layout()
    }
    fn sample<R: rand::Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        self.0.sample(rng, z);
    }
}

impl LogDensity<f64> for UntilOne {
    fn log_prob(&self, z: &[f64]) -> f64 {
        (0..self.length(z)).map(|t| self.0.log_mass(t, self.0.chosen(t, z))).sum()
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.fill(0.0);
        for t in 0..self.length(z) {
            self.0.add_step_score(t, z, 1.0, score);
        }
    }
}

impl Sequential<f64> for UntilOne {
    fn steps(&self) -> usize {
        self.0.steps()
    }
    fn before(&self, step: usize) -> usize {
        step
    }
    // Of no use beyond the end: it must not be asked.
    fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
        let weight = if step < self.length(z) { weight } else { f64::NAN };
        self.0.add_step_score(step, z, weight, gradient);
    }
    fn length(&self, z: &[f64]) -> usize {
        z.iter().position(|z| *z == 1.0).map_or(z.len(), |first| first + 1)
    }
}

/// Mean and variance over `(probability, gradient sample)` of all cases.
fn moments(cases: &[(f64, Vec<f64>)], i: usize) -> (f64, f64) {
    let mean = cases.iter().map(|(p, g)| p * g[i]).sum::<f64>();
    (mean, cases.iter().map(|(p, g)| p * (g[i] - mean).powi(2)).sum())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn steps_of_a_product_have_the_exact_mean_and_variance() {
    // Two bits of a chain, then two that are free: scores by hand, over all 16 draws.
    let (l, c, m) = ([0.3, -0.5], 1.2, [0.4, -1.0]);
    let joint = Product::new(BitChain::new(&l, &[c]).unwrap(), Bernoulli::from_logits(&m).unwrap());
    let f = terms(4, 1);
    let cases: Vec<_> = (0..16)
        .map(|index| {
            let b: Vec<f64> = (0..4).map(|i| f64::from(index >> i & 1)).collect();
            let p = [l[0], l[1] + c * b[0], m[0], m[1]].map(sigmoid);
            let mass = b.iter().zip(p).map(|(b, p)| if *b == 1.0 { p } else { 1.0 - p }).product();
            let mut r = [0.0; 4];
            f.write_terms(&b, &mut r);
            let to_go = |t: usize| r[t..].iter().sum::<f64>() * (b[t] - p[t]);
            (mass, vec![to_go(0), to_go(1), to_go(1) * b[0], to_go(2), to_go(3)])
        })
        .collect();
    let exact = Enumerate.estimate(&joint, &f, 2, &mut rng(1)).unwrap();
    assert_eq!(exact.evaluations(), 2 * 16);
    let sampled = sample_batches(&mut RewardToGo::new(), &joint, &f, 4000, 2);
    for i in 0..5 {
        let (mean, variance) = moments(&cases, i);
        assert!((exact.gradient()[i] - mean).abs() < 1e-12 * (1.0 + mean.abs()));
        assert!(sampled.check(i, mean, variance, SIGMAS, &format!("parameter {i}")));
    }
    // With the second before the first the same steps come in another order.
    let other = Product::new(Bernoulli::from_logits(&m).unwrap(), BitChain::new(&l, &[c]).unwrap());
    assert_eq!((0..4).map(|t| other.before(t)).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let wide =
        Product::new(Categorical::from_logits(&[0.0; 6], 3).unwrap(), Bernoulli::from_logits(&m).unwrap());
    assert_eq!((0..4).map(|t| wide.before(t)).collect::<Vec<_>>(), [0, 3, 6, 7]);
}

#[test]
fn a_product_whose_first_ends_early_is_unbiased() {
    let (p, q) = ([0.3, 0.6, 0.2], 0.7);
    let bits = UntilOne(Bernoulli::from_probs(&p).unwrap());
    let joint = Product::new(bits, Bernoulli::from_probs(&[q]).unwrap());
    // A term for each bit that is looked at, and one for the last with how many those were.
    let f = Terms(4, |z: &[f64], r: &mut [f64]| {
        let length = z[..3].iter().position(|z| *z == 1.0).map_or(3, |first| first + 1);
        for (t, r) in r[..3].iter_mut().enumerate() {
            *r = if t < length { 1.0 + t as f64 } else { 0.0 };
        }
        r[3] = z[3] * (1.0 + length as f64);
    });
    let mut cases = Vec::new();
    for index in 0..16 {
        let z: Vec<f64> = (0..4).map(|i| f64::from(index >> i & 1)).collect();
        let all = [p[0], p[1], p[2], q];
        let mass = z.iter().zip(all).map(|(z, p)| if *z == 1.0 { p } else { 1.0 - p }).product();
        let length = z[..3].iter().position(|z| *z == 1.0).map_or(3, |first| first + 1);
        assert_eq!(joint.length(&z), 4);
        let mut r = [0.0; 4];
        f.write_terms(&z, &mut r);
        let score = |t: usize| if z[t] == 1.0 { 1.0 / all[t] } else { -1.0 / (1.0 - all[t]) };
        let taken = |t: usize| t < length || t == 3;
        let sample = (0..4).map(|t| if taken(t) { r[t..].iter().sum::<f64>() * score(t) } else { 0.0 });
        cases.push((mass, sample.collect::<Vec<_>>()));
    }
    let sampled = sample_batches(&mut RewardToGo::new(), &joint, &f, 4000, 7);
    for mut estimator in step_baselines(4) {
        let any = sample_batches(&mut estimator, &joint, &f, 2000, 8);
        for i in 0..4 {
            let (mean, variance) = moments(&cases, i);
            assert!(sampled.check(i, mean, variance, SIGMAS, &format!("parameter {i}")));
            let error = (any.variance[i] / any.samples).sqrt();
            assert!((any.mean[i] - mean).abs() < SIGMAS * error, "{:?} {i}", estimator.baseline());
        }
    }
}

#[test]
fn a_gaussian_policy_with_a_free_logarithm_of_sigma_has_the_exact_mean_and_variance() {
    // Terms z₀² and z₁², at μ = 0: moments of a Gaussian up to the eighth.
    let (a, b) = (0.7f64, 1.3f64);
    let walk = Unconstrained::new(Normal::new(&[0.0; 2], &[a, b]).unwrap()).unwrap();
    let f = Terms(2, |z: &[f64], r: &mut [f64]| r.copy_from_slice(&[z[0] * z[0], z[1] * z[1]]));
    let sampled = sample_batches(&mut RewardToGo::new(), &walk, &f, 20_000, 5);
    let (s, t) = (a * a, b * b);
    let exact = [
        (0.0, 15.0 * s + 6.0 * t + 3.0 * t * t / s),
        (0.0, 15.0 * t),
        (2.0 * s, 78.0 * s * s + 20.0 * s * t + 6.0 * t * t - 4.0 * s * s),
        (2.0 * t, 74.0 * t * t),
    ];
    for (i, (mean, variance)) in exact.into_iter().enumerate() {
        assert!(sampled.check(i, mean, variance, SIGMAS, &format!("parameter {i}")));
    }
}

#[test]
fn a_gaussian_policy_trains_its_sigma() {
    // E Σ (z_t − t)² = Σ (μ_t − t)² + σ_t²: the best policy is certain of t.
    let mut walk = Unconstrained::new(Normal::new(&[0.0; 3], &[1.0; 3]).unwrap()).unwrap();
    let f = Terms(3, |z: &[f64], r: &mut [f64]| {
        for (t, (r, z)) in r.iter_mut().zip(z).enumerate() {
            *r = (z - t as f64).powi(2);
        }
    });
    let mut estimator = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 4 });
    let mut generator = rng(9);
    for _ in 0..400 {
        let estimate = estimator.estimate(&walk, &f, 16, &mut generator).unwrap();
        let step = |(phi, g): (&f64, &f64)| phi - 0.05 * g.clamp(-2.0, 2.0);
        let next: Vec<f64> = walk.params().iter().zip(estimate.gradient()).map(step).collect();
        walk.set_params(&next).unwrap();
    }
    for t in 0..3 {
        let (mu, sigma) = (walk.inner().mu()[t], walk.inner().sigma()[t]);
        assert!((mu - t as f64).abs() < 0.3 && sigma < 0.4, "step {t}: {mu} {sigma}");
    }
}

#[test]
fn a_ranking_by_rewards_to_go_has_the_exact_mean_and_variance() {
    let l = [0.8f64, -0.3, 0.1];
    let gains = [1.0, 5.0, 2.0];
    let f = Terms(3, |z: &[f64], r: &mut [f64]| {
        for (t, (r, z)) in r.iter_mut().zip(z).enumerate() {
            *r = gains[*z as usize] / (t as f64 + 2.0).log2();
        }
    });
    let mut cases = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut mass, mut sample) = (1.0, vec![0.0; 3]);
        let mut r = [0.0; 3];
        f.write_terms(&order.map(|item| item as f64), &mut r);
        for (t, &item) in order.iter().enumerate() {
            let total: f64 = order[t..].iter().map(|&j| l[j].exp()).sum();
            mass *= l[item].exp() / total;
            let to_go: f64 = r[t..].iter().sum();
            for &j in &order[t..] {
                sample[j] += to_go * (f64::from(j == item) - l[j].exp() / total);
            }
        }
        cases.push((mass, sample));
    }
    let ranking = PlackettLuce::new(&l).unwrap();
    let exact = Enumerate.estimate(&ranking, &f, 2, &mut rng(1)).unwrap();
    let sampled = sample_batches(&mut RewardToGo::new(), &ranking, &f, 4000, 3);
    let whole = sample_batches(&mut ScoreFunction::new(), &ranking, &f, 4000, 3);
    for i in 0..3 {
        let (mean, variance) = moments(&cases, i);
        assert!((exact.gradient()[i] - mean).abs() < 1e-13);
        assert!(sampled.check(i, mean, variance, SIGMAS, &format!("item {i}")));
    }
    assert!(sampled.total_variance < whole.total_variance);
    // What is no ranking has no score from there on.
    let mut gradient = [0.0; 3];
    ranking.add_step_score(1, &[2.0, 2.0, 0.0], 1.0, &mut gradient);
    ranking.add_step_score(0, &[0.5, 2.0, 0.0], 1.0, &mut gradient);
    assert_eq!(gradient, [0.0; 3]);
    let mut extreme = [f32::NAN; 3];
    let ranking = PlackettLuce::new(&[1e38f32, -1e38, 0.0]).unwrap();
    let (z, weights) = ([0.0, 2.0, 1.0], [1.0, 2.0, 3.0]);
    ranking.sum_step_scores([(&z[..], &weights[..])].into_iter(), &mut extreme);
    assert_eq!(extreme, [0.0; 3]);
}

#[test]
fn a_product_of_bits_has_the_exact_mean_and_variance() {
    let weighted = |b: &[f64]| (b[0] - 0.5 * b[1] + 0.75 * b[2] + 0.25 * b[3] - 0.6).powi(2);
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let (first, second) = logits.split_at(1);
        let bits =
            Product::new(Bernoulli::from_logits(first).unwrap(), Bernoulli::from_logits(second).unwrap());
        let arm = sample_batches(&mut Arm, &bits, &weighted, 4000, 1);
        let disarm = sample_batches(&mut DisArm, &bits, &weighted, 4000, 2);
        let local = sample_batches(&mut LocalExpectation, &bits, &weighted, 4000, 3);
        let exact = Enumerate.estimate(&bits, &weighted, 2, &mut rng(1)).unwrap();
        assert!((exact.value() - rows[0].number("Ef")).abs() < 1e-14);
        for (i, row) in rows.iter().enumerate() {
            let mean = row.number("grad_logit");
            assert!((exact.gradient()[i] - mean).abs() < 1e-15);
            for (sampled, column) in
                [(&arm, "var_arm"), (&disarm, "var_disarm"), (&local, "var_local_expectation")]
            {
                let label = format!("{} {i} {column}", row.text("case"));
                assert!(sampled.check(i, mean, row.number(column), SIGMAS, &label), "{label}");
            }
        }
    }
}

/// Where the draws of a product come from other words than those of one distribution, only laws can be compared.
#[test]
fn every_estimator_of_bits_serves_products_of_them() {
    let logits = PROBS.map(logit);
    // By logits here, by probabilities there.
    let bits = Product::new(
        Bernoulli::from_logits(&logits[..1]).unwrap(),
        Bernoulli::from_probs(&PROBS[1..]).unwrap(),
    );
    let joint = Bernoulli::from_logits(&logits).unwrap();
    let f = smooth();
    let slopes = [1.0, PROBS[1] * (1.0 - PROBS[1]), PROBS[2] * (1.0 - PROBS[2])];
    fn check<E, F>(
        estimator: &E,
        (bits, joint): (&Product<f64, Bernoulli<f64>, Bernoulli<f64>>, &Bernoulli<f64>),
        slopes: [f64; 3],
        f: &F,
    ) where
        F: Objective<f64>,
        E: GradientEstimator<f64, Product<f64, Bernoulli<f64>, Bernoulli<f64>>, F>
            + GradientEstimator<f64, Bernoulli<f64>, F>
            + Clone,
    {
        let found = sample_batches(&mut estimator.clone(), bits, f, 2000, 11);
        let known = sample_batches(&mut estimator.clone(), joint, f, 2000, 12);
        for (i, slope) in slopes.into_iter().enumerate() {
            let mean_error = ((known.variance[i] + slope * slope * found.variance[i]) / known.samples).sqrt();
            let off = (slope * found.mean[i] - known.mean[i]).abs();
            assert!(off <= SIGMAS * mean_error + 1e-12, "bit {i}: mean off by {off} ± {mean_error}");
            let scaled = slope * slope * found.variance[i];
            let error = known.variance_error[i].hypot(slope * slope * found.variance_error[i]);
            let off = (scaled - known.variance[i]).abs();
            assert!(off <= SIGMAS * error + 1e-12, "bit {i}: variance off by {off} ± {error}");
        }
    }
    let both = (&bits, &joint);
    check(&Arm, both, slopes, &f);
    check(&DisArm, both, slopes, &f);
    check(&Arms::new(3), both, slopes, &f);
    check(&DoubleControl::new(3), both, slopes, &f);
    check(&Rebar::new(), both, slopes, &f);
    check(&Relax::new(QuadraticSurrogate::new(3, 0.5).unwrap()), both, slopes, &f);
    check(&StraightThrough, both, slopes, &f);
    check(&ReinMax, both, slopes, &f);
    check(&StraightThroughGumbelSoftmax::new(0.5), both, slopes, &f);
    check(&GumbelRao::new(0.5, 2), both, slopes, &f);
    check(&LocalExpectation, both, slopes, &f);
    check(&Enumerate, both, slopes, &f);
    check(&SumAndSample::new(2), both, slopes, &f);
    check(&UnorderedSet::new(3), both, slopes, &f);
}

#[test]
fn outcomes_of_a_product_are_all_pairs() {
    let pair = Product::new(
        Categorical::from_logits(&[0.0; 3], 3).unwrap(),
        BitChain::new(&[0.3, 0.1], &[1.0]).unwrap(),
    );
    assert_eq!(pair.outcomes(), Some(12));
    let (mut total, mut seen) = (0.0, Vec::new());
    for index in 0..12 {
        let mut z = vec![f64::NAN; 5];
        pair.outcome(index, &mut z);
        total += pair.log_prob(&z).exp();
        assert!(!seen.contains(&z));
        assert_eq!(z[index % 3], 1.0); // the first changes fastest
        seen.push(z);
    }
    assert!((total - 1.0).abs() < 1e-14);
    let many = || Bernoulli::from_logits(&[0.0f64; 40]).unwrap();
    assert_eq!(Product::new(many(), many()).outcomes(), None);
    assert_eq!(Product::new(many(), Bernoulli::from_logits(&[0.0; 70]).unwrap()).outcomes(), None);
}

#[test]
fn both_precisions_agree() {
    fn of<T: Real>() -> Vec<f64> {
        let t = |x: &[f64]| x.iter().map(|&x| T::of(x)).collect::<Vec<_>>();
        let normal = Unconstrained::new(Normal::new(&t(&[0.5]), &t(&[2.0])).unwrap()).unwrap();
        let rows = Unconstrained::new(Categorical::from_probs(&t(&[0.25, 0.75]), 2).unwrap()).unwrap();
        let joint = Frozen::new(Product::new(normal, rows), &["first.mu"]).unwrap();
        let mut gradient = t(&[0.0; 3]);
        let (z, weights) = (t(&[1.5, 1.0, 0.0]), t(&[2.0, 3.0]));
        joint.sum_step_scores([(&z[..], &weights[..])].into_iter(), &mut gradient);
        gradient.iter().map(|g| g.f64()).collect()
    }
    let (single, double) = (of::<f32>(), of::<f64>());
    // e = ½: 2 (e² − 1), then 3 (1 − p) and −3 p.
    for (i, exact) in [-1.5, 2.25, -2.25].into_iter().enumerate() {
        assert!((double[i] - exact).abs() < 1e-14, "{}", double[i]);
        assert!((single[i] - exact).abs() < 2e-6, "{}", single[i]);
    }
}

#[test]
fn what_is_refused_inside_is_refused_outside_by_name() {
    let refused = |error: Error, name: &'static str| {
        assert_eq!(error, Error::SupportDependsOnParameter { parameter: name.into() });
    };
    let uniform = || Uniform::new(&[0.0], &[1.0]).unwrap();
    let f = terms(1, 1);
    let walk = Unconstrained::new(uniform()).unwrap();
    refused(RewardToGo::new().estimate(&walk, &f, 10, &mut rng(1)).unwrap_err(), "low");
    let high = Frozen::new(uniform(), &["low"]).unwrap();
    refused(RewardToGo::new().estimate(&high, &f, 10, &mut rng(1)).unwrap_err(), "high");
    let pair = Product::new(Bernoulli::from_logits(&[0.0]).unwrap(), uniform());
    refused(RewardToGo::new().estimate(&pair, &terms(2, 1), 10, &mut rng(1)).unwrap_err(), "second.low");
    let pair = Product::new(Bernoulli::from_logits(&[0.0]).unwrap(), Bernoulli::from_logits(&[0.0]).unwrap());
    let error = RewardToGo::new().estimate(&pair, &f, 10, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::Length { expected: 2, found: 1, .. }), "{error}");
    // A shape whose scale is frozen has steps.
    let shape = Frozen::new(Pareto::new(&[1.0; 2], &[3.0; 2]).unwrap(), &["scale"]).unwrap();
    assert!(RewardToGo::new().estimate(&shape, &terms(2, 1), 10, &mut rng(1)).is_ok());
}
