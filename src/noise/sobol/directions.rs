//! Direction numbers of Sobol's sequence, from the packed table.

use std::sync::LazyLock;

/// The polynomials and initial direction integers of Joe & Kuo 2008, packed by `generate_directions.py`,
/// which says how.
static PACKED: &[u8] = include_bytes!("directions.bin");

/// Dimensions for each degree of the primitive polynomial, 1 to 16: all polynomials of these degrees.
const DEGREES: [usize; 16] = [1, 1, 2, 2, 6, 6, 18, 16, 48, 60, 176, 144, 630, 756, 1800, 2048];

/// The number of dimensions: one before the first polynomial.
pub(super) const MAX_DIM: usize = 5715;

/// Digits of a point before scrambling.
pub(super) const DIGITS: usize = 32;

/// Dimensions that are processed together.
pub(super) const LANES: usize = 8;

/// The direction numbers of eight dimensions, digit by digit, in *reversed* order of bits: the first binary
/// digit after the point is bit 0. Exclusive-or works in any order, and the scrambling hash needs this one.
pub(super) type Directions = [[u32; LANES]; DIGITS];

/// The direction numbers of all dimensions, eight by eight (0 beyond the last): 730 kB, expanded on first
/// use.
pub(super) fn directions() -> &'static [Directions] {
    static EXPANDED: LazyLock<Vec<Directions>> = LazyLock::new(expand);
    &EXPANDED
}

fn expand() -> Vec<Directions> {
    let mut bits = Bits { at: 0 };
    let mut table = vec![[[0; LANES]; DIGITS]; MAX_DIM.div_ceil(LANES)];
    let mut put = |place: usize, v: [u32; DIGITS]| {
        for (k, v) in v.into_iter().enumerate() {
            table[place / LANES][k][place % LANES] = v;
        }
    };
    // The first dimension is van der Corput's sequence: m_k = 1.
    put(0, std::array::from_fn(|k| 1 << k));
    let degrees = (1..).zip(DEGREES).flat_map(|(degree, count)| std::iter::repeat_n(degree, count));
    for (place, degree) in (1..).zip(degrees) {
        put(place, dimension(degree, &mut bits));
    }
    table
}

/// The point at this place in Gray-code order: an exclusive-or of direction numbers.
pub(super) fn point(directions: &Directions, index: u64) -> [u32; LANES] {
    let gray = index ^ (index >> 1);
    let mut x = [0; LANES];
    for (k, v) in directions.iter().enumerate() {
        if gray >> k & 1 == 1 {
            step(&mut x, v);
        }
    }
    x
}

/// Adds a direction number in each dimension.
#[inline(always)]
pub(super) fn step(x: &mut [u32; LANES], v: &[u32; LANES]) {
    for (x, v) in x.iter_mut().zip(v) {
        *x ^= v;
    }
}

/// The next record: initial integers, then `m_k = 2a₁m_{k−1} ⊕ 4a₂m_{k−2} ⊕ … ⊕ 2^s m_{k−s} ⊕ m_{k−s}`
/// (Joe & Kuo 2008, equation 2).
fn dimension(degree: usize, bits: &mut Bits) -> [u32; DIGITS] {
    let inner = bits.take(degree - 1);
    let mut m = [0u64; DIGITS];
    for (k, m) in m.iter_mut().enumerate().take(degree) {
        *m = 2 * bits.take(k) + 1;
    }
    for k in degree..DIGITS {
        m[k] = (m[k - degree] << degree) ^ m[k - degree];
        for i in 1..degree {
            // a_i is bit s − 1 − i of the inner coefficients.
            if inner >> (degree - 1 - i) & 1 == 1 {
                m[k] ^= m[k - i] << i;
            }
        }
    }
    // m_k has k digits, the last of them at place k: reversed, bit k − 1.
    std::array::from_fn(|k| ((m[k] as u32) << (DIGITS - 1 - k)).reverse_bits())
}

/// A reader of the packed bits.
struct Bits {
    at: usize,
}

impl Bits {
    fn take(&mut self, count: usize) -> u64 {
        let bit = |at: usize| u64::from(PACKED[at / 8] >> (at % 8) & 1);
        let value = (0..count).fold(0, |value, i| value | bit(self.at + i) << i);
        self.at += count;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of scipy's Sobol sequence as multiples of 2⁻³².
    const POINTS: &str = include_str!("../../../tests/data/sobol_points.csv");

    #[test]
    fn the_table_is_read_to_its_end() {
        let mut bits = Bits { at: 0 };
        for (degree, &dimensions) in (1..).zip(&DEGREES) {
            for _ in 0..dimensions {
                dimension(degree, &mut bits);
            }
        }
        assert_eq!(bits.at.div_ceil(8), PACKED.len());
        assert_eq!(directions().len(), MAX_DIM.div_ceil(LANES));
    }

    #[test]
    fn unscrambled_points_are_those_of_scipy_up_to_the_last_dimension() {
        let mut lines = POINTS.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        let dimensions: Vec<usize> =
            header[1..].iter().map(|name| name[1..].parse().expect("a number")).collect();
        assert_eq!(dimensions.last(), Some(&MAX_DIM));
        let mut rows = 0;
        for line in lines {
            let index = line[0].parse().expect("a number");
            for (d, cell) in dimensions.iter().zip(&line[1..]) {
                let x = point(&directions()[(d - 1) / LANES], index)[(d - 1) % LANES];
                assert_eq!(x.reverse_bits(), cell.parse::<u32>().expect("a number"), "point {index}, d{d}");
            }
            rows += 1;
        }
        assert_eq!(rows, 19);
    }

    #[test]
    fn every_dimension_by_itself_is_a_permutation_at_every_depth() {
        // The matrix of direction numbers is upper triangular with ones on the diagonal: direction k is the
        // first with digit k.
        for d in 0..MAX_DIM {
            for (k, v) in directions()[d / LANES].iter().enumerate() {
                assert_eq!(v[d % LANES] >> k, 1, "digit {k} of dimension {}", d + 1);
            }
        }
    }
}
