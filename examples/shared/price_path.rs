//! A distribution of one's own: the prices of an asset that follows a geometric Brownian motion, with all that the estimators can ask for.

use rand::Rng;
use reparam::special::normal_quantile;
use reparam::{
    Coupling, Distribution, Domain, Error, Layout, LogDensity, Reparameterizable, UniformNoise,
    WeakDerivative, WeakSides,
};

/// Where the parameters stand in θ.
pub(crate) const SPOT: usize = 0;
pub(crate) const VOLATILITY: usize = 1;
pub(crate) const RATE: usize = 2;

pub(crate) const SQRT_TAU: f64 = 2.506_628_274_631_000_5;

/// The prices `S₁ … S_m` of an asset at dates `0 < t₁ < … < t_m`, in years, under the pricing measure:
/// `d ln S = (r − q − σ²/2) dt + σ dW`.
///
/// | | |
/// | --- | --- |
/// | θ | `spot` S₀ (above 0), `volatility` σ (above 0), `rate` r; the dividend yield q is fixed |
/// | transform | `ln Sᵢ = ln S₀ + (r − q − σ²/2) tᵢ + σ Wᵢ`, `Wᵢ = Σ_{j ≤ i} √Δⱼ εⱼ`, Δⱼ the time from one date to the next |
/// | pullback | `∂Sᵢ/∂S₀ = Sᵢ/S₀`, `∂Sᵢ/∂σ = Sᵢ (Wᵢ − σ tᵢ)`, `∂Sᵢ/∂r = Sᵢ tᵢ` |
/// | score | with `eᵢ = (ln Sᵢ/Sᵢ₋₁ − (r − q − σ²/2) Δᵢ)/(σ√Δᵢ)`: `e₁/(S₀σ√Δ₁)`, `Σ (eᵢ² − 1)/σ − eᵢ√Δᵢ`, `Σ eᵢ√Δᵢ/σ` |
/// | weak derivative | of one step's mean (a Rayleigh pair) or deviation (Maxwell against normal), the step drawn by its weight |
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PricePath {
    pub(crate) params: [f64; 3],
    pub(crate) dividend: f64,
    pub(crate) dates: Vec<f64>,
    layout: Layout,
}

impl PricePath {
    pub(crate) fn new(theta: [f64; 3], dividend: f64, dates: &[f64]) -> Result<Self, Error> {
        let parts =
            [("spot", 1, Domain::Positive), ("volatility", 1, Domain::Positive), ("rate", 1, Domain::Real)];
        let layout = Layout::new(&parts);
        layout.check(&theta)?;
        let mut before = 0.0;
        for (index, &value) in dates.iter().enumerate() {
            if !(value > before && value.is_finite()) {
                let expected = "a finite date after the one before";
                return Err(Error::ParameterDomain { parameter: "dates".into(), index, value, expected });
            }
            before = value;
        }
        if dates.is_empty() {
            return Err(Error::EmptySupport { what: "a date" });
        }
        if !dividend.is_finite() {
            return Err(Error::NonFiniteParameter {
                parameter: "dividend".into(),
                index: 0,
                value: dividend,
            });
        }
        Ok(Self { params: theta, dividend, dates: dates.to_vec(), layout })
    }

    /// The lengths of the steps.
    fn steps(&self) -> impl Iterator<Item = f64> + '_ {
        let before = [0.0].into_iter().chain(self.dates.iter().copied());
        self.dates.iter().zip(before).map(|(date, before)| date - before)
    }

    fn drift(&self) -> f64 {
        let [_, sigma, rate] = self.params;
        rate - self.dividend - 0.5 * sigma * sigma
    }

    /// The standard normals behind a path.
    pub(crate) fn shocks<'a>(&'a self, z: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
        let (drift, sigma) = (self.drift(), self.params[VOLATILITY]);
        let before = [self.params[SPOT]].into_iter().chain(z.iter().copied());
        z.iter().zip(before).zip(self.steps()).map(move |((&price, before), step)| {
            (((price / before).ln() - drift * step) / (sigma * step.sqrt()), step)
        })
    }
}

impl Distribution<f64> for PricePath {
    fn dim(&self) -> usize {
        self.dates.len()
    }

    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        reparam::noise::fill_standard_normal(rng, z);
        for path in z.chunks_exact_mut(self.dim()) {
            let (drift, sigma) = (self.drift(), self.params[VOLATILITY]);
            let mut log_return = 0.0;
            for (price, step) in path.iter_mut().zip(self.steps()) {
                log_return += drift * step + sigma * step.sqrt() * *price;
                *price = self.params[SPOT] * log_return.exp();
            }
        }
    }
}

impl Reparameterizable<f64> for PricePath {
    fn noise_dim(&self) -> usize {
        self.dates.len()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [f64]) {
        reparam::noise::fill_standard_normal(rng, noise);
    }

    fn transform(&self, noise: &[f64], z: &mut [f64]) {
        let (drift, sigma) = (self.drift(), self.params[VOLATILITY]);
        let mut log_return = 0.0;
        for ((price, &e), step) in z.iter_mut().zip(noise).zip(self.steps()) {
            log_return += drift * step + sigma * step.sqrt() * e;
            *price = self.params[SPOT] * log_return.exp();
        }
    }

    fn pullback(&self, noise: &[f64], z: &[f64], dz: &[f64], dtheta: &mut [f64]) {
        let [spot, sigma, _] = self.params;
        dtheta.fill(0.0);
        let (mut time, mut brownian) = (0.0, 0.0);
        for (((&price, &dz), &e), step) in z.iter().zip(dz).zip(noise).zip(self.steps()) {
            time += step;
            brownian += step.sqrt() * e;
            dtheta[SPOT] += dz * price / spot;
            dtheta[VOLATILITY] += dz * price * (brownian - sigma * time);
            dtheta[RATE] += dz * price * time;
        }
    }
}

impl UniformNoise<f64> for PricePath {
    fn noise_from_uniforms(&self, noise: &mut [f64]) {
        for e in noise {
            // A signed tail: u itself if positive, 1 − |·| if negative.
            *e = normal_quantile(e.abs()).copysign(-*e);
        }
    }

    fn reflect(&self, noise: &mut [f64]) {
        noise.iter_mut().for_each(|e| *e = -*e);
    }
}

impl LogDensity<f64> for PricePath {
    fn log_prob(&self, z: &[f64]) -> f64 {
        if z.iter().any(|&price| price <= 0.0) {
            return f64::NEG_INFINITY;
        }
        let sigma = self.params[VOLATILITY];
        let term = |((e, step), &price): ((f64, f64), &f64)| {
            -0.5 * e * e - (price * sigma * step.sqrt() * SQRT_TAU).ln()
        };
        self.shocks(z).zip(z).map(term).sum()
    }

    fn score(&self, z: &[f64], score: &mut [f64]) {
        let [spot, sigma, _] = self.params;
        score.fill(0.0);
        for (i, (e, step)) in self.shocks(z).enumerate() {
            if i == 0 {
                score[SPOT] = e / (spot * sigma * step.sqrt());
            }
            score[VOLATILITY] += (e * e - 1.0) / sigma - e * step.sqrt();
            score[RATE] += e * step.sqrt() / sigma;
        }
    }
}

/// A derivative of the law of one step, `x ~ N(drift Δ, σ²Δ)`, in units of its deviation.
#[derive(Clone, Copy)]
enum Term {
    /// In its mean: `μ ± deviation × R`, R a Rayleigh variate.
    Mean,
    /// In its deviation: a double-sided Maxwell variate against a normal one.
    Deviation,
}

/// Each parameter moves the mean or the deviation of several steps, so its derivative is a sum of 1 (spot), m (rate) or 2m (volatility) pairs.
/// One of them is drawn, with a probability in proportion to its weight: 2 evaluations a parameter whatever m, at the price of the variance
/// between the terms. The sum of all would have less, for 2m or 4m evaluations.
impl WeakDerivative<f64> for PricePath {
    fn weak_sides(&self, _: usize, _: Coupling) -> Option<WeakSides> {
        Some(WeakSides::Pair)
    }

    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [f64],
        minus: &mut [f64],
        rng: &mut R,
    ) -> f64 {
        let [spot, sigma, _] = self.params;
        // The weight of a step's mean: its derivative by the parameter over deviation × √(2π).
        let weigh = |i: usize, step: f64| match parameter {
            SPOT if i == 0 => 1.0 / (spot * sigma * step.sqrt() * SQRT_TAU),
            SPOT => 0.0,
            VOLATILITY => -step.sqrt() / SQRT_TAU,
            _ => step.sqrt() / (sigma * SQRT_TAU),
        };
        // Of a step's deviation: √Δ over σ√Δ.
        let spread = if parameter == VOLATILITY { 1.0 / sigma } else { 0.0 };
        let total: f64 = self.steps().enumerate().map(|(i, step)| weigh(i, step).abs() + spread).sum();
        let mut left = uniform(rng) * total;
        let (mut chosen, mut term, mut sign) = (0, Term::Mean, 1.0);
        for (i, step) in self.steps().enumerate() {
            let weight = weigh(i, step);
            (chosen, term, sign) = (i, Term::Mean, weight.signum());
            left -= weight.abs();
            if left < 0.0 {
                break;
            }
            (term, sign) = (Term::Deviation, 1.0);
            left -= spread;
            if left < 0.0 {
                break;
            }
        }
        let independent = coupling == Coupling::Independent;
        let (shock, step) = self.shocks(plus).nth(chosen).unwrap_or((0.0, 0.0));
        let (up, down) = match term {
            Term::Mean => {
                let up = lengthened(0.0, rng);
                (up, if independent { -lengthened(0.0, rng) } else { -up })
            }
            Term::Deviation => {
                let e = if independent { standard_normal(rng) } else { shock };
                let down = if independent { standard_normal(rng) } else { shock };
                (lengthened(e, rng).copysign(e), down)
            }
        };
        // All prices from this step on move by the same factor.
        for (path, e) in [(plus, up), (minus, down)] {
            let factor = (sigma * step.sqrt() * (e - shock)).exp();
            path[chosen..].iter_mut().for_each(|price| *price *= factor);
        }
        sign * total
    }
}

fn uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let mut u = [0.0];
    reparam::noise::fill_uniform(rng, &mut u);
    u[0]
}

fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    <f64 as reparam::Real>::standard_normal(rng)
}

/// The length of e with two more coordinates that are standard normal: Rayleigh from 0, Maxwell from a standard normal.
fn lengthened<R: Rng + ?Sized>(e: f64, rng: &mut R) -> f64 {
    (e * e - 2.0 * uniform(rng).ln()).sqrt()
}
