//! Blocks stream through fixed buffers: an engine allocates in its first long estimate and never again, and an estimate of its own
//! allocates the same however many samples it has. A program of its own: it runs with an allocator that counts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use allocation_counter::measure;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{Distribution, Engine, LogDensity, Reparameterizable};

/// Long enough for blocks of full length, and for a last block that is not whole.
const SAMPLES: usize = 7000;

fn check<E, D, F>(what: &str, estimator: &E, p: &D, f: &F)
where
    D: Distribution<f64>,
    E: GradientEstimator<f64, D, F> + Clone,
    F: Objective<f64>,
{
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let (mut engine, mut owned) = (Engine::new(), estimator.clone());
    let mut in_engine = |samples| {
        let run = || drop(engine.estimate(&mut owned, p, f, samples, &mut generator).map(|_| ()));
        measure(run).count_total
    };
    assert!(in_engine(SAMPLES) > 0, "{what}: the counter counts");
    for samples in [SAMPLES, 1, 3 * SAMPLES] {
        assert_eq!(
            in_engine(samples),
            0,
            "{what}: allocations of a later estimate of {samples} in an engine"
        );
    }

    let mut alone = |samples| {
        let mut owned = estimator.clone();
        measure(|| drop(owned.estimate(p, f, samples, &mut generator).unwrap())).count_total
    };
    // The longest block is 4,096 samples.
    let two_blocks = alone(2 * 4096);
    assert_eq!(alone(8 * 4096), two_blocks, "{what}: allocations after the first block");
}

fn square() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            for (dz, z) in dz.iter_mut().zip(z) {
                *dz = 2.0 * z;
            }
        }
        z.iter().map(|z| z * z).sum()
    })
}

fn score_functions(params: usize) -> Vec<ScoreFunction> {
    let baselines = [
        Baseline::None,
        Baseline::Constant(1.0),
        Baseline::MovingAverage { decay: 0.9 },
        Baseline::LeaveOneOut { draws: 4 },
        Baseline::PerParameter(vec![1.0; params]),
        Baseline::Optimal,
    ];
    baselines.map(|baseline| ScoreFunction::new().with_baseline(baseline)).into()
}

fn check_scores<D: LogDensity<f64>>(what: &str, p: &D) {
    for estimator in score_functions(p.params().len()) {
        check(&format!("{estimator:?} of {what}"), &estimator, p, &square());
    }
}

fn check_both<D: LogDensity<f64> + Reparameterizable<f64>>(what: &str, p: &D) {
    check(&format!("pathwise of {what}"), &Pathwise, p, &square());
    check_scores(what, p);
}

#[test]
fn nothing_is_allocated_after_the_first_block_nor_in_a_later_estimate() {
    check_both("Normal", &Normal::new(&[1.0; 9], &[0.5; 9]).unwrap());
    check_both("LogNormal", &LogNormal::new(&[0.0; 3], &[0.5; 3]).unwrap());
    check_both("Weibull", &Weibull::new(&[0.5; 3], &[1.5; 3]).unwrap());
    check_both("Kumaraswamy", &Kumaraswamy::new(&[1.5; 3], &[2.5; 3]).unwrap());
    check_both("Laplace", &Laplace::new(&[1.5; 3], &[2.5; 3]).unwrap());
    check_both("Beta", &Beta::new(&[1.5; 3], &[2.5; 3]).unwrap());
    check_both("StudentT", &StudentT::new(&[4.5; 3], &[0.5; 3], &[2.0; 3]).unwrap());
    check_both("Dirichlet", &Dirichlet::new(&[1.5; 40], 40).unwrap());
    check_both("GumbelSoftmax", &GumbelSoftmax::new(&[0.0, 1.0, -1.0], 3, 0.7).unwrap());
    check_both("BinaryConcrete", &BinaryConcrete::new(&[0.0, 1.0], 0.7).unwrap());
    check("pathwise of Uniform", &Pathwise, &Uniform::new(&[0.0; 3], &[2.0; 3]).unwrap(), &square());
    check_scores("Bernoulli", &Bernoulli::from_logits(&[0.3, -1.0]).unwrap());
    check_scores("Categorical", &Categorical::from_logits(&[0.0, 1.0, -1.0], 3).unwrap());
    let (bits, rows) = (
        Bernoulli::from_logits(&[0.3, -1.0]).unwrap(),
        Categorical::from_logits(&[0.0, 1.0, -1.0], 3).unwrap(),
    );
    let explicit =
        Parametric(square(), |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0]);
    let normal = Normal::new(&[1.0; 3], &[0.5; 3]).unwrap();
    check("explicit and pathwise", &Pathwise, &normal, &explicit);
    check("explicit and measure-valued", &MeasureValued::coupled(), &normal, &explicit);
    let pairs = Pathwise.over(Antithetic);
    check("explicit and antithetic pairs", &pairs, &normal, &explicit);
    check("straight-through of bits", &StraightThrough, &bits, &square());
    check("straight-through of categories", &StraightThrough, &rows, &square());
    check("ReinMax", &ReinMax, &rows, &square());
    let plain = StraightThroughGumbelSoftmax::new(0.5);
    check("straight-through Gumbel-Softmax", &plain, &rows, &square());
    check("Gumbel-Rao", &GumbelRao::new(0.5, 3), &rows, &square());
    let learning = Rebar::new().adaptive().with_adaptive_temperature(0.1);
    check("REBAR", &Rebar::new(), &bits, &square());
    check("REBAR that learns", &learning, &bits, &square());
    check("RELAX", &Relax::new(QuadraticSurrogate::new(2, 0.5).unwrap()), &bits, &square());
    let f = Terms(2, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(b));
    for baseline in [
        StepBaseline::None,
        StepBaseline::PerStep(vec![1.0; 2]),
        StepBaseline::MovingAverage { decay: 0.9 },
        StepBaseline::LeaveOneOut { draws: 4 },
    ] {
        check(
            &format!("reward to go, {baseline:?}"),
            &RewardToGo::new().with_step_baseline(baseline),
            &bits,
            &f,
        );
    }
    // Wrappers apply their chain rule without room of their own, however many parameters there are.
    let probs = || Bernoulli::from_probs(&[0.3; 100]).unwrap();
    let walk = Unconstrained::new(probs()).unwrap();
    let f100 = Terms(100, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(b));
    let leave_one_out = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 4 });
    check("reward to go of Unconstrained", &leave_one_out, &walk, &f100);
    let pair = Product::new(Unconstrained::new(probs()).unwrap(), bits.clone());
    let f102 = Terms(102, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(b));
    check("reward to go of Product", &leave_one_out, &pair, &f102);
    check("straight-through of Unconstrained", &StraightThrough, &walk, &square());
    check("DisARM of Product", &DisArm, &pair, &square());
    let few = Unconstrained::new(Bernoulli::from_probs(&[0.3; 3]).unwrap()).unwrap();
    check("local expectations of Unconstrained", &LocalExpectation, &few, &square());
    let chain = BitChain::new(&[0.3; 20], &[-1.0; 19]).unwrap();
    let f20 = Terms(20, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(b));
    check("reward to go of Frozen", &leave_one_out, &Frozen::new(chain, &["logits"]).unwrap(), &f20);
    check("reward to go of PlackettLuce", &leave_one_out, &PlackettLuce::new(&[0.3; 20]).unwrap(), &f20);
    let normal = || Normal::new(&[1.0], &[0.5]).unwrap();
    check_both("Unconstrained", &Unconstrained::new(normal()).unwrap());
    check_both("Product", &Product::new(normal(), Laplace::new(&[1.5], &[2.5]).unwrap()));
}
