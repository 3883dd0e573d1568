"""Makes von_mises_tables.rs: polynomials for the concentration derivative of the von Mises quantile and for Bessel functions, by mpmath.

    python3 src/special/generate_von_mises_tables.py > src/special/von_mises_tables.rs && cargo fmt

At fixed probability dx/dκ = −sin x · W(κ, cos x), with W entire in cos x:

    W = ∫_x^π e^(κ(cos s − cos x)) (A − cos s) ds / sin x,   A = I₁(κ)/I₀(κ),

tabulated as (1 + κ(1 + cos x)) W, which is of order 1 everywhere, times e^−κ I₀(κ) or √κ e^−κ I₀(κ), without which the zeros of I₀ on the
imaginary axis would be poles. Method and format as in generate_gamma_tables.py.
"""

import sys
from multiprocessing import Pool

from mpmath import acos, besseli, cos, exp, inf, mp, mpf, pi, quad, sin, sqrt

import generate_gamma_tables as base

mp.dps = 40
# A hundredth of what is promised for the derivative: the file stays small.
base.TOLERANCE = mpf("8e-16")


COEFFICIENTS = {}


def fourier(k):
    """d(I_j/I_0)/dκ · (2/j): π ∂F/∂κ = ½ Σ of these times sin jx. With digits for the far tail, where the sum cancels."""
    if k not in COEFFICIENTS:
        zero = besseli(0, k)
        bessel, j = [zero], 0
        while abs(bessel[-1] / zero) > mpf(10) ** (5 - mp.dps):
            j += 1
            bessel.append(besseli(j, k))
        a = bessel[1] / zero
        slope = lambda j: (bessel[j - 1] + bessel[j + 1]) / (2 * zero) - a * bessel[j] / zero
        COEFFICIENTS[k] = zero, [slope(j) * 2 / j for j in range(1, len(bessel) - 1)]
    return COEFFICIENTS[k]


def weight(k, c):
    if k > 210:
        return (1 + k * (1 + c)) * by_quadrature(k, c)
    mp.dps = 45 + int(0.87 * k)
    zero, coefficients = fourier(k)
    # Σ C_j sin(jx)/sin x by the recurrence of the Chebyshev polynomials of the second kind.
    low, high, value = mpf(0), mpf(1), mpf(0)
    for coefficient in coefficients:
        value += coefficient * high
        low, high = high, 2 * c * high - low
    value = (1 + k * (1 + c)) * zero * exp(-k * c) * value
    mp.dps = 40
    return +value


def by_quadrature(k, c):
    x, a = acos(c), besseli(1, k) / besseli(0, k)
    f = lambda s: exp(k * (cos(s) - c)) * (a - cos(s))
    # The integral over the whole circle is 0: take the side on which nothing cancels.
    if c < a:
        width = 1 / sqrt(k)
        ends = [x + j * width for j in range(25) if x + j * width < pi]
        return quad(f, ends + [pi] if len(ends) < 25 else ends) / sin(x)
    return -quad(f, [0, x]) / sin(x)


def check():
    for k, c in [(mpf(3), mpf("0.2")), (mpf(100), mpf("0.6")), (mpf(100), mpf("0.999"))]:
        assert abs(weight(k, c) / by_quadrature(k, c) / (1 + k * (1 + c)) - 1) < mpf(10) ** -20


def direct(k, c):
    return weight(k, c) * besseli(0, k) * exp(-k)


def reciprocal(y, c):
    return weight(1 / y, c) * bessel_zero(None, y)


def bessel_zero(_, y):
    """√κ e^−κ I₀(κ)."""
    return exp(-1 / y) * besseli(0, 1 / y) / sqrt(y)


def ratio_gap(_, y):
    """κ (1 − I₁/I₀)."""
    return (1 - besseli(1, 1 / y) / besseli(0, 1 / y)) / y


def ratio_slope(_, y):
    """κ² d(I₁/I₀)/dκ."""
    a = besseli(1, 1 / y) / besseli(0, 1 / y)
    return (1 - a * y - a * a) / y**2


base.FUNCTIONS.update({f.__name__: f for f in [direct, reciprocal, bessel_zero, ratio_gap, ratio_slope]})

DIRECT = [
    ((0, 1), (-1, 1)),
    ((1, 2.5), (-1, 0, 1)),
    ((2.5, 5), (-1, -0.3, 0.4, 1)),
    ((5, 7.5), (-0.7, -0.1, 0.5, 1)),
    ((7.5, 10), (-0.5, 0, 0.5, 1)),
]
RECIPROCAL = [((10, 14), (0, 0.5, 1)), ((14, 20), (0.1, 0.55, 1)), ((20, 50), (0.3, 0.65, 1)), ((50, 200), (0.65, 1)), ((200, inf), (0.88, 1))]
CURVES = ["bessel_zero", "ratio_gap", "ratio_slope"]


def main():
    check()
    zero = (mpf(-1), mpf(1))
    jobs = [("direct", (mpf(a[0]), mpf(a[1])), c, 26, 26) for a, ends in DIRECT for c in base.pieces(ends)]
    jobs += [("reciprocal", base.reciprocal(a), c, *((24, 24) if a[0] < 200 else (8, 14))) for a, ends in RECIPROCAL for c in base.pieces(ends)]
    with Pool() as pool:
        results = pool.map(base.chebyshev, jobs, chunksize=1)
    # The Bessel functions keep all their digits.
    base.TOLERANCE = mpf("2e-17")
    jobs = [(f, zero, y, 1, 40) for f in CURVES for y in base.pieces([0, mpf(1) / 32, mpf(1) / 8, mpf(1) / 4, mpf(1) / 2])]
    with Pool() as pool:
        curves = pool.map(base.chebyshev, jobs, chunksize=1)
    for job, M in results + curves:
        print(job[0], mp.nstr(job[1], 4), mp.nstr(job[2], 4), len(M), len(M[0]), file=sys.stderr)
    print("//! Polynomials for the von Mises functions, written by `generate_von_mises_tables.py` from mpmath. Do not edit.\n")
    print("use super::polynomial::Patch;\n")
    for name, doc in [
        ("direct", "`(1 + κ(1 + c)) W e^−κ I₀(κ)` of κ and c = cos x, as `tabulated` in `von_mises.rs` divides them."),
        ("reciprocal", "`(1 + κ(1 + c)) W √κ e^−κ I₀(κ)` of 1/κ and c = cos x, as `tabulated` in `von_mises.rs` divides them."),
    ]:
        mine = [(job, M) for job, M in results if job[0] == name]
        width = (max(len(M[0]) for _, M in mine) + 1) // 2 * 2
        print(f"/// {doc}\n#[rustfmt::skip]\npub(super) static {name.upper()}: [Patch<{width}>; {len(mine)}] = [")
        for job, M in mine:
            base.patch(M, job[1], job[2], width)
        print("];\n")
    for name in CURVES:
        mine = [M for job, M in curves if job[0] == name]
        n = max(len(M) for M in mine)
        doc = base.FUNCTIONS[name].__doc__.rstrip(".")
        print(f"/// {doc}, of 1/κ on 0 … 1/32, 1/32 … ⅛, ⅛ … ¼, ¼ … ½, each mapped to −1 … 1.\n#[rustfmt::skip]")
        print(f"pub(super) static {name.upper()}: [[f64; {n}]; 4] = [")
        for M in mine:
            print("    " + base.curve(M + [[mpf(0)]] * (n - len(M))) + ",")
        print("];\n")


if __name__ == "__main__":
    main()
