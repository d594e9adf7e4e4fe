// The loops of a softmax along the adjacent classes of one row.
//
// X is how the logits are stored, T what they are computed in. A bfloat16 becomes a float by a
// shift: reading it again in each loop is cheaper than a row of floats in the cache.
#pragma once

#include "softmax_masses.hpp"
#include "softmax_row.hpp"

namespace xent {
namespace XENT_ISA {

template <class X, class T>
XENT_INLINE T maximum(const X* XENT_RESTRICT x, std::int64_t count, T m) {
#pragma omp simd reduction(max : m)
  for (std::int64_t i = 0; i < count; ++i) m = load(x[i]) > m ? load(x[i]) : m;
  return m;
}

// e[i] = exp(x[i] - m) where keep, and their sum in any case; e may be x
template <bool keep, class X>
XENT_INLINE void exponentials(const X* x, float* e, std::int64_t count, float m, Sum& sum) {
  double s = 0;
#pragma omp simd reduction(+ : s)
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = exp_difference(load(x[i]), m);
    if (keep) e[i] = value;
    s += static_cast<double>(value);
  }
  sum.value += s;
}

template <bool keep>
XENT_INLINE void exponentials(const double* x, double* e, std::int64_t count, double m, Sum& sum) {
  double block[kFold];
  for (std::int64_t start = 0; start < count; start += kFold) {
    const int filled = static_cast<int>(count - start < kFold ? count - start : kFold);
#pragma omp simd
    for (int i = 0; i < filled; ++i) block[i] = exp_difference(x[start + i], m);
    if (keep)
      for (int i = 0; i < filled; ++i) e[start + i] = block[i];
    for (int i = filled; i < kFold; ++i) block[i] = 0;
    add_block(sum, block);
  }
}

template <class T>
std::int64_t arg_max(const T* x, std::int64_t count) {
  const T m = maximum(x, count, -infinity<T>);
  constexpr std::int64_t kBlock = 64;
  for (std::int64_t start = 0; start < count; start += kBlock) {
    const std::int64_t end = count - start < kBlock ? count : start + kBlock;
    int found = 0;
#pragma omp simd reduction(+ : found)
    for (std::int64_t i = start; i < end; ++i) found += x[i] == m;
    if (!found) continue;
    for (std::int64_t i = start; i < end; ++i)
      if (x[i] == m) return i;
  }
  return 0;  // nothing but NaN
}

// what one pass over the classes leaves: exp(x_k - shift) in e where keep, and the scalars
template <class T>
struct Walked {
  T m, x_apart;
  Sum sum;
  RowScalars row;
};

template <bool keep, class X, class T>
Walked<T> walk(const X* x, T* e, std::int64_t classes, std::int64_t apart) {
  const std::int64_t after = apart + 1;
  const T m = maximum(x + after, classes - after, maximum(x, apart, -infinity<T>));
  // where every other class is impossible any shift will do, but inf - inf will not
  const T shift = m == -infinity<T> ? T(0) : m;
  const T x_apart = load(x[apart]);  // read first: e may be x
  Sum sum;
  exponentials<keep>(x, e, apart, shift, sum);
  exponentials<keep>(x + after, e + after, classes - after, shift, sum);
  return {m, x_apart, sum, row_scalars(m, x_apart, sum)};
}

template <class T>
Mass weigh(const T* XENT_RESTRICT s, const T* XENT_RESTRICT x, std::int64_t classes, T x_apart) {
  Mass mass;
  mass.largest = arg_max(s, classes);
  Sum rest, linear;
  const auto mass_of = [=](std::int64_t j) { return static_cast<double>(s[j]); };
  Summed<T>::add_terms(rest, 0, mass.largest, mass_of);
  Summed<T>::add_terms(rest, mass.largest + 1, classes, mass_of);
  Summed<T>::add_terms(linear, 0, classes, [=](std::int64_t j) {
    // an impossible class without mass costs nothing; 0 * inf would
    return s[j] == 0 ? 0.0 : static_cast<double>(s[j]) * distance(x_apart, x[j]);
  });
  mass.rest = rest.value + rest.error;
  mass.total = mass.rest + static_cast<double>(s[mass.largest]);
  mass.linear = linear.value + linear.error;
  return mass;
}

}  // namespace XENT_ISA
}  // namespace xent
