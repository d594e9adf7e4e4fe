// What becomes of a row's logits before their softmax, and of its gradient after it.
//
//   x' = softcap tanh(x / softcap) / temperature, and -inf where a class is masked
//   dx'/dx = (1 - tanh^2(x / softcap)) / temperature, and 0 where a class is masked
//
// x' is rounded to the type that rows are computed in: by half an ulp after a temperature
// alone, by three after a softcap.
#pragma once

#include "tanh.hpp"

namespace xent {
namespace XENT_ISA {

// x / by, in the type of x, and what the rounding of that lost
XENT_INLINE Exact<float> quotient(float x, double by) {
  const double exact = static_cast<double>(x) / by;
  const float value = static_cast<float>(exact);
  const double lost = exact - static_cast<double>(value);
  return {value, lost - lost == 0 ? static_cast<float>(lost) : 0.0f};  // none of an infinity
}

XENT_INLINE Exact<double> quotient(double x, double by) {
  const double value = x / by;
  const double high = upper_half(value), by_high = upper_half(by);
  const double low = value - high, by_low = by - by_high;
  const double remainder = ((x - high * by_high) - high * by_low - low * by_high) - low * by_low;
  const double lost = remainder / by;
  return {value, lost - lost == 0 ? lost : 0.0};
}

template <class T>
class LogitMap {
 public:
  LogitMap(double softcap, double temperature, bool is_masked)
      : softcap_(softcap), temperature_(temperature), is_masked_(is_masked) {}

  bool changes_logits() const { return softcap_ != 0 || temperature_ != 1 || is_masked_; }
  // a slope that differs between classes; 1 / temperature is in the scale of the gradient
  bool has_slopes() const { return softcap_ != 0 || is_masked_; }

  // softcap and temperature, in place; slope gets what the softcap leaves of the gradient
  void apply(T* XENT_RESTRICT x, T* XENT_RESTRICT slope, std::int64_t count) const {
    if (softcap_ != 0) {
      const double height = softcap_ / temperature_, cap = softcap_;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) {
        const Exact<T> ratio = quotient(x[i], cap);
        const Tanh<T> tanh = tanh_and_slope(ratio.value, ratio.error);
        x[i] = static_cast<T>(height * static_cast<double>(tanh.value));
        slope[i] = tanh.slope;
      }
      return;
    }
    if (temperature_ != 1) {
      const double temperature = temperature_;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i)
        x[i] = static_cast<T>(static_cast<double>(x[i]) / temperature);
    }
    if (is_masked_)
      for (std::int64_t i = 0; i < count; ++i) slope[i] = 1;
  }

  // a masked class has no part in the row, whatever its logit holds
  static void mask(const unsigned char* XENT_RESTRICT mask, T* XENT_RESTRICT x,
                   T* XENT_RESTRICT slope, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const bool possible = mask[i] != 0;
      x[i] = possible ? x[i] : -infinity<T>;
      slope[i] = possible ? slope[i] : T(0);
    }
  }

  // the gradient of x from that of x'; where nothing gets through, NaN does not either
  static void chain(T* XENT_RESTRICT gradient, const T* XENT_RESTRICT slope, std::int64_t count) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i)
      gradient[i] = slope[i] == 0 ? T(0) : gradient[i] * slope[i];
  }

 private:
  const double softcap_, temperature_;
  const bool is_masked_;
};

}  // namespace XENT_ISA
}  // namespace xent
