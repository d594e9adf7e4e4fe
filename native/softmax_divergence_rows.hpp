// Divergences of softmaxes one row at a time, vectorised along its adjacent classes.
#pragma once

#include <cstring>
#include <vector>

#include "softmax_along.hpp"
#include "softmax_divergence.hpp"
#include "softmax_gaps.hpp"

namespace xent {
namespace XENT_ISA {

// sums of what a block of classes holds, which is overwritten
XENT_INLINE void add_terms(Sum& sum, double* block, float) {
  double s = 0;
#pragma omp simd reduction(+ : s)
  for (int i = 0; i < kFold; ++i) s += block[i];
  sum.value += s;
}
XENT_INLINE void add_terms(Sum& sum, double* block, double) { add_block(sum, block); }

// One row at a time; memory for it is kept between rows.
template <class Storage>
class DivergenceRows {
  using T = typename ComputedIn<Storage>::type;
  static constexpr bool kConverts = sizeof(Storage) != sizeof(T);

 public:
  explicit DivergenceRows(const DivergenceTask& task)
      : task_(task), classes_(task.classes), exp_x_(classes_), exp_y_(classes_),
        x_(kConverts ? classes_ : 0), y_(kConverts ? classes_ : 0),
        kept_(kConverts && task.gradient ? classes_ : 0) {}

  // the weighted loss of one row; its gradient is written
  double row(std::int64_t index) {
    const double weight = task_.row_weight ? task_.row_weight[index] : 1.0;
    const std::int64_t start = index * classes_;
    Storage* gradient = task_.gradient ? static_cast<Storage*>(task_.gradient) + start : nullptr;
    double loss = 0;
    if (weight == 0) {
      if (gradient) std::memset(static_cast<void*>(gradient), 0, sizeof(Storage) * classes_);
    } else {
      const T* x = read(static_cast<const Storage*>(task_.x) + start, x_.data());
      const T* y = read(static_cast<const Storage*>(task_.y) + start, y_.data());
      T* kept = gradient ? kept_of(gradient) : nullptr;
      const double divergence =
          task_.temperature == 1 ? look<false>(x, y, kept, weight) : look<true>(x, y, kept, weight);
      if (kConverts && gradient) {
#pragma omp simd
        for (std::int64_t j = 0; j < classes_; ++j) store(gradient[j], kept[j]);
      }
      loss = weight * task_.loss_scale * divergence;
    }
    if (task_.losses) static_cast<T*>(task_.losses)[index] = static_cast<T>(loss);
    return loss;
  }

 private:
  template <bool tempered>
  double look(const T* x, const T* y, T* kept, double weight) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const double scale = weight * task_.gradient_scale;
    const T most_x = maximum(x, classes_, -infinity<T>);
    const std::int64_t top = arg_max(y, classes_);
    const T most_y = y[top];
    Row row;
    row.inverse_temperature = 1 / task_.temperature;
    const double sum_x = exponentials<tempered>(x, exp_x_.data(), most_x, row);
    const double sum_y = exponentials<tempered>(y, exp_y_.data(), most_y, row);
    // NaN and +inf are in the sums; where all is -inf there is no distribution
    if (!(sum_x + sum_y < infinity<double>) || most_x == -infinity<T> || most_y == -infinity<T>) {
      for (std::int64_t j = 0; kept && j < classes_; ++j) kept[j] = static_cast<T>(nan);
      return nan;
    }
    row.inverse_p = 1 / sum_x;
    row.inverse_q = 1 / sum_y;
    const Nearness pair = nearness(static_cast<double>(exp_x_[top]), sum_x, sum_y);
    if (pair.near) {
      const Exact<double> base = difference_of(x[top], y[top]);
      row.base = base.value;
      row.base_error = base.error;
      row.shift = log1p_of_growth(grown(x, y, row, pair.ratio) * row.inverse_q);
    } else {
      row.base = static_cast<double>(most_x) - static_cast<double>(most_y);
      row.shift = log(sum_x) - log(sum_y);
    }
    const std::int64_t likeliest = task_.by_x ? arg_max(x, classes_) : top;
    const double there = unshifted(row, x[likeliest], y[likeliest]) - row.shift;
    if (task_.divergence == Divergence::kullback_leibler)
      return task_.by_x ? finish<KullbackLeibler, true>(x, y, kept, row, there, scale)
                        : finish<KullbackLeibler, false>(x, y, kept, row, there, scale);
    return task_.by_x ? finish<JensenShannon, true>(x, y, kept, row, there, scale)
                      : finish<JensenShannon, false>(x, y, kept, row, there, scale);
  }

  template <bool tempered>
  double exponentials(const T* x, T* e, T most, const Row& row) const {
    const double inverse_temperature = row.inverse_temperature;
    Sum sum;
    Summed<T>::add_terms(sum, 0, classes_, [=](std::int64_t i) {
      e[i] = exponential<tempered>(x[i], most, inverse_temperature);
      return static_cast<double>(e[i]);
    });
    return sum.value + sum.error;
  }

  double grown(const T* x, const T* y, const Row& row, double ratio) const {
    const T* exp_x = exp_x_.data();
    const T* exp_y = exp_y_.data();
    Sum sum;
    Summed<T>::add_terms(sum, 0, classes_, [=](std::int64_t i) {
      return growth<T>(unshifted(row, x[i], y[i]), static_cast<double>(exp_x[i]),
                       static_cast<double>(exp_y[i]), ratio);
    });
    return sum.value + sum.error;
  }

  // the divergence; `kept`, which may be x or y, becomes the scaled gradient; `there` is the d
  // of the likeliest class
  template <class Measure, bool by_x>
  double finish(const T* x, const T* y, T* kept, const Row& row, double there,
                double scale) const {
    constexpr bool pulls = Measure::template pulls<by_x>;
    const T* exp_x = exp_x_.data();
    const T* exp_y = exp_y_.data();
    const Anchor anchor = Measure::template anchor<T, by_x>(there);
    const double scale_here = pulls ? 1 : scale;
    double values[kFold], slopes[kFold];
    Sum sum, pull;
    for (std::int64_t start = 0; start < classes_; start += kFold) {
      const int filled = static_cast<int>(classes_ - start < kFold ? classes_ - start : kFold);
#pragma omp simd
      for (int i = 0; i < filled; ++i) {
        const std::int64_t j = start + i;
        const double d = unshifted(row, x[j], y[j]) - row.shift;
        const double p = row.inverse_p * static_cast<double>(exp_x[j]);
        const double q = row.inverse_q * static_cast<double>(exp_y[j]);
        const Term term = Measure::template term<T, by_x>(d, p, q, anchor);
        values[i] = term.value;
        slopes[i] = term.kept;
      }
      if (kept)
        for (int i = 0; i < filled; ++i)
          kept[start + i] = static_cast<T>(scale_here * slopes[i]);
      for (int i = filled; i < kFold; ++i) values[i] = slopes[i] = 0;
      add_terms(sum, values, T());
      if (pulls) add_terms(pull, slopes, T());
    }
    if (pulls && kept) {
      const T* e = by_x ? exp_x : exp_y;
      const double common = (pull.value + pull.error) * (by_x ? row.inverse_p : row.inverse_q);
#pragma omp simd
      for (std::int64_t j = 0; j < classes_; ++j) {
        const double slope = static_cast<double>(kept[j]) - common * static_cast<double>(e[j]);
        kept[j] = static_cast<T>(scale * slope);
      }
    }
    return sum.value + sum.error;
  }

  static const T* read(const T* logits, T*) { return logits; }
  template <class Half>
  const T* read(const Half* logits, T* XENT_RESTRICT to) const {
    read_as(logits, classes_, to);
    return to;
  }

  // the gradient is its own scratch memory, unless it is stored in half precision
  static T* kept_of(T* gradient) { return gradient; }
  template <class Half>
  T* kept_of(Half*) {
    return kept_.data();
  }

  const DivergenceTask& task_;
  const std::int64_t classes_;
  std::vector<T> exp_x_, exp_y_, x_, y_, kept_;
};

}  // namespace XENT_ISA
}  // namespace xent
