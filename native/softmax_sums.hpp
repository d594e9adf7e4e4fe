// Sums of the non-negative terms of a row, right to the last bit of the row's own type.
#pragma once

#include "floats.hpp"

namespace xent {
namespace XENT_ISA {

// float terms are added in double, which is exact enough; for double terms the part that
// each addition loses is carried along
struct Sum {
  double value = 0, error = 0;
};

XENT_INLINE void add(Sum& sum, float term) { sum.value += static_cast<double>(term); }

XENT_INLINE void add(Sum& sum, double term) {
  const Exact<double> s = two_sum(sum.value, term);
  sum.value = s.value;
  // an infinite sum has lost nothing
  sum.error += s.value - s.value == 0 ? s.error : 0.0;
}

// Doubles are folded in halves, a block at a time, with what every addition loses carried
// along: the same whatever the width of the vectors. The block is overwritten.
constexpr int kFold = 64;

XENT_INLINE void add_block(Sum& sum, double* block) {
  double lost[kFold];
  for (int i = 0; i < kFold; ++i) lost[i] = 0;
  for (int width = kFold / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) {
      const Exact<double> pair = two_sum(block[i], block[i + width]);
      block[i] = pair.value;
      lost[i] += lost[i + width] + pair.error;
    }
  }
  const double folded = block[0];
  add(sum, folded);
  // an infinite sum has lost nothing
  sum.error += folded - folded == 0 ? lost[0] : 0.0;
}

// the sum of term(i), a double, for begin <= i < end; T is the type of the row
template <class T>
struct Summed;

template <>
struct Summed<float> {
  template <class Term>
  static XENT_INLINE void add_terms(Sum& sum, std::int64_t begin, std::int64_t end, Term term) {
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (std::int64_t i = begin; i < end; ++i) s += term(i);
    sum.value += s;
  }
};

template <>
struct Summed<double> {
  template <class Term>
  static XENT_INLINE void add_terms(Sum& sum, std::int64_t begin, std::int64_t end, Term term) {
    double block[kFold];
    for (std::int64_t start = begin; start < end; start += kFold) {
      const int filled = static_cast<int>(end - start < kFold ? end - start : kFold);
#pragma omp simd
      for (int i = 0; i < filled; ++i) block[i] = term(start + i);
      for (int i = filled; i < kFold; ++i) block[i] = 0;
      add_block(sum, block);
    }
  }
};

}  // namespace XENT_ISA
}  // namespace xent
