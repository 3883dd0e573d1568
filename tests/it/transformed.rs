//! Invertible maps and the distributions pushed through them: inverses, determinants, every derivative, agreement with what is already there.

use crate::common::{assert_relative, derivative, numbers, rng};
use reparam::DrawsMut;
use reparam::bijections::{
    AffineCoupling, AffineMap, Bijection, Conditioner, ExpMap, Planar, SigmoidMap, SoftplusMap, Stack,
    StickBreaking, TanhConditioner, TanhMap,
};
use reparam::prelude::*;
use reparam::verify;

fn coupling(seed: u64) -> AffineCoupling<TanhConditioner<f64>> {
    AffineCoupling::new(TanhConditioner::new(2, 5, 2, &numbers(27, seed, 0.8)).unwrap()).unwrap()
}

fn image(map: &impl Bijection<f64>, x: &[f64]) -> (Vec<f64>, f64) {
    let mut y = vec![f64::NAN; map.output_dim()];
    let ln_det = map.forward(x, &mut y);
    (y, ln_det)
}

/// `f′(x)` of a function that changes over lengths of x.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    derivative(f, x, 0.3 * x.abs().max(0.3))
}

/// The determinant by elimination.
fn determinant(mut a: Vec<Vec<f64>>) -> f64 {
    let n = a.len();
    let mut det = 1.0;
    for i in 0..n {
        let pivot = (i..n).max_by(|&p, &q| a[p][i].abs().total_cmp(&a[q][i].abs())).unwrap();
        a.swap(i, pivot);
        det *= if pivot == i { a[i][i] } else { -a[i][i] };
        for j in i + 1..n {
            let factor = a[j][i] / a[i][i];
            let row = a[i].clone();
            for (x, y) in a[j].iter_mut().zip(row) {
                *x -= factor * y;
            }
        }
    }
    det
}

/// Inverse, determinant, pullback of both cotangents to x and φ, and the transposed solve.
fn check_map(map: &(impl Bijection<f64> + Clone), x: &[f64], what: &str) {
    let n = map.input_dim();
    // The numbers of y in which the density is one: all but the last of each row of a simplex.
    let classes = map.output_dim() / (map.output_dim() - n).max(1);
    let chart: Vec<usize> =
        (0..map.output_dim()).filter(|i| map.output_dim() == n || (i + 1) % classes != 0).collect();
    let (y, ln_det) = image(map, x);
    let mut back = vec![f64::NAN; n];
    assert!(map.inverse(&y, &mut back), "{what}");
    for (a, b) in x.iter().zip(&back) {
        assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{what}: {a} {b}");
    }
    let moved = |i: usize, to: f64| {
        let mut x = x.to_vec();
        x[i] = to;
        image(map, &x)
    };
    let jacobian: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| difference(|to| moved(i, to).0[chart[j]], x[i])).collect()).collect();
    assert_relative(ln_det, determinant(jacobian).abs().ln(), 1e-7, 1e-8, what);

    let (dy, dln) = (numbers(y.len(), 5, 1.0), 0.7);
    let along =
        |(y, ln_det): (Vec<f64>, f64)| y.iter().zip(&dy).map(|(y, d)| y * d).sum::<f64>() + dln * ln_det;
    let (mut dx, mut dparams) = (vec![f64::NAN; n], vec![f64::NAN; map.params().len()]);
    map.pullback(x, &y, &dy, dln, &mut dx, &mut dparams);
    for i in 0..n {
        assert_relative(dx[i], difference(|to| along(moved(i, to)), x[i]), 1e-7, 1e-9, what);
    }
    for i in 0..dparams.len() {
        let with = |to: f64| {
            let (mut params, mut map) = (map.params().to_vec(), map.clone());
            params[i] = to;
            map.set_params(&params).unwrap();
            along(image(&map, x))
        };
        assert_relative(dparams[i], difference(with, map.params()[i]), 1e-7, 1e-9, what);
    }

    let g = numbers(n, 6, 1.0);
    let mut solved = vec![f64::NAN; y.len()];
    map.solve_transposed(x, &y, &g, &mut solved);
    map.pullback(x, &y, &solved, 0.0, &mut dx, &mut dparams);
    for (found, expected) in dx.iter().zip(&g) {
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{what}: {found} {expected}");
    }
    assert!((0..solved.len()).all(|i| chart.contains(&i) || solved[i] == 0.0), "{what}");
}

#[test]
fn every_map_has_its_inverse_its_determinant_and_its_derivatives() {
    for seed in 0..20 {
        let x = numbers(3, 100 + seed, 1.3);
        check_map(&AffineMap::new(&[0.3, -1.0, 2.0], &[0.5, 3.0, 1.0]).unwrap(), &x, "affine");
        check_map(&ExpMap::new(3).unwrap(), &x, "exp");
        check_map(&SoftplusMap::new(3).unwrap(), &x, "softplus");
        check_map(&SigmoidMap::new(3).unwrap(), &x, "sigmoid");
        check_map(&TanhMap::new(3).unwrap(), &x, "tanh");
        check_map(&StickBreaking::new(1, 4).unwrap(), &x, "stick-breaking");
        check_map(&StickBreaking::new(3, 2).unwrap(), &x, "stick-breaking, rows");
        let planar = |scale: f64| {
            let (w, u) = (numbers(3, 200 + seed, 1.0), numbers(3, 300 + seed, scale));
            Planar::new(&w, &u, 0.4).unwrap()
        };
        check_map(&planar(1.0), &x, "planar");
        check_map(&planar(6.0), &x, "planar, strong");
        check_map(&coupling(400 + seed), &x, "coupling");
        check_map(&coupling(500 + seed).reversed(), &x, "coupling, reversed");
        let chain = coupling(600 + seed).then(coupling(700 + seed).reversed()).unwrap();
        check_map(&chain.then(SoftplusMap::new(3).unwrap()).unwrap(), &x, "chain");
        check_map(&Stack::new(vec![planar(1.0), planar(2.0), planar(0.5)]).unwrap(), &x, "stack");
        let onto_simplex = planar(1.0).then(StickBreaking::new(1, 4).unwrap()).unwrap();
        check_map(&onto_simplex, &x, "planar onto the simplex");
    }
}

#[test]
fn slopes_keep_their_digits_where_the_map_is_flat() {
    for x in [-300.0, -40.0, 40.0, 300.0] {
        let size: f64 = 2.0 * f64::abs(x);
        assert_eq!(image(&TanhMap::new(1).unwrap(), &[x]).1, 4f64.ln() - size);
        assert_eq!(image(&SigmoidMap::new(1).unwrap(), &[x]).1, -0.5 * size);
        let exact = if x < 0.0 { x } else { -(-x).exp() };
        assert_eq!(image(&SoftplusMap::new(1).unwrap(), &[x]).1, exact);
    }
    // A planar layer that would fold space, without the constraint: w·u = −50.
    let planar = Planar::new(&[1.0], &[-50.0], 0.0).unwrap();
    let mut last = f64::NEG_INFINITY;
    for i in -400..400 {
        let y = image(&planar, &[f64::from(i) * 0.01]).0[0];
        assert!(y > last);
        last = y;
    }
}

#[test]
fn a_normal_through_the_exponential_is_the_log_normal_in_every_method() {
    let (mu, sigma) = ([0.3, -1.0], [0.7, 1.2]);
    let known = LogNormal::new(&mu, &sigma).unwrap();
    let made = Transformed::new(Normal::new(&mu, &sigma).unwrap(), ExpMap::new(2).unwrap()).unwrap();
    let (noise, dz) = ([0.6, -1.4], [0.3, 2.0]);
    let (mut z, mut again) = ([0.0; 2], [0.0; 2]);
    known.transform(&noise, &mut z);
    made.transform(&noise, &mut again);
    assert_eq!(z, again);
    let (mut a, mut b) = ([0.0; 4], [0.0; 4]);
    known.pullback(&noise, &z, &dz, &mut a);
    made.pullback(&noise, &z, &dz, &mut b);
    let close =
        |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14 * a.abs().max(1.0));
    assert!(close(&a, &b));
    known.score(&z, &mut a);
    made.score(&z, &mut b);
    assert!(close(&a, &b));
    assert!((known.log_prob(&z) - made.log_prob(&z)).abs() < 1e-14);
    let (mut a, mut b) = ([0.0; 2], [0.0; 2]);
    known.log_prob_gradient(&z, &mut a);
    made.log_prob_gradient(&z, &mut b);
    assert!(close(&a, &b));
    // Outside the image: no density, no score, no NaN.
    assert_eq!(made.log_prob(&[-1.0, 1.0]), f64::NEG_INFINITY);
    let mut score = [f64::NAN; 4];
    made.score(&[-1.0, 1.0], &mut score);
    assert_eq!(score, [0.0; 4]);
}

fn flow() -> Transformed<f64, Normal<f64>, impl Bijection<f64> + Clone> {
    let base = Normal::new(&[0.2, -0.4, 0.1], &[0.8, 1.1, 0.6]).unwrap();
    let planar = Planar::new(&[0.5, -1.0, 0.3], &[1.0, 0.4, -0.2], 0.1).unwrap();
    let map = coupling(1).then(planar).unwrap().then(coupling(2).reversed()).unwrap();
    Transformed::new(base, map).unwrap()
}

#[test]
fn a_flow_has_the_derivatives_that_differences_find() {
    let q = flow();
    for seed in 0..10 {
        let noise = numbers(3, 20 + seed, 1.0);
        let mut z = [0.0; 3];
        q.transform(&noise, &mut z);
        verify::pullback(&q, &noise, &[0.5, -1.0, 0.8]).unwrap().within(1e-7).unwrap();
        verify::score(&q, &z).unwrap().within(1e-6).unwrap();
        verify::log_prob_gradient(&q, &z).unwrap().within(1e-7).unwrap();
    }
    let simplex = Transformed::new(
        Normal::new(&[0.2, -0.4], &[0.8, 1.1]).unwrap(),
        AffineMap::new(&[0.1, 0.2], &[1.5, 0.5]).unwrap().then(StickBreaking::new(1, 3).unwrap()).unwrap(),
    )
    .unwrap();
    let mut z = [0.0; 3];
    simplex.transform(&[0.3, -0.9], &mut z);
    verify::pullback(&simplex, &[0.3, -0.9], &[0.5, -1.0, 0.8]).unwrap().within(1e-7).unwrap();
    // In the first two numbers, with the last one what is left of 1.
    let density = |z: [f64; 2]| simplex.log_prob(&[z[0], z[1], 1.0 - z[0] - z[1]]);
    let mut found = [f64::NAN; 3];
    simplex.log_prob_gradient(&z, &mut found);
    for i in 0..2 {
        let at = |x: f64| {
            let mut moved = [z[0], z[1]];
            moved[i] = x;
            density(moved)
        };
        assert_relative(found[i], derivative(at, z[i], 0.2 * z[i]), 1e-7, 1e-9, "simplex");
    }
    assert_eq!(found[2], 0.0);
    verify::score(&simplex, &z).unwrap().within(1e-7).unwrap();
}

#[test]
fn draws_and_densities_belong_together() {
    // Draws by the sampler, scores of the density: a wrong determinant breaks the identities. 1e-4 is the rate of false alarms.
    let identities = verify::score_identities(&flow(), 4000, &mut rng(3)).unwrap();
    assert!(identities.p_value() > 1e-4, "{}", identities.p_value());
    // And the density has mass 1, by E_q[p/q] = 1 for a p that is narrower.
    let (q, mut rng, n) = (flow(), rng(4), 40_000);
    let p = Normal::new(&[0.0; 3], &[0.5; 3]).unwrap();
    let (mut z, mut sum, mut squares) = ([0.0; 3], 0.0, 0.0);
    for _ in 0..n {
        q.sample(&mut rng, &mut z);
        let ratio = (p.log_prob(&z) - q.log_prob(&z)).exp() - 1.0;
        sum += ratio;
        squares += ratio * ratio;
    }
    assert!(sum.abs() < 4.5 * squares.sqrt(), "{sum} ± {}", squares.sqrt());
}

#[test]
fn pathwise_and_score_function_agree_on_a_flow() {
    let q = flow();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[z[0].cos() * z[1], z[0].sin(), 1.0 - z[2].tanh().powi(2)]);
        }
        z[0].sin() * z[1] + z[2].tanh()
    });
    let pathwise = Pathwise.estimate(&q, &f, 20_000, &mut rng(5)).unwrap();
    let mut score = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let score = score.estimate(&q, &f, 20_000, &mut rng(6)).unwrap();
    for i in 0..q.params().len() {
        let error = pathwise.standard_error()[i].hypot(score.standard_error()[i]);
        // 67 parameters, 4.5 standard errors of the difference.
        assert!((pathwise.gradient()[i] - score.gradient()[i]).abs() < 4.5 * error, "{i}");
    }
}

#[test]
fn a_base_that_draws_without_noise_is_inverted() {
    // ln of a gamma, scaled: the pullback is that of the noise or of z alone, the same to rounding.
    let base = LogGamma::from_rate(&[0.7, 3.0], &[2.0, 1.0]).unwrap();
    let q = Transformed::new(base, AffineMap::new(&[1.0, -1.0], &[2.0, 0.5]).unwrap()).unwrap();
    let (mut noise, mut z) = ([0.0f64; 2], [0.0; 2]);
    q.draw_block(&mut rng(7), &mut noise, DrawsMut::of(&mut z));
    assert!(noise[0].is_nan());
    let mut found = [f64::NAN; 8];
    q.pullback(&noise, &z, &[1.0, 0.3], &mut found);
    assert!(found.iter().all(|x| x.is_finite()));
    let tails = [0.2, -0.1];
    q.transform(&tails, &mut z);
    let (mut by_noise, mut by_z) = ([0.0; 8], [0.0; 8]);
    q.pullback(&tails, &z, &[1.0, 0.3], &mut by_noise);
    q.pullback(&[f64::NAN; 2], &z, &[1.0, 0.3], &mut by_z);
    for (a, b) in by_noise.iter().zip(by_z) {
        assert!((a - b).abs() < 1e-12 * a.abs().max(1.0));
    }
    let f = (
        |z: &[f64]| z[0] * z[1],
        |z: &[f64], dz: &mut [f64]| {
            dz.copy_from_slice(&[z[1], z[0]]);
            z[0] * z[1]
        },
    );
    // E z₀ z₁ = (1 + 2 E l₀)(−1 + ½ E l₁): the derivative by the second scale is (1 + 2 E l₀) E l₁, E l = ψ(α) − ln β.
    let (m0, m1) = (reparam::special::digamma(0.7) - 2f64.ln(), reparam::special::digamma(3.0));
    let estimate = Pathwise.estimate(&q, &f, 40_000, &mut rng(8)).unwrap();
    let exact = (1.0 + 2.0 * m0) * m1;
    assert!((estimate.gradient()[7] - exact).abs() < 4.0 * estimate.standard_error()[7]);
}

#[test]
fn what_moves_the_support_is_refused_by_name() {
    let f = |z: &[f64]| z[0];
    let affine = || AffineMap::new(&[0.0], &[1.0]).unwrap();
    let wide = Transformed::new(Normal::standard(1).unwrap(), affine()).unwrap();
    assert!(ScoreFunction::new().estimate(&wide, &f, 10, &mut rng(1)).is_ok());
    let bounded = Transformed::new(Exponential::new(&[1.0]).unwrap(), affine()).unwrap();
    let error = ScoreFunction::new().estimate(&bounded, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "map.shift".into() });
    // The map before may be what bounds it.
    let map = SigmoidMap::new(1).unwrap().then(affine()).unwrap();
    let squeezed = Transformed::new(Normal::standard(1).unwrap(), map).unwrap();
    let error = ScoreFunction::new().estimate(&squeezed, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "map.second.shift".into() });
    let nested = Transformed::new(
        Transformed::new(Normal::standard(1).unwrap(), ExpMap::new(1).unwrap()).unwrap(),
        affine(),
    )
    .unwrap();
    assert!(ScoreFunction::new().estimate(&nested, &f, 10, &mut rng(1)).is_err());
    // Frozen, it stands in nobody's way.
    let rest = Frozen::new(squeezed, &["map.second.shift", "map.second.scale"]).unwrap();
    assert!(ScoreFunction::new().estimate(&rest, &f, 10, &mut rng(1)).is_ok());
}

#[test]
fn bad_maps_and_parameters_are_refused_and_change_nothing() {
    assert!(matches!(AffineMap::new(&[0.0], &[0.0]), Err(Error::ParameterDomain { .. })));
    assert!(matches!(AffineMap::<f64>::new(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(ExpMap::<f64>::new(0), Err(Error::EmptySupport { .. })));
    assert!(matches!(StickBreaking::new(1, 1), Err(Error::EmptySupport { .. })));
    assert!(matches!(Planar::new(&[0.0, 0.0], &[1.0, 1.0], 0.0), Err(Error::ParameterDomain { .. })));
    assert!(matches!(Planar::new(&[1.0], &[1.0, 1.0], 0.0), Err(Error::Length { .. })));
    assert!(matches!(TanhConditioner::new(1, 2, 2, &[0.0; 3]), Err(Error::Length { .. })));
    let odd = TanhConditioner::new(1, 1, 1, &[0.0; 4]).unwrap();
    assert_eq!(odd.outputs(), 1);
    assert!(matches!(AffineCoupling::new(odd), Err(Error::Length { .. })));
    assert!(matches!(Stack::<f64, Planar<f64>>::new(vec![]), Err(Error::EmptySupport { .. })));
    let scaled = Stack::new(vec![AffineMap::new(&[0.0], &[1.0]).unwrap()]);
    assert!(matches!(scaled, Err(Error::Option { option: "layers", .. })));
    let after_simplex = StickBreaking::new(1, 3).unwrap().then(ExpMap::<f64>::new(3).unwrap());
    assert!(matches!(after_simplex, Err(Error::Length { .. })));
    let apart = Transformed::new(Normal::<f64>::standard(2).unwrap(), ExpMap::new(3).unwrap());
    assert!(matches!(apart, Err(Error::Length { expected: 2, found: 3, .. })));

    let map = Planar::new(&[1.0], &[0.5], 0.2).unwrap();
    let mut q = Transformed::new(Normal::standard(1).unwrap(), map).unwrap();
    let before = q.clone();
    // The base's part is good, the map refuses its own.
    assert!(q.set_params(&[3.0, 2.0, 0.0, 1.0, 1.0]).is_err());
    assert!(q.set_params(&[3.0, 2.0, 1.0, 1.0]).is_err());
    assert!(q.set_params(&[3.0, 2.0, 1.0, f64::NAN, 0.0]).is_err());
    assert_eq!(q, before);
    let mut stack = Stack::new(vec![Planar::new(&[1.0], &[0.5], 0.2).unwrap(); 2]).unwrap();
    let before = stack.clone();
    assert!(stack.set_params(&[2.0, 1.0, 1.0, 0.0, 1.0, 1.0]).is_err());
    assert_eq!(stack, before);
    // Not an image.
    let mut x = [0.0; 2];
    let simplex = StickBreaking::new(1, 3).unwrap();
    assert!(!simplex.inverse(&[0.5, 0.6, 0.1], &mut x));
    assert!(!simplex.inverse(&[-0.5, 1.0, 0.5], &mut x));
    assert!(!TanhMap::new(2).unwrap().inverse(&[0.0, 1.0], &mut x));
    assert!(!SigmoidMap::new(2).unwrap().inverse(&[0.5, f64::NAN], &mut x));
}
