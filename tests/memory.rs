//! Memory does not grow with the number of samples. A program of its own: the peak of the resident set is the process's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
fn a_hundred_thousand_samples_of_a_thousand_dimensions_stay_under_64_megabytes() {
    let p = Normal::new(&vec![0.5; 1000], &vec![1.5; 1000]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            for (dz, z) in dz.iter_mut().zip(z) {
                *dz = 2.0 * z;
            }
        }
        z.iter().map(|z| z * z).sum()
    });
    let pathwise = Pathwise.estimate(&p, &f, 100_000, &mut Xoshiro256PlusPlus::seed_from_u64(1)).unwrap();
    assert_eq!(pathwise.samples(), 100_000);
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    loo.estimate(&p, &f, 5000, &mut Xoshiro256PlusPlus::seed_from_u64(1)).unwrap();
    #[cfg(feature = "rayon")]
    {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let many = pool.install(|| {
            Pathwise.par_estimate(&p, &f, 100_000, &mut Xoshiro256PlusPlus::seed_from_u64(1)).unwrap()
        });
        assert_eq!(many, pathwise);
    }
    let peak = peak_megabytes();
    println!("peak resident set: {peak:.1} MB");
    assert!(peak < 64.0, "peak resident set {peak} MB");
}
