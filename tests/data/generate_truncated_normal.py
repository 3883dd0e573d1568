"""Makes truncated_normal.csv: quantiles of truncated normals and their derivatives, to 24 digits by mpmath (pip install mpmath).

    python3 tests/data/generate_truncated_normal.py > tests/data/truncated_normal.csv

tail is the signed tail of u. The bounds are the doubles that are written; everything else is exact arithmetic with 60 digits more than cancel.
"""

from mpmath import mp, mpf, erfc, sqrt, pi, exp, quad, log

mp.dps = 120


def mass(a, b):
    # Φ(b) − Φ(a) from the tail that has the digits.
    upper = lambda x: erfc(x / sqrt(2)) / 2 if abs(x) < 1000 else mpf(x < 0)
    return upper(a) - upper(b) if a > 0 else upper(-b) - upper(-a)


def phi(x):
    return exp(-x * x / 2) / sqrt(2 * pi) if abs(x) < 1000 else mpf(0)


def rows(mu, sigma, low, high, tail):
    m, s, l, h, e = map(mpf, (mu, sigma, low, high, tail))
    u = e if e > 0 else 1 + e
    a, b = (l - m) / s, (h - m) / s
    whole = mass(a, b)
    below, above = a, b
    if b - a > 100:
        below, above = max(a, mpf(-45)), min(b, mpf(45))
    # Bisection, then Newton.
    for _ in range(60):
        x = (below + above) / 2
        if mass(a, x) < u * whole:
            below = x
        else:
            above = x
    for _ in range(200):
        residual = mass(a, x) - u * whole if e > 0 else (1 - u) * whole - mass(x, b)
        step = residual / phi(x)
        x -= step
        if abs(step) < mpf(10) ** -100:
            break
    z = m + s * x
    dl, dh = (1 - u) * phi(a) / phi(x), u * phi(b) / phi(x)
    dmu, dsigma = 1 - dl - dh, x - a * dl - b * dh
    show = lambda v: mp.nstr(v if abs(v) > mpf(10) ** -110 else mpf(0), 24)
    print(",".join([repr(float(v)) for v in (mu, sigma, low, high, tail)] + [show(v) for v in (z, dmu, dsigma)] + [mp.nstr(v, 24) for v in (dl, dh)]))


print("mu,sigma,low,high,tail,z,dmu,dsigma,dlow,dhigh")
tails = [0.5, 0.3, -0.2, 0.01, -0.01, 1e-6, -1e-6, 2.0**-60, -(2.0**-60)]
standard = [
    (-1, 1), (-2, 0.5), (0, 1), (-0.25, 3), (-3, 3), (-8, 8), (-50, 50), (0, 50), (0.5, 60), (1, 1.5), (3, 3.5), (5, 40), (10, 10.001),
    (20, 30), (40, 41), (40, 80), (-1e-3, 2e-3), (-1e-6, 1e-6), (2, 2.000001), (40, 40.000001), (-0.3, -0.1), (-6, -5), (-41, -40),
    (-80, -40), (-10.001, -10), (-40.000001, -40), (-60, 0.5), (-60, 6), (-30, 2), (300, 301), (-5, 40), (7, 8),
]
for a, b in standard:
    for tail in tails:
        rows(0.0, 1.0, float(a), float(b), tail)
for mu, sigma, low, high in [
    (0.538, 0.05, 0.809, 0.869), (0.538, 0.05, 0.207, 0.267), (-3.0, 0.25, -2.0, 12.0), (1e3, 2.0, 999.0, 1005.5), (2.0, 1e-3, 2.04, 2.05),
    (1.0, 1e6, 2.0, 3.0), (0.0, 1.0, -8.988465674311579e307, 1.5), (0.5, 2.0, 8.0, 8.988465674311579e307),
]:
    for tail in tails:
        rows(mu, sigma, low, high, tail)
