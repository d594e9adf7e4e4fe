// Sums of doubles without any rounding.
//
// A sum is one wide integer in units of 2^-1074, the smallest double: limb i counts 2^(32 i)
// units. A term falls on two limbs, carries wait (Neal 2015, "Fast exact summation using
// small and large superaccumulators"). Integer addition has no order, so neither has a sum.
// Terms are finite; infinities and NaN are counted elsewhere.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "vector_math.hpp"

namespace xent {

struct ExactSum {
  // 65 limbs reach the largest double, two more hold 2^64 of them
  static constexpr int kLimbs = 67;
  static constexpr int kBytes = 4 * (kLimbs - 1) + 8;
  std::int64_t limbs[kLimbs] = {};
  std::int64_t terms = 0;  // since carries were last moved
  // terms cut into three parts, a lane each, that still add without rounding; see add_tile
  static constexpr int kLanes = 8;
  double high[kLanes] = {}, middle[kLanes] = {}, low[kLanes] = {};
  int tiles = 0;
};

namespace XENT_ISA {

// limbs below the top end in [0, 2^32): the representation of a value is unique
inline void carry(ExactSum& sum) {
  for (int i = 0; i + 1 < ExactSum::kLimbs; ++i) {
    sum.limbs[i + 1] += sum.limbs[i] >> 32;
    sum.limbs[i] &= 0xffffffff;
  }
  sum.terms = 0;
}

XENT_INLINE void add(ExactSum& sum, double value) {
  const std::uint64_t bits = bits_of<std::uint64_t>(value);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  std::uint64_t mantissa = bits & 0xfffffffffffffull;
  mantissa |= exponent ? 1ull << 52 : 0;
  const int position = exponent ? exponent - 1 : 0;
  const int shift = position & 31;
  const auto low = static_cast<std::int64_t>((mantissa << shift) & 0xffffffffull);
  const auto high = static_cast<std::int64_t>(mantissa >> (32 - shift));
  const std::int64_t sign = bits >> 63 ? -1 : 1;
  std::int64_t* limb = sum.limbs + (position >> 5);
  limb[0] += sign * low;
  limb[1] += sign * high;
  // a high part is below 2^53, so 2^9 of them stay far from 2^63
  if (++sum.terms == 512) carry(sum);
}

// what waits in the lanes moves to the limbs, and carries move up
inline void settle(ExactSum& sum) {
  for (int lane = 0; lane < ExactSum::kLanes; ++lane) {
    for (double* part : {sum.high, sum.middle, sum.low}) {
      if (part[lane] != 0) add(sum, part[lane]);
      part[lane] = 0;
    }
  }
  sum.tiles = 0;
  carry(sum);
}

inline void add(ExactSum& sum, ExactSum other) {
  settle(sum);
  settle(other);
  for (int i = 0; i < ExactSum::kLimbs; ++i) sum.limbs[i] += other.limbs[i];
  carry(sum);
}

// the sum as a two's complement integer, lowest byte first
inline void write(ExactSum sum, unsigned char* bytes) {
  settle(sum);
  for (int i = 0; i < ExactSum::kLimbs; ++i) {
    const int width = i + 1 < ExactSum::kLimbs ? 4 : 8;
    const auto limb = static_cast<std::uint64_t>(sum.limbs[i]);
    for (int k = 0; k < width; ++k)
      bytes[4 * i + k] = static_cast<unsigned char>(limb >> (8 * k));
  }
}

constexpr int kTile = 64;

// A value cut into multiples of 2^-32, 2^-75 and 2^-118 by adding and subtracting a large number.
// 512 such multiples of values up to 2^12 add in a double without rounding, in any order.
struct Parts {
  double high, middle, low;
  double last;  // `low` before it was cut
};

XENT_INLINE Parts cut(double x) {
  constexpr double cut_high = 0x1.8p20, cut_middle = 0x1.8p-23, cut_low = 0x1.8p-66;
  const double high = (x + cut_high) - cut_high;
  const double after = x - high;
  const double middle = (after + cut_middle) - cut_middle;
  const double last = after - middle;
  const double low = (last + cut_low) - cut_low;
  return {high, middle, low, last};
}

// the same of x + error, where error is what rounding took from x
XENT_INLINE Parts cut(double x, double error) {
  constexpr double cut_high = 0x1.8p20, cut_middle = 0x1.8p-23, cut_low = 0x1.8p-66;
  const double high = (x + cut_high) - cut_high;
  const double after = x - high;
  const double middle = (after + cut_middle) - cut_middle;
  const double error_middle = (error + cut_middle) - cut_middle;
  const double last = (after - middle) + (error - error_middle);
  const double low = (last + cut_low) - cut_low;
  return {high, middle + error_middle, low, last};
}

// Whether parts of a value do not add without rounding.
XENT_INLINE std::int64_t misfits(double x, const Parts& parts) {
  const double size = x < 0 ? -x : x;
  return static_cast<std::int64_t>(parts.low != parts.last) | static_cast<std::int64_t>(size > 4096.0);
}

// Adds a tile of values by their parts, so that this vectorises. A tile that does not fit goes
// one by one.
inline void add_tile(ExactSum& sum, const double* XENT_RESTRICT values) {
  constexpr int lanes = ExactSum::kLanes, steps = kTile / lanes;
  double high[lanes], middle[lanes], low[lanes];
  std::int64_t outside = 0;
#pragma omp simd reduction(| : outside)
  for (int lane = 0; lane < lanes; ++lane) {
    double h = 0, m = 0, l = 0;
    std::int64_t odd = 0;
    for (int k = 0; k < steps; ++k) {
      const double x = values[k * lanes + lane];
      const Parts parts = cut(x);
      h += parts.high;
      m += parts.middle;
      l += parts.low;
      odd |= misfits(x, parts);
    }
    high[lane] = h;
    middle[lane] = m;
    low[lane] = l;
    outside |= odd;
  }
  if (outside) {
    for (int b = 0; b < kTile; ++b)
      if (values[b] != 0) add(sum, values[b]);
    return;
  }
  for (int lane = 0; lane < lanes; ++lane) sum.high[lane] += high[lane];
  for (int lane = 0; lane < lanes; ++lane) sum.middle[lane] += middle[lane];
  for (int lane = 0; lane < lanes; ++lane) sum.low[lane] += low[lane];
  if (++sum.tiles == 512 / steps) settle(sum);
}

// Whether a product does not fit the multiples of add_tile_products.
XENT_INLINE std::int64_t misfits_grid(double x) {
  const double size = x < 0 ? -x : x;
  const std::int64_t small = static_cast<std::int64_t>(size < 0x1p-65);
  return static_cast<std::int64_t>(size > 4096.0) |
         (small & static_cast<std::int64_t>(size > 0));
}

XENT_INLINE void add_beyond_grid(ExactSum& sum, double value, double error) {
  add(sum, value);
  if ((value > 1 || value < -1) && error != 0) add(sum, error);
}

// The same for products that two doubles hold. Each is kept to 2^-118; what is beyond 2^12 is
// kept whole, and of what is below 2^-65 the larger double. A product alone decides which.
inline void add_tile_products(ExactSum& sum, const double* values, const double* errors) {
  constexpr int lanes = ExactSum::kLanes, steps = kTile / lanes;
  double high[lanes], middle[lanes], low[lanes];
  std::int64_t outside = 0;
#pragma omp simd reduction(| : outside)
  for (int lane = 0; lane < lanes; ++lane) {
    double h = 0, m = 0, l = 0;
    std::int64_t odd = 0;
    for (int k = 0; k < steps; ++k) {
      const double x = values[k * lanes + lane];
      const Parts parts = cut(x, errors[k * lanes + lane]);
      h += parts.high;
      m += parts.middle;
      l += parts.low;
      odd |= misfits_grid(x);
    }
    high[lane] = h;
    middle[lane] = m;
    low[lane] = l;
    outside |= odd;
  }
  if (outside) {
    double inner[kTile], inner_errors[kTile];
    for (int b = 0; b < kTile; ++b) {
      const bool fits = !misfits_grid(values[b]);
      inner[b] = fits ? values[b] : 0;
      inner_errors[b] = fits ? errors[b] : 0;
      if (!fits) add_beyond_grid(sum, values[b], errors[b]);
    }
    add_tile_products(sum, inner, inner_errors);
    return;
  }
  for (int lane = 0; lane < lanes; ++lane) sum.high[lane] += high[lane];
  for (int lane = 0; lane < lanes; ++lane) sum.middle[lane] += middle[lane];
  for (int lane = 0; lane < lanes; ++lane) sum.low[lane] += low[lane];
  if (++sum.tiles == 512 / steps) settle(sum);
}

}  // namespace XENT_ISA
}  // namespace xent
