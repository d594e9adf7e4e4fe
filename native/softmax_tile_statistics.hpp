// softmax_statistics.hpp for a tile of rows.
#pragma once

#include "softmax_statistics.hpp"

namespace xent {
namespace XENT_ISA {

template <class T, int kLanes>
class TileStatistics {
  using Int = typename Format<T>::Int;

 public:
  // x is [class][lane], `best` its arg max, the first of equal ones; `start` where a row starts
  void read(const SoftmaxTask& task, const T* XENT_RESTRICT x, const Int* best,
            const std::int64_t* start, std::int64_t begin, int count) {
    begin_ = begin;
    count_ = count;
    for (int b = 0; b < kLanes; ++b) {
      best_[b] = best[b];
      top_[b] = x[static_cast<std::int64_t>(best[b]) * kLanes + b];
      shift_[b] = top_[b] == -infinity<T> ? T(0) : top_[b];
      tau_[b] = terms_[b] = Sum{};
    }
    for (std::int64_t c = 0; c < task.classes; ++c) {
      const T* XENT_RESTRICT at_class = x + c * kLanes;
      const Int class_c = static_cast<Int>(c);
      T e[kLanes], term[kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const T value = exp_difference(at_class[b], shift_[b]);
        e[b] = best_[b] == class_c ? T(0) : value;
        term[b] = entropy_term(e[b], top_[b], at_class[b]);
      }
      for (int b = 0; b < kLanes; ++b) add(tau_[b], e[b]);
      for (int b = 0; b < kLanes; ++b) add(terms_[b], term[b]);
    }
    if (task.soft_target) {
      read_soft_target(task, x, start);
    } else {
      for (int b = 0; b < count_; ++b) {
        const std::int64_t y = task.target[begin + b];
        truth_[b] = y;
        total_[b] = 1;
        const bool is_class = y >= 0 && y < task.classes;  // a skipped row may have none
        linear_[b] = is_class ? distance(top_[b], x[y * kLanes + b]) : 0.0;
      }
    }
  }

  // `nll` is -log p of the target
  void write_class_target(const SoftmaxTask& task, const double* nll, const bool* read) const {
    for (int b = 0; b < count_; ++b) write(task, b, nll[b], read[b]);
  }

  // `nll` is -log p of the arg max
  void write_any_target(const SoftmaxTask& task, const double* nll, const bool* read) const {
    for (int b = 0; b < count_; ++b)
      write(task, b, total_[b] * nll[b] + linear_[b], read[b]);
  }

 private:
  void read_soft_target(const SoftmaxTask& task, const T* XENT_RESTRICT x,
                        const std::int64_t* start) {
    const T* target = static_cast<const T*>(task.soft_target);
    for (int b = 0; b < count_; ++b) {
      Sum total, linear;
      T most = -infinity<T>;
      truth_[b] = 0;
      for (std::int64_t c = 0; c < task.classes; ++c) {
        const T t = target[start[b] + c * task.inner];
        truth_[b] = t > most ? c : truth_[b];
        most = t > most ? t : most;
        add(total, static_cast<double>(t));
        const double far = distance(top_[b], x[c * kLanes + b]);
        add(linear, t == 0 ? 0.0 : static_cast<double>(t) * far);
      }
      total_[b] = total.value + total.error;
      linear_[b] = linear.value + linear.error;
    }
  }

  void write(const SoftmaxTask& task, int b, double nll, bool is_read) const {
    const SoftmaxStatistics& to = task.statistics;
    const std::int64_t row = begin_ + b;
    if (!is_read) {
      no_statistics<T>(to, row);
      return;
    }
    at<T>(to.nll, row) = static_cast<T>(nll);
    const Prediction prediction =
        prediction_of(static_cast<std::int64_t>(best_[b]), top_[b], tau_[b], terms_[b]);
    write_statistics<T>(to, row, prediction, truth_[b]);
  }

  std::int64_t begin_ = 0;
  int count_ = 0;
  Int best_[kLanes];
  T top_[kLanes], shift_[kLanes];
  Sum tau_[kLanes], terms_[kLanes];
  std::int64_t truth_[kLanes];
  double total_[kLanes], linear_[kLanes];  // sum_j t_j and sum_j t_j (x_M - x_j)
};

}  // namespace XENT_ISA
}  // namespace xent
