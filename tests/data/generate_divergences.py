"""Makes divergences.csv: entropy, mean, variance and KL divergence of scalar families by mpmath quadrature (pip install mpmath).

    python3 tests/data/generate_divergences.py > tests/data/divergences.csv

p and q are parameters separated by ';', in the order of the family's constructor. Columns that diverge, or have no value, are empty.
"""

from mpmath import mp, mpf, log, exp, sqrt, pi, tan, quad, gamma, erfc, inf, cot, cosh, tanh

mp.dps = 40


def by_quantile(lower, upper, ln_p):
    """E_p g from the quantile at a small u, and at a small 1 − u."""
    # The ends in logarithms: t = e^−y.
    cuts = [log(mpf(2)), 1, 2, 5, 10, 20, 40, 80, 160, 320]

    def expect(g):
        return sum(quad(lambda y: (g(lower(exp(-y))) + g(upper(exp(-y)))) * exp(-y), cuts[i : i + 2]) for i in range(len(cuts) - 1))

    return expect, ln_p


# Where q bends: no interval of a quadrature may hold it.
BENDS = []


def by_density(ln_p, cuts):
    cuts = sorted(set(cuts) | {b for b in BENDS if cuts[0] < b < cuts[-1]})
    return (lambda g: sum(quad(lambda z: g(z) * exp(ln_p(z)), cuts[i : i + 2]) for i in range(len(cuts) - 1))), ln_p


def spread(centres, scale):
    points = set()
    for c in centres:
        points.update([c] + [c + s * scale * k for k in (0.5, 1, 2, 4, 8, 16, 32) for s in (-1, 1)])
    return sorted(points)


F = {}
F["Exponential"] = lambda r: by_quantile(lambda u: -log(1 - u) / r, lambda v: -log(v) / r, lambda z: log(r) - r * z)
F["Logistic"] = lambda m, s: by_density(lambda z: -log(s) - 2 * log(2 * cosh((z - m) / s / 2)), spread([m], 4 * s))
F["Gumbel"] = lambda m, s: by_quantile(
    lambda u: m - s * log(-log(u)), lambda v: m - s * log(-mp.log1p(-v)), lambda z: -log(s) - (z - m) / s - exp(-(z - m) / s)
)
F["Laplace"] = lambda m, s: by_density(lambda z: -log(2 * s) - abs(z - m) / s, spread([m], 4 * s))
F["Cauchy"] = lambda m, s: by_quantile(
    lambda u: m - s * cot(pi * u), lambda v: m + s * cot(pi * v), lambda z: -log(pi * s * (1 + ((z - m) / s) ** 2))
)
F["Weibull"] = lambda k, s: by_quantile(
    lambda u: s * (-mp.log1p(-u)) ** (1 / k), lambda v: s * (-log(v)) ** (1 / k), lambda z: log(k / s) + (k - 1) * log(z / s) - (z / s) ** k
)
F["Pareto"] = lambda m, a: by_quantile(
    lambda u: m * (1 - u) ** (-1 / a), lambda v: m * v ** (-1 / a), lambda z: log(a) + a * log(m) - (a + 1) * log(z)
)
F["Uniform"] = lambda l, h: by_quantile(lambda u: l + u * (h - l), lambda v: h - v * (h - l), lambda z: -log(h - l))
F["Kumaraswamy"] = lambda a, b: by_quantile(
    lambda u: (-mp.expm1(mp.log1p(-u) / b)) ** (1 / a),
    lambda v: (1 - v ** (1 / b)) ** (1 / a),
    lambda z: log(a * b) + (a - 1) * log(z) + ((b - 1) * log(1 - z**a) if b != 1 else 0),
)
F["HalfCauchy"] = lambda s: by_quantile(lambda u: s * tan(pi * u / 2), lambda v: s * cot(pi * v / 2), lambda z: log(2 / (pi * s * (1 + (z / s) ** 2))))
F["LogLogistic"] = lambda s, b: by_quantile(
    lambda u: s * (u / (1 - u)) ** (1 / b),
    lambda v: s * (v / (1 - v)) ** (-1 / b),
    lambda z: log(b / s) + (b - 1) * log(z / s) - 2 * mp.log1p((z / s) ** b),
)
F["Gompertz"] = lambda e, b: by_quantile(
    lambda u: mp.log1p(-mp.log1p(-u) / e) / b, lambda v: mp.log1p(-log(v) / e) / b, lambda z: log(e * b) + b * z - e * mp.expm1(b * z)
)
F["HalfNormal"] = lambda s: by_density(lambda z: log(2 / (s * sqrt(2 * pi))) - (z / s) ** 2 / 2, [s * k for k in (0, 1, 2, 4, 8, 16)])
F["Normal"] = lambda m, s: by_density(lambda z: -log(s * sqrt(2 * pi)) - ((z - m) / s) ** 2 / 2, spread([m], s))


def student(nu, m, s):
    constant = log(gamma((nu + 1) / 2) / gamma(nu / 2) / sqrt(nu * pi) / s)
    ln_p = lambda z: constant - (nu + 1) / 2 * mp.log1p(((z - m) / s) ** 2 / nu)

    # Both tails in logarithms.
    def expect(g):
        cuts = [-80, -10, -3, -1, 0, 1, 2, 4, 8, 16, 32, 64, 128, 300]
        f = lambda y: s * exp(y) * (g(m + s * exp(y)) * exp(ln_p(m + s * exp(y))) + g(m - s * exp(y)) * exp(ln_p(m - s * exp(y))))
        return sum(quad(f, cuts[i : i + 2]) for i in range(len(cuts) - 1))

    return expect, ln_p


F["StudentT"] = student


def mapped(forward, inverse, ln_slope):
    def law(m, s):
        ln_n = lambda x: -log(s * sqrt(2 * pi)) - ((x - m) / s) ** 2 / 2
        cuts = sorted(set(spread([m], s) + [mpf(0)]))
        expect = lambda g: sum(quad(lambda x: g(forward(x)) * exp(ln_n(x)), cuts[i : i + 2]) for i in range(len(cuts) - 1))
        return expect, lambda z: ln_n(inverse(z)) - ln_slope(inverse(z))

    return law


F["LogNormal"] = mapped(exp, log, lambda x: x)
F["LogitNormal"] = mapped(lambda x: 1 / (1 + exp(-x)), lambda z: log(z / (1 - z)), lambda x: -2 * log(2 * cosh(x / 2)))
F["SoftplusNormal"] = mapped(lambda x: mp.log1p(exp(x)), lambda z: log(mp.expm1(z)), lambda x: -mp.log1p(exp(-x)))


def triangular(l, m, h):
    ln_p = lambda z: log(2 * (z - l) / ((h - l) * (m - l))) if z <= m else log(2 * (h - z) / ((h - l) * (h - m)))
    return by_density(ln_p, [l, (l + m) / 2, m, (m + h) / 2, h])


F["Triangular"] = triangular


def truncated(m, s, l, h):
    a, b = (l - m) / s, (h - m) / s
    upper = lambda x: erfc(x / sqrt(2)) / 2
    mp.dps += 400
    whole = upper(a) - upper(b) if a > 0 else upper(-b) - upper(-a)
    mp.dps -= 400
    constant = -log(whole) - log(s * sqrt(2 * pi))
    ln_p = lambda z: constant - ((z - m) / s) ** 2 / 2
    if a >= 0:
        length = min((h - l) / s, 1 / a if a > 0 else mpf(1))
        cuts = sorted({l + s * min(length * k, (h - l) / s) for k in (0, 0.5, 1, 2, 4, 8, 16, 32, 64)})
    elif b <= 0:
        length = min((h - l) / s, -1 / b if b < 0 else mpf(1))
        cuts = sorted({h - s * min(length * k, (h - l) / s) for k in (0, 0.5, 1, 2, 4, 8, 16, 32, 64)})
    else:
        cuts = sorted({max(l, min(h, m + s * k)) for k in (-14, -8, -4, -2, -1, 0, 1, 2, 4, 8, 14)})
    return by_density(ln_p, cuts)


F["TruncatedNormal"] = truncated

CASES = {
    "Exponential": [((0.5,), (2.0,)), ((2.0,), (2.0000001,))],
    "Normal": [((1.0, 0.5), (-1.0, 2.0)), ((1.0, 0.5), (1.0001, 0.5)), ((0.0, 3.0), (2.0, 0.5))],
    "LogNormal": [((0.3, 0.5), (-1.0, 1.0)), ((1.0, 1e-3), (1.0, 1.1e-3))],
    "Logistic": [((0.0, 1.0), (1.0, 2.0)), ((0.5, 2.0), (-3.0, 0.25)), ((1.0, 1.0), (1.001, 1.0)), ((0.0, 1.0), (0.3, 0.01)), ((2.0, 0.05), (-1.0, 3.0))],
    "Gumbel": [((0.0, 1.0), (1.0, 2.0)), ((0.5, 2.0), (-1.0, 0.5)), ((1.0, 1.0), (1.001, 1.0))],
    "Laplace": [((0.0, 1.0), (1.0, 2.0)), ((0.5, 2.0), (-3.0, 0.25)), ((1.0, 1.0), (1.001, 1.0))],
    "Cauchy": [((0.0, 1.0), (1.0, 2.0)), ((0.5, 2.0), (-3.0, 0.25)), ((1.0, 1.0), (1.001, 1.0))],
    "Weibull": [((2.0, 1.0), (1.5, 0.5)), ((0.7, 2.0), (2.0, 3.0)), ((300.0, 2.0), (300.5, 2.0))],
    "Pareto": [((2.0, 5.0), (1.0, 1.5)), ((2.0, 5.0), (1.999, 5.0))],
    "Uniform": [((0.0, 1.0), (-1.0, 1.5)), ((0.0, 1.0), (0.0, 1.000001))],
    "Kumaraswamy": [((2.0, 3.0), (0.5, 1.5)), ((0.5, 0.7), (3.0, 2.0)), ((2.0, 3.0), (2.01, 3.0)), ((500.0, 2.0), (300.0, 0.5)), ((1.5, 40.0), (1.0, 1.0))],
    "HalfNormal": [((1.0,), (2.0,)), ((1.0,), (1.001,))],
    "HalfCauchy": [((1.0,), (2.0,)), ((1.0,), (1.001,))],
    "LogLogistic": [((1.0, 3.0), (2.0, 1.5)), ((2.0, 40.0), (2.1, 30.0)), ((0.5, 1.2), (0.5, 4.0))],
    "Gompertz": [((0.1, 2.0), (0.5, 1.0)), ((3.0, 0.5), (1.0, 1.5)), ((1e-3, 1.0), (2e-3, 0.9)), ((50.0, 0.1), (40.0, 0.1))],
    "StudentT": [((5.0, 0.0, 1.0), (3.0, 1.0, 2.0)), ((2.5, 1.0, 0.5), (30.0, -1.0, 1.5)), ((1.0, 0.0, 1.0), (0.5, 0.2, 1.0)), ((4.0, 0.0, 1.0), (4.01, 0.0, 1.0)), ((0.2, 0.0, 1.0), (0.5, 0.5, 1.0)), ((0.5, 0.0, 1.0), (0.3, 1.0, 20.0))],
    "LogitNormal": [((0.5, 1.0), (0.0, 2.0)), ((-6.0, 0.5), (-5.0, 0.4)), ((1.0, 12.0), (0.0, 10.0)), ((3.0, 0.01), (3.0, 0.02))],
    "SoftplusNormal": [((0.5, 1.0), (0.0, 2.0)), ((-6.0, 0.5), (-5.0, 0.4)), ((4.0, 9.0), (0.0, 10.0))],
    "Triangular": [((0.0, 1.0, 4.0), (-1.0, 2.0, 5.0)), ((0.0, 1.0, 4.0), (0.0, 3.0, 4.0)), ((0.0, 1.0, 4.0), (-0.001, 1.0, 4.0))],
    "TruncatedNormal": [
        ((0.5, 1.2, 0.0, 2.0), (0.0, 1.0, -1.0, 3.0)), ((0.538, 0.05, 0.809, 0.869), (0.5, 0.06, 0.8, 0.9)), ((0.0, 1.0, -3.0, 1.0), (1.0, 2.0, -3.0, 1.0)),
        ((0.0, 1.0, 40.0, 41.0), (0.5, 1.0, 40.0, 42.0)), ((0.0, 1.0, 2.0, 2.000001), (0.0, 1.0, 1.999999, 2.000001)), ((1.0, 0.5, -6.0, -2.0), (-1.0, 1.0, -7.0, -1.5)),
    ],
}

NO_MEAN = {"Cauchy", "HalfCauchy"}


def moments(name, p, expect):
    if name in NO_MEAN or (name == "StudentT" and p[0] <= 2) or (name == "LogLogistic" and p[1] <= 2):
        return "", ""
    mean = expect(lambda z: z)
    return mp.nstr(mean, 20), mp.nstr(expect(lambda z: (z - mean) ** 2), 20)


print("family,p,q,entropy,mean,variance,kl")
for name, cases in CASES.items():
    for p, q in cases:
        BENDS[:] = []
        # Far out 1 − z holds all that is known of z.
        mp.dps = {"LogitNormal": 200, "Kumaraswamy": 240}.get(name, 40)
        if name in ("Logistic", "Laplace"):
            BENDS[:] = spread([mpf(q[0])], 4 * mpf(q[1]))
        elif name == "Triangular":
            BENDS[:] = [mpf(q[1])]
        expect, ln_p = F[name](*map(mpf, p))
        _, ln_q = F[name](*map(mpf, q))
        mean, variance = moments(name, p, expect)
        kl = expect(lambda z: ln_p(z) - ln_q(z))
        entropy = -expect(ln_p)
        text = lambda v: ";".join(repr(float(x)) for x in v)
        print(",".join([name, text(p), text(q), mp.nstr(entropy, 20), mean, variance, mp.nstr(kl, 20)]), flush=True)
