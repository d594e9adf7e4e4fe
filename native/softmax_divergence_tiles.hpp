// Divergences of softmaxes a tile of rows at a time: see softmax_tile.hpp.
#pragma once

#include "softmax_divergence.hpp"
#include "softmax_gaps.hpp"
#include "softmax_tile.hpp"

namespace xent {
namespace XENT_ISA {

// the logits of a tile, [class][lane]
template <class Storage, int kLanes>
class LogitTile : public Tile<Storage, kLanes> {
  using Base = Tile<Storage, kLanes>;

 public:
  using typename Base::Int;
  using typename Base::T;

  LogitTile(std::int64_t classes, std::int64_t inner) : Base(classes, inner) {}

  T* of_class(std::int64_t c) { return &this->e_[c * kLanes]; }
  T at(Int c, int lane) const { return this->e_[static_cast<std::int64_t>(c) * kLanes + lane]; }
  const T* all() const { return this->e_.data(); }
  Int top(int lane) const { return this->apart_[lane]; }
  T most(int lane) const { return at(top(lane), lane); }
};

template <class Storage, int kLanes>
class DivergenceTiles {
  using Logits = LogitTile<Storage, kLanes>;
  using T = typename Logits::T;

 public:
  explicit DivergenceTiles(const DivergenceTask& task)
      : task_(task), classes_(task.classes), x_(classes_, task.inner), y_(classes_, task.inner),
        exp_x_(static_cast<std::size_t>(classes_ * kLanes)), exp_y_(exp_x_.size()) {}

  // the weighted losses of rows [begin, begin + count), count <= kLanes, summed in order
  double rows(std::int64_t begin, int count) {
    x_.load_rows(static_cast<const Storage*>(task_.x), begin, count);
    y_.load_rows(static_cast<const Storage*>(task_.y), begin, count);
    for (int b = 0; b < kLanes; ++b)
      weight_[b] = b >= count ? 0.0 : task_.row_weight ? task_.row_weight[begin + b] : 1.0;
    x_.find_arg_max();
    y_.find_arg_max();
    if (task_.temperature == 1) {
      exponentials<false>();
    } else {
      exponentials<true>();
    }
    describe();
    if (task_.divergence == Divergence::kullback_leibler) {
      task_.by_x ? finish<KullbackLeibler, true>() : finish<KullbackLeibler, false>();
    } else {
      task_.by_x ? finish<JensenShannon, true>() : finish<JensenShannon, false>();
    }
    if (task_.gradient) x_.store_rows(x_.all(), static_cast<Storage*>(task_.gradient));
    double sum = 0;
    for (int b = 0; b < count; ++b) {
      const double loss = weight_[b] == 0 ? 0.0 : weight_[b] * task_.loss_scale * value_[b];
      if (task_.losses) static_cast<T*>(task_.losses)[begin + b] = static_cast<T>(loss);
      sum += loss;
    }
    return sum;
  }

 private:
  template <bool tempered>
  void exponentials() {
    const double inverse_temperature = 1 / task_.temperature;
    T most_x[kLanes], most_y[kLanes];
    double error_x[kLanes], error_y[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      most_x[b] = x_.most(b);
      most_y[b] = y_.most(b);
      sum_x_[b] = sum_y_[b] = error_x[b] = error_y[b] = 0;
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT x = x_.of_class(c);
      const T* XENT_RESTRICT y = y_.of_class(c);
      T* XENT_RESTRICT exp_x = &exp_x_[c * kLanes];
      T* XENT_RESTRICT exp_y = &exp_y_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        exp_x[b] = exponential<tempered>(x[b], most_x[b], inverse_temperature);
        exp_y[b] = exponential<tempered>(y[b], most_y[b], inverse_temperature);
      }
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        add_to(sum_x_[b], error_x[b], exp_x[b]);
        add_to(sum_y_[b], error_y[b], exp_y[b]);
      }
    }
    for (int b = 0; b < kLanes; ++b) {
      sum_x_[b] += error_x[b];
      sum_y_[b] += error_y[b];
      // where all is -inf there is no distribution
      const bool none = most_x[b] == -infinity<T> || most_y[b] == -infinity<T>;
      broken_[b] = none || !(sum_x_[b] + sum_y_[b] < infinity<double>);
    }
  }

  // the numbers of each row that its gaps are made of
  void describe() {
    bool near[kLanes];
    double grown[kLanes], ratio[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      const typename Logits::Int top = y_.top(b);
      const Nearness pair = nearness(exp_x_[static_cast<std::int64_t>(top) * kLanes + b],
                                     sum_x_[b], sum_y_[b]);
      near[b] = pair.near;
      ratio[b] = pair.ratio;
      const double apart =
          static_cast<double>(x_.most(b)) - static_cast<double>(y_.most(b));
      const Exact<double> base = difference_of(x_.at(top, b), y_.at(top, b));
      base_[b] = pair.near ? base.value : apart;
      base_error_[b] = pair.near ? base.error : 0.0;
      inverse_p_[b] = 1 / sum_x_[b];
      inverse_q_[b] = 1 / sum_y_[b];
      shift_[b] = grown[b] = 0;
    }
    const Lanes lanes(*this);
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT x = x_.of_class(c);
      const T* XENT_RESTRICT y = y_.of_class(c);
      const T* XENT_RESTRICT exp_x = &exp_x_[c * kLanes];
      const T* XENT_RESTRICT exp_y = &exp_y_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b)
        grown[b] += growth<T>(unshifted(lanes.row(b), x[b], y[b]), static_cast<double>(exp_x[b]),
                              static_cast<double>(exp_y[b]), ratio[b]);
    }
#pragma omp simd
    for (int b = 0; b < kLanes; ++b) {
      const double small = log1p_of_growth(grown[b] * inverse_q_[b]);
      const double large = log(sum_x_[b]) - log(sum_y_[b]);
      shift_[b] = near[b] ? small : large;
    }
  }

  // the divergences, in value_; the scaled gradients, in x_
  template <class Measure, bool by_x>
  void finish() {
    constexpr bool pulls = Measure::template pulls<by_x>;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const Lanes lanes(*this);
    double scale[kLanes], anchor[kLanes], origin[kLanes], pull[kLanes], value[kLanes], kept[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      const typename Logits::Int likeliest = by_x ? x_.top(b) : y_.top(b);
      const Row here = lanes.row(b);
      const double d = unshifted(here, x_.at(likeliest, b), y_.at(likeliest, b)) - here.shift;
      const Anchor found = Measure::template anchor<T, by_x>(d);
      anchor[b] = found.value;
      origin[b] = found.origin;
      scale[b] = broken_[b] ? nan : weight_[b] * task_.gradient_scale;
      scale[b] = weight_[b] == 0 ? 0.0 : scale[b];
      value[b] = pull[b] = 0;
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT x = x_.of_class(c);
      const T* XENT_RESTRICT y = y_.of_class(c);
      const T* XENT_RESTRICT exp_x = &exp_x_[c * kLanes];
      const T* XENT_RESTRICT exp_y = &exp_y_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const Row here = lanes.row(b);
        const double d = unshifted(here, x[b], y[b]) - here.shift;
        const double p = here.inverse_p * static_cast<double>(exp_x[b]);
        const double q = here.inverse_q * static_cast<double>(exp_y[b]);
        const Term term = Measure::template term<T, by_x>(d, p, q, {anchor[b], origin[b]});
        value[b] += term.value;
        pull[b] += term.kept;
        kept[b] = term.kept;
      }
#pragma omp simd
      for (int b = 0; b < kLanes; ++b)
        x[b] = static_cast<T>(pulls ? kept[b] : scaled(kept[b], scale[b]));
    }
    for (int b = 0; b < kLanes; ++b) value_[b] = broken_[b] ? nan : value[b];
    if (!pulls || !task_.gradient) return;
    const std::vector<T>& exponentials = by_x ? exp_x_ : exp_y_;
    for (int b = 0; b < kLanes; ++b) pull[b] *= by_x ? inverse_p_[b] : inverse_q_[b];
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT slopes = x_.of_class(c);
      const T* XENT_RESTRICT e = &exponentials[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const double slope = static_cast<double>(slopes[b]) - pull[b] * static_cast<double>(e[b]);
        slopes[b] = static_cast<T>(scaled(slope, scale[b]));
      }
    }
  }

  // a skipped row may hold anything
  static XENT_INLINE double scaled(double slope, double scale) {
    const double product = scale * slope;
    return scale == 0 ? 0.0 : product;
  }

  // the rows of a tile as plain pointers, which a compiler sees through
  struct Lanes {
    const double* XENT_RESTRICT inverse_p;
    const double* XENT_RESTRICT inverse_q;
    const double* XENT_RESTRICT base;
    const double* XENT_RESTRICT base_error;
    const double* XENT_RESTRICT shift;
    double inverse_temperature;

    explicit Lanes(const DivergenceTiles& of)
        : inverse_p(of.inverse_p_), inverse_q(of.inverse_q_), base(of.base_),
          base_error(of.base_error_), shift(of.shift_),
          inverse_temperature(1 / of.task_.temperature) {}

    XENT_INLINE Row row(int b) const {
      Row row;
      row.inverse_p = inverse_p[b];
      row.inverse_q = inverse_q[b];
      row.inverse_temperature = inverse_temperature;
      row.base = base[b];
      row.base_error = base_error[b];
      row.shift = shift[b];
      return row;
    }
  };

  static XENT_INLINE void add_to(double& value, double& error, T term) {
    Sum sum{value, error};
    add(sum, term);
    value = sum.value;
    error = sum.error;
  }

  const DivergenceTask& task_;
  const std::int64_t classes_;
  Logits x_, y_;
  std::vector<T> exp_x_, exp_y_;
  double weight_[kLanes], value_[kLanes];
  double sum_x_[kLanes], sum_y_[kLanes], inverse_p_[kLanes], inverse_q_[kLanes];
  double base_[kLanes], base_error_[kLanes], shift_[kLanes];
  bool broken_[kLanes];
};

}  // namespace XENT_ISA
}  // namespace xent
