use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, StandardNormal};
use reparam::prelude::*;
use std::time::Instant;
#[inline(never)]
fn hand(
    rng: &mut Xoshiro256PlusPlus,
    mu: &[f64],
    sg: &[f64],
    c: &[f64],
    n: usize,
) -> (Vec<f64>, Vec<f64>, f64, f64) {
    let d = mu.len();
    let mut s = vec![0.0; 2 * d];
    let mut q = vec![0.0; 2 * d];
    let (mut fs, mut fq) = (0.0, 0.0);
    let (s0, s1) = s.split_at_mut(d);
    let (q0, q1) = q.split_at_mut(d);
    for _ in 0..n {
        let mut f = 0.0;
        for j in 0..d {
            let e: f64 = StandardNormal.sample(rng);
            let z = mu[j] + sg[j] * e;
            let r = z - c[j];
            f += r * r;
            let gm = 2.0 * r;
            let gs = gm * e;
            s0[j] += gm;
            q0[j] += gm * gm;
            s1[j] += gs;
            q1[j] += gs * gs;
        }
        fs += f;
        fq += f * f;
    }
    (s, q, fs, fq)
}
fn main() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    for d in [1usize, 2, 4, 10, 32, 100, 1000, 10000] {
        let mu = vec![0.5; d];
        let sg = vec![1.5; d];
        let c = vec![0.1; d];
        let n = 3_000_000 / d;
        let p = Normal::new(&mu, &sg).unwrap();
        let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| match dz {
            Some(dz) => {
                let mut s = 0.0;
                for ((z, c), dz) in z.iter().zip(&c).zip(dz) {
                    let r = z - c;
                    s += r * r;
                    *dz = 2.0 * r;
                }
                s
            }
            None => z.iter().zip(&c).map(|(z, c)| (z - c) * (z - c)).sum(),
        });
        let (mut bh, mut bo) = (f64::MAX, f64::MAX);
        for _ in 0..7 {
            let s = Instant::now();
            let r = hand(&mut rng, &mu, &sg, &c, n);
            let h = s.elapsed().as_nanos() as f64 / (n * d) as f64;
            std::hint::black_box(r);
            let s = Instant::now();
            let r = Pathwise.estimate(&p, &f, n, &mut rng).unwrap();
            let o = s.elapsed().as_nanos() as f64 / (n * d) as f64;
            std::hint::black_box(r);
            bh = bh.min(h);
            bo = bo.min(o);
        }
        println!("D {d}: hand {bh:.2} ours {bo:.2} ratio {:.2}", bo / bh);
    }
}
