// What a row says besides its loss: log sum exp, entropy, and whether its arg max is right.
//
// With M the arg max and tau the sum of exp(x_k - x_M) over the other classes,
//
//   lse     = x_M + log1p(tau)
//   entropy = log1p(tau) + sum_k exp(x_k - x_M) (x_M - x_k) / (1 + tau)
//
// Every term of the entropy is 0 or more, so a confident row keeps its digits. This is a
// pass of its own over a row that lies in the cache, so that a loss has the same bits
// whether or not statistics are asked for.
#pragma once

#include "softmax_along.hpp"

namespace xent {
namespace XENT_ISA {

struct Prediction {
  std::int64_t arg_max;  // the first of equal ones
  double lse, entropy;
};

// from tau and the sum of the terms; a row that has no softmax has no entropy
template <class T>
XENT_INLINE Prediction prediction_of(std::int64_t arg_max, T top, Sum tau, Sum terms) {
  const double odds = tau.value + tau.error;
  const double tail = log1p_positive(odds);
  const double entropy = tail + (terms.value + terms.error) / (1 + odds);
  const bool is_finite = top - top == 0;
  return {arg_max, static_cast<double>(top) + tail,
          is_finite ? entropy : std::numeric_limits<double>::quiet_NaN()};
}

// e (x_M - x): an impossible class adds nothing, where 0 * inf would be NaN
template <class T>
XENT_INLINE T entropy_term(T e, T top, T x) {
  return e == 0 ? T(0) : e * (top - x);
}

// tau and the terms of x[0], ..., x[count - 1], none of which is the arg max
XENT_INLINE void add_others(Sum& tau, Sum& terms, const float* XENT_RESTRICT x,
                            std::int64_t count, float top, float shift) {
  double odds = 0, spread = 0;
#pragma omp simd reduction(+ : odds, spread)
  for (std::int64_t j = 0; j < count; ++j) {
    const float e = exp_difference(x[j], shift);
    odds += static_cast<double>(e);
    spread += static_cast<double>(entropy_term(e, top, x[j]));
  }
  tau.value += odds;
  terms.value += spread;
}

XENT_INLINE void add_others(Sum& tau, Sum& terms, const double* XENT_RESTRICT x,
                            std::int64_t count, double top, double shift) {
  Summed<double>::add_terms(tau, 0, count,
                            [=](std::int64_t j) { return exp_difference(x[j], shift); });
  Summed<double>::add_terms(terms, 0, count, [=](std::int64_t j) {
    return entropy_term(exp_difference(x[j], shift), top, x[j]);
  });
}

template <class T>
Prediction predict(const T* XENT_RESTRICT x, std::int64_t classes) {
  const std::int64_t best = arg_max(x, classes);
  const T top = x[best];
  const T shift = top == -infinity<T> ? T(0) : top;
  Sum tau, terms;
  add_others(tau, terms, x, best, top, shift);
  add_others(tau, terms, x + best + 1, classes - best - 1, top, shift);
  return prediction_of(best, top, tau, terms);
}

template <class T>
XENT_INLINE T& at(void* array, std::int64_t row) {
  return static_cast<T*>(array)[row];
}

// all but the loss, which is known later
template <class T>
XENT_INLINE void write_statistics(const SoftmaxStatistics& to, std::int64_t row,
                                  const Prediction& prediction, std::int64_t truth) {
  at<T>(to.lse, row) = static_cast<T>(prediction.lse);
  at<T>(to.entropy, row) = static_cast<T>(prediction.entropy);
  // a row of NaN predicts nothing
  to.hit[row] = prediction.entropy == prediction.entropy && prediction.arg_max == truth;
}

template <class T>
XENT_INLINE void no_statistics(const SoftmaxStatistics& to, std::int64_t row) {
  at<T>(to.nll, row) = at<T>(to.lse, row) = at<T>(to.entropy, row) = 0;
  to.hit[row] = false;
}

}  // namespace XENT_ISA
}  // namespace xent
