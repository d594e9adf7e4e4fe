// One class of two softmaxes, p and q, by the gap between them, d = log p - log q.
//
// The larger of p and q is exact enough as it was computed; the other one is exp(-|d|) times
// that. Every term of a divergence is the larger one times a function of d that is never
// negative, and nothing near 0 is a difference of two probabilities or of two logarithms. With
// a = |d|, e = exp(-a), and n the integer that the exponential rounds -a / log 2 to:
//
//   KL(p || q)      sum of q - p + p d, and d KL / dy_j = q_j - p_j
//                   p >= q:  p (a - (1 - e));  for n = 0 that is p a^2 t, and t the polynomial
//                            with e = 1 - a + a^2 t
//                   p < q:   q ((1 - e) - a e), or q a^2 (1 - t (1 + a)) for n = 0
//   Jensen-Shannon  with s = |p - q| / (p + q) = (1 - e) / (1 + e): (p + q) / 4 times
//                   B(s) = (1 + s) log(1 + s) + (1 - s) log(1 - s), a series in s^2 for n = 0
//
// d itself is a difference of logits less a number of the row: Row.
#pragma once

#include "softmax_sums.hpp"

namespace xent {
namespace XENT_ISA {

// T is the type of the row: for a float row short polynomials in double are precise enough
template <class T>
XENT_INLINE double gap_tail(double r) {
  return polynomial(coefficients::exp_double, r);
}
template <>
XENT_INLINE double gap_tail<float>(double r) {
  return polynomial(coefficients::exp_double_short, r);
}
template <class T>
XENT_INLINE double jensen_tail(double z) {
  return polynomial(coefficients::jensen, z);
}
template <>
XENT_INLINE double jensen_tail<float>(double z) {
  return polynomial(coefficients::jensen_short, z);
}

struct Gap {
  double a;      // |d|, at most 700: exp(-700) beside 1 is nothing
  double e;      // exp(-a)
  double less;   // exp(-a) - 1
  double curve;  // exp(-a) - 1 + a, where close
  double tail;   // curve / a^2, where close
  bool up;       // p >= q
  bool close;    // a < log(2) / 2
};

template <class T>
XENT_INLINE Gap gap_of(double d) {
  using F = Format<double>;
  const bool up = d >= 0;
  const double size = up ? d : -d;
  const double a = size < 700.0 ? size : 700.0;
  const double shifted = F::round_magic - a * F::log2_e;
  const double n = shifted - F::round_magic;
  const bool close = n == 0;
  const double r = (-a - n * F::ln2_high) - n * F::ln2_low;
  const double tail = gap_tail<T>(r);
  const double curve = r * r * tail;
  const double near_less = r + curve;
  // the low bits of `shifted` are n, and 2^n is a normal number
  const double power =
      bits_of<double>((bits_of<std::uint64_t>(shifted) + std::uint64_t(F::bias)) << F::mantissa_bits);
  const double e = power + power * near_less;
  return {a, e, close ? near_less : e - 1.0, curve, tail, up, close};
}

// What a row says of its classes: d = (x - y - base) / temperature - shift
struct Row {
  double inverse_p = 0, inverse_q = 0;  // p = inverse_p exp((x - max x) / temperature)
  double inverse_temperature = 1;
  double base = 0, base_error = 0;
  double shift = 0;
};

XENT_INLINE Exact<double> difference_of(float x, float y) {
  // equal ones may be infinite
  return {x == y ? 0.0 : static_cast<double>(x) - static_cast<double>(y), 0.0};
}
XENT_INLINE Exact<double> difference_of(double x, double y) {
  const Exact<double> d = two_difference(x, y);
  return {x == y ? 0.0 : d.value, d.value - d.value == 0 ? d.error : 0.0};
}

// divided last, so that nearly equal logits are subtracted without an error
template <class T>
XENT_INLINE double unshifted(const Row& row, T x, T y) {
  const Exact<double> d = difference_of(x, y);
  return ((d.value - row.base) + (d.error - row.base_error)) * row.inverse_temperature;
}

// exp((x - m) / temperature) for x <= m
template <bool tempered>
XENT_INLINE float exponential(float x, float m, double inverse_temperature) {
  if (!tempered) return exp_difference(x, m);
  const double z = (static_cast<double>(x) - static_cast<double>(m)) * inverse_temperature;
  const float value = static_cast<float>(z);
  return exp_at_most_one(Exact<float>{value, static_cast<float>(z - static_cast<double>(value))});
}
template <bool tempered>
XENT_INLINE double exponential(double x, double m, double inverse_temperature) {
  if (!tempered) return exp_difference(x, m);
  const Exact<double> d = two_difference(x, m);
  return exp_at_most_one(
      Exact<double>{d.value * inverse_temperature, d.error * inverse_temperature});
}

// Where p and q are near, the shift is not the difference of two logarithms but
//     log1p(sum_k q_k (exp(delta_k) - 1)),  delta_k = (x_k - y_k - base) / temperature,
// with the base x_M - y_M at the arg max M of q: the sum is then q_M / p_M - 1.
struct Nearness {
  bool near;
  double ratio;  // exp(y_M - max y) / exp(x_M - max x), both over the temperature
};

// of exp((x_M - max x) / temperature), and the sums of all
XENT_INLINE Nearness nearness(double x_at_top, double sum_x, double sum_y) {
  const double quotient = sum_x / (x_at_top * sum_y);  // q_M / p_M
  return {quotient >= 0.5 && quotient <= 1.5, 1.0 / x_at_top};
}

// exp((y_k - max y) / temperature) (exp(delta_k) - 1)
template <class T>
XENT_INLINE double growth(double delta, double exp_x, double exp_y, double ratio) {
  const double tail = gap_tail<T>(delta);
  const bool close = delta < 0.34 && delta > -0.34;
  return close ? exp_y * (delta + delta * delta * tail) : exp_x * ratio - exp_y;
}

// log(1 + g) for |g| <= 1/2
XENT_INLINE double log1p_of_growth(double g) {
  const double u = 1.0 + g;
  const Reduced<double> reduced = reduce_log(u);
  return log_reduced(reduced.k, reduced.f, (g - (u - 1.0)) / u);
}

// The divergences. What each class adds to the value of the row, and what to keep of its slope.
// Where slopes pull at each other, the slope is
//     kept_j - p_j sum_k kept_k  (by x; by y with q),   kept_j = p_j (l_j - anchor),
// with l_j a logarithm and the anchor that of the likeliest class: so the slope of a class of
// which a row is almost sure is not the difference of two numbers that are almost equal.
struct Term {
  double value, kept;
};

// the logarithm of the likeliest class, less an origin that is subtracted from all of a row
struct Anchor {
  double value, origin;
};

struct KullbackLeibler {
  template <bool by_x>
  static constexpr bool pulls = by_x;

  template <class T, bool by_x>
  static XENT_INLINE Anchor anchor(double d) {
    return {by_x ? log_ratio(d) : 0.0, 0.0};
  }

  template <class T, bool by_x>
  static XENT_INLINE Term term(double d, double p, double q, Anchor anchor) {
    const Gap g = gap_of<T>(d);
    const double rise = g.close ? g.curve : (g.up ? d : g.a) + g.less;
    const double fall = g.close ? g.a * g.a * (1.0 - g.tail * (1.0 + g.a)) : -g.less - g.a * g.e;
    const double larger = g.up ? p : q;
    const double value = larger * (g.up ? rise : fall);
    const double kept =
        by_x ? p * (log_ratio(d) - anchor.value) : (g.up ? larger : -larger) * g.less;
    // p may be too small to be told from 0, which is not what the logits say
    return {d == infinity<double> ? d : value, kept};
  }

 private:
  // where d is as low as that p is 0, and 0 log 0 = 0
  static XENT_INLINE double log_ratio(double d) { return d < -1e4 ? -1e4 : d; }
};

// Where p and q have little in common, the logarithms are log 2 less something tiny, which is
// what the slopes are made of: there log 2 is the origin.
struct JensenShannon {
  template <bool by_x>
  static constexpr bool pulls = true;

  template <class T, bool by_x>
  static XENT_INLINE Anchor anchor(double d) {
    const double origin = gap_of<T>(d).close ? 0.0 : kLog2;
    return {Parts<T>(d, origin).template log_ratio<by_x>(), origin};
  }

  template <class T, bool by_x>
  static XENT_INLINE Term term(double d, double p, double q, Anchor anchor) {
    const Parts<T> parts(d, anchor.origin);
    const double larger = parts.gap.up ? p : q;
    const double log_ratio = parts.template log_ratio<by_x>();
    return {0.25 * larger * parts.sum * parts.b, 0.5 * (by_x ? p : q) * (log_ratio - anchor.value)};
  }

 private:
  static constexpr double kLog2 = 0.69314718055994530942;

  template <class T>
  struct Parts {
    Gap gap;
    double sum;     // (p + q) / larger
    double b;       // B(s)
    double log_up;  // log(1 + s), and log(1 - s) is that less a; both less the origin

    XENT_INLINE Parts(double d, double origin) : gap(gap_of<T>(d)) {
      sum = 2.0 + gap.less;
      const double s = -gap.less / sum, z = s * s;
      const double series = z * (1.0 + z * jensen_tail<T>(z));
      const double below = log1p_positive(gap.e);  // log 2 - log(1 + s)
      b = gap.close ? series : 2.0 * (kLog2 - below) - 2.0 * gap.a * gap.e / sum;
      log_up = gap.close ? 0.5 * (gap.a + (series - s * gap.a)) - origin
                         : (kLog2 - origin) - below;
    }

    // log(p / m), or log(q / m), with m the mean of the two; less the origin
    template <bool of_p>
    XENT_INLINE double log_ratio() const {
      return gap.up == of_p ? log_up : log_up - gap.a;
    }
  };
};

}  // namespace XENT_ISA
}  // namespace xent
