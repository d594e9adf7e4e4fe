// Elementary functions as branch-free inline code, so that a plain loop over them is
// vectorised for every instruction set. No table, no intrinsic, no fast-math: infinities
// and NaN keep their meaning, and denormal results are right.
//
// Worst errors in ulp of the result, float (exp, log and log1p over all floats) and double;
// tests/native/test_vector_math.py holds them:
//   exp 1.1, 0.8; exp_difference 1.3, 0.8; log and log1p_positive 0.9; log1p_unit 1.3, 0.9
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "coefficients.hpp"

#if defined(_MSC_VER)
#define XENT_INLINE __forceinline
#define XENT_RESTRICT __restrict
#else
#define XENT_INLINE inline __attribute__((always_inline))
#define XENT_RESTRICT __restrict__
#endif

// one translation unit an instruction set is compiled from this header: names must not
// be shared between them, or the linker would keep one copy for all processors
#ifndef XENT_ISA
#define XENT_ISA plain
#endif

namespace xent {
namespace XENT_ISA {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

template <class To, class From>
XENT_INLINE To bits_of(From value) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

template <class T>
struct Format;

template <>
struct Format<float> {
  using Int = std::int32_t;
  using Bits = std::uint32_t;
  static constexpr int lift = 64;
  static constexpr int exponent_span = 512;  // a power of 2 above all exponents
  static constexpr float unlift = 0x1p-64f;
  static constexpr int mantissa_bits = 23;
  static constexpr Int bias = 127;
  static constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23
  static constexpr float log2_e = 1.44269504088896341f;
  // log 2 in two parts, the first with so few bits that n times it is exact
  static constexpr float ln2_high = 0x1.62e4p-1f;
  static constexpr float ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float exp_to_zero = -104.0f;       // below, exp rounds to 0
  static constexpr float lifted_to_zero = -130.0f;    // below, exp 2^lift may be denormal
  static constexpr float exp_to_infinity = 88.722839f;  // above, exp overflows
};

template <>
struct Format<double> {
  using Int = std::int64_t;
  using Bits = std::uint64_t;
  static constexpr int lift = 512;
  static constexpr int exponent_span = 4096;
  static constexpr double unlift = 0x1p-512;
  static constexpr int mantissa_bits = 52;
  static constexpr Int bias = 1023;
  static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double log2_e = 1.44269504088896341;
  static constexpr double ln2_high = 0x1.62e42fee00000p-1;
  static constexpr double ln2_low = 0x1.a39ef35793c76p-33;
  static constexpr double exp_to_zero = -746.0;
  static constexpr double lifted_to_zero = -1060.0;
  static constexpr double exp_to_infinity = 709.782712893384;
};

// A sum and what rounding it lost: a - b = value + error exactly (Knuth's two-sum).
template <class T>
struct Exact {
  T value, error;
};

template <class T>
XENT_INLINE Exact<T> two_difference(T a, T b) {
  const T s = a - b;
  const T a_part = s + b;
  const T b_part = a_part - s;
  return {s, (a - a_part) - (b - b_part)};
}

template <class T>
XENT_INLINE Exact<T> two_sum(T a, T b) {
  const T s = a + b;
  const T a_part = s - b;
  const T b_part = s - a_part;
  return {s, (a - a_part) + (b - b_part)};
}

// The upper 26 bits of a double's mantissa: products of two such parts are exact, so that
// it does not matter whether a compiler fuses them into the addition that follows.
XENT_INLINE double upper_half(double x) {
  return bits_of<double>(bits_of<std::uint64_t>(x) & ~std::uint64_t(0x7ffffff));
}

template <class T, int N>
XENT_INLINE T polynomial(const T (&c)[N], T x) {
  T result = c[N - 1];
  for (int i = N - 2; i >= 0; --i) result = result * x + c[i];
  return result;
}

XENT_INLINE float exp_tail(float r) { return polynomial(coefficients::exp_float, r); }
XENT_INLINE double exp_tail(double r) { return polynomial(coefficients::exp_double, r); }
XENT_INLINE float atanh_tail(float z) { return polynomial(coefficients::atanh_float, z); }
XENT_INLINE double atanh_tail(double z) { return polynomial(coefficients::atanh_double, z); }

// mantissa * 2^exponent, for exponents down to the denormals: two factors, one rounding
template <class T>
XENT_INLINE T scale(T mantissa, typename Format<T>::Int exponent) {
  using F = Format<T>;
  using Int = typename F::Int;
  using Bits = typename F::Bits;
  const Int half = exponent >> 1;
  // unsigned: an exponent out of range is garbage that exp() replaces, not an overflow
  const Bits first_bits = static_cast<Bits>(half) + F::bias;
  const Bits second_bits = static_cast<Bits>(exponent) - static_cast<Bits>(half) + F::bias;
  const T first = bits_of<T>(static_cast<Bits>(first_bits << F::mantissa_bits));
  const T second = bits_of<T>(static_cast<Bits>(second_bits << F::mantissa_bits));
  return mantissa * first * second;
}

// exp(r + error) for |r| <= log(2)/2, where r = x - n log 2 in two steps. A double keeps
// what each step rounds away: what is left of the error is the last rounding, 0.5 ulp, that
// of the polynomial, 0.15, and of evaluating it. A float leaves all that out.
XENT_INLINE float exp_reduced(float x, float n, float error) {
  const float r = ((x - n * Format<float>::ln2_high) - n * Format<float>::ln2_low) + error;
  return 1.0f + (r + r * r * exp_tail(r));
}

// the same of a double, with what the last addition rounds away: right to 2^-56
XENT_INLINE Exact<double> exp_reduced_pair(double x, double n, double error) {
  const double high = x - n * Format<double>::ln2_high;  // exact
  const double low = n * Format<double>::ln2_low;
  const double rough = high - low;
  const double rest = ((high - rough) - low) + error;
  const double r = rough + rest;
  const double lost = (rough - r) + rest;
  const double sum = 1.0 + r;
  const double sum_lost = (1.0 - sum) + r;
  const double tail = sum_lost + (lost + r * r * exp_tail(r));
  const double value = sum + tail;
  return {value, tail - (value - sum)};
}

XENT_INLINE double exp_reduced(double x, double n, double error) {
  return exp_reduced_pair(x, n, error).value;
}

// exp(x + error) as mantissa * 2^exponent; the caller sees to x out of range
template <class T>
struct SplitExp {
  T mantissa;
  typename Format<T>::Int exponent;
};

template <class T>
XENT_INLINE SplitExp<T> split_exp(T x, T error) {
  using F = Format<T>;
  using Int = typename F::Int;
  using Bits = typename F::Bits;
  const T shifted = x * F::log2_e + F::round_magic;
  const T n = shifted - F::round_magic;
  const Int exponent = static_cast<Int>(bits_of<Bits>(shifted) - bits_of<Bits>(F::round_magic));
  return {exp_reduced(x, n, error), exponent};
}

// exp(x + error) for any x, NaN included; error is a rounding error of x
template <class T>
XENT_INLINE T exp(T x, T error = T(0)) {
  using F = Format<T>;
  const SplitExp<T> e = split_exp(x, error);
  T result = scale(e.mantissa, e.exponent);
  result = x < F::exp_to_zero ? T(0) : result;
  return x > F::exp_to_infinity ? infinity<T> : result;
}

// exp(value + error) 2^lift for value <= 0 or NaN; 0 where value < to_zero. The error is a
// rounding error of the value, and may be anything where that is -inf. The exponent is added
// to the bits of the mantissa in one step, which leaves out what the softmax loops cannot meet:
// overflow, and, with a lift and a to_zero that go together, denormals.
template <class T>
XENT_INLINE T exp_lifted(Exact<T> d, T lift, T to_zero) {
  using F = Format<T>;
  using Int = typename F::Int;
  using Bits = typename F::Bits;
  // below every n + lift, and nothing but zeros in the bits that are added to the exponent
  constexpr T lowest = F::round_magic - T(F::exponent_span);
  const T magic = F::round_magic + lift;
  const T shifted = d.value * F::log2_e + magic;  // low bits: n + lift
  const T n = shifted - magic;
  const T mantissa = exp_reduced(d.value, n, d.error);
  // a NaN compares false: its mantissa, NaN as well, stays as it is
  const T power = shifted > lowest ? shifted : lowest;
  const Bits lifted = bits_of<Bits>(mantissa) + (bits_of<Bits>(power) << F::mantissa_bits);
  return d.value < to_zero ? T(0) : bits_of<T>(static_cast<Int>(lifted));
}

// exp(x - m) 2^lift for x <= m, with the rounding error of the difference carried along; 0
// where x - m < to_zero. m is finite; x may be -inf or NaN.
template <class T>
XENT_INLINE T exp_lifted(T x, T m, T lift, T to_zero) {
  return exp_lifted(two_difference(x, m), lift, to_zero);
}

// exp(value + error), likewise: lifted out of reach of the denormals, and brought down by one
// exact product with a single rounding
template <class T>
XENT_INLINE T exp_at_most_one(Exact<T> d) {
  using F = Format<T>;
  return exp_lifted(d, T(F::lift), F::exp_to_zero) * F::unlift;
}

// exp(x - m) for x <= m. m is finite; x may be -inf or NaN.
template <class T>
XENT_INLINE T exp_difference(T x, T m) {
  return exp_at_most_one(two_difference(x, m));
}

// log(2^k (1 + f)) with a correction c added to f, |f| <= sqrt(2) - 1
template <class T>
XENT_INLINE T log_reduced(T k, T f, T correction) {
  using F = Format<T>;
  const T s = f / (T(2) + f);
  const T half_square = T(0.5) * f * f;
  const T z = s * s;
  const T tail = s * (half_square + z * atanh_tail(z)) + (k * F::ln2_low + correction);
  return k * F::ln2_high - ((half_square - tail) - f);
}

// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); x positive, finite and normal
template <class T>
struct Reduced {
  T k, f;
};

template <class T>
XENT_INLINE Reduced<T> reduce_log(T x) {
  using F = Format<T>;
  using Int = typename F::Int;
  constexpr T sqrt_half = T(0.70710678118654752440);
  // subtracting the bits of sqrt(1/2) puts the boundary of the exponent there
  const Int shifted = bits_of<Int>(x) - bits_of<Int>(sqrt_half);
  const Int k = shifted >> F::mantissa_bits;
  const T mantissa = bits_of<T>(
      static_cast<Int>(bits_of<Int>(x) - static_cast<Int>(k << F::mantissa_bits)));
  // an integer to a float by its bits, which every instruction set can do for 64 bits
  const T k_float = bits_of<T>(static_cast<Int>(bits_of<Int>(F::round_magic) + k)) - F::round_magic;
  return {k_float, mantissa - T(1)};
}

// log(x): -inf at 0, NaN below, +inf at +inf
template <class T>
XENT_INLINE T log(T x) {
  using F = Format<T>;
  constexpr T smallest = std::numeric_limits<T>::min();
  constexpr T two_power = T(std::int64_t(1) << (F::mantissa_bits + 1));
  const bool denormal = x < smallest;
  const Reduced<T> reduced = reduce_log(denormal ? x * two_power : x);
  const T k = reduced.k - (denormal ? T(F::mantissa_bits + 1) : T(0));
  T result = log_reduced(k, reduced.f, T(0));
  result = x < infinity<T> ? result : x;  // +inf and NaN
  result = x > T(0) ? result : (x == T(0) ? -infinity<T> : result);
  return x < T(0) ? std::numeric_limits<T>::quiet_NaN() : result;
}

// log(1 - p) for 0 <= p <= 1, right also where 1 - p rounds
XENT_INLINE double log_of_complement(double p) {
  const double u = 1 - p;
  const double lost = (1 - u) - p;
  const Reduced<double> reduced = reduce_log(u);
  const double result = log_reduced(reduced.k, reduced.f, lost / u);
  return u > 0 ? result : -infinity<double>;
}

// log(x + error) for 0 <= x, of which error is a rounding; -inf at 0, and where x is NaN NaN
XENT_INLINE double log_with_error(double x, double error) {
  constexpr double smallest = std::numeric_limits<double>::min();
  const bool denormal = x < smallest;
  const double lifted = denormal ? x * 0x1p54 : x;
  const Reduced<double> reduced = reduce_log(lifted);
  const double k = denormal ? reduced.k - 54 : reduced.k;
  const double result = log_reduced(k, reduced.f, denormal ? 0.0 : error / x);
  return x == 0 ? -infinity<double> : (x - x == 0 ? result : x);
}

// log(1 + x) for x >= 0, relative accuracy down to denormal x; +inf and NaN pass through
template <class T>
XENT_INLINE T log1p_positive(T x) {
  const T u = T(1) + x;
  // what 1 + x lost; whichever of the two is larger is subtracted first
  const T lost = x < T(1) ? x - (u - T(1)) : T(1) - (u - x);
  const Reduced<T> reduced = reduce_log(u);
  const T result = log_reduced(reduced.k, reduced.f, lost / u);
  return x < infinity<T> ? result : x;
}

// log(1 + e) for 0 <= e <= 1: no reduction is needed. NaN passes through.
XENT_INLINE float log1p_unit(float e) {
  const float s = e / (2.0f + e);
  const float half_square = 0.5f * e * e;
  const float z = s * s;
  return e - (half_square - s * (half_square + z * atanh_tail(z)));
}
XENT_INLINE double log1p_unit(double e) { return log1p_positive(e); }

}  // namespace XENT_ISA
}  // namespace xent
