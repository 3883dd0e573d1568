"""Makes special.csv: special functions to 40 digits by mpmath (pip install mpmath).

    python3 tests/data/generate_special.py > tests/data/special.csv
"""

from mpmath import mp, mpf, digamma, erfinv, findroot, betainc, gamma, pi, psi, quad, sqrt, inf, log, log1p, exp, expm1, erfc

mp.dps = 40


def show(name, x, y, value):
    print(f"{name},{float(x)!r},{y},{mp.nstr(value, 25)}")


def normal_quantile(u):
    # A start from the tail expansion, then Newton on ln Φ in 40 digits.
    u = mpf(u)
    phi = lambda x: erfc(-x / sqrt(2)) / 2
    start = -sqrt(-2 * log(u)) if u < mpf("0.02") else sqrt(2) * erfinv(2 * u - 1)
    return findroot(lambda x: log(phi(x)) - log(u), start)


def t_quantile(u, nu):
    u, nu = mpf(u), mpf(nu)
    lower = lambda t: betainc(nu / 2, mpf(1) / 2, 0, nu / (nu + t * t), regularized=True) / 2
    low, high = mpf(-1), mpf(0)
    while lower(low) > u:
        low *= 2
    return findroot(lambda t: log(lower(t)) - log(u), (low, low / 2 if low < -1 else mpf("-1e-3")), solver="anderson")


def normal_ln_cdf(x):
    # erfc of a large negative argument is 2 minus a small number: 40 digits do not hold its logarithm.
    return log(erfc(-x / sqrt(2)) / 2) if x < 0 else log1p(-erfc(x / sqrt(2)) / 2)


def normal_quantile_ln(ln_u):
    if ln_u > -0.6:
        # The digits are in the upper tail.
        return -normal_quantile_ln(log(-expm1(ln_u)))
    return newton_ln(ln_u, -sqrt(-2 * ln_u) if ln_u < -5 else mpf(0))


def newton_ln(ln_u, x):
    for _ in range(60):
        ln_phi = -x * x / 2 - log(sqrt(2 * pi))
        step = (normal_ln_cdf(x) - ln_u) / exp(ln_phi - normal_ln_cdf(x))
        x -= step
        if abs(step) < mpf(10) ** -38 * (1 + abs(x)):
            return x
    raise ValueError(ln_u)


print("function,x,y,value")
for k in range(-32, 33):
    x = mpf(float(mpf(10) ** (mpf(k) / 4)))
    show("digamma", x, "", digamma(x))
    show("trigamma", x, "", psi(1, x))
for x in [0.75, 1.0, 1.46, 1.5, 2.0, 3.5, 9.99, 10.0, 10.01, 25.0]:
    show("digamma", x, "", digamma(mpf(x)))
    show("trigamma", x, "", psi(1, mpf(x)))
for u in [1e-300, 1e-200, 1e-100, 1e-50, 1e-20, 1e-11, 1e-10, 1e-6, 1e-3, 0.01, 0.07, 0.08, 0.1, 0.25, 0.4, 0.49]:
    show("normal_quantile", u, "", normal_quantile(u))
for nu in [1, 2, 3, 4, 5, 7, 10, 25, 50, 99, 100, 199, 200, 500, 1000, 1001, 10000]:
    for u in [1e-9, 1e-6, 1e-3, 0.005, 0.025, 0.05, 0.2, 0.4]:
        show("student_t_quantile", u, nu, t_quantile(u, nu))
for x in [-37.5, -37.3, -30.0, -20.3, -10.0, -8.7, -5.0, -3.0, -2.0, -1.0, -0.5, -0.1, -1e-3, -1e-300, 0.0, 1e-10, 0.03, 0.1, 0.7, 1.0, 2.5, 5.0, 8.0, 20.0]:
    show("normal_cdf", x, "", erfc(-mpf(x) / sqrt(2)) / 2)
    show("normal_survival", -x, "", erfc(-mpf(x) / sqrt(2)) / 2)
for x in [-1e4, -1234.5, -100.0, -38.6, -37.3, -20.3, -5.0, -3.0, -1.0, -0.5, -0.1, -1e-3, 0.0, 1e-10, 0.03, 0.1, 0.7, 1.0, 2.5, 5.0, 8.0, 20.0, 37.0]:
    show("normal_ln_cdf", x, "", normal_ln_cdf(mpf(x)))
    show("normal_ln_survival", -x, "", normal_ln_cdf(mpf(x)))
for x in [-1e15, -1e10, -1e6, -12345.678, -1000.0, -700.0, -690.1, -689.9, -300.0, -100.0, -30.0, -10.0, -5.0, -2.6, -2.4, -1.0, -0.7, -0.6931471805599453, -0.6931, -0.69, -0.5, -0.2, -0.081, -0.079, -0.05, -1e-3, -1e-10, -1e-100, -1e-300]:
    show("normal_quantile_ln", x, "", normal_quantile_ln(mpf(x)))
