//! Estimators × distributions: few samples, adversarial parameters and objectives. An estimate is an error or has no NaN.

use rand::rngs::Xoshiro256PlusPlus;
use reparam::bijections::{SigmoidMap, StickBreaking, TanhMap};
use reparam::distributions::GammaFamily;
use reparam::prelude::*;
use reparam::{DifferentiableLogDensity, Entropy, Error, LogDensity, Real, Reparameterizable};

use crate::input::Input;
use crate::one_of;

/// Draws a case; panics where an estimate panics or is `Ok` with a NaN.
pub fn estimates(data: &[u8]) {
    let mut input = Input::new(data);
    if input.below(2) == 0 { estimate::<f64>(&mut input) } else { estimate::<f32>(&mut input) }
}

/// What an estimate is made with.
struct Job<T> {
    samples: usize,
    group: usize,
    number: f64,
    centre: T,
    height: T,
    rng: Xoshiro256PlusPlus,
}

fn estimate<T: Real>(input: &mut Input<'_>) {
    let len = 1 + input.below(3);
    let [a, b, c, d] = [0; 4].map(|_| input.numbers::<T>(len));
    let number = input.number::<T>();
    let classes = 1 + input.below(4);
    let trials: Vec<u64> = (0..len).map(|_| u64::from(input.byte() % 20)).collect();
    let i = input;
    one_of! { i;
        smooth(i, Normal::new(&a, &b));
        smooth(i, LogNormal::new(&a, &b));
        smooth(i, LogitNormal::new(&a, &b));
        smooth(i, TruncatedNormal::new(&a, &b, &c, &d));
        smooth(i, HalfNormal::new(&a));
        smooth(i, Exponential::new(&a));
        smooth(i, Logistic::new(&a, &b));
        smooth(i, Gumbel::new(&a, &b));
        smooth(i, Laplace::new(&a, &b));
        smooth(i, Cauchy::new(&a, &b));
        smooth(i, HalfCauchy::new(&a));
        smooth(i, Weibull::new(&a, &b));
        smooth(i, Pareto::new(&a, &b));
        smooth(i, Uniform::new(&a, &b));
        smooth(i, Kumaraswamy::new(&a, &b));
        smooth(i, LogLogistic::new(&a, &b));
        smooth(i, Gompertz::new(&a, &b));
        smooth(i, Triangular::new(&a, &b, &c));
        smooth(i, Gamma::from_rate(&a, &b));
        smooth(i, LogGamma::from_rate(&a, &b));
        smooth(i, InverseGamma::new(&a, &b));
        smooth(i, ChiSquared::new(&a));
        smooth(i, InverseGaussian::new(&a, &b));
        smooth(i, VonMises::new(&a, &b));
        smooth(i, Beta::new(&a, &b));
        smooth(i, LogitBeta::new(&a, &b));
        smooth(i, StudentT::new(&a, &b, &c));
        smooth(i, Dirichlet::new(&a, len));
        smooth(i, MultivariateStudentT::new(&[number], &a[..1], &b[..1]));
        smooth(i, Gamma::from_rate(&a, &b).and_then(Unconstrained::new));
        smooth(i, Normal::new(&a, &b).and_then(|p| Ok(Product::new(p, Beta::new(&c, &d)?))));
        continuous(i, SoftplusNormal::new(&a, &b));
        continuous(i, GumbelSoftmax::new(&a, len, number));
        continuous(i, BinaryConcrete::new(&a, number));
        continuous(i, GaussianMixture::new(&a[..1], &b[..1], &c[..1]));
        continuous(i, Mixture::new(GammaFamily, len, &a, &[&b, &c]));
        continuous(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, TanhMap::<T>::new(len)?)));
        continuous(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, SigmoidMap::<T>::new(len)?)));
        continuous(i, Normal::new(&a, &b).and_then(|p| Transformed::new(p, StickBreaking::new(1, len + 1)?)));
        bits(i, Bernoulli::from_logits(&a));
        bits(i, Bernoulli::from_probs(&a));
        categories(i, Categorical::from_logits(&a, len));
        any(i, Poisson::new(&a));
        any(i, Binomial::from_logits(&trials, &a));
        any(i, Geometric::from_logits(&a));
        any(i, NegativeBinomial::from_logits(&a, &b));
        any(i, PlackettLuce::new(&a));
        any(i, Subsets::new(&a, classes));
        any(i, ConditionalBernoulli::new(&a, classes));
        any(i, BitChain::new(&a, &b[1..]));
    }
}

/// The numbers of an estimate, or of none.
fn judge<T: Real>(what: &str, made: Result<GradientEstimate<T>, Error>) {
    let Ok(estimate) = made else { return };
    let numbers =
        [estimate.value(), estimate.value_standard_error(), estimate.norm(), estimate.total_variance()];
    let lists = [
        estimate.gradient().iter().map(|x| x.f64()).collect(),
        estimate.variance(),
        estimate.standard_error(),
    ];
    assert!(
        numbers.iter().chain(lists.iter().flatten()).all(|x| !x.is_nan()),
        "{what}: {numbers:?} {lists:?}"
    );
    assert!(!estimate.to_string().contains("NaN"), "{what}: {estimate}");
}

impl<T: Real> Job<T> {
    fn new(input: &mut Input<'_>) -> Self {
        Self {
            samples: input.below(6),
            group: input.below(6),
            number: input.number(),
            centre: input.number(),
            height: input.number(),
            rng: input.rng(),
        }
    }

    /// A quadratic around `centre`, with its gradient.
    fn bowl(&self) -> impl reparam::DifferentiableObjective<T> + use<T> {
        let (centre, height) = (self.centre, self.height);
        Differentiable(move |z: &[T], dz: Option<&mut [T]>| {
            if let Some(dz) = dz {
                for (dz, &z) in dz.iter_mut().zip(z) {
                    *dz = height * (z - centre);
                }
            }
            z.iter().fold(T::zero(), |sum, &z| sum + height * (z - centre) * (z - centre) / T::of(2.0))
        })
    }

    /// A step of `height` at `centre`.
    fn step(&self) -> impl Fn(&[T]) -> T + use<T> {
        let (centre, height) = (self.centre, self.height);
        move |z: &[T]| if z.iter().any(|&z| z > centre) { height } else { T::zero() }
    }
}

/// `run!(input, job, distribution, objective; estimator; …)`: one of the estimators, of which the options may be refused.
macro_rules! run {
    ($input:expr, $job:expr, $p:expr, $f:expr; $($estimator:expr;)+) => {
        one_of! { $input; $(
            {
                let mut estimator = $estimator;
                judge(stringify!($estimator), estimator.estimate($p, $f, $job.samples, &mut $job.rng));
                // Once more: an estimator with a memory must survive what it saw.
                judge(stringify!($estimator), estimator.estimate($p, $f, $job.samples, &mut $job.rng));
            }
        ;)+ }
    };
}

fn any<T: Real, D: LogDensity<T>>(input: &mut Input<'_>, made: Result<D, Error>) {
    if let Ok(p) = made {
        values(input, &p);
    }
}

fn values<T: Real, D: LogDensity<T>>(input: &mut Input<'_>, p: &D) {
    let mut job = Job::new(input);
    let f = job.step();
    let group = job.group;
    run! { input, job, p, &f;
        ScoreFunction::new();
        ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: job.number });
        ScoreFunction::new().with_baseline(Baseline::Constant(job.number));
        ScoreFunction::new().with_baseline(Baseline::Optimal);
        Vimco::new(group);
    }
}

fn continuous<T: Real, D>(input: &mut Input<'_>, made: Result<D, Error>)
where
    D: Reparameterizable<T> + DifferentiableLogDensity<T>,
{
    if let Ok(p) = made {
        one_of! { input; values(input, &p); paths(input, &p); }
    }
}

fn paths<T: Real, D>(input: &mut Input<'_>, p: &D)
where
    D: Reparameterizable<T> + DifferentiableLogDensity<T>,
{
    let mut job = Job::new(input);
    let f = job.bowl();
    run! { input, job, p, &f;
        Pathwise;
        Elbo::sampled();
        Elbo::sticking_the_landing();
        ImportanceWeighted::plain(job.group);
        ImportanceWeighted::doubly_reparameterized(job.group);
    }
}

fn smooth<T: Real, D>(input: &mut Input<'_>, made: Result<D, Error>)
where
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + Entropy<T>,
{
    let Ok(p) = made else { return };
    one_of! { input;
        values(input, &p);
        paths(input, &p);
        {
            let mut job = Job::new(input);
            let f = job.bowl();
            judge("Elbo::analytic()", Elbo::analytic().estimate(&p, &f, job.samples, &mut job.rng));
        };
    }
}

fn bits<T: Real>(input: &mut Input<'_>, made: Result<Bernoulli<T>, Error>) {
    let Ok(p) = made else { return };
    let mut job = Job::new(input);
    let f = job.bowl();
    let (group, number) = (job.group, job.number);
    one_of! { input;
        values(input, &p);
        run! { input, job, &p, &f;
            Arm;
            DisArm;
            Arms::new(group);
            DoubleControl::new(group);
            LocalExpectation;
            Enumerate;
            SumAndSample::new(group);
            UnorderedSet::new(group);
            MeasureValued::coupled();
            SmoothedPerturbation;
            StraightThrough;
            ReinMax;
            GumbelRao::new(number, group);
            StraightThroughGumbelSoftmax::new(number);
            Rebar::new().with_temperature(number);
            Rebar::new().with_adaptive_temperature(number);
        };
    }
}

fn categories<T: Real>(input: &mut Input<'_>, made: Result<Categorical<T>, Error>) {
    let Ok(p) = made else { return };
    let mut job = Job::new(input);
    let f = job.bowl();
    let (group, number) = (job.group, job.number);
    one_of! { input;
        values(input, &p);
        run! { input, job, &p, &f;
            DisArmSticks;
            LocalExpectation;
            Enumerate;
            SumAndSample::new(group).with_constant_baseline(number);
            UnorderedSet::new(group).with_built_in_baseline();
            MeasureValued::uncoupled();
            SmoothedPerturbation;
            StraightThrough;
            ReinMax;
            GumbelRao::new(number, group);
            StraightThroughGumbelSoftmax::new(number);
        };
    }
}
