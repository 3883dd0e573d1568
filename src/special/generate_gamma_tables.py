"""Makes gamma_tables.rs: polynomials for the shape derivative of the gamma quantile and for the incomplete gamma function, by mpmath.

    python3 src/special/generate_gamma_tables.py > src/special/gamma_tables.rs && cargo fmt

With q(α, z) = z^α e^−z / Γ(α) = z p(z), S = P/q and h = −(∂P/∂α)/q = d ln z/dα at fixed P:

    α S = Σ t_k,   α h = Σ t_k (ψ(α+k+1) − ln z),   t_k = z^k / ((α+1) … (α+k)).

Each patch is the Chebyshev interpolant on a rectangle, cut where the terms left out add up to a tolerance (here 2e-17) of the smallest value, as
a polynomial in two variables that run over [−1, 1]: row j of the coefficients belongs to the j-th power of the second one. The
Chebyshev coefficients fall by a factor 5 or more a degree, so the plain powers lose nothing that f64 could show.
"""

import sys
from multiprocessing import Pool

from mpmath import bernoulli, cos, digamma, erfc, exp, factorial, loggamma, inf, log, mp, mpf, pi, sqrt

mp.dps = 70
TOLERANCE = mpf("2e-17")


def sums(a, z):
    """α S and α h."""
    psi = digamma(a + 1) - log(z)
    t, s, h, k = mpf(1), mpf(0), mpf(0), 0
    while True:
        s += t
        h += t * psi
        k += 1
        r = 1 / (a + k)
        t *= z * r
        psi += r
        if k + a > z and t * abs(psi) < abs(h) * mpf(10) ** -25 and t < s * mpf(10) ** -50:
            return s, h


def near_zero(a, x):
    """α (α+1) (α+2) z h of α and ln z: the factors remove the nearest poles of ψ."""
    z = exp(x)
    return sums(a, z)[1] * (a + 1) * (a + 2) * z


ORDER = 110  # of the power series in t
TERMS = 24  # of the asymptotic series in 1/α


def product(f, g):
    return [sum(f[i] * g[n - i] for i in range(n + 1)) for n in range(min(len(f), len(g)))]


def quotient(f, g):
    """f/g where both begin with t¹."""
    f, g = f[1:], g[1:]
    q = []
    for n in range(min(len(f), len(g))):
        q.append((f[n] - sum(q[i] * g[n - i] for i in range(n))) / g[0])
    return q


def asymptotic(first, constants):
    """E₀ = first, Eₖ = (Eₖ₋₁′ + constantsₖ)/(e^t − 1), as power series in t."""
    grow = [mpf(0)] + [1 / factorial(n) for n in range(1, ORDER)]
    terms = [first]
    for k in range(1, TERMS):
        slope = [n * c for n, c in enumerate(terms[-1])][1:]
        slope[0] += constants[k]
        assert abs(slope[0]) < mpf(10) ** -30
        terms.append(quotient(slope, grow))
    return terms


def expansions():
    """α h, and the T of `remainder`, by powers of 1/α with coefficients that are power series in t = ln(z/α).

    h solves ∂h/∂t + α (1 − e^t) h = ψ(α) − ln α − t, and T solves ∂T/∂t − α (e^t − 1) T = α (e^t − 1)/η − α/Γ*(α).
    """
    grow = [mpf(0)] + [1 / factorial(n) for n in range(1, ORDER)]
    gap = [mpf(0), mpf(1) / 2] + [bernoulli(n) / n if n % 2 == 0 else mpf(0) for n in range(2, TERMS)]
    line = [mpf(0), mpf(1)] + [mpf(0)] * (ORDER - 2)
    derivative = asymptotic(quotient(line, grow), gap)
    # 1/Γ* = exp(−Σ B₂ₘ/(2m(2m−1)) α^(1−2m)) and η = t √(2(e^t − 1 − t)/t²).
    stirling = [mpf(0)] + [bernoulli(n + 1) / (n * (n + 1)) if n % 2 else mpf(0) for n in range(1, TERMS)]
    star = [mpf(1)]
    for n in range(1, TERMS):
        star.append(sum(-m * stirling[m] * star[n - m] for m in range(1, n + 1)) / n)
    square = [2 / factorial(n + 2) for n in range(ORDER)]
    root = [mpf(1)]
    for n in range(1, ORDER):
        root.append((square[n] - sum(root[i] * root[n - i] for i in range(1, n))) / 2)
    one = [mpf(1)] + [mpf(0)] * (ORDER - 1)
    over_root = quotient([mpf(0)] + one, [mpf(0)] + root)
    over_grow = quotient([mpf(0)] + one, [mpf(0)] + grow[1:])
    first = [a - b for a, b in zip(over_grow, over_root)][1:]
    return derivative, asymptotic(first, star)


EXPANSIONS = expansions()


def expanded(which, y, t):
    return sum(y**k * sum(c * t**n for n, c in enumerate(E[:50])) for k, E in enumerate(EXPANSIONS[which]))


def scaled(y, t):
    """α h of 1/α and t = ln(z/α)."""
    a = 1 / y
    return sums(a, a * exp(t))[1] if a < 250 else expanded(0, y, t)


def remainder(y, t):
    """√(2πα) e^x² (Q − erfc(x)/2), x = η √(α/2), η²/2 = z/α − 1 − ln(z/α): the term that Temme 1979 expands in 1/α."""
    return expanded(1, y, t)


def check_expansions():
    """Against the convergent series, where both can be had."""
    y, t = mpf(1) / 300, mpf("0.1")
    a, z = 1 / y, exp(t) / y
    s, h = sums(a, z)
    half = z / a - 1 - t
    lower = s * exp(a * log(z) - z - loggamma(a + 1))
    exact = sqrt(2 * pi * a) * exp(a * half) * (1 - lower - erfc(sqrt(a * half)) / 2)
    assert abs(expanded(0, y, t) / h - 1) < mpf(10) ** -22
    assert abs(expanded(1, y, t) / exact - 1) < mpf(10) ** -22


def log_gamma(_, x):
    """ln Γ(x) / ((x − 1)(x − 2))."""
    return loggamma(x) / ((x - 1) * (x - 2))


def mills(_, u):
    """(1 + x) m(x), m = ∫_x^∞ e^(−(t²−x²)/2) dt, of u = 1/(1 + x)."""
    x = 1 / u - 1
    return sqrt(pi / 2) * exp(x * x / 2) * erfc(x / sqrt(2)) / u


def mills_defect(_, u):
    """(1 + x²)(1 − x m(x)) of u = 1/(1 + x)."""
    x = 1 / u - 1
    return (1 + x * x) * (1 - x * sqrt(pi / 2) * exp(x * x / 2) * erfc(x / sqrt(2)))


FUNCTIONS = {f.__name__: f for f in [near_zero, scaled, remainder, log_gamma, mills, mills_defect]}


def chebyshev(job):
    name, a_range, x_range, na, nx = job
    f = FUNCTIONS[name]
    (a0, a1), (x0, x1) = a_range, x_range
    node = lambda low, high, i, n: (low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * n))
    F = [[f(node(a0, a1, i, na), node(x0, x1, k, nx)) for k in range(nx)] for i in range(na)]
    T = lambda j, i, n: cos(pi * j * (2 * i + 1) / (2 * n)) * (2 if j else 1) / n
    G = [[sum(F[i][k] * T(j, k, nx) for k in range(nx)) for j in range(nx)] for i in range(na)]
    C = [[sum(G[k][j] * T(i, k, na) for k in range(na)) for j in range(nx)] for i in range(na)]
    # Leave out from the far corner as long as what is left out stays below the tolerance; keep a staircase.
    smallest = min(abs(v) for row in F for v in row)
    left = TOLERANCE * smallest
    height = [nx] * na
    while True:
        corners = [i for i in range(na) if height[i] and (i + 1 == na or height[i + 1] < height[i])]
        i = min(corners, key=lambda i: abs(C[i][height[i] - 1]))
        left -= abs(C[i][height[i] - 1])
        if left < 0:
            break
        height[i] -= 1
    # The first coefficients left out are the sign that the interpolant is fine enough.
    if na > 1:
        assert height[-1] == 0, (job, height)
    assert height[0] < nx, (job, height)
    powers = [[mpf(1)], [mpf(0), mpf(1)]]
    for n in range(2, max(na, nx)):
        twice = [mpf(0)] + [2 * c for c in powers[-1]]
        powers.append([c - (powers[-2][i] if i < len(powers[-2]) else 0) for i, c in enumerate(twice)])
    rows = max(height)
    columns = sum(1 for h in height if h)
    M = [[mpf(0)] * columns for _ in range(rows)]
    for i in range(columns):
        for j in range(height[i]):
            for p, cp in enumerate(powers[i]):
                for q, cq in enumerate(powers[j]):
                    M[q][p] += C[i][j] * cp * cq
    return job, M


def number(value, scale=None):
    """The shortest decimal of an f64, with no more digits than matter beside `scale`: to a 600th of the tolerance."""
    value = float(value)
    if value == 0:
        return "0."
    digits = 17 if scale is None else int(mp.ceil(log(abs(value) / (TOLERANCE / 600 * abs(scale))) / log(mpf(10))))
    if digits < 1:
        return "0."
    return repr(value) if digits >= 17 else repr(float(f"{value:.{digits - 1}e}"))


def patch(M, a_range, x_range, width):
    (a0, a1), (x0, x1) = a_range, x_range
    numbers = [(a0 + a1) / 2, 2 / (a1 - a0), (x0 + x1) / 2, 2 / (x1 - x0)]
    print("    Patch {")
    for field, value in zip(["first_middle", "first_scale", "second_middle", "second_scale"], numbers):
        print(f"        {field}: {number(value)},")
    print("        rows: &[")
    for row in M:
        row = row + [0] * (width - len(row))
        print("            [" + ", ".join(number(c, M[0][0]) for c in row) + "],")
    print("        ],\n    },")


SMALL = [((mpf(a0), mpf(a1)), (log(mpf("1.5")), mpf("1.55"), log(mpf(15)))) for a0, a1 in [(0, 1), (1, 2.5)]]
LARGE = [
    ((2.5, 5), (-1.2, -0.1, 0.9, 1.8)),
    ((5, 10), (-1.6, -0.5, 0.6, 1.5)),
    ((10, 20), (-1.6, -0.2, 1.2)),
    ((20, 50), (-1.3, -0.2, 0.9)),
    ((50, 250), (-0.8, 0, 0.7)),
    ((250, 2500), (-0.37, 0.34)),
    ((2500, inf), (-0.12, 0.12)),
]
TEMME = [((250, 2500), (-0.37, 0.34)), ((2500, inf), (-0.12, 0.12))]


def reciprocal(shapes):
    return (0 if shapes[1] == inf else 1 / mpf(shapes[1])), 1 / mpf(shapes[0])


def pieces(ends):
    return [(mpf(low), mpf(high)) for low, high in zip(ends, ends[1:])]


def curve(coefficients):
    return "[" + ", ".join(number(row[0], coefficients[0][0]) for row in coefficients) + "]"


def main():
    check_expansions()
    jobs = [("near_zero", a, x, 20, 19) for a, ends in SMALL for x in pieces(ends)]
    jobs += [("scaled", reciprocal(a), x, 14, 20) for a, ends in LARGE for x in pieces(ends)]
    jobs += [("remainder", reciprocal(a), x, 9, 20) for a, ends in TEMME for x in pieces(ends)]
    zero = (mpf(-1), mpf(1))
    jobs += [("log_gamma", zero, (mpf(1), mpf(2)), 1, 40)]
    jobs += [(f, zero, x, 1, 40) for f in ["mills", "mills_defect"] for x in pieces([0, 0.25, 0.5, 1])]
    with Pool() as pool:
        results = pool.map(chebyshev, jobs, chunksize=1)
    for job, M in results:
        print(job[0], mp.nstr(job[1], 4), mp.nstr(job[2], 4), len(M), len(M[0]), file=sys.stderr)
    print("//! Polynomials for the gamma functions, written by `generate_gamma_tables.py` from mpmath. Do not edit.\n")
    print("use super::polynomial::Patch;\n")
    docs = {
        "near_zero": "`α (α+1) (α+2) z h` of α and ln z, for z in 1.5 … 15: α in 0 … 1 and 1 … 2.5, two pieces each.",
        "scaled": "`α h` of 1/α and ln(z/α), by shapes, as `scaled_derivative` in `incomplete_gamma.rs` divides them.",
        "remainder": "`√(2πα) e^x² (Q − erfc(x)/2)` of 1/α and ln(z/α).",
    }
    for name, doc in docs.items():
        mine = [(job, M) for job, M in results if job[0] == name]
        parts = [(name.upper(), mine)]
        if name == "scaled":
            # Few columns do where the shapes are large.
            shapes = lambda job: float(1 / job[1][1])
            bands = [("LOW", 2, 9), ("MIDDLE", 9, 19), ("HIGH", 19, 240), ("TOP", 240, 1e9)]
            parts = [(f"SCALED_{band}", [m for m in mine if a < shapes(m[0]) < b]) for band, a, b in bands]
        for title, mine in parts:
            width = (max(len(M[0]) for _, M in mine) + 1) // 2 * 2
            print(f"/// {doc}\n#[rustfmt::skip]\npub(super) static {title}: [Patch<{width}>; {len(mine)}] = [")
            for job, M in mine:
                patch(M, job[1], job[2], width)
            print("];\n")
    (_, M), = [(job, M) for job, M in results if job[0] == "log_gamma"]
    print("/// `ln Γ(x) / ((x − 1)(x − 2))` of 2x − 3, for x in 1 … 2.\n#[rustfmt::skip]")
    print(f"pub(super) static LOG_GAMMA: [f64; {len(M)}] = {curve(M)};\n")
    for name, doc in [
        ("mills", "`(1 + x) m(x)` with Mills' ratio m"),
        ("mills_defect", "`(1 + x²)(1 − x m(x))`"),
    ]:
        mine = [M for job, M in results if job[0] == name]
        n = max(len(M) for M in mine)
        print(f"/// {doc} of u = 1/(1 + x), on u in 0 … ¼, ¼ … ½, ½ … 1, each mapped to −1 … 1.\n#[rustfmt::skip]")
        print(f"pub(super) static {name.upper()}: [[f64; {n}]; 3] = [")
        for M in mine:
            print("    " + curve(M + [[mpf(0)]] * (n - len(M))) + ",")
        print("];\n")


if __name__ == "__main__":
    main()
