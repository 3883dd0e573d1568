"""Makes special.csv: special functions to 40 digits by mpmath (pip install mpmath).

    python3 tests/data/generate_special.py > tests/data/special.csv
"""

from mpmath import mp, mpf, digamma, erfinv, findroot, betainc, gamma, pi, psi, quad, sqrt, inf, log, erfc

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
