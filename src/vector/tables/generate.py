"""Makes normal.rs, exponential.rs, logistic.rs and gumbel.rs in this directory: the layers of the ziggurats, to full precision by mpmath.

    python3 src/vector/tables/generate.py

The area under a density is cut into N equal parts. As many of them as fit are rectangles that lie under the curve: layer k stands
on layer k − 1 and reaches sideways to where the curve has the height of its top, so that layer 0 is the widest. What is left lies
outside of the rectangles: region 0 is the tails beyond layer 0, region k the ends of layer k between its own edges and
those of layer k − 1, and the last region the cap above all layers. A region is chosen by Walker's alias method: an entry
is a threshold of 54 bits and, in its low 10 bits, the alias (McFarland 2016, doi:10.1080/00949655.2015.1060234).
"""

from pathlib import Path

from mpmath import mp, mpf, erfc, exp, log, pi, sqrt

mp.dps = 40


class Normal:
    """|z| for a standard normal z."""

    name, title, layers = "normal", "the standard normal, right half", 1024
    peak = sqrt(2 / pi)

    def edges(self, y):
        return mpf(0), sqrt(-2 * log(y / self.peak))

    def density(self, x):
        return self.peak * exp(-x * x / 2)

    def above(self, x):
        return erfc(x / sqrt(2))


class Exponential:
    name, title, layers = "exponential", "the standard exponential", 512
    peak = mpf(1)

    def edges(self, y):
        return mpf(0), -log(y)

    def density(self, x):
        return exp(-x)

    def above(self, x):
        return exp(-x)


class Logistic:
    """|z| for a standard logistic z."""

    name, title, layers = "logistic", "the standard logistic, right half", 512
    peak = mpf(1) / 2

    def edges(self, y):
        # y = 2t/(1 + t)², t = e^(−x) ≤ 1.
        t = ((1 - y) - sqrt(1 - 2 * y)) / y
        return mpf(0), -log(t)

    def density(self, x):
        return 2 * exp(-x) / (1 + exp(-x)) ** 2

    def above(self, x):
        return 2 * exp(-x) / (1 + exp(-x))


class Gumbel:
    name, title, layers = "gumbel", "the standard Gumbel", 1024
    peak = exp(mpf(-1))

    def edges(self, y):
        # ln p = −x − e^(−x): with e = e^(−x), ln e − e = ln y.
        c = log(y)
        return tuple(self.newton(c, start) for start in (self.start_left(c), self.start_right(c)))

    def start_left(self, c):
        # The larger e.
        e = -c
        for _ in range(60):
            e = log(e) - c if e > 1 else mpf("1.0001")
        return e

    def start_right(self, c):
        e = exp(c)
        for _ in range(60):
            e = exp(c + e)
        return e

    def newton(self, c, e):
        for _ in range(200):
            step = (log(e) - e - c) / (1 / e - 1)
            e -= step
            if abs(step) < mpf(10) ** -36 * e:
                break
        return -log(e)

    def density(self, x):
        return exp(-x - exp(-x))

    def above(self, x):
        return -mp.expm1(-exp(-x))

    def below(self, x):
        return exp(-exp(-x))


def cut(law):
    """Edges (left, right) and heights of the layers that fit under the curve."""
    part = mpf(1) / law.layers
    edges, heights = [], [mpf(0)]
    while True:
        base = heights[-1]

        def excess(y):
            left, right = law.edges(y)
            return (right - left) * (y - base) - part

        # Of the two tops that give a layer the right area, the lower: from the base on, the area grows to a maximum.
        # The maximum of the area by golden sections.
        a, b = base, law.peak
        ratio = (sqrt(mpf(5)) - 1) / 2
        for _ in range(80):
            c, d = b - ratio * (b - a), a + ratio * (b - a)
            if excess(c) > excess(d):
                b = d
            else:
                a = c
        top = (a + b) / 2
        if excess(top) < 0:
            return edges, heights
        low, high = base, top
        for _ in range(130):
            middle = (low + high) / 2
            if excess(middle) < 0:
                low = middle
            else:
                high = middle
        heights.append(high)
        edges.append(law.edges(high))


def between(law, a, b):
    return law.above(a) - law.above(b)


def regions(law, edges, heights):
    """Areas outside of the layers."""
    left, right = edges[0]
    areas = [law.above(right) + (law.below(left) if hasattr(law, "below") else 0)]
    for k in range(1, len(edges)):
        (l0, r0), (l1, r1) = edges[k - 1], edges[k]
        areas.append(between(law, l0, l1) + between(law, r1, r0) - heights[k] * ((l1 - l0) + (r0 - r1)))
    left, right = edges[-1]
    areas.append(between(law, left, right) - heights[-1] * (right - left))
    total = sum(areas)
    assert abs(total - (1 - mpf(len(edges)) / law.layers)) < mpf(10) ** -30, (law.name, total)
    return [a / total for a in areas]


def bend(law, edges, first):
    """From the region `first` on, the largest distance of the curve from its chord in the end of a layer, in parts of the layer's height."""
    worst = mpf(0)
    for side in (0, 1):
        for outer, inner in zip(edges[first - 1 :], edges[first:]):
            a, b = outer[side], inner[side]
            low, high = law.density(a), law.density(b)
            for t in range(1, 10) if a != b else []:
                t = mpf(t) / 10
                worst = max(worst, abs((law.density(a + (b - a) * t) - low) / (high - low) - t))
    return worst


def alias(weights, slots):
    scaled = [w * slots for w in weights] + [mpf(0)] * (slots - len(weights))
    threshold, other = [mpf(1)] * slots, list(range(slots))
    small = [i for i, w in enumerate(scaled) if w < 1]
    large = [i for i, w in enumerate(scaled) if w >= 1]
    while small and large:
        s, l = small.pop(), large.pop()
        threshold[s], other[s] = scaled[s], l
        scaled[l] -= 1 - scaled[s]
        (small if scaled[l] < 1 else large).append(l)
    return [(min(int(mp.nint(t * 2**54)), 2**54 - 1) << 10) | o for t, o in zip(threshold, other)]


def show(name, doc, kind, values, per_line):
    lines = [f"/// {doc}", "#[rustfmt::skip]", f"pub(in crate::vector) static {name}: [{kind}; {len(values)}] = ["]
    for i in range(0, len(values), per_line):
        lines.append("    " + " ".join(f"{v}," for v in values[i : i + per_line]))
    return lines + ["];", ""]


for law in [Normal(), Exponential(), Logistic(), Gumbel()]:
    edges, heights = cut(law)
    inside = len(edges)
    # FIRST_BEND and BEND of ziggurat.rs, with room for what is between the points looked at.
    assert bend(law, edges, 1) < mpf("0.095") and bend(law, edges, 8) < mpf("0.033"), law.name
    lines = [f"//! Made by `generate.py`: the layers of {law.title}, widest first.", ""]
    lines += ["/// Layers that lie under the curve.", f"pub(in crate::vector) const INSIDE: usize = {inside};", ""]
    pad = ["0.0"] * (law.layers - inside)
    if law.name == "gumbel":
        lines += show("LEFT", "Left edges.", "f64", [repr(float(l)) for l, _ in edges] + pad, 4)
    lines += show("RIGHT", "Right edges.", "f64", [repr(float(r)) for _, r in edges] + pad, 4)
    table = alias(regions(law, edges, heights), law.layers)
    lines += show("OUTSIDE", "Thresholds and aliases of the regions outside.", "u64", [f"{v:#018x}" for v in table], 5)
    Path(__file__).with_name(f"{law.name}.rs").write_text("\n".join(lines[:-1]) + "\n")
    print(law.name, inside, float(edges[0][0]), float(edges[0][1]))
