//! Inner loops that the compiler turns into vector code, compiled for several instruction sets and
//! selected at run time.
//!
//! Everything is plain safe Rust on slices. [`kernel`] wraps a loop so that the same source is compiled
//! for AVX-512, AVX2 and the baseline. No operation is contracted or reordered, so the bits are the same
//! on all of them.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | the choice of the instruction set, and the macro [`kernel`] |
//! | `lanes` | the generator of a block: sixteen xoshiro256++ side by side |
//! | `noise`, `laws` | uniforms, and the laws that have a ziggurat, a block at a time |
//! | `ziggurat`, `tables` | the method, and its constants |
//! | `elementary` | `exp` and `ln` with the same bits on every machine |
//! | `affine`, `columns` | affine transforms of rows and their pullback; columns copied out and back |
//! | `reduce` | sums and maxima in a fixed order |
//! | `statistics` | tests of the noise, on ten million draws each |

mod affine;
mod columns;
mod elementary;
mod lanes;
mod laws;
mod noise;
mod reduce;
#[cfg(test)]
mod statistics;
mod tables;
mod ziggurat;

pub(crate) use affine::{affine_rows, pull_affine_rows, scale_rows};
pub(crate) use columns::{gather, scatter};
pub(crate) use elementary::exp_in_place;
pub use lanes::LaneRng;
pub(crate) use lanes::{BlockSeed, SeededRng};
pub(crate) use laws::{fill_exponential, fill_gumbel, fill_logistic, fill_normal};
pub(crate) use noise::fill_uniform;
pub(crate) use reduce::{largest, sum_of};

/// Runs a closure compiled for the widest vectors of the machine, provided that what it calls is inlined
/// into it.
#[inline]
pub(crate) fn widest<O, F: FnOnce() -> O>(f: F) -> O {
    struct Kernel<F>(F);
    impl<O, F: FnOnce() -> O> pulp::NullaryFnOnce for Kernel<F> {
        type Output = O;
        #[inline(always)]
        fn call(self) -> O {
            (self.0)()
        }
    }
    arch().dispatch(Kernel(f))
}

/// The instruction set to run on: the best one of the machine. A build with `--cfg reparam_isa="avx2"` or
/// `--cfg reparam_isa="baseline"` does not use better ones; this is for measurements and for the test
/// that all give the same bits.
#[inline]
pub(crate) fn arch() -> pulp::Arch {
    #[cfg(all(reparam_isa = "avx2", target_arch = "x86_64"))]
    if let Some(avx2) = pulp::x86::V3::try_new() {
        return pulp::Arch::V3(avx2);
    }
    if cfg!(reparam_isa = "baseline") { pulp::Arch::Scalar } else { pulp::Arch::new() }
}

/// Defines a function whose body runs on the widest vectors of the machine. The body must consist of
/// loops and `#[inline(always)]` functions: a function that is called and not inlined is compiled for the
/// baseline.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident <$life:lifetime $(, $generic:ident : $bound:path)*>
        ($($arg:ident : $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name<$life $(, $generic: $bound)*>($($arg: $type),*) $(-> $output)? {
            struct Kernel<$life $(, $generic: $bound)*> {
                $($arg: $type,)*
                life: std::marker::PhantomData<(&$life (), $($generic,)*)>,
            }
            impl<$life $(, $generic: $bound)*> pulp::NullaryFnOnce for Kernel<$life $(, $generic)*> {
                type Output = $crate::vector::output!($($output)?);
                #[inline(always)]
                fn call(self) -> Self::Output {
                    let Self { $($arg,)* life: _ } = self;
                    $body
                }
            }
            $crate::vector::arch().dispatch(Kernel { $($arg,)* life: std::marker::PhantomData })
        }
    };
}

macro_rules! output {
    () => {
        ()
    };
    ($output:ty) => {
        $output
    };
}

pub(crate) use {kernel, output};
