//! One gradient estimate by many processes: the same bits from 1, 2 or 4 of them.
//!
//! The estimate is a fixed number of parts, each with a generator of its own that is seeded from the part's index. Process r of n
//! makes the parts r, r + n, …; process 0 gathers all of them and merges them in the order of the parts. So neither the number
//! of processes nor the order in which they finish has anything to say about the result.

use std::error::Error;

use mpi::Count;
use mpi::datatype::PartitionMut;
use mpi::traits::{Communicator, Root};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

/// Parts of the estimate, whatever the number of processes: more of them than processes that will ever be.
const PARTS: u64 = 64;

/// Gradient samples of a part.
const SAMPLES: usize = 2000;

const SEED: u64 = 2026;

/// Dimension of the draw.
const DIM: usize = 5;

/// One part: the gradient of `E[1{Σ z > 1} cos(z₀)]`, which jumps, by the score function.
fn part(index: u64) -> Result<GradientEstimate<f64>, reparam::Error> {
    let normal = Normal::new(&[0.3; DIM], &[0.8; DIM])?;
    let f = |z: &[f64]| if z.iter().sum::<f64>() > 1.0 { z[0].cos() } else { 0.0 };
    // Consecutive seeds are far apart: seed_from_u64 mixes them.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED + index);
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    estimator.estimate(&normal, &f, SAMPLES, &mut rng)
}

/// A number that changes with any bit of the estimate (FNV-1a).
fn checksum(estimate: &GradientEstimate<f64>) -> u64 {
    let numbers = [estimate.value(), estimate.value_standard_error()];
    let numbers = numbers.iter().chain(estimate.moments().mean()).copied().chain(estimate.variance());
    numbers
        .flat_map(|x| x.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What every process sends, one after the other, in process 0; nothing elsewhere.
fn gather(world: &impl Communicator, sent: &[u8]) -> Result<Option<Vec<Vec<u8>>>, Box<dyn Error>> {
    let root = world.process_at_rank(0);
    let count = Count::try_from(sent.len())?;
    if world.rank() != 0 {
        root.gather_into(&count);
        root.gather_varcount_into(sent);
        return Ok(None);
    }
    let mut counts = vec![0; usize::try_from(world.size())?];
    root.gather_into_root(&count, &mut counts);
    let starts: Vec<Count> = counts
        .iter()
        .scan(0, |end, &count| {
            let start = *end;
            *end += count;
            Some(start)
        })
        .collect();
    let mut received = vec![0u8; usize::try_from(counts.iter().sum::<Count>())?];
    root.gather_varcount_into_root(sent, &mut PartitionMut::new(&mut received[..], &counts[..], &starts[..]));
    let mut rest = &received[..];
    let mut messages = Vec::with_capacity(counts.len());
    for count in counts {
        let (message, behind) = rest.split_at(usize::try_from(count)?);
        messages.push(message.to_vec());
        rest = behind;
    }
    Ok(Some(messages))
}

fn main() -> Result<(), Box<dyn Error>> {
    let universe = mpi::initialize().ok_or("MPI is already running in this process")?;
    let world = universe.world();
    if let Err(error) = run(&world) {
        // The others wait for this process: none of them may go on.
        eprintln!("process {}: {error}", world.rank());
        world.abort(1);
    }
    Ok(())
}

fn run(world: &impl Communicator) -> Result<(), Box<dyn Error>> {
    let (rank, size) = (u64::try_from(world.rank())?, usize::try_from(world.size())?);

    let mine = (rank..PARTS).step_by(size);
    let mine = mine.map(|index| Ok((index, part(index)?))).collect::<Result<Vec<_>, reparam::Error>>()?;
    let Some(messages) = gather(world, &serde_json::to_vec(&mine)?)? else { return Ok(()) };

    // Estimates are checked as they are read: a message that was damaged on its way is an error here.
    let mut parts: Vec<(u64, GradientEstimate<f64>)> = Vec::new();
    for message in &messages {
        parts.extend(serde_json::from_slice::<Vec<_>>(message)?);
    }
    parts.sort_by_key(|part| part.0);
    if !parts.iter().map(|part| part.0).eq(0..PARTS) {
        return Err("some part is missing, or came twice".into());
    }
    let mut parts = parts.into_iter().map(|part| part.1);
    let mut whole = parts.next().ok_or("no parts")?;
    for part in parts {
        whole.merge(&part)?;
    }

    eprintln!("{size} processes, {PARTS} parts");
    println!("{whole:.6}");
    println!("checksum {:016x}", checksum(&whole));
    Ok(())
}
