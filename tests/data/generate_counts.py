"""Makes counts.csv: log-masses and scores of counts (pip install mpmath).

    python3 tests/data/generate_counts.py > tests/data/counts.csv

`a` is the number of trials or of successes where there is one, `b` the rate, logit or probability; all are the doubles that they read as. `score` is
that by b, `score_a` that by a.
"""

from mpmath import mp, mpf, log, exp, loggamma, digamma, log1p

mp.dps = 400


def p_and_q(way, b):
    if way == "probs":
        return log(b), log1p(-b), b, 1 - b
    # σ(±l) in logarithms; at ±1e308 one of them is 0 to any digits.
    def ln_sigmoid(l):
        return l - log1p(exp(l)) if l < 0 else -log1p(exp(-l))

    lp, lq = ln_sigmoid(b), ln_sigmoid(-b)
    return lp, lq, exp(lp), exp(lq)


def poisson(way, a, b, k):
    return k * log(b) - b - loggamma(k + 1), k / b - 1, None


def binomial(way, n, b, k):
    lp, lq, p, q = p_and_q(way, b)
    mass = loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1) + (k * lp if k else 0) + ((n - k) * lq if n - k else 0)
    return mass, k * q - (n - k) * p if way == "logits" else k / p - (n - k) / q, None


def negative_binomial(way, r, b, k):
    lp, lq, p, q = p_and_q(way, b)
    mass = loggamma(k + r) - loggamma(k + 1) - loggamma(r) + r * lp + (k * lq if k else 0)
    return mass, r * q - k * p if way == "logits" else r / p - k / q, digamma(k + r) - digamma(r) + lp


def geometric(way, a, b, k):
    mass, score, _ = negative_binomial(way, mpf(1), b, k)
    return mass, score, None


rows = []
for rate in (1e-300, 1e-5, 0.3, 1.0, 4.0, 33.3, 1e4, 1e9, 1e15):
    ks = {0, 1, 2, 10, int(rate), int(rate + 5 * rate**0.5), int(max(rate - 5 * rate**0.5, 0)), int(3 * rate), int(rate / 20)}
    rows += [(poisson, "rate", None, rate, k) for k in ks]
for n in (1, 2, 10, 1000, 10**9, 2**53):
    for way, b in [("logits", l) for l in (-800.0, -40.0, -3.0, 0.0, 0.5, 20.0)] + [("probs", p) for p in (1e-300, 1e-8, 0.3, 0.5, 1 - 2.0**-53)]:
        p = float(p_and_q(way, mpf(b))[2])
        spread = (n * p * (1 - p)) ** 0.5
        ks = {0, 1, n, n - 1, n // 2} | {int(min(max(n * p + s * spread, 0), n)) for s in (-4, 0, 4)}
        rows += [(binomial, way, n, b, k) for k in ks]
for way, b in [("logits", l) for l in (-40.0, -3.0, 0.0, 0.5, 20.0)] + [("probs", p) for p in (1e-12, 0.3, 0.5, 1 - 2.0**-53)]:
    p = float(p_and_q(way, mpf(b))[2])
    ks = {0, 1, 2, 50, 10**6, int(min(1 / p, 2.0**53))}
    rows += [(geometric, way, None, b, k) for k in ks]
    for r in (1e-300, 1e-5, 0.4, 1.0, 3.0, 77.7, 1e6, 1e12):
        mean = min(r * (1 - p) / p, 2.0**52)
        ks = {0, 1, 2, 50, 10**6, int(mean), int(1.5 * mean)}
        rows += [(negative_binomial, way, r, b, k) for k in ks]

print("family,by,a,b,k,log_mass,score,score_a")
for f, way, a, b, k in rows:
    value = f(way, mpf(a) if a is not None else None, mpf(b), mpf(k))
    text = ["" if v is None else mp.nstr(v, 20) for v in value]
    print(",".join([f.__name__, way, "" if a is None else repr(a), repr(b), repr(k), *text]))
