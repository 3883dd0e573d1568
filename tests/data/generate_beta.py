"""Makes incomplete_beta.csv: the regularised incomplete beta function and Student's t, both tails and implicit derivatives, to 60 digits by
mpmath (pip install mpmath).

    python3 tests/data/generate_beta.py > tests/data/incomplete_beta.csv

Rows of kind `l` are at the log-odds `point` (x = 1/(1 + exp(-l))), of kind `x` at x = `point`, of kind `t` at t = `point` with nu = a.
`da`, `db` are dl/da, dl/db (l, x) at fixed probability; for t `da` is dt/dnu.
"""

from mpmath import mp, mpf, hyp2f1, beta, exp, log, sqrt, nstr

mp.dps = 60


def lower(a, b, x, y):
    # DLMF 8.17.8, from the side where the series converges faster.
    if x <= 0.5:
        return x**a * y**b / (a * beta(a, b)) * hyp2f1(a + b, 1, a + 1, x)
    return 1 - y**b * x**a / (b * beta(a, b)) * hyp2f1(a + b, 1, b + 1, y)


def tails(a, b, x, y):
    # 400 more digits than the difference from 1 takes.
    with mp.workdps(mp.dps + 400):
        return +lower(a, b, x, y), +lower(b, a, y, x)


def slopes(a, b, x, y):
    with mp.workdps(mp.dps + 400):
        q = x**a * y**b / beta(a, b)
        h = mpf(10) ** -150
        f = lambda a, b: lower(a, b, x, y)
        da = (f(a * (1 + h), b) - f(a * (1 - h), b)) / (2 * a * h)
        db = (f(a, b * (1 + h)) - f(a, b * (1 - h))) / (2 * b * h)
        return -da / q, -db / q


def show(kind, a, b, point, numbers):
    print(",".join([kind, repr(a), repr(b), repr(point)] + [nstr(v, 22) for v in numbers]), flush=True)


def at(kind, a, b, point):
    with mp.workdps(mp.dps + 400):
        p = mpf(point)
        x = 1 / (1 + exp(-p)) if kind == "l" else p
        y = 1 / (1 + exp(p)) if kind == "l" else 1 - p
    low, up = tails(mpf(a), mpf(b), x, y)
    if min(low, up) < mpf(10) ** -300:
        return
    show(kind, a, b, point, [low, up, *slopes(mpf(a), mpf(b), x, y)])


def student(nu, t):
    n, t_ = mpf(nu), mpf(t)

    def tail(n):
        x = n / (n + t_ * t_)
        return lower(n / 2, mpf(1) / 2, x, 1 - x) / 2

    with mp.workdps(mp.dps + 400):
        up = tail(n)
        h = n * mpf(10) ** -150
        p = 1 / (sqrt(n) * beta(n / 2, mpf(1) / 2)) * (1 + t_ * t_ / n) ** (-(n + 1) / 2)
        slope = (tail(n + h) - tail(n - h)) / (2 * h) / p
    if up > mpf(10) ** -300:
        show("t", nu, 0.5, t, [1 - up, up, slope, mpf(0)])


print("kind,a,b,point,lower,upper,da,db")
SMALL = [1e-8, 1e-3, 0.01]
for a, b in [(1e-8, 1e-8), (1e-8, 3.0), (1e-3, 1e-3), (1e-3, 50.0), (0.02, 0.7), (0.25, 0.25), (0.1, 2000.0)]:
    for p in [0.01, 0.3, 0.6]:
        # The power law x^a b/(a + b) of the lower tail.
        at("l", a, b, float(log(mpf(p) * (a + b) / b) / a if p * (a + b) < b else mpf(1)))
        at("l", a, b, float(-log(mpf(p) * (a + b) / a) / b if p * (a + b) < a else mpf(-1)))
    for l in [-7.5, -0.5, 0.0, 1.0, 6.0]:
        at("l", a, b, l)
for a, b in [(0.31, 0.29), (0.5, 6.0), (1.0, 1.0), (1.5, 40.0), (3.0, 0.4), (9.9, 10.1), (12.0, 900.0), (79.0, 81.0), (80.0, 80.0), (85.0, 4000.0), (300.0, 120.0), (0.7, 10000.0), (10000.0, 9000.0)]:
    spread = (1 / a + 1 / b) ** 0.5
    for z in [-6.0, -3.0, -1.0, -0.1, 0.2, 1.3, 2.5, 4.0]:
        p = 1 / (1 + exp(-(log(mpf(a) / b) + z * spread)))
        at("x", a, b, float(p))
for nu in [1e-3, 0.05, 0.4, 1.0, 1.7, 3.0, 8.0, 15.0, 25.5, 39.0, 41.0, 60.0, 99.0, 150.0, 400.0, 2500.0, 1e4]:
    for t in [1e-5, 0.01, 0.3, 0.9, 1.5, 2.2, 2.7, 3.5, 6.0, 20.0, 1e4]:
        student(nu, t)
