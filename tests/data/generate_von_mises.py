"""Makes von_mises_special.csv: Bessel functions, tails and concentration derivatives of the von Mises distribution by mpmath.

    python3 tests/data/generate_von_mises.py > tests/data/von_mises_special.csv
"""

from mpmath import besseli, cos, exp, inf, mp, mpf, pi, quad, sin, sqrt

mp.dps = 40


def show(name, x, y, value):
    print(f"{name},{float(x)!r},{'' if y is None else repr(float(y))},{mp.nstr(value, 22)}")


def tail(k, x, f):
    """∫_x^π e^(κ(cos s − cos x)) f(s) ds."""
    # A panel is as wide as the exponent takes to fall by a few.
    width = min(pi - x, 1 / sqrt(k + 1) / 2, 4 / (k * sin(x)))
    ends = [x + j * width for j in range(40) if x + j * width < pi]
    if len(ends) < 40 or k < 100:
        ends.append(pi)
    return quad(lambda s: exp(k * (cos(s) - cos(x))) * f(s), ends)


print("function,x,y,value")
for k in [1e-300, 1e-10, 1e-3, 0.1, 0.5, 1.0, 1.9, 2.1, 3.7, 7.9, 8.1, 20.0, 31.0, 33.0, 100.0, 1e3, 1e6]:
    k = mpf(k)
    zero, one = besseli(0, k), besseli(1, k)
    a = one / zero
    show("bessel_i0_scaled", k, None, zero * exp(-k))
    show("bessel_ratio", k, None, a)
    show("bessel_ratio_complement", k, None, 1 - a)
    mp.dps = 350 if k < 1e-200 else 60
    a = besseli(1, k) / besseli(0, k)
    show("bessel_ratio_derivative", k, None, 1 - a / k - a * a)
    mp.dps = 40
for k in [1e-3, 0.05, 0.3, 0.99, 1.01, 2.4, 2.6, 3.5, 4.9, 5.1, 7, 9.9, 10.1, 14, 19.9, 20.1, 35, 49, 51, 120, 199, 201, 1e3, 1e4, 1e6]:
    k = mpf(k)
    a = besseli(1, k) / besseli(0, k)
    points = [mpf(j) / 10 / sqrt(1 + k / 10) for j in [0.001, 1, 3, 6, 9, 13, 17, 20, 23, 26, 29, 31, 40, 60, 90]]
    points += [mpf("1.55"), mpf("1.6"), mpf("2.5"), mpf("3.14")]
    for x in sorted(set(float(x) for x in points)):
        x = mpf(x)
        if x >= pi:
            continue
        density = exp(k * cos(x)) / (2 * pi * besseli(0, k))
        upper = density * tail(k, x, lambda s: 1)
        if upper > mpf("1e-280"):
            show("survival", k, x, upper)
        if cos(x) < a:
            slope = tail(k, x, lambda s: cos(s) - a)
        else:
            slope = -quad(lambda s: exp(k * (cos(s) - cos(x))) * (cos(s) - a), [0, x])
        show("concentration_derivative", k, x, slope)
