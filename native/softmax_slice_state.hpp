// What is kept of the classes of a row that were seen, and how two such states merge.
//
// No number of a state is a difference of near equals, and a merge makes none: with M the arg
// max of both, and d = x_M - x_L >= 0 to the arg max of the other,
//
//   odds   = odds_M + exp(-d) (1 + odds_L)
//   terms  = terms_M + exp(-d) (terms_L + d (1 + odds_L))
//   spread = spread_M + spread_L + d mass_L
#pragma once

#include "softmax_slices.hpp"
#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {

struct RowState {
  double top = -infinity<double>, odds = 0, terms = 0, spread = 0, mass = 0;
  double at_peak = 0, but_peak = 0;
  std::int64_t arg = -1, peak = -1;
};

inline RowState load_state(const SliceState& from, std::int64_t row) {
  RowState state;
  state.top = from.top[row];
  state.odds = from.odds[row];
  state.terms = from.terms[row];
  state.spread = from.spread[row];
  state.mass = from.mass[row];
  state.at_peak = from.at_peak[row];
  state.but_peak = from.but_peak[row];
  state.arg = from.arg[row];
  state.peak = from.peak[row];
  return state;
}

inline void store_state(const SliceState& to, std::int64_t row, const RowState& state) {
  to.top[row] = state.top;
  to.odds[row] = state.odds;
  to.terms[row] = state.terms;
  to.spread[row] = state.spread;
  to.mass[row] = state.mass;
  to.at_peak[row] = state.at_peak;
  to.but_peak[row] = state.but_peak;
  to.arg[row] = state.arg;
  to.peak[row] = state.peak;
}

// whether class i with a is the one to keep, and not class j with b; -1 is no class
inline bool comes_first(double a, std::int64_t i, double b, std::int64_t j) {
  if (i < 0 || j < 0) return j < 0;
  return a > b || (a == b && i < j);
}

// exp(-d) times each of two factors, with one rounding where the product is denormal
struct Faded {
  double mantissa;
  std::int64_t exponent;

  Faded(double d, double error) {
    const double down = d > 1400 ? -1400 : -d;
    const SplitExp<double> e = split_exp(down, error - error == 0 ? -error : 0.0);
    mantissa = e.mantissa;
    exponent = e.exponent;
  }
  double times(double factor) const { return scale(mantissa * factor, exponent); }
};

inline RowState merged(const RowState& a, const RowState& b) {
  const bool a_is_top = comes_first(a.top, a.arg, b.top, b.arg);
  const RowState& high = a_is_top ? a : b;
  const RowState& low = a_is_top ? b : a;
  RowState both = high;
  both.mass = a.mass + b.mass;
  if (low.top == -infinity<double>) {
    // no class that can happen: 0, but for a NaN, or the price of mass on such a class
    both.odds += low.odds;
    both.terms += low.terms;
    both.spread += low.spread;
  } else {
    const Exact<double> d = two_difference(high.top, low.top);
    const Faded faded(d.value, d.error);
    const double others = 1 + low.odds;
    both.odds += faded.times(others);
    both.terms += faded.times(low.terms + d.value * others);
    both.spread += low.spread + (low.mass == 0 ? 0.0 : low.mass * d.value);
  }
  const bool a_is_peak = comes_first(a.at_peak, a.peak, b.at_peak, b.peak);
  const RowState& peak = a_is_peak ? a : b;
  const RowState& off_peak = a_is_peak ? b : a;
  both.peak = peak.peak;
  both.at_peak = peak.at_peak;
  both.but_peak = peak.but_peak + (off_peak.but_peak + off_peak.at_peak);
  return both;
}

}  // namespace XENT_ISA
}  // namespace xent
