// One node of a sigmoid cross-entropy: value, gradient and second derivative.
//
//   loss      w y softplus(-z) + (1 - y) softplus(z)
//   gradient  (1 - y) sigmoid(z) - w y sigmoid(-z)        never sigmoid(z) - y
//   Hessian   (w y + 1 - y) sigmoid(z) sigmoid(-z)
//
// with one e = exp(-|z|) for all of them. A term whose coefficient is 0 is skipped, not
// multiplied: 0 * inf would be NaN.
#pragma once

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {

template <class T>
struct Node {
  T nll, gradient, hessian;
};

// Smoothing moves the label to kept * y + spread.
template <class T>
XENT_INLINE Node<T> score(T z, T y, T pos_weight, T kept, T spread) {
  const T magnitude = z < 0 ? -z : z;
  const T e = exp_difference(-magnitude, T(0));
  const T tail = log1p_unit(e);
  const T likely = 1 / (1 + e), unlikely = e / (1 + e);
  const T sigmoid = z < 0 ? unlikely : likely;
  const T opposite = z < 0 ? likely : unlikely;
  // y and 1 - y are smoothed each by itself: 1 - (smoothed y) would lose the digits of spread
  const T positive = pos_weight * (kept * y + spread), negative = kept * (1 - y) + spread;
  const T if_positive = positive * ((z < 0 ? magnitude : T(0)) + tail);
  const T if_negative = negative * ((z > 0 ? magnitude : T(0)) + tail);
  return {(positive == 0 ? T(0) : if_positive) + (negative == 0 ? T(0) : if_negative),
          negative * sigmoid - positive * opposite, (positive + negative) * (sigmoid * opposite)};
}

// The same of a label that is 0, which has half of the terms.
template <class T>
XENT_INLINE Node<T> score_false(T z) {
  const T magnitude = z < 0 ? -z : z;
  const T e = exp_difference(-magnitude, T(0));
  const T likely = 1 / (1 + e), unlikely = e / (1 + e);
  return {(z > 0 ? magnitude : T(0)) + log1p_unit(e), z < 0 ? unlikely : likely,
          likely * unlikely};
}

}  // namespace XENT_ISA
}  // namespace xent
