//! Fuzzing without a fuzzer: `drive [TARGET] [CASES] [SEED]` runs a target, or all, on random bytes from a fixed seed. It prints each fault once
//! a place in the source, with the case that shows it, and ends with an error if there was one. A case of more than 10 seconds ends it.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use reparam_fuzz::TARGETS;

const LONGEST: Duration = Duration::from_secs(10);

/// The bytes of one case.
fn bytes(seed: u64, case: u64) -> Vec<u8> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes = vec![0; 160];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let wanted = args.next().unwrap_or_else(|| "all".into());
    let mut number =
        |default| args.next().map_or(default, |n| n.parse().expect("a number of cases, then a seed"));
    let (cases, seed): (u64, u64) = (number(10_000), number(1));

    let now = Arc::new(AtomicU64::new(0));
    let watched = Arc::clone(&now);
    std::thread::spawn(move || {
        let mut last = u64::MAX;
        loop {
            let case = watched.load(Ordering::Relaxed);
            if case == last {
                eprintln!("case {case} of seed {seed} has not ended after {LONGEST:?}");
                std::process::exit(2);
            }
            last = case;
            std::thread::sleep(LONGEST);
        }
    });

    let place = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&place);
    panic::set_hook(Box::new(move |info| {
        if let Ok(mut place) = told.lock() {
            *place = info.location().map_or_else(String::new, ToString::to_string);
        }
    }));

    let mut faults = 0;
    for (name, target) in TARGETS.iter().filter(|(name, _)| wanted == "all" || wanted == *name) {
        let mut found: BTreeMap<String, (u64, u64, String)> = BTreeMap::new();
        for case in 0..cases {
            now.fetch_add(1, Ordering::Relaxed);
            let data = bytes(seed, case);
            if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| target(&data))) {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text
                    .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                    .unwrap_or_default();
                let place = place.lock().map(|place| place.clone()).unwrap_or_default();
                found.entry(place).or_insert((0, case, text)).0 += 1;
            }
        }
        println!("{name}: {cases} cases from seed {seed}, faults in {} places", found.len());
        for (place, (count, case, text)) in &found {
            let text: String = text.chars().take(300).collect();
            println!("  {place}, {count} times, first in case {case}: {text}");
        }
        faults += found.len();
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
