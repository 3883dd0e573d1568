"""Packs the direction numbers of Joe & Kuo (2008, doi:10.1137/070709359, their search criterion D(6)) into directions.bin,
and writes the first unscrambled points for the tests. Run in this folder:

    pip install scipy
    python generate_directions.py

The numbers are read from scipy, which ships them. A record a dimension from the second on, one after the other as a stream of
bits, lowest bit of a number first, lowest bit of a byte first:

    s - 1 bits        the inner coefficients of the primitive polynomial x^s + a_1 x^(s-1) + ... + a_(s-1) x + 1, a_(s-1) lowest
    k - 1 bits each   (m_k - 1) / 2 for k = 1 ... s, the initial direction integers, odd and below 2^k

The degree s is not stored: there are as many dimensions of degree s as primitive polynomials.
"""

import os

import numpy as np
import scipy
from scipy.stats import qmc

MAX_DEGREE = 16

numbers = np.load(os.path.join(os.path.dirname(scipy.__file__), "stats", "_sobol_direction_numbers.npz"))
polynomials, initial = numbers["poly"], numbers["vinit"]

stream, length, counts = 0, 0, [0] * MAX_DEGREE
pieces = []


def put(value, bits):
    global stream, length
    assert 0 <= value < 1 << bits or bits == value == 0
    stream |= value << length
    length += bits
    while length >= 8:
        pieces.append(stream & 0xFF)
        stream >>= 8
        length -= 8


for polynomial, m in zip(polynomials[1:].tolist(), initial[1:].tolist()):
    degree = polynomial.bit_length() - 1
    if degree > MAX_DEGREE:
        break
    counts[degree - 1] += 1
    assert polynomial & 1
    put((polynomial >> 1) & ((1 << (degree - 1)) - 1), degree - 1)
    for k in range(1, degree + 1):
        assert m[k - 1] & 1 and m[k - 1] < 1 << k
        put(m[k - 1] >> 1, k - 1)
if length:
    pieces.append(stream & 0xFF)

with open("directions.bin", "wb") as file:
    file.write(bytes(pieces))
print("dimensions of degree 1, 2, ...:", counts, "in all", 1 + sum(counts), "bytes:", len(pieces))

# Points 0 ... 15 and three later ones, in Gray-code order as scipy makes them, in some dimensions up to the last.
dimensions = [1, 2, 3, 4, 5, 10, 37, 100, 500, 1024, 1111, 2000, 3667, 5715]
points = qmc.Sobol(d=max(dimensions), scramble=False, bits=32)
first = points.random(1024)
with open("../../../tests/data/sobol_points.csv", "w") as file:
    file.write("index," + ",".join(f"d{d}" for d in dimensions) + "\n")
    for index in [*range(16), 100, 777, 1023]:
        row = (int(first[index, d - 1] * 2**32) for d in dimensions)
        file.write(f"{index}," + ",".join(map(str, row)) + "\n")

# The smallest t for which the first 2^m points of a pair of dimensions are a (t, m, 2)-net: every elementary interval of area 2^(t - m) holds
# exactly 2^t of them.
digits = (first * 2**32).astype(np.uint64)


def is_net(a, b, t, m):
    for q in range(m - t + 1):
        cells = np.zeros(1 << m, dtype=np.uint64)
        for d, bits in ((a, q), (b, m - t - q)):
            part = digits[: 1 << m, d - 1] >> np.uint64(32 - bits) if bits else 0
            cells = cells * np.uint64(1 << bits) + part
        if (np.bincount(cells.astype(np.int64), minlength=1 << (m - t)) != 1 << t).any():
            return False
    return True


with open("../../../tests/data/sobol_nets.csv", "w") as file:
    file.write("first,second,m,t\n")
    for a, b in [(1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (1, 6), (8, 12), (10, 11), (37, 100), (1111, 2000)]:
        for m in range(1, 11):
            t = next(t for t in range(m + 1) if is_net(a, b, t, m))
            file.write(f"{a},{b},{m},{t}\n")
