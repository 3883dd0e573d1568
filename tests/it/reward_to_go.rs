//! Sequences of decisions by `RewardToGo`: mean and variance of every row of `tests/data/tiny_mdp.csv` over all trajectories and by sampling, a
//! reward at the end (`tests/data/random_walk.csv`), the sequential distributions of the library, what is learned, and what is refused.

use crate::common::{BATCHES, Row, Table, rng, sample_batches};
use rand::{Rng, RngExt};
use reparam::estimators::NoValue;
use reparam::prelude::*;
use reparam::{Additive, Distribution, Domain, Engine, Layout, LogDensity, Real, Sequential, verify};

/// Bonferroni: about 110 comparisons in the largest of these tests; 5 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.0;

/// Two states, two actions; θ are the logits of the policy, one a state and action. A draw is state, action, state, action ...
/// A `given` draw is what `sample` gives, again and again: to run an estimator on a trajectory of our choice.
#[derive(Debug, Clone)]
struct Mdp {
    horizon: usize,
    /// A trajectory ends when it gets into state 1 at this step or later.
    ends_from: usize,
    params: Vec<f64>,
    layout: Layout,
    given: Vec<f64>,
}

/// P(next = 1 | s, a) and R(s, a).
const UP: [[f64; 2]; 2] = [[0.1, 0.7], [0.4, 0.9]];
const REWARD: [[f64; 2]; 2] = [[0.5, -0.2], [2.0, 0.3]];

impl Mdp {
    fn new(horizon: usize, logits: &[f64]) -> Self {
        let layout = Layout::new(&[("logits", 4, Domain::Real)]);
        Self { horizon, ends_from: usize::MAX, params: logits.to_vec(), layout, given: Vec::new() }
    }

    fn policy(&self, s: usize, a: usize) -> f64 {
        let e = [self.params[2 * s].exp(), self.params[2 * s + 1].exp()];
        e[a] / (e[0] + e[1])
    }

    fn at(z: &[f64], t: usize) -> (usize, usize) {
        (z[2 * t] as usize, z[2 * t + 1] as usize)
    }

    fn rewards(&self) -> Terms<impl Fn(&[f64], &mut [f64]) + use<>> {
        let horizon = self.horizon;
        let this = self.clone();
        Terms(horizon, move |z: &[f64], rewards: &mut [f64]| {
            rewards.fill(0.0);
            for (t, reward) in rewards.iter_mut().enumerate().take(this.length(z)) {
                let (s, a) = Self::at(z, t);
                *reward = REWARD[s][a];
            }
        })
    }

    /// The value of each state at each step, by recursion.
    fn values(&self) -> Vec<[f64; 2]> {
        let mut values = vec![[0.0; 2]; self.horizon + 1];
        for t in (0..self.horizon).rev() {
            for s in 0..2 {
                values[t][s] = (0..2)
                    .map(|a| {
                        let next = (1.0 - UP[s][a]) * values[t + 1][0] + UP[s][a] * values[t + 1][1];
                        self.policy(s, a) * (REWARD[s][a] + next)
                    })
                    .sum();
            }
        }
        values
    }

    /// All trajectories with their probabilities.
    fn trajectories(&self) -> Vec<(f64, Vec<f64>)> {
        let mut open = vec![(1.0, Vec::new())];
        for t in 0..self.horizon {
            let mut longer = Vec::new();
            for (p, z) in open {
                for s in 0..2 {
                    let p_state = match t {
                        0 => [1.0, 0.0][s],
                        _ => {
                            let (s0, a0) = Self::at(&z, t - 1);
                            [1.0 - UP[s0][a0], UP[s0][a0]][s]
                        }
                    };
                    for a in 0..2 {
                        let p = p * p_state * self.policy(s, a);
                        if p > 0.0 {
                            longer.push((p, [&z[..], &[s as f64, a as f64]].concat()));
                        }
                    }
                }
            }
            open = longer;
        }
        open
    }
}

impl Distribution<f64> for Mdp {
    fn dim(&self) -> usize {
        2 * self.horizon
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
        if !self.given.is_empty() {
            z.copy_from_slice(&self.given);
            return;
        }
        for z in z.chunks_exact_mut(2 * self.horizon) {
            let mut s = 0;
            for step in z.chunks_exact_mut(2) {
                let a = usize::from(rng.random::<f64>() < self.policy(s, 1));
                step.copy_from_slice(&[s as f64, a as f64]);
                s = usize::from(rng.random::<f64>() < UP[s][a]);
            }
        }
    }
}

impl LogDensity<f64> for Mdp {
    /// That of the actions: the states do not depend on θ.
    fn log_prob(&self, z: &[f64]) -> f64 {
        (0..self.length(z)).map(|t| Self::at(z, t)).map(|(s, a)| self.policy(s, a).ln()).sum()
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.fill(0.0);
        for t in 0..self.length(z) {
            self.add_step_score(t, z, 1.0, score);
        }
    }
}

impl Sequential<f64> for Mdp {
    fn steps(&self) -> usize {
        self.horizon
    }
    fn before(&self, step: usize) -> usize {
        2 * step + 1
    }
    fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
        let (s, a) = Self::at(z, step);
        for b in 0..2 {
            gradient[2 * s + b] += weight * (f64::from(a == b) - self.policy(s, b));
        }
    }
    fn length(&self, z: &[f64]) -> usize {
        let ends = |t: &usize| *t >= self.ends_from && z[2 * t] == 1.0;
        (0..self.horizon).find(ends).unwrap_or(self.horizon)
    }
}

/// Mean and variance of the estimator's gradient sample over every group of trajectories, exactly, and the mean value.
fn enumerated<E, F>(estimator: &E, mdp: &Mdp, group: usize, f: &F) -> ([f64; 4], [f64; 4], f64)
where
    F: Objective<f64>,
    E: GradientEstimator<f64, Mdp, F> + Clone,
{
    let all = mdp.trajectories();
    let (mut mean, mut square, mut value, mut total) = ([0.0; 4], [0.0; 4], 0.0, 0.0);
    let mut engine = Engine::new();
    let mut given = mdp.clone();
    for index in 0..all.len().pow(group as u32) {
        let (mut p, mut rest) = (1.0, index);
        given.given.clear();
        for _ in 0..group {
            let (q, z) = &all[rest % all.len()];
            p *= q;
            given.given.extend(z);
            rest /= all.len();
        }
        let estimate = engine.estimate(&mut estimator.clone(), &given, f, 1, &mut rng(1)).unwrap();
        total += p;
        value += p * estimate.value();
        for i in 0..4 {
            mean[i] += p * estimate.gradient()[i];
            square[i] += p * estimate.gradient()[i].powi(2);
        }
    }
    assert!((total - 1.0).abs() < 1e-13);
    (mean, [0, 1, 2, 3].map(|i| square[i] - mean[i] * mean[i]), value)
}

fn rows_of_mdp<'a>(table: &'a Table) -> Vec<(Mdp, Vec<Row<'a>>)> {
    let rows: Vec<Row<'_>> = table.rows().collect();
    let mut cases = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let four: Vec<Row<'_>> = rows.by_ref().take(4).collect();
        let logits: Vec<f64> = four.iter().map(|row| row.number("logit")).collect();
        cases.push((Mdp::new(four[0].number("horizon") as usize, &logits), four));
    }
    cases
}

#[test]
fn over_all_trajectories_mean_and_variance_are_those_of_the_table() {
    let table = Table::parse(include_str!("../data/tiny_mdp.csv"));
    let cases = rows_of_mdp(&table);
    assert_eq!(cases.len(), 3);
    for (mdp, rows) in cases {
        let f = mdp.rewards();
        verify::steps(&mdp, &f, 50, &mut rng(1)).unwrap().within(1e-12).unwrap();
        let values = mdp.values();
        let exact_value = |t: usize, before: &[f64]| {
            assert_eq!(before.len(), 2 * t + 1, "the value function sees the state and not the action");
            values[t][before[2 * t] as usize]
        };
        let whole = enumerated(&ScoreFunction::new(), &mdp, 1, &f);
        let to_go = enumerated(&RewardToGo::new(), &mdp, 1, &f);
        let with_value = enumerated(&RewardToGo::new().with_value(exact_value), &mdp, 1, &f);
        // A constant value, wrong everywhere, and constants: still no bias.
        let off = RewardToGo::new()
            .with_value(|t: usize, _: &[f64]| 3.0 - t as f64)
            .with_step_baseline(StepBaseline::PerStep((0..mdp.horizon).map(|t| 0.5 * t as f64).collect()));
        let off = enumerated(&off, &mdp, 1, &f);
        for (i, row) in rows.iter().enumerate() {
            for (found, column) in [
                (&whole, "var_reinforce"),
                (&to_go, "var_reward_to_go"),
                (&with_value, "var_reward_to_go_value_baseline"),
            ] {
                let (mean, variance, value) = found;
                assert!((value - row.number("J")).abs() < 1e-12, "{column} {i}: {value}");
                assert!((mean[i] - row.number("grad_logit")).abs() < 1e-12, "{column} {i}: {}", mean[i]);
                assert!((variance[i] - row.number(column)).abs() < 1e-12, "{column} {i}: {}", variance[i]);
            }
            assert!((off.0[i] - row.number("grad_logit")).abs() < 1e-12, "{i}");
        }
    }
}

#[test]
fn by_sampling_too() {
    let table = Table::parse(include_str!("../data/tiny_mdp.csv"));
    for (mdp, rows) in rows_of_mdp(&table) {
        let (f, values) = (mdp.rewards(), mdp.values());
        let exact_value = |t: usize, before: &[f64]| values[t][before[2 * t] as usize];
        let to_go = sample_batches(&mut RewardToGo::new(), &mdp, &f, 2000, 1);
        let with_value = sample_batches(&mut RewardToGo::new().with_value(exact_value), &mdp, &f, 2000, 2);
        for (sampled, column) in
            [(&to_go, "var_reward_to_go"), (&with_value, "var_reward_to_go_value_baseline")]
        {
            assert!((sampled.value - rows[0].number("J")).abs() < SIGMAS * sampled.value_error);
            for (i, row) in rows.iter().enumerate() {
                assert!(sampled.check(i, row.number("grad_logit"), row.number(column), SIGMAS, column));
            }
        }
    }
}

/// The formula of a leave-one-out group, written out: `1/K Σₖ Σ_t sₖ (Rₖ − mean of the others that reached t)`.
fn written_out(mdp: &Mdp, draws: &[&[f64]], rewards: &[Vec<f64>]) -> [f64; 4] {
    let k = draws.len();
    let to_go = |j: usize, t: usize| rewards[j][t..].iter().sum::<f64>();
    let mut gradient = [0.0; 4];
    for i in 0..k {
        for t in 0..mdp.length(draws[i]) {
            let others: Vec<f64> =
                (0..k).filter(|&j| j != i && mdp.length(draws[j]) > t).map(|j| to_go(j, t)).collect();
            let mean = others.iter().sum::<f64>() / others.len().max(1) as f64;
            mdp.add_step_score(t, draws[i], (to_go(i, t) - mean) / k as f64, &mut gradient);
        }
    }
    gradient
}

#[test]
fn leave_one_out_is_unbiased_over_all_groups_and_is_the_formula_draw_by_draw() {
    for ends_from in [usize::MAX, 1] {
        let mut mdp = Mdp::new(3, &[0.5, -0.5, -1.0, 0.3]);
        mdp.ends_from = ends_from;
        let f = mdp.rewards();
        verify::steps(&mdp, &f, 50, &mut rng(1)).unwrap().within(1e-12).unwrap();
        // The exact gradient: that of the whole return, over all trajectories.
        let (exact, whole, value) = enumerated(&ScoreFunction::new(), &mdp, 1, &f);
        let (mean, alone, _) = enumerated(&RewardToGo::new(), &mdp, 1, &f);
        let pair = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 2 });
        let (paired, variance, found) = enumerated(&pair, &mdp, 2, &f);
        assert!((value - found).abs() < 1e-12);
        for i in 0..4 {
            assert!((mean[i] - exact[i]).abs() < 1e-12, "{i}: {} {}", mean[i], exact[i]);
            assert!((paired[i] - exact[i]).abs() < 1e-12, "{i}: {} {}", paired[i], exact[i]);
            assert!(alone[i] < 0.9 * whole[i] || whole[i] == 0.0, "{i}: {} {}", alone[i], whole[i]);
            // Where trajectories end at once the rewards are mostly spread, and the other draw's is no help.
            assert!(ends_from == 1 || variance[i] < alone[i], "{i}: {} {}", variance[i], alone[i]);
        }
        // Over all groups of three, of which one, two or three reach a step: the weight of a step depends on how many, and no bias comes of it.
        let three = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 3 });
        let (mean, _, _) = enumerated(&three, &mdp, 3, &f);
        for i in 0..4 {
            assert!((mean[i] - exact[i]).abs() < 1e-12, "{i}: {} {}", mean[i], exact[i]);
        }
        // Four draws at a time, against the formula.
        let mut four = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 4 });
        let mut draws = vec![0.0; 4 * 6];
        for seed in 0..200 {
            let mut given = mdp.clone();
            mdp.sample(&mut rng(seed), &mut draws);
            given.given.clone_from(&draws);
            let estimate = four.estimate(&given, &f, 1, &mut rng(1)).unwrap();
            assert_eq!(estimate.evaluations(), 4);
            let draws: Vec<&[f64]> = draws.chunks(6).collect();
            let rewards: Vec<Vec<f64>> = draws
                .iter()
                .map(|z| {
                    let mut terms = vec![0.0; 3];
                    f.write_terms(z, &mut terms);
                    terms
                })
                .collect();
            for (found, expected) in estimate.gradient().iter().zip(written_out(&mdp, &draws, &rewards)) {
                assert!((found - expected).abs() < 1e-13, "{found} {expected}");
            }
        }
    }
}

#[test]
fn equal_rewards_give_a_gradient_of_exactly_zero_to_leave_one_out() {
    let mdp = Mdp::new(3, &[0.5, -0.5, -1.0, 0.3]);
    let f = Terms(3, |_: &[f64], terms: &mut [f64]| terms.copy_from_slice(&[0.1, 0.7, 1e9 / 3.0]));
    let mut four = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 4 });
    let estimate = four.estimate(&mdp, &f, 100, &mut rng(1)).unwrap();
    assert_eq!(estimate.gradient(), [0.0; 4]);
    assert_eq!(estimate.total_variance(), 0.0);
}

#[test]
fn the_moving_average_is_of_earlier_calls_only_and_step_by_step() {
    let mut mdp = Mdp::new(3, &[0.5, -0.5, -1.0, 0.3]);
    mdp.ends_from = 1;
    let f = mdp.rewards();
    let mut average = RewardToGo::new().with_step_baseline(StepBaseline::MovingAverage { decay: 0.75 });
    // The first call subtracts nothing: it is the estimator without a baseline, bit by bit.
    let first = average.estimate(&mdp, &f, 500, &mut rng(1)).unwrap();
    assert_eq!(first, RewardToGo::new().estimate(&mdp, &f, 500, &mut rng(1)).unwrap());
    // What it learned is the mean reward to go of the draws that reached the step.
    let of_call = |seed: u64| {
        let mut spy = Vec::new();
        let seen = std::cell::RefCell::new(&mut spy);
        let f = Terms(3, |z: &[f64], terms: &mut [f64]| {
            mdp.rewards().write_terms(z, terms);
            let to_go = [0, 1, 2].map(|t| terms[t..].iter().sum::<f64>());
            seen.borrow_mut().push((mdp.length(z), to_go));
        });
        RewardToGo::new().estimate(&mdp, &f, 500, &mut rng(seed)).unwrap();
        assert_eq!(spy.len(), 500);
        [0, 1, 2].map(|t| {
            let reached = || spy.iter().filter(|draw| draw.0 > t);
            reached().map(|draw| draw.1[t]).sum::<f64>() / reached().count() as f64
        })
    };
    let (a, b) = (of_call(1), of_call(2));
    let close = |found: &[f64], expected: [f64; 3]| {
        assert!(found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-12), "{found:?} {expected:?}");
    };
    close(average.learned(), a);
    // The second call uses what was known before it, and learns after it.
    let second = average.estimate(&mdp, &f, 500, &mut rng(2)).unwrap();
    let mut constants = RewardToGo::new().with_step_baseline(StepBaseline::PerStep(a.to_vec()));
    let expected = constants.estimate(&mdp, &f, 500, &mut rng(2)).unwrap();
    for (x, y) in second.gradient().iter().zip(expected.gradient()) {
        assert!((x - y).abs() < 1e-12);
    }
    close(average.learned(), [0, 1, 2].map(|t| 0.75 * a[t] + 0.25 * b[t]));
    assert!(second.total_variance() < 0.8 * first.total_variance());
    // Another value function, or baseline: what was learned is of no use.
    assert!(average.clone().with_value(NoValue).learned().is_empty());
    assert!(average.with_step_baseline(StepBaseline::MovingAverage { decay: 0.5 }).learned().is_empty());
}

#[test]
fn a_step_that_no_draw_has_reached_keeps_what_it_knew() {
    let mut mdp = Mdp::new(2, &[0.0; 4]);
    mdp.ends_from = 1;
    let f = mdp.rewards();
    let mut average = RewardToGo::new().with_step_baseline(StepBaseline::MovingAverage { decay: 0.0 });
    // In state 1 at step 1: over before its second decision.
    mdp.given = vec![0.0, 1.0, 1.0, 0.0];
    average.estimate(&mdp, &f, 1, &mut rng(1)).unwrap();
    assert_eq!(average.learned(), [REWARD[0][1], 0.0]);
    mdp.given = vec![0.0, 0.0, 0.0, 0.0];
    average.estimate(&mdp, &f, 1, &mut rng(1)).unwrap();
    assert_eq!(average.learned(), [1.0, 0.5]);
    mdp.given = vec![0.0, 1.0, 1.0, 0.0];
    average.estimate(&mdp, &f, 1, &mut rng(1)).unwrap();
    assert_eq!(average.learned(), [REWARD[0][1], 0.5]);
}

/// A walk from 0, up with probability exp(−x/p), down otherwise; at 0 it always goes up. A draw is the positions after each step.
#[derive(Debug, Clone)]
struct Walk {
    steps: usize,
    p: [f64; 1],
    layout: Layout,
}

impl Walk {
    /// Where step t starts, and whether it goes up.
    fn step(t: usize, z: &[f64]) -> (f64, bool) {
        let from = if t == 0 { 0.0 } else { z[t - 1] };
        (from, z[t] > from)
    }
}

impl Distribution<f64> for Walk {
    fn dim(&self) -> usize {
        self.steps
    }
    fn params(&self) -> &[f64] {
        &self.p
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.p.copy_from_slice(params);
        Ok(())
    }
    fn layout(&self) -> &Layout {
        &self.layout
    }
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        for z in z.chunks_exact_mut(self.steps) {
            let mut x = 0.0f64;
            for z in z {
                x += if rng.random::<f64>() < (-x / self.p[0]).exp() { 1.0 } else { -1.0 };
                *z = x;
            }
        }
    }
}

impl LogDensity<f64> for Walk {
    fn log_prob(&self, z: &[f64]) -> f64 {
        let term = |t: usize| match Self::step(t, z) {
            (x, true) => -x / self.p[0],
            (x, false) => (-(-x / self.p[0]).exp_m1()).ln(),
        };
        (0..self.steps).map(term).sum()
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.fill(0.0);
        (0..self.steps).for_each(|t| self.add_step_score(t, z, 1.0, score));
    }
}

impl Sequential<f64> for Walk {
    fn steps(&self) -> usize {
        self.steps
    }
    fn before(&self, step: usize) -> usize {
        step
    }
    fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
        let p = self.p[0];
        gradient[0] += weight
            * match Self::step(step, z) {
                (x, true) => x / (p * p),
                (x, false) => -x / (p * p) / (x / p).exp_m1(),
            };
    }
}

#[test]
fn a_reward_at_the_end_of_a_walk_has_the_exact_mean_and_deviations() {
    let table = Table::parse(include_str!("../data/random_walk.csv"));
    let mut rows = 0;
    for row in table.rows() {
        let steps = row.number("n") as usize;
        let layout = Layout::new(&[("p", 1, Domain::Positive)]);
        let walk = Walk { steps, p: [row.number("p")], layout };
        let f = Terms(steps, |z: &[f64], terms: &mut [f64]| {
            let (last, rest) = terms.split_last_mut().unwrap();
            rest.fill(0.0);
            *last = z[z.len() - 1].powi(2);
        });
        let mut z = vec![0.0; steps];
        walk.sample(&mut rng(1), &mut z);
        verify::score(&walk, &z).unwrap().within(1e-7).unwrap();
        verify::steps(&walk, &f, 5, &mut rng(2)).unwrap().within(1e-12).unwrap();

        let (mean, expected) = (row.number("grad_p"), row.number("E_x2"));
        let plain = sample_batches(&mut RewardToGo::new(), &walk, &f, 1000, 3);
        assert!((plain.value - expected).abs() < SIGMAS * plain.value_error);
        let known = StepBaseline::PerStep(vec![expected; steps]);
        let known = sample_batches(&mut RewardToGo::new().with_step_baseline(known), &walk, &f, 1000, 4);
        let whole = sample_batches(&mut ScoreFunction::new(), &walk, &f, 1000, 5);
        // The constant of least variance, learned once from many draws.
        let mut best = ScoreFunction::new().with_baseline(Baseline::Optimal);
        best.estimate(&walk, &f, 200_000, &mut rng(6)).unwrap();
        let best = ScoreFunction::new().with_baseline(Baseline::PerParameter(best.learned().to_vec()));
        let best = sample_batches(&mut best.clone(), &walk, &f, 1000, 7);
        for (sampled, column) in [
            (&plain, "std_score"),
            (&whole, "std_score"),
            (&known, "std_score_mean_baseline"),
            (&best, "std_score_opt_baseline"),
        ] {
            assert!(sampled.check(0, mean, row.number(column).powi(2), SIGMAS, column), "{column}");
        }
        rows += 1;
        assert_eq!(plain.samples, (1000 * BATCHES) as f64);
    }
    assert_eq!(rows, 6);
}

/// Steps add up to the score, no term looks ahead, and the mean is the gradient that another estimator finds.
fn check_sequential<D: Sequential<f64> + Clone>(distribution: &D, exact: &[f64], f: &impl Additive<f64>) {
    verify::steps(distribution, f, 50, &mut rng(1)).unwrap().within(1e-12).unwrap();
    let whole = sample_batches(&mut ScoreFunction::new(), distribution, f, 1000, 2);
    let to_go = sample_batches(&mut RewardToGo::new(), distribution, f, 1000, 3);
    for (i, exact) in exact.iter().enumerate() {
        let error = (to_go.variance[i] / to_go.samples).sqrt();
        assert!((to_go.mean[i] - exact).abs() < SIGMAS * error, "{i}: {} {exact}", to_go.mean[i]);
    }
    assert!(to_go.total_variance < 0.8 * whole.total_variance);
    // The value reported does not depend on the estimator: the same bits from the same draws.
    let value = |estimate: GradientEstimate<f64>| estimate.value();
    assert_eq!(
        value(RewardToGo::new().estimate(distribution, f, 100, &mut rng(4)).unwrap()),
        value(ScoreFunction::new().estimate(distribution, f, 100, &mut rng(4)).unwrap())
    );
}

#[test]
fn the_sequential_distributions_of_the_library_agree_with_exact_gradients() {
    let pairs = |z: &[f64], terms: &mut [f64]| {
        for t in 0..terms.len() {
            terms[t] = 1.0 + z[t] * if t == 0 { 1.0 } else { 0.5 - z[t - 1] };
        }
    };
    let f = Terms(4, pairs);
    let chain = BitChain::new(&[0.4, -1.0, 0.3, -0.5], &[2.5, -1.5, 0.8]).unwrap();
    let exact = Enumerate.estimate(&chain, &f, 1, &mut rng(1)).unwrap();
    check_sequential(&chain, exact.gradient(), &f);
    for bits in
        [Bernoulli::from_logits(&[0.4, -1.0, 0.3, -0.5]), Bernoulli::from_probs(&[0.4, 0.1, 0.3, 0.5])]
    {
        let bits = bits.unwrap();
        let exact = Enumerate.estimate(&bits, &f, 1, &mut rng(1)).unwrap();
        check_sequential(&bits, exact.gradient(), &f);
    }
    // Rows of three categories, and what the first of each is worth.
    let rows = Terms(3, |z: &[f64], terms: &mut [f64]| {
        for t in 0..3 {
            terms[t] = 1.0 + z[3 * t] - 2.0 * z[3 * t + 1] * if t == 0 { 1.0 } else { z[3 * t - 1] };
        }
    });
    let categories = Categorical::from_logits(&[0.3, 0.0, -0.3, 1.0, 0.0, 0.5, -1.0, 0.2, 0.1], 3).unwrap();
    let exact = Enumerate.estimate(&categories, &rows, 1, &mut rng(1)).unwrap();
    check_sequential(&categories, exact.gradient(), &rows);
    // E[Σ 1 + z_t (½ − z_{t−1})]: bilinear in the means, and free of σ.
    let (mu, sigma) = ([0.5, -1.0, 0.3, 0.2], [0.5, 1.0, 2.0, 0.7]);
    let normal = Normal::new(&mu, &sigma).unwrap();
    let mut exact = [0.0; 8];
    for t in 0..4 {
        exact[t] = if t == 0 { 1.0 } else { 0.5 - mu[t - 1] } - if t < 3 { mu[t + 1] } else { 0.0 };
    }
    check_sequential(&normal, &exact, &f);
}

/// What wraps a sequence is one: on ln σ, and with some parameters frozen, also where episodes end early.
#[test]
fn wrapped_sequences_are_sequences() {
    let f = Terms(2, |z: &[f64], terms: &mut [f64]| (terms[0], terms[1]) = (3.0 + z[0], z[0] * z[1] * z[1]));
    let (mu, sigma) = ([0.5, -1.0], [2.0, 0.5]);
    // E = 3 + μ₀ + μ₀ (μ₁² + σ₁²), and ∂/∂ln σ = σ ∂/∂σ.
    let free = Unconstrained::new(Normal::new(&mu, &sigma).unwrap()).unwrap();
    let exact = [1.0 + 1.25, 2.0 * mu[0] * mu[1], 0.0, 2.0 * mu[0] * sigma[1] * sigma[1]];
    check_sequential(&free, &exact, &f);
    let frozen = Frozen::new(free, &["sigma"]).unwrap();
    check_sequential(&frozen, &exact[..2], &f);

    let mut mdp = Mdp::new(3, &[0.5, -0.5, -1.0, 0.3]);
    mdp.ends_from = 1;
    let layout = Layout::new(&[("first", 2, Domain::Real), ("second", 2, Domain::Positive)]);
    let f = mdp.rewards();
    let positive = Mdp { layout, params: vec![0.5, -0.5, 0.7, 2.0], ..mdp.clone() };
    // A value function that goes on after the end: there is nothing to subtract it from.
    let mut to_go = RewardToGo::new().with_value(|_: usize, _: &[f64]| 1.0);
    let by_theta = to_go.estimate(&positive, &f, 500, &mut rng(3)).unwrap();
    let free = Unconstrained::new(positive).unwrap();
    let by_phi = to_go.estimate(&free, &f, 500, &mut rng(3)).unwrap();
    let frozen = Frozen::new(free, &["first"]).unwrap();
    let some = to_go.estimate(&frozen, &f, 500, &mut rng(3)).unwrap();
    let slopes = [1.0, 1.0, 0.7, 2.0];
    for (i, slope) in slopes.iter().enumerate() {
        let expected = slope * by_theta.gradient()[i];
        let found = by_phi.gradient()[i];
        assert!((found - expected).abs() < 1e-12, "{i}: {found} {expected}");
        assert!(i < 2 || some.gradient()[i - 2] == found, "{i}");
    }
}

#[test]
fn single_precision_serves_too() {
    let chain = BitChain::new(&[0.0f32, -1.0, 1.0], &[0.5, 0.5]).unwrap();
    let f = Terms(3, |z: &[f32], terms: &mut [f32]| terms.copy_from_slice(z));
    let exact = Enumerate.estimate(&chain, &f, 1, &mut rng(1)).unwrap();
    let mut estimator = RewardToGo::new()
        .with_value(|t: usize, _: &[f32]| 0.5 * (3 - t) as f32)
        .with_step_baseline(StepBaseline::LeaveOneOut { draws: 3 });
    let estimate = estimator.estimate(&chain, &f, 20_000, &mut rng(2)).unwrap();
    for i in 0..5 {
        let off = (estimate.gradient()[i] - exact.gradient()[i]).f64();
        assert!(off.abs() < SIGMAS * estimate.standard_error()[i].f64(), "{i}");
    }
}

#[test]
fn whatever_cannot_be_estimated_is_refused_by_name() {
    let bits = Bernoulli::from_logits(&[0.0; 3]).unwrap();
    let sums = |n: usize| Terms(n, |z: &[f64], terms: &mut [f64]| terms.copy_from_slice(&z[..terms.len()]));
    let with = |baseline: StepBaseline| RewardToGo::new().with_step_baseline(baseline);
    let refused = |mut estimator: RewardToGo, terms: usize| {
        estimator.estimate(&bits, &sums(terms), 10, &mut rng(1)).unwrap_err()
    };
    for terms in [0, 2, 4] {
        let error = refused(RewardToGo::new(), terms);
        assert!(matches!(error, Error::Length { expected: 3, found, .. } if found == terms));
    }
    for group in [0, 1] {
        let error = refused(with(StepBaseline::LeaveOneOut { draws: group }), 3);
        assert_eq!(error, Error::TooFewDraws { draws: group });
    }
    for decay in [-0.1, 1.0, f64::NAN] {
        let error = refused(with(StepBaseline::MovingAverage { decay }), 3);
        assert!(matches!(error, Error::Option { option: "decay", .. }));
    }
    let error = refused(with(StepBaseline::PerStep(vec![0.0, f64::NAN, 0.0])), 3);
    assert!(matches!(error, Error::Option { option: "baseline", .. }));
    let error = refused(with(StepBaseline::PerStep(vec![0.0; 2])), 3);
    assert_eq!(error, Error::Length { what: "baseline".into(), expected: 3, found: 2 });
    // What was learned for three steps is refused for four.
    let mut average = with(StepBaseline::MovingAverage { decay: 0.5 });
    average.estimate(&bits, &sums(3), 10, &mut rng(1)).unwrap();
    let error =
        average.estimate(&Bernoulli::from_logits(&[0.0; 4]).unwrap(), &sums(4), 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::Length { what: "baseline".into(), expected: 4, found: 3 });
    // Numbers that are none.
    let bad = Terms(3, |z: &[f64], terms: &mut [f64]| terms.copy_from_slice(&[z[0], f64::INFINITY, 0.0]));
    let error = RewardToGo::new().estimate(&bits, &bad, 10, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { sample: 0, draw: 0, value: f64::INFINITY }));
    let mut bad = RewardToGo::new().with_value(|t: usize, _: &[f64]| if t == 1 { f64::NAN } else { 0.0 });
    let error = bad.estimate(&bits, &sums(3), 10, &mut rng(1)).unwrap_err();
    let expected = "logits";
    assert!(matches!(error, Error::NonFiniteGradient { parameter, index: 1, .. } if parameter == expected));
    // A parameter that moves the support has no valid score.
    let mut mdp = Mdp::new(3, &[0.0; 4]);
    mdp.layout = mdp.layout.with_moving_support("logits");
    let error = RewardToGo::new().estimate(&mdp, &mdp.rewards(), 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "logits".into() });
    // The checks find what does not fit.
    assert!(matches!(verify::steps(&bits, &sums(2), 10, &mut rng(1)), Err(Error::Length { .. })));
    assert_eq!(verify::steps(&bits, &sums(3), 0, &mut rng(1)), Err(Error::ZeroSamples));
}

#[test]
fn the_check_of_steps_finds_a_score_that_is_missing_or_looks_ahead() {
    #[derive(Clone)]
    struct Wrong(Mdp, u8);
    impl Distribution<f64> for Wrong {
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
        fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
            self.0.sample(rng, z);
        }
    }
    impl LogDensity<f64> for Wrong {
        fn log_prob(&self, z: &[f64]) -> f64 {
            self.0.log_prob(z)
        }
        fn score(&self, z: &[f64], score: &mut [f64]) {
            score.fill(0.0);
            (0..self.length(z)).for_each(|t| self.0.add_step_score(t, z, 1.0, score));
        }
    }
    impl Sequential<f64> for Wrong {
        fn steps(&self) -> usize {
            if self.1 == 6 { 0 } else { self.0.steps() }
        }
        fn before(&self, step: usize) -> usize {
            match self.1 {
                3 => 5 - self.0.before(step),
                4 => 4 * self.0.before(step),
                _ => self.0.before(step),
            }
        }
        /// Leaves out the first decision for action 1, and all after it.
        fn length(&self, z: &[f64]) -> usize {
            let ends = |t: &usize| self.1 == 5 && Mdp::at(z, *t).1 == 1;
            (0..self.steps()).find(ends).unwrap_or(self.steps())
        }
        fn add_step_score(&self, step: usize, z: &[f64], weight: f64, gradient: &mut [f64]) {
            match self.1 {
                0 if step == 2 => {}
                // The sum is right, but the last step's part comes at the first.
                1 => self.0.add_step_score(2 - step, z, weight, gradient),
                _ => self.0.add_step_score(step, z, weight, gradient),
            }
        }
    }
    let mdp = Mdp::new(3, &[0.5, -0.5, -1.0, 0.3]);
    let f = mdp.rewards();
    let name = |wrong: u8| {
        let found = verify::steps(&Wrong(mdp.clone(), wrong), &f, 50, &mut rng(1)).unwrap();
        found.within(1e-9).err().map(|mismatch| mismatch.to_string())
    };
    assert!(name(0).unwrap().starts_with("logits"));
    assert!(name(1).unwrap().starts_with("step[0]"));
    assert_eq!(name(2), None);
    assert!(name(3).unwrap().starts_with("before[1]: found 2e0, expected 4"), "{:?}", name(3));
    assert!(name(4).unwrap().starts_with("before[1]: found 1.2e1, expected 6"), "{:?}", name(4));
    assert!(name(5).unwrap().starts_with("length["), "{:?}", name(5));
    // What would end in a slice out of range is refused.
    let refused = |wrong: u8, terms: usize| {
        let f = Terms(terms, |_: &[f64], terms: &mut [f64]| terms.fill(0.0));
        RewardToGo::new().estimate(&Wrong(mdp.clone(), wrong), &f, 10, &mut rng(1)).unwrap_err()
    };
    assert_eq!(refused(6, 0), Error::EmptySupport { what: "a sequence without steps" });
    assert!(matches!(refused(4, 3), Error::Length { expected: 6, found: 20, .. }));
    // Terms that know the next step, and a value that is not their sum.
    let bits = Bernoulli::from_logits(&[0.3; 3]).unwrap();
    let ahead = Terms(3, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(&[b[0], b[2], b[2]]));
    let mismatch = verify::steps(&bits, &ahead, 20, &mut rng(1)).unwrap().within(1e-9).unwrap_err();
    assert!(mismatch.to_string().starts_with("term[1]"), "{mismatch}");
    struct Off;
    impl Objective<f64> for Off {
        fn value(&self, z: &[f64]) -> f64 {
            z[0] + z[1]
        }
    }
    impl Additive<f64> for Off {
        fn terms(&self) -> usize {
            3
        }
        fn write_terms(&self, z: &[f64], terms: &mut [f64]) {
            terms.copy_from_slice(z);
        }
    }
    let mismatch = verify::steps(&bits, &Off, 20, &mut rng(1)).unwrap().within(1e-9).unwrap_err();
    assert!(mismatch.to_string().starts_with("value"), "{mismatch}");
}
