"""Derive the polynomials of the native kernels.

    python tools/minimax.py > native/coefficients.hpp

Each is the near-minimax polynomial of a smooth function on an interval: interpolation in
50-digit arithmetic at the Chebyshev nodes, which is within a small factor of the best
possible one. The relative error is printed beside every set, so that a degree is chosen
by looking, and `tests/native/test_coefficients.py` fails if the header is not what this
program prints.
"""

import mpmath as mp

mp.mp.dps = 50


def interpolate(f, low, high, degree):
    """Return the coefficients, lowest first, of the interpolant at the Chebyshev nodes."""
    n = degree + 1
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle + half * mp.cos((2 * i + 1) * mp.pi / (2 * n)) for i in range(n)]
    matrix = mp.matrix(n, n)
    for i, node in enumerate(nodes):
        for power in range(n):
            matrix[i, power] = node**power
    return list(mp.lu_solve(matrix, mp.matrix([f(node) for node in nodes])))


def worst_relative_error(f, g, low, high, points=2001):
    grid = (low + (high - low) * mp.mpf(i) / (points - 1) for i in range(points))
    return max(abs(g(x) / f(x) - 1) for x in grid if f(x) != 0)


def evaluate(coefficients, x):
    return mp.polyval(coefficients[::-1], x)


# exp(r) = 1 + r + r^2 q(r) on |r| <= log(2)/2, with a little room for the rounding of n
REDUCED = mp.log(2) / 2 * mp.mpf("1.001")


def exp_tail(r):
    return sum(r**k / mp.factorial(k + 2) for k in range(40))


# 2 atanh(s) = 2 s + s R(s^2), R(z) = 2/3 z + 2/5 z^2 + ...; here R(z) / z
def atanh_tail(z):
    return sum(2 * z**k / (2 * k + 3) for k in range(120))


# (1 + s) log(1 + s) + (1 - s) log(1 - s) = s^2 (1 + s^2 J(s^2)), J(z) = 1/6 + z/15 + ...
def jensen_tail(z):
    return sum(z**k / ((k + 2) * (2 * k + 3)) for k in range(80))


JENSEN_S = mp.tanh(mp.log(2) / 4) ** 2 * mp.mpf("1.001")  # the gap halved is at most log(2)/4
LOG_S = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.001")  # |s| of a mantissa
RATIO_S = (mp.mpf(1) / 5) ** 2 * mp.mpf("1.01")  # s of a ratio within 2^0.5862
LOG1P_S = (mp.mpf(1) / 3) ** 2 * mp.mpf("1.001")  # s of log1p(e), 0 <= e <= 1

SETS = [
    ("exp_float", "float", exp_tail, -REDUCED, REDUCED, 4,
     mp.exp, lambda c, r: 1 + r + r * r * evaluate(c, r)),
    ("exp_double", "double", exp_tail, -REDUCED, REDUCED, 9,
     mp.exp, lambda c, r: 1 + r + r * r * evaluate(c, r)),
    ("exp_double_short", "double", exp_tail, -REDUCED, REDUCED, 5,
     exp_tail, lambda c, r: evaluate(c, r)),
    ("jensen", "double", jensen_tail, mp.mpf(0), JENSEN_S, 6,
     lambda z: 1 + z * jensen_tail(z), lambda c, z: 1 + z * evaluate(c, z)),
    ("jensen_short", "double", jensen_tail, mp.mpf(0), JENSEN_S, 2,
     lambda z: 1 + z * jensen_tail(z), lambda c, z: 1 + z * evaluate(c, z)),
    ("atanh_float", "float", atanh_tail, mp.mpf(0), LOG1P_S, 4,
     lambda z: 2 * mp.atanh(mp.sqrt(z)) if z else mp.mpf(0),
     lambda c, z: 2 * mp.sqrt(z) + mp.sqrt(z) * z * evaluate(c, z)),
    ("atanh_double", "double", atanh_tail, mp.mpf(0), LOG_S, 7,
     lambda z: 2 * mp.atanh(mp.sqrt(z)) if z else mp.mpf(0),
     lambda c, z: 2 * mp.sqrt(z) + mp.sqrt(z) * z * evaluate(c, z)),
    ("atanh_ratio", "double", atanh_tail, mp.mpf(0), RATIO_S, 7,
     lambda z: 2 * mp.atanh(mp.sqrt(z)) if z else mp.mpf(0),
     lambda c, z: 2 * mp.sqrt(z) + mp.sqrt(z) * z * evaluate(c, z)),
    ("atanh_ratio_short", "double", atanh_tail, mp.mpf(0), RATIO_S, 4,
     lambda z: 2 * mp.atanh(mp.sqrt(z)) if z else mp.mpf(0),
     lambda c, z: 2 * mp.sqrt(z) + mp.sqrt(z) * z * evaluate(c, z)),
]  # fmt: skip


def main():
    print("// Made by tools/minimax.py; do not edit.")
    print("#pragma once\n")
    print("namespace xent {\nnamespace coefficients {\n")
    for name, kind, f, low, high, degree, whole, rebuild in SETS:
        c = interpolate(f, low, high, degree)
        error = worst_relative_error(whole, lambda x, c=c, r=rebuild: r(c, x), low, high)
        suffix = "f" if kind == "float" else ""
        digits = 10 if kind == "float" else 18
        print(f"// relative error of the whole function: {mp.nstr(error, 3)}")
        print(f"constexpr {kind} {name}[] = {{")
        for value in c:
            print(f"    {mp.nstr(value, digits, min_fixed=0, max_fixed=0)}{suffix},")
        print("};\n")
    print("}  // namespace coefficients\n}  // namespace xent")


if __name__ == "__main__":
    main()
