"""Makes ziggurat_tables.rs: the edges of the 512 layers of equal area under exp(−x²/2), to full precision by mpmath.

    python3 src/vector/generate_tables.py > src/vector/ziggurat_tables.rs

Layer 0 is the rectangle [0, R] with the tail beyond; layers 1 … 511 are rectangles [0, X[k]] between the heights F[k] and F[k + 1].
R is such that the topmost layer closes at height 1 (Doornik 2005, "An Improved Ziggurat Method").
"""

from mpmath import mp, mpf, erfc, exp, log, pi, sqrt

mp.dps = 40
LAYERS = 512


def density(x):
    return exp(-x * x / 2)


def area(r):
    return r * density(r) + sqrt(pi / 2) * erfc(r / sqrt(2))


def edges(r):
    """Edges and area, or None if the layers reach height 1 too soon."""
    v = area(r)
    x = [v / density(r), r]
    for _ in range(2, LAYERS):
        height = v / x[-1] + density(x[-1])
        if height >= 1:
            return None
        x.append(sqrt(-2 * log(height)))
    return x if v / x[-1] + density(x[-1]) < 1 else None


# The smaller r, the larger the layers: bisection for the r that closes the topmost one exactly.
low, high = mpf(3), mpf(5)
for _ in range(140):
    middle = (low + high) / 2
    low, high = (low, middle) if edges(middle) else (middle, high)
x = edges(high)
x.append(mpf(0))
print("//! Made by `generate_tables.py`: the ziggurat's layers for the standard normal, widest first.")
print()
for name, doc, values in [
    ("X", "Right edges of the layers; X[1] is where the tail begins.", x),
    ("F", "`exp(−x²/2)` at the edges.", [density(t) for t in x]),
]:
    print(f"/// {doc}")
    print("#[rustfmt::skip]")
    print(f"pub(super) const {name}: [f64; {LAYERS + 1}] = [")
    for i in range(0, LAYERS + 1, 4):
        print("    " + " ".join(f"{float(t)!r}," for t in values[i : i + 4]))
    print("];")
    if name == "X":
        print()
