//! The code of the fuzz targets: each reads bytes, and panics where the crate panics or breaks a promise. `fuzz_targets/` hands the bytes
//! of libFuzzer to it, `examples/drive.rs` those of a generator with a fixed seed.

mod constructors;
mod deserialisation;
mod estimates;
mod input;

pub use constructors::constructors;
pub use deserialisation::deserialisation;
pub use estimates::estimates;

/// A target: it panics if the bytes show a fault.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 3] =
    [("constructors", constructors), ("estimates", estimates), ("deserialisation", deserialisation)];

/// Runs the case whose number the input says next.
macro_rules! one_of {
    ($input:expr; $($case:expr;)+) => {{
        let count = [$(stringify!($case)),+].len();
        let mut chosen = $input.below(count);
        $(
            if chosen == 0 {
                $case;
            }
            chosen = chosen.wrapping_sub(1);
        )+
        let _ = chosen;
    }};
}
pub(crate) use one_of;
