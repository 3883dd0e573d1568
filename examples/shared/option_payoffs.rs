//! Option contracts on a price path and their payoffs, as objectives that depend on the rate (and more) directly; and the closed formulas
//! of Black and Scholes.

use reparam::special::normal_cdf;
use reparam::{DifferentiableObjective, Objective};

use super::price_path::{PricePath, RATE, SPOT, SQRT_TAU, VOLATILITY};

/// What an option pays at its last date, from the prices on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payoff {
    /// `max(S − K, 0)`
    Call,
    /// 1 if `S > K`
    Digital,
    /// `max(mean S − K, 0)`
    ArithmeticAsian,
    /// `max(geometric mean S − K, 0)`
    GeometricAsian,
}

/// A payoff discounted from its date: `f_θ(z) = e^{−rT} payoff(z)`, which depends on the rate directly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OptionContract {
    pub(crate) payoff: Payoff,
    pub(crate) strike: f64,
    pub(crate) rate: f64,
    pub(crate) maturity: f64,
}

impl OptionContract {
    fn discount(&self) -> f64 {
        (-self.rate * self.maturity).exp()
    }

    /// What is compared with the strike.
    fn level(&self, z: &[f64]) -> f64 {
        let dates = z.len() as f64;
        match self.payoff {
            Payoff::Call | Payoff::Digital => z[z.len() - 1],
            Payoff::ArithmeticAsian => z.iter().sum::<f64>() / dates,
            Payoff::GeometricAsian => (z.iter().map(|price| price.ln()).sum::<f64>() / dates).exp(),
        }
    }
}

impl Objective<f64> for OptionContract {
    fn value(&self, z: &[f64]) -> f64 {
        let above = self.level(z) - self.strike;
        let paid = match self.payoff {
            Payoff::Digital => f64::from(above > 0.0),
            _ => above.max(0.0),
        };
        self.discount() * paid
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    fn add_parameter_gradient(&self, z: &[f64], weight: f64, dtheta: &mut [f64]) {
        dtheta[RATE] -= weight * self.maturity * self.value(z);
    }
}

impl DifferentiableObjective<f64> for OptionContract {
    /// The slope of the digital is 0 wherever it has one. That is true, and no use: all of its gradient is in the jump. The compiler cannot
    /// know; a digital of one's own should not implement this trait at all. Here it does, to show what happens.
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        let level = self.level(z);
        let dates = z.len() as f64;
        dz.fill(0.0);
        if level > self.strike {
            match self.payoff {
                Payoff::Digital => {}
                Payoff::Call => dz[z.len() - 1] = self.discount(),
                Payoff::ArithmeticAsian => dz.fill(self.discount() / dates),
                Payoff::GeometricAsian => {
                    dz.iter_mut()
                        .zip(z)
                        .for_each(|(dz, price)| *dz = self.discount() * level / (dates * price));
                }
            }
        }
        self.value(z)
    }
}

/// The digital, its last step replaced by its expectation: `e^{−rT} Φ(d)`, `d = (ln(S/K) + (r − q − σ²/2) h)/(σ√h)`, with S the price h years before
/// the end. It is smooth, depends on σ and r directly, and has the same expectation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmoothedDigital {
    pub(crate) contract: OptionContract,
    pub(crate) volatility: f64,
    pub(crate) dividend: f64,
    pub(crate) last_step: f64,
}

impl SmoothedDigital {
    fn d(&self, price: f64) -> f64 {
        let Self { contract, volatility, dividend, last_step } = self;
        let drift = contract.rate - dividend - 0.5 * volatility * volatility;
        ((price / contract.strike).ln() + drift * last_step) / (volatility * last_step.sqrt())
    }
}

impl Objective<f64> for SmoothedDigital {
    fn value(&self, z: &[f64]) -> f64 {
        self.contract.discount() * normal_cdf(self.d(z[z.len() - 1]))
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    fn add_parameter_gradient(&self, z: &[f64], weight: f64, dtheta: &mut [f64]) {
        let d = self.d(z[z.len() - 1]);
        let (root, slope) = (self.last_step.sqrt(), weight * self.contract.discount() * density(d));
        dtheta[VOLATILITY] -= slope * (d / self.volatility + root);
        dtheta[RATE] += slope * root / self.volatility - weight * self.contract.maturity * self.value(z);
    }
}

impl DifferentiableObjective<f64> for SmoothedDigital {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        let price = z[z.len() - 1];
        let d = self.d(price);
        dz.fill(0.0);
        dz[z.len() - 1] =
            self.contract.discount() * density(d) / (price * self.volatility * self.last_step.sqrt());
        self.contract.discount() * normal_cdf(d)
    }
}

/// The pathwise delta of a call as an objective, `h = e^{−rT} 1[S > K] S/S₀`: its gradient is that of delta: gamma, and the derivatives of delta by σ
/// and r. It jumps, so it is for the likelihood ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathwiseDelta {
    pub(crate) contract: OptionContract,
    pub(crate) spot: f64,
}

impl Objective<f64> for PathwiseDelta {
    fn value(&self, z: &[f64]) -> f64 {
        let price = z[z.len() - 1];
        if price > self.contract.strike { self.contract.discount() * price / self.spot } else { 0.0 }
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    fn add_parameter_gradient(&self, z: &[f64], weight: f64, dtheta: &mut [f64]) {
        let value = weight * self.value(z);
        dtheta[SPOT] -= value / self.spot;
        dtheta[RATE] -= self.contract.maturity * value;
    }
}

/// The likelihood-ratio delta as an objective, `h = f(z) s(z₁)` with the score `s = e/(S₀σ√Δ)` of the spot, which only the first step knows.
#[derive(Debug, Clone)]
pub(crate) struct ScoreDelta {
    pub(crate) contract: OptionContract,
    pub(crate) path: PricePath,
}

impl ScoreDelta {
    /// The first step's shock and length, and the score.
    fn first(&self, z: &[f64]) -> (f64, f64, f64) {
        let [spot, sigma, _] = self.path.params;
        let (e, step) = self.path.shocks(z).next().unwrap_or((0.0, 1.0));
        (e, step, e / (spot * sigma * step.sqrt()))
    }
}

impl Objective<f64> for ScoreDelta {
    fn value(&self, z: &[f64]) -> f64 {
        self.contract.value(z) * self.first(z).2
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    fn add_parameter_gradient(&self, z: &[f64], weight: f64, dtheta: &mut [f64]) {
        let [spot, sigma, _] = self.path.params;
        let (e, step, score) = self.first(z);
        let value = weight * self.contract.value(z);
        dtheta[SPOT] -= value * (score + 1.0 / (spot * sigma * sigma * step)) / spot;
        dtheta[VOLATILITY] += value * (1.0 / sigma - 2.0 * e / (sigma * sigma * step.sqrt())) / spot;
        dtheta[RATE] -= value * (1.0 / (spot * sigma * sigma) + self.contract.maturity * score);
    }
}

impl DifferentiableObjective<f64> for ScoreDelta {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        let [spot, sigma, _] = self.path.params;
        let (_, step, score) = self.first(z);
        let value = self.contract.value_and_gradient(z, dz);
        dz.iter_mut().for_each(|dz| *dz *= score);
        dz[0] += value / (spot * sigma * sigma * step * z[0]);
        value * score
    }
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / SQRT_TAU
}

/// Price, gradient (delta, vega, rho) and gamma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Greeks {
    pub(crate) price: f64,
    pub(crate) gradient: [f64; 3],
    pub(crate) gamma: f64,
}

/// The closed formulas; `None` for the arithmetic mean, which has none.
///
/// All others are paid on a log-normal level with forward `F = S₀ exp((r − q − σ²/2) t̄ + σ²v/2)` and deviation `s = σ√v`: at the last date `t̄ = v = T`;
/// for the geometric mean t̄ is the mean date and `v = Σᵢⱼ min(tᵢ, tⱼ)/m²` (Kemna & Vorst 1990, doi:10.1016/0378-4266(90)90039-5). A call is
/// then `e^{−rT} (F Φ(d₁) − K Φ(d₂))` and a digital `e^{−rT} Φ(d₂)`, with `d₁ = ln(F/K)/s + s/2` and `d₂ = d₁ − s` (Black & Scholes 1973,
/// doi:10.1086/260062).
pub(crate) fn closed_form(path: &PricePath, contract: &OptionContract) -> Option<Greeks> {
    let [spot, sigma, rate] = path.params;
    let count = path.dates.len() as f64;
    let (time, variance) = match contract.payoff {
        Payoff::Call | Payoff::Digital => (contract.maturity, contract.maturity),
        Payoff::GeometricAsian => {
            let pairs = path.dates.iter().flat_map(|a| path.dates.iter().map(|b| a.min(*b)));
            (path.dates.iter().sum::<f64>() / count, pairs.sum::<f64>() / (count * count))
        }
        Payoff::ArithmeticAsian => return None,
    };
    let forward =
        spot * ((rate - path.dividend - 0.5 * sigma * sigma) * time + 0.5 * sigma * sigma * variance).exp();
    let spread = sigma * variance.sqrt();
    let d1 = (forward / contract.strike).ln() / spread + 0.5 * spread;
    let d2 = d1 - spread;
    let (discount, maturity) = (contract.discount(), contract.maturity);
    // Undiscounted price, its derivatives by forward and spread, and gamma.
    let (price, by_forward, by_spread, gamma) = if contract.payoff == Payoff::Digital {
        let bell = density(d2);
        let gamma = -bell * d1 / (spot * spot * spread * spread);
        (normal_cdf(d2), bell / (forward * spread), -bell * d1 / spread, gamma)
    } else {
        let bell = density(d1);
        let price = forward * normal_cdf(d1) - contract.strike * normal_cdf(d2);
        (price, normal_cdf(d1), forward * bell, forward / spot * bell / (spot * spread))
    };
    let delta = by_forward * forward / spot;
    let vega = by_forward * forward * sigma * (variance - time) + by_spread * variance.sqrt();
    let rho = by_forward * forward * time - maturity * price;
    Some(Greeks {
        price: discount * price,
        gradient: [delta, vega, rho].map(|greek| discount * greek),
        gamma: discount * gamma,
    })
}
