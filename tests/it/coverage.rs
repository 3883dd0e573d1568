//! Every public estimator with every public distribution: what compiles is run and has the exact gradient,
//! and the table `pairs.txt` says which pairs compile. A new estimator or distribution that is missing here
//! fails a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::rng;
use crate::every::every_distribution;
use reparam::bijections::Planar;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{Additive, Distribution, DrawsMut, FiniteSupport, LogDensity, Reparameterizable};

/// Standard errors that an estimate may be off: some 600 pairs with two parameters each, of which one fails
/// by chance once in 1,400 sets of seeds.
const SIGMAS: f64 = 5.0;

/// Gradient samples of an estimate.
const SAMPLES: usize = 4000;

/// Draws behind a gradient by differences.
const DRAWS: usize = 20_000;

/// `s/(1 + s²)` of `s = 0.3 + Σ wᵢ zᵢ`: smooth, bounded, and flat where tails are heavy; or s alone.
#[derive(Clone)]
struct Probe {
    linear: bool,
    terms: usize,
    /// `∂f_θ/∂θ`, for each parameter.
    explicit: f64,
}

fn weight(i: usize) -> f64 {
    [1.0, -0.7, 0.5, 0.8, -0.6, 0.9][i % 6]
}

impl Probe {
    fn slope(&self, s: f64) -> f64 {
        if self.linear { 1.0 } else { (1.0 - s * s) / (1.0 + s * s).powi(2) }
    }

    fn sum(z: &[f64]) -> f64 {
        0.3 + z.iter().enumerate().map(|(i, z)| weight(i) * z).sum::<f64>()
    }
}

impl Objective<f64> for Probe {
    fn value(&self, z: &[f64]) -> f64 {
        let s = Self::sum(z);
        if self.linear { s } else { s / (1.0 + s * s) }
    }

    fn depends_on_parameters(&self) -> bool {
        self.explicit != 0.0
    }

    fn add_parameter_gradient(&self, _: &[f64], weight: f64, dtheta: &mut [f64]) {
        dtheta.iter_mut().for_each(|d| *d += weight * self.explicit);
    }
}

impl DifferentiableObjective<f64> for Probe {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        let slope = self.slope(Self::sum(z));
        dz.iter_mut().enumerate().for_each(|(i, dz)| *dz = weight(i) * slope);
        self.value(z)
    }
}

/// A reward at every step, of what was drawn up to it, that adds up to the value.
impl Additive<f64> for Probe {
    fn terms(&self) -> usize {
        self.terms
    }

    fn write_terms(&self, z: &[f64], terms: &mut [f64]) {
        terms.fill(0.0);
        let last = terms.len() - 1;
        terms[last] = self.value(z);
    }
}

/// A gradient with its standard errors, which are 0 where it is exact.
#[derive(Clone)]
struct Reference {
    gradient: Vec<f64>,
    error: Vec<f64>,
}

/// What the gradient is of.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    /// `E f`.
    Mean,
    /// `E f + H`, as a bound of one draw.
    Elbo,
    /// `E ln ½ (w₁ + w₂)` with `ln w = f − ln q`.
    Bound,
}

/// The integrand at draws of θ; `rows` holds one draw, or two for the bound.
fn integrand(target: Target, f: &Probe, rows: &[f64], dim: usize, ln_q: impl Fn(&[f64]) -> f64) -> f64 {
    let ln_w = |z: &[f64]| f.value(z) - ln_q(z);
    match target {
        Target::Mean => f.value(rows),
        Target::Elbo => ln_w(rows),
        Target::Bound => {
            let (a, b) = (ln_w(&rows[..dim]), ln_w(&rows[dim..]));
            a.max(b) + (0.5 * (1.0 + (-(a - b).abs()).exp())).ln()
        }
    }
}

fn moved<D: Distribution<f64> + Clone>(p: &D, i: usize, by: f64) -> D {
    let mut params = p.params().to_vec();
    params[i] += by;
    let mut moved = p.clone();
    moved.set_params(&params).unwrap();
    moved
}

/// The gradient from draws at the same noise on both sides of each parameter: it asks the transform and the
/// density only.
fn by_noise<D>(p: &D, f: &Probe, target: Target, seed: u64) -> Reference
where
    D: Reparameterizable<f64> + LogDensity<f64> + Clone,
{
    let rows = if target == Target::Bound { 2 } else { 1 };
    let mut noise = vec![0.0; rows * DRAWS * p.noise_dim()];
    let mut z = vec![0.0; rows * DRAWS * p.dim()];
    let (mut gradient, mut error) = (Vec::new(), Vec::new());
    for i in 0..p.params().len() {
        let h = 0.01 * p.params()[i].abs().clamp(0.1, 1.0);
        let (below, above) = (moved(p, i, -h), moved(p, i, h));
        let mut differences = vec![0.0; DRAWS];
        for (p, sign) in [(&below, -1.0), (&above, 1.0)] {
            p.draw_noise(&mut rng(seed), &mut noise);
            p.transform_block(&noise, DrawsMut::of(&mut z));
            for (z, difference) in z.chunks_exact(rows * p.dim()).zip(&mut differences) {
                *difference += sign * integrand(target, f, z, p.dim(), |z| p.log_prob(z)) / (2.0 * h);
            }
        }
        let n = DRAWS as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let square = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
        gradient.push(mean);
        error.push((square / n).sqrt());
    }
    Reference { gradient, error }
}

/// The gradient from the masses of all outcomes on both sides of each parameter, to 1e-9.
fn by_outcomes<D: LogDensity<f64> + Clone>(
    p: &D,
    f: &Probe,
    target: Target,
    outcomes: &[Vec<f64>],
) -> Reference {
    let mean = |p: &D| -> f64 {
        let ln: Vec<f64> = outcomes.iter().map(|z| p.log_prob(z)).collect();
        let single = |(z, ln): (&Vec<f64>, &f64)| ln.exp() * integrand(target, f, z, p.dim(), |_| *ln);
        match target {
            Target::Bound => {
                let ln_of = |z: &[f64]| p.log_prob(z);
                let pair = |(a, x): (&Vec<f64>, &f64)| -> f64 {
                    let one = |(b, y): (&Vec<f64>, &f64)| {
                        (x + y).exp() * integrand(target, f, &[a.as_slice(), b].concat(), p.dim(), ln_of)
                    };
                    outcomes.iter().zip(&ln).map(one).sum()
                };
                outcomes.iter().zip(&ln).map(pair).sum()
            }
            _ => outcomes.iter().zip(&ln).map(single).sum(),
        }
    };
    let slope = |i: usize| {
        let half = |h: f64| (mean(&moved(p, i, h)) - mean(&moved(p, i, -h))) / (2.0 * h);
        (4.0 * half(5e-4) - half(1e-3)) / 3.0
    };
    let gradient: Vec<f64> = (0..p.params().len()).map(slope).collect();
    let error = vec![0.0; gradient.len()];
    Reference { gradient, error }
}

/// A distribution with the gradients that estimates of it should have.
struct Subject<D> {
    name: &'static str,
    p: D,
    references: [Reference; 3],
    /// Of the linear objective.
    linear: Reference,
}

fn continuous<D>(name: &'static str, p: D) -> Subject<D>
where
    D: Reparameterizable<f64> + LogDensity<f64> + Clone,
{
    let targets = [Target::Mean, Target::Elbo, Target::Bound];
    let references = targets.map(|target| by_noise(&p, &probe(), target, 1 + target as u64));
    let linear = references[0].clone(); // no continuous distribution is relaxed
    Subject { name, p, references, linear }
}

fn discrete<D: LogDensity<f64> + Clone>(name: &'static str, p: D, outcomes: &[Vec<f64>]) -> Subject<D> {
    let references =
        [Target::Mean, Target::Elbo, Target::Bound].map(|target| by_outcomes(&p, &probe(), target, outcomes));
    let linear = by_outcomes(&p, &Probe { linear: true, ..probe() }, Target::Mean, outcomes);
    Subject { name, p, references, linear }
}

fn finite<D: FiniteSupport<f64> + Clone>(name: &'static str, p: D) -> Subject<D> {
    let outcome = |index| {
        let mut z = vec![0.0; p.dim()];
        p.outcome(index, &mut z);
        z
    };
    let outcomes: Vec<_> = (0..p.outcomes().unwrap()).map(outcome).collect();
    discrete(name, p, &outcomes)
}

fn counts<D: LogDensity<f64> + Clone>(name: &'static str, p: D) -> Subject<D> {
    // The largest mass beyond is 0.55^60 = 3e-16.
    let outcomes: Vec<_> = (0..60).map(|k| vec![f64::from(k)]).collect();
    discrete(name, p, &outcomes)
}

fn probe() -> Probe {
    Probe { linear: false, terms: 1, explicit: 0.0 }
}

/// How an estimator is judged.
#[derive(Clone, Copy)]
enum Judge {
    Of(Target),
    /// Exact for linear objectives only.
    Linear,
    /// Biased: finite, and the mean is that of the sibling.
    Biased,
}

/// An estimator with a subject: `run` is the trait's where the pair compiles, and else that of the
/// reference behind it.
struct Pair<'a, E, D>(&'a E, &'a Subject<D>);

trait Possible {
    fn run(&self, name: &str, f: &Probe, judge: Judge) -> Option<Vec<[f64; 2]>>;
}

impl<E, D> Possible for Pair<'_, E, D>
where
    D: Distribution<f64>,
    E: GradientEstimator<f64, D, Probe> + Clone,
{
    fn run(&self, name: &str, f: &Probe, judge: Judge) -> Option<Vec<[f64; 2]>> {
        let Subject { name: of, p, references, linear } = self.1;
        let mut f = f.clone();
        let mut run = |terms| {
            f.terms = terms;
            self.0.clone().estimate(p, &f, SAMPLES, &mut rng(77))
        };
        // As many terms as the distribution has steps: how many, the estimator alone says.
        let estimate = (1..=6).map(&mut run).find(|estimate| !matches!(estimate, Err(Error::Length { .. })));
        let estimate = match estimate.unwrap() {
            Ok(estimate) => estimate,
            // Only a parameter that moves the support may be refused, or one without a weak derivative or a jump.
            Err(Error::SupportDependsOnParameter { .. }) if p.layout().check_score().is_err() => {
                return Some(Vec::new());
            }
            Err(Error::NoWeakDerivative { .. })
                if ["MeasureValued", "SmoothedPerturbation"].contains(&name) =>
            {
                return Some(Vec::new());
            }
            Err(error) => panic!("{name} with {of}: {error}"),
        };
        let errors = estimate.standard_error();
        let found: Vec<_> = estimate.gradient().iter().zip(errors).map(|(g, e)| [*g, e]).collect();
        assert!(found.iter().flatten().all(|x| x.is_finite()), "{name} with {of}: {found:?}");
        let reference = match judge {
            Judge::Of(target) => &references[target as usize],
            Judge::Linear => linear,
            Judge::Biased => return Some(found),
        };
        // With an objective that depends on θ directly, every parameter's gradient grows by ∂f/∂θ, which is constant here: to the last
        // digits of the same draws.
        f.explicit = 0.7;
        let shifted = self.0.clone().estimate(p, &f, SAMPLES, &mut rng(77)).unwrap();
        for (gradient, [found, _]) in shifted.gradient().iter().zip(&found) {
            assert!(
                (gradient - found - 0.7).abs() < 1e-8 * (1.0 + found.abs()),
                "{name} with {of}: {gradient} and {found}"
            );
        }
        for (i, &[gradient, error]) in found.iter().enumerate() {
            let exact = reference.gradient[i];
            let error = error.hypot(reference.error[i]);
            assert!(
                (gradient - exact).abs() <= SIGMAS * error + 1e-8,
                "{name} with {of}, parameter {i}: {gradient} should be {exact} ± {error}"
            );
        }
        Some(found)
    }
}

trait Impossible {
    fn run(&self, _: &str, _: &Probe, _: Judge) -> Option<Vec<[f64; 2]>> {
        None
    }
}

impl<E, D> Impossible for &Pair<'_, E, D> {}

/// Runs all estimators that compile with a subject; the names of those, in a row of the table. One that
/// refuses is in brackets.
macro_rules! row {
    ($subject:expr) => {{
        let subject = $subject;
        let mut row = format!("{}:", subject.name);
        macro_rules! pair {
            ($name:ident, $judge:expr, $f:expr, $estimator:expr) => {{
                let estimator = $estimator;
                let found = (&Pair(&estimator, &subject)).run(stringify!($name), $f, $judge);
                match &found {
                    Some(found) if found.is_empty() => row.push_str(concat!(" [", stringify!($name), "]")),
                    Some(_) => row.push_str(concat!(" ", stringify!($name))),
                    None => {}
                }
                found
            }};
        }
        let (mean, elbo) = (Judge::Of(Target::Mean), Judge::Of(Target::Elbo));
        let bound = Judge::Of(Target::Bound);
        let f = &probe();
        let linear = &Probe { linear: true, ..probe() };
        let leave_one_out = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 });
        pair!(Elbo, elbo, f, Elbo::analytic());
        pair!(Elbo, elbo, f, Elbo::sampled());
        pair!(Elbo, elbo, f, Elbo::sticking_the_landing());
        pair!(Over, mean, f, Pathwise.over(Antithetic));
        pair!(Over, mean, f, ScoreFunction::new().over(Antithetic));
        pair!(Over, elbo, f, Elbo::analytic().over(Antithetic));
        pair!(Over, elbo, f, Elbo::sticking_the_landing().over(Antithetic));
        pair!(Over, bound, f, ImportanceWeighted::plain(2).over(Antithetic));
        pair!(Over, bound, f, ImportanceWeighted::doubly_reparameterized(2).over(Antithetic));
        pair!(Arm, mean, f, Arm);
        pair!(Arms, mean, f, Arms::new(3));
        pair!(DisArm, mean, f, DisArm);
        pair!(DisArmSticks, mean, f, DisArmSticks);
        pair!(DoubleControl, mean, f, DoubleControl::new(2));
        pair!(Enumerate, mean, f, Enumerate);
        let rao = pair!(GumbelRao, Judge::Biased, f, GumbelRao::new(0.6, 4));
        pair!(ImportanceWeighted, bound, f, ImportanceWeighted::plain(2));
        pair!(ImportanceWeighted, bound, f, ImportanceWeighted::doubly_reparameterized(2));
        pair!(LocalExpectation, mean, f, LocalExpectation);
        pair!(MeasureValued, mean, f, MeasureValued::coupled());
        pair!(MeasureValued, mean, f, MeasureValued::uncoupled());
        pair!(Pathwise, mean, f, Pathwise);
        pair!(Rebar, mean, f, Rebar::new());
        pair!(ReinMax, Judge::Linear, linear, ReinMax);
        let dim = subject.p.dim();
        pair!(Relax, mean, f, Relax::new(QuadraticSurrogate::new(dim, 0.5).unwrap()));
        pair!(RewardToGo, mean, f, RewardToGo::new());
        pair!(ScoreFunction, mean, f, leave_one_out);
        pair!(SmoothedPerturbation, mean, f, SmoothedPerturbation);
        pair!(StraightThrough, Judge::Linear, linear, StraightThrough);
        let plain = StraightThroughGumbelSoftmax::new(0.6);
        let plain = pair!(StraightThroughGumbelSoftmax, Judge::Biased, f, plain);
        pair!(SumAndSample, mean, f, SumAndSample::new(1));
        pair!(UnorderedSet, mean, f, UnorderedSet::new(2));
        pair!(Vimco, bound, f, Vimco::new(2).with_log_joint());
        // The average over relaxed draws has the mean of one of them.
        for (a, b) in rao.iter().flatten().zip(plain.iter().flatten()) {
            assert!((a[0] - b[0]).abs() <= SIGMAS * a[1].hypot(b[1]), "{}: {a:?} {b:?}", subject.name);
        }
        row
    }};
}

/// A test for each distribution, and their names.
macro_rules! tests {
    ($($kind:ident $name:ident: $p:expr;)*) => {
        /// Names of distributions, and what each of the tests of the same name found.
        #[allow(non_snake_case, reason = "a test has the name of its distribution")]
        mod pairs {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let row = row!($kind(stringify!($name), $p.unwrap()));
                    let found = unique(&row);
                    let expected = TABLE.lines().find(|line| line.starts_with(concat!(stringify!($name), ":")));
                    assert_eq!(Some(found.as_str()), expected, "pairs.txt should have the row\n{found}");
                }
            )*
        }
        const DISTRIBUTIONS: &[&str] = &[$(stringify!($name)),*];
    };
}

/// Estimators that ran in two forms once.
fn unique(row: &str) -> String {
    let mut words: Vec<&str> = row.split(' ').collect();
    words.dedup();
    words.join(" ")
}

/// A row for each distribution: the estimators that compile with it, in brackets those that refuse one of
/// its parameters.
const TABLE: &str = include_str!("pairs.txt");

every_distribution!(tests);

/// Public names that are neither: options, parts and traits of estimators.
const NO_ESTIMATORS: &[&str] = &[
    "Baseline",
    "NoValue",
    "QuadraticSurrogate",
    "StepBaseline",
    "StepValue",
    "Surrogate",
    "Analytic",
    "ConditionalNoise",
    "DrawRule",
    "EntropyTerm",
    "Sampled",
    "StickingTheLanding",
    "WeightMean",
];

/// Public names that are not distributions, or of which the distributions are cases: families, capabilities
/// of families, maps.
const NO_DISTRIBUTIONS: &[&str] = &[
    // what the named distributions are made of
    "Concrete",
    "Counts",
    "InverseCdf",
    "MappedNormal",
    "ParameterMap",
    "Remapped",
    "Selection",
    "SquareParameterMap",
    "Unconstraining",
    "NumericInverse",
    // capabilities of a family
    "Cdf",
    "ClosedEntropy",
    "CountFamily",
    "CountJump",
    "CountKl",
    "CountLaw",
    "CountWeakDerivative",
    "Density",
    "DensityGradient",
    "Family",
    "FamilyCdf",
    "FamilyKl",
    "FamilyMoments",
    "FamilyWeakDerivative",
    "Quantile",
    "Space",
    // maps and spaces
    "LogSimplex",
    "Simplex",
];

/// All names that `pub use` lines of a folder's files name. A line with a star adds nothing: the names are
/// those of the file behind it.
fn public_names(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            public_names(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            for statement in code.split("pub use ").skip(1) {
                let statement = statement.split(';').next().unwrap();
                let list = statement.rsplit("::").next().unwrap().trim_matches(['{', '}', ' ']);
                let of = |name: &str| name.rsplit(" as ").next().unwrap().trim().to_string();
                names.extend(list.split(',').map(of).filter(|name| !name.is_empty() && name != "*"));
            }
        }
    }
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    public_names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder), &mut names);
    names
}

#[test]
fn no_public_estimator_is_missing() {
    let names = names_in("estimators");
    assert!(names.len() > 20, "{names:?}");
    let in_table: BTreeSet<&str> =
        TABLE.split([' ', '\n', '[', ']']).filter(|word| !word.ends_with(':') && !word.is_empty()).collect();
    for name in &names {
        let listed = in_table.contains(name.as_str());
        let other = NO_ESTIMATORS.contains(&name.as_str());
        assert!(
            listed != other,
            "{name}: an estimator that is in no pair, or no estimator that is not listed"
        );
    }
}

#[test]
fn no_public_distribution_is_missing() {
    let names = names_in("distributions");
    assert!(names.len() > 50, "{names:?}");
    for name in &names {
        let listed = DISTRIBUTIONS.contains(&name.as_str());
        let other =
            NO_DISTRIBUTIONS.contains(&name.as_str()) || name.ends_with("Law") || name.ends_with("Family");
        assert!(listed || other, "{name}: a distribution that is in no pair, or none that is not listed");
    }
    let rows: Vec<&str> = TABLE.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(rows, DISTRIBUTIONS);
}
