//! The declaration of a scalar family: alias, marker type, parameters, constructor and accessors in one
//! place.

/// Declares a scalar family: its marker type with [`Family`](crate::distributions::Family), and the
/// distribution as an alias of [`InverseCdf`](crate::distributions::InverseCdf) or
/// [`Counts`](crate::distributions::Counts). The capabilities of the family are then implemented for the
/// marker, trait by trait.
///
/// The first line names the distribution and the marker, and says whether the family has a [quantile
/// function](crate::distributions::Quantile) (`by quantile`), a [CDF](crate::distributions::Cdf)
/// (`by cdf`), or is a family of [counts](crate::distributions::CountFamily) (`by counts`). Then follow a
/// constructor with one slice per parameter, each with its documentation and its
/// [`Domain`](crate::Domain), and the parameters that move the support, if there are any. The constructor
/// is an associated function of the marker.
///
/// ```
/// use reparam::distributions::Quantile;
/// use reparam::prelude::*;
/// use reparam::{Probability, Real, scalar_family};
///
/// scalar_family! {
///     /// Rayleigh: `F(z) = 1 − exp(−z²/2s²)`.
///     pub Rayleigh, RayleighFamily by quantile;
///     pub fn distribution(scale: Positive "The scales s.");
/// }
///
/// impl<T: Real> Quantile<T> for RayleighFamily {
///     fn quantile(&self, u: Probability<T>, [scale]: [T; 1]) -> T {
///         scale * (T::of(-2.0) * u.ln_upper()).sqrt()
///     }
///     fn quantile_gradient(&self, _: Probability<T>, z: T, [scale]: [T; 1]) -> [T; 1] {
///         [z / scale]
///     }
/// }
///
/// let rayleigh: Rayleigh<f64> = RayleighFamily::distribution(&[1.0, 2.0])?;
/// let mut z = [0.0; 2];
/// rayleigh.transform(&[0.5, 0.5], &mut z);
/// assert_eq!(z[1], 2.0 * z[0]);
/// assert_eq!(rayleigh.parameter("scale"), Some(&[1.0, 2.0][..]));
/// # Ok::<(), reparam::Error>(())
/// ```
#[macro_export]
macro_rules! scalar_family {
    (
        $(#[$meta:meta])*
        $vis:vis $name:ident, $family:ident by $by:ident;
        $new_vis:vis fn $new:ident($($parameter:ident: $domain:ident $doc:literal),+ $(,)?);
        $(moving support: $($moving:ident),+ $(,)?;)?
    ) => {
        $crate::scalar_family! {
            @marker
            $(#[$meta])*
            $vis $name, $family by $by;
            ($($parameter: $domain),+);
            $($($moving),+)?
        }

        impl $family {
            /// From one slice per parameter, one value per coordinate:
            ///
            $(#[doc = ::core::concat!("- `", ::core::stringify!($parameter), "`: ", $doc)])+
            ///
            /// # Errors
            /// Those of `InverseCdf::from_quantile` and `Counts::from_family`.
            $new_vis fn $new<T: $crate::Real>(
                $($parameter: &[T]),+
            ) -> ::core::result::Result<$name<T>, $crate::Error> {
                $crate::scalar_family!(@build $by, $family, $($parameter),+)
            }
        }
    };

    // Alias, marker and `Family`, which the crate's own families and custom ones share.
    (
        @marker
        $(#[$meta:meta])*
        $vis:vis $name:ident, $family:ident by $by:ident;
        ($($parameter:ident: $domain:ident),+);
        $($moving:ident),*
    ) => {
        $(#[$meta])*
        $vis type $name<T> = $crate::scalar_family!(@type $by, T, $family);

        #[doc = ::core::concat!("The scalar family behind [`", ::core::stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $vis struct $family;

        impl<T: $crate::Real> $crate::distributions::Family<T> for $family {
            type Theta = $crate::scalar_family!(@theta T; $($parameter)+);

            fn parameters(&self) -> &'static [(&'static str, $crate::Domain)] {
                &[$((::core::stringify!($parameter), $crate::Domain::$domain)),+]
            }

            fn moving_support(&self) -> &'static [&'static str] {
                &[$(::core::stringify!($moving)),*]
            }
        }
    };

    (@type quantile, $t:ident, $family:ident) => { $crate::distributions::InverseCdf<$t, $family> };
    (@type cdf, $t:ident, $family:ident) => {
        $crate::distributions::InverseCdf<$t, $crate::distributions::NumericInverse<$family>>
    };

    (@type counts, $t:ident, $family:ident) => { $crate::distributions::Counts<$t, $family> };

    (@build quantile, $family:ident, $($parameter:ident),+) => {
        $crate::distributions::InverseCdf::from_quantile($family, &[$($parameter),+])
    };
    (@build cdf, $family:ident, $($parameter:ident),+) => {
        $crate::distributions::InverseCdf::from_cdf($family, &[$($parameter),+])
    };
    (@build counts, $family:ident, $($parameter:ident),+) => {
        $crate::distributions::Counts::from_family($family, &[$($parameter),+])
    };

    (@theta $t:ident; $a:ident) => { [$t; 1] };
    (@theta $t:ident; $a:ident $b:ident) => { [$t; 2] };
    (@theta $t:ident; $a:ident $b:ident $c:ident) => { [$t; 3] };
    (@theta $t:ident; $a:ident $b:ident $c:ident $d:ident) => { [$t; 4] };
    (@theta $t:ident; $a:ident $b:ident $c:ident $d:ident $e:ident) => { [$t; 5] };
}

/// [`scalar_family!`](crate::scalar_family) for the families of this crate, whose constructor and accessors
/// are methods of the distribution.
macro_rules! own_family {
    (
        $(#[$meta:meta])*
        pub $name:ident, $family:ident by $by:ident;
        pub fn $new:ident($($parameter:ident: $domain:ident $doc:literal),+ $(,)?);
        $(moving support: $($moving:ident),+ $(,)?;)?
    ) => {
        $crate::scalar_family! {
            @marker
            $(#[$meta])*
            pub $name, $family by $by;
            ($($parameter: $domain),+);
            $($($moving),+)?
        }

        impl<T: $crate::Real> $name<T> {
            /// From one slice per parameter, one value per coordinate, in this order:
            ///
            $(#[doc = concat!(
                "- `", stringify!($parameter), "` ([`", stringify!($domain), "`](crate::Domain::",
                stringify!($domain), ")): ", $doc
            )])+
            ///
            /// # Errors
            /// [`Error::EmptySupport`](crate::Error::EmptySupport) without coordinates,
            /// [`Error::Length`](crate::Error::Length) if the lengths differ,
            /// [`Error::NonFiniteParameter`](crate::Error::NonFiniteParameter), and
            /// [`Error::ParameterDomain`](crate::Error::ParameterDomain) for a value outside its domain.
            pub fn $new($($parameter: &[T]),+) -> Result<Self, $crate::Error> {
                $crate::scalar_family!(@build $by, $family, $($parameter),+)
            }
        }

        own_family!(@accessors $name, 0; $($parameter $doc),+);
    };

    (@accessors $name:ident, $place:expr; $parameter:ident $doc:literal $(, $($rest:tt)+)?) => {
        impl<T: $crate::Real> $name<T> {
            #[doc = $doc]
            #[must_use]
            pub fn $parameter(&self) -> &[T] {
                self.values($place)
            }
        }

        $(own_family!(@accessors $name, $place + 1; $($rest)+);)?
    };
}

pub(crate) use own_family;
