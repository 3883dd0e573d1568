"""Makes gamma_special.csv: the incomplete gamma function, its inverse and its shape derivative, ln Γ, ln B and Mills' ratio by mpmath.

    python3 tests/data/generate_gamma.py > tests/data/gamma_special.csv

Arguments are f64 numbers, taken exactly. P, Q and d ln z/dα are sums of their power series with as many digits as cancel.
"""

from mpmath import digamma, erfc, exp, ln, loggamma, mp, mpf, pi, sqrt


def show(name, x, y, value):
    print(f"{name},{float(x)!r},{'' if y is None else repr(float(y))},{mp.nstr(value, 22)}")


def power_series(a, z):
    """P, Q and h = d ln z/dα."""
    t, s, h, k = mpf(1), mpf(0), mpf(0), 0
    factor = digamma(a + 1) - ln(z)
    while True:
        s += t
        h += t * factor
        k += 1
        r = 1 / (a + k)
        t *= z * r
        factor += r
        if k + a > z and t * abs(factor) < abs(h) * mpf(10) ** -30 and t < s * mpf(10) ** (5 - mp.dps):
            break
    p = s * exp(a * ln(z) - z - loggamma(a + 1))
    return p, 1 - p, h / a


def digits(a, z):
    """Enough for the cancellation in the upper tail and for ln of large numbers."""
    excess = z - a - a * ln(z / a) if z > a else 0
    return 60 + int(excess / 2.3)


print("function,x,y,value")
shapes = [1e-8, 1e-5, 1e-3, 0.02, 0.1, 0.4, 0.7, 0.999, 1, 1.2, 1.9, 2.4, 2.6, 4.9, 5.1, 7, 9.9, 10.1, 15, 19.9, 20.1, 33, 49, 51, 120, 249, 251, 700, 2400, 2600, 1e4, 1e5, 1e6]
for a in shapes:
    a = mpf(a)
    if a < 2:
        points = [mpf(x) for x in ["1e-250", "1e-30", "1e-6", "0.01", "0.07", "0.3", "0.9", "1.4999", "1.6", "3", "4.8", "9", "14.9", "15.1", "40", "200"]]
    else:
        sigmas = [-6.5, -5, -3, -1.2, -0.3, -0.01, 0, 0.02, 0.4, 1.3, 2.5, 4, 5.5, 7, 9]
        points = [a * (1 + x / sqrt(a) / 3) ** 3 for x in sigmas if 1 + x / sqrt(a) / 3 > 0.05]
        if a < 1000:
            points += [a * mpf("1e-10"), a / 20, 4 * a, 12 * a]
    for z in points:
        z = mpf(float(z))
        mp.dps = digits(a, z)
        a = mpf(float(a))
        p, q, h = power_series(a, z)
        if p > mpf("1e-300"):
            show("gamma_p", a, z, p)
        if q > mpf("1e-300"):
            show("gamma_q", a, z, q)
        show("shape_derivative", a, z, z * h)
        mp.dps = 40
mp.dps = 50
for k in range(-300, 301, 12):
    show("ln_gamma", mpf(float(f"1e{k}")), None, loggamma(mpf(float(f"1e{k}"))))
for x in [0.01, 0.3, 0.9, 0.999, 1 - 1e-10, 1 + 1e-10, 1.01, 1.3, 1.99, 2 - 1e-9, 2 + 1e-9, 2.001, 2.5, 3.7, 6, 9.99, 10.01, 23, 170, 1e3]:
    show("ln_gamma", mpf(x), None, loggamma(mpf(x)))
for a in [1e-300, 1e-20, 1e-3, 0.5, 1.5, 9.5, 10.5, 300.0, 1e7, 1e100, 1e300]:
    for b in [1e-300, 1e-9, 0.02, 1.0, 3.0, 9.9, 12.0, 5e3, 1e12, 1e200, 1e300]:
        # Sums and differences of numbers 600 orders of magnitude apart.
        mp.dps = 660
        a_, b_ = mpf(a), mpf(b)
        value = loggamma(a_) + loggamma(b_) - loggamma(a_ + b_)
        mp.dps = 50
        show("ln_beta", a, b, +value)
for x in [0, 1e-9, 0.1, 0.5, 0.99, 1.01, 2, 2.99, 3.01, 5, 10, 30, 100, 1e3, 1e5]:
    x = mpf(x)
    mp.dps = 50
    m = sqrt(pi / 2) * exp(x * x / 2) * erfc(x / sqrt(mpf(2)))
    show("mills_ratio", x, None, m)
    show("mills_defect", x, None, 1 - x * m)
