// What the row-wise and the tile-wise softmax loops share: the scalars of a row.
//
// One class is set apart, E: the true class where there is one, else the arg max. With
// m the maximum and S the sum of exp(x_k - m) over the *other* classes,
//
//   tau    = S exp(m - x_E)          the odds of "not E"
//   nll    = log1p(tau)              = -log p_E
//   p      = 1 / (1 + tau)           p_E
//   not_p  = tau / (1 + tau)         1 - p_E
//   factor = not_p / S               p_k = factor exp(x_k - m) for the others
//
// Nothing here subtracts nearly equal numbers, so a confident row keeps its tiny loss.
#pragma once

#include "softmax_sums.hpp"

namespace xent {
namespace XENT_ISA {

struct RowScalars {
  double nll, p, not_p, factor;
};

// exp(d) S and exp(d) / (1 + exp(d) S) for a float row, where double is precise enough
struct Odds {
  double tau, factor;
};

XENT_INLINE Odds odds(float, double d, double d_error, Sum sum) {
  const SplitExp<double> e = split_exp(d, d_error);
  // multiplied before it is scaled: one rounding also where the odds are denormal
  const double tau = scale(e.mantissa * sum.value, e.exponent);
  return {tau, scale(e.mantissa / (1 + tau), e.exponent)};
}

// the same for a double row, each with a single rounding: what the exponential, the
// product and 1 + tau lose is carried into the quotient
XENT_INLINE Odds odds(double, double d, double d_error, Sum sum) {
  using F = Format<double>;
  const double shifted = d * F::log2_e + F::round_magic;
  const auto exponent = bits_of<F::Int>(shifted) - bits_of<F::Int>(F::round_magic);
  const Exact<double> e = exp_reduced_pair(d, shifted - F::round_magic, d_error);
  const double e_high = upper_half(e.value), sum_high = upper_half(sum.value);
  const double product = e_high * sum_high;  // exact
  const double rest = e_high * (sum.value - sum_high) + (e.value - e_high) * sum.value +
                      (e.value * sum.error + e.error * sum.value);
  const double mantissa = product + rest;
  const double tau = scale(mantissa, exponent);
  const double tau_lost = scale(rest - (mantissa - product), exponent);
  const Exact<double> one = two_sum(1.0, tau);
  // a quotient of 26 bits, and the remainder of that division by the divisor
  const double quotient = upper_half(e.value / one.value), high = upper_half(one.value);
  const double remainder = ((e.value - quotient * high) - quotient * (one.value - high)) +
                           (e.error - quotient * (one.error + tau_lost));
  return {tau, scale(quotient + remainder / one.value, exponent)};
}

// T is the type of the row's logits
template <class T>
XENT_INLINE RowScalars row_scalars(T m, T x_apart, Sum sum) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  // beyond this log(tau) is the loss to the last bit; far below where a sum of many
  // classes would make the odds overflow
  constexpr double large = 600;
  const Exact<double> exact =
      two_difference(static_cast<double>(m), static_cast<double>(x_apart));
  const double d = exact.value;
  const double d_error = d - d == 0 ? exact.error : 0.0;  // an infinite d has no error
  const bool far = d > large;
  double clamped = far ? large : d;
  clamped = clamped < -1400 ? -1400 : clamped;
  const Odds o = odds(T(0), clamped, d_error, sum);
  // a +inf logit has no softmax
  const double tau = x_apart == infinity<T> ? nan : o.tau;
  const double tail = log1p_positive(far ? (sum.value - 1) + sum.error : tau);
  RowScalars row;
  row.nll = far ? d + tail : tail;
  row.p = far ? 0.0 : 1 / (1 + tau);
  row.not_p = far ? 1.0 : tau / (1 + tau);
  row.factor = far ? 1 / (sum.value + sum.error) : o.factor;
  row.factor = tau < infinity<double> ? row.factor : nan;
  row.not_p = tau < infinity<double> ? row.not_p : nan;
  return row;
}

// from the class apart to another: 0 or more where it is the arg max
template <class T>
XENT_INLINE double distance(T x_apart, T x) {
  return static_cast<double>(x_apart) - static_cast<double>(x);
}

// log sum_k exp(x_k) over the whole row, from whichever is larger, x_E or the others
template <class T>
XENT_INLINE double log_sum_exp(T m, T x_apart, Sum sum, double nll) {
  const double top = m, x = x_apart;
  // the sum holds exp(0) of the maximum itself
  const double rest = (sum.value - 1) + sum.error + exp_difference(x, top);
  const double from_others = top + log1p_positive(rest);
  return top > x ? from_others : x + nll;
}

// z_loss lse^2: what it adds to the loss, and to the mass of the others in the gradient,
// d(z_loss lse^2)/dx_k = p_k gradient
struct Pull {
  double loss = 0, gradient = 0;
};

template <class T>
XENT_INLINE Pull pull_of(double z_loss, T m, T x_apart, Sum sum, double nll) {
  if (z_loss == 0) return {};
  const double lse = log_sum_exp(m, x_apart, sum, nll);
  return {z_loss * lse * lse, 2 * z_loss * lse};
}

}  // namespace XENT_ISA
}  // namespace xent
