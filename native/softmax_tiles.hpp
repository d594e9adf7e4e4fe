// Softmax cross-entropy a tile of rows at a time, vectorised across the rows.
//
// For rows too short to vectorise along, and for rows whose classes are not adjacent in
// memory. A tile holds kLanes rows as [class][lane] in the nearest cache; a lane never sees
// another, so a row's bits do not depend on its company.
#pragma once

#include <vector>

#include "softmax_row.hpp"

namespace xent {
namespace XENT_ISA {

template <class Storage, int kLanes>
class Tiles {
  using T = typename ComputedIn<Storage>::type;
  using Int = typename Format<T>::Int;  // as wide as T, so that a select compares like with like

 public:
  explicit Tiles(const SoftmaxTask& task)
      : task_(task), classes_(task.classes), e_(classes_ * kLanes),
        s_(is_class_target(task) ? 0 : classes_ * kLanes) {}

  // the weighted losses of rows [begin, begin + count), count <= kLanes, summed in order
  double rows(std::int64_t begin, int count) {
    begin_ = begin;
    count_ = count;
    locate();
    load_logits();
    if (is_class_target(task_)) {
      for (int b = 0; b < count_; ++b) apart_[b] = static_cast<Int>(task_.target[begin_ + b]);
      for (int b = count_; b < kLanes; ++b) apart_[b] = 0;
      walk();
      if (task_.gradient) class_gradient();
    } else {
      find_arg_max();
      weigh();
      walk();
      for (int b = 0; b < kLanes; ++b) nll_[b] = total_[b] * nll_[b] + linear_[b];
      if (task_.gradient) soft_gradients();
      if (task_.hessian) hessians();
    }
    return finish();
  }

 private:
  // where each row starts, its weight, and whether the tile is one contiguous run per class
  void locate() {
    const std::int64_t inner = task_.inner;
    std::int64_t o = begin_ / inner, i = begin_ % inner;
    for (int b = 0; b < count_; ++b) {
      start_[b] = o * classes_ * inner + i;
      weight_[b] = task_.row_weight ? task_.row_weight[begin_ + b] : 1.0;
      if (++i == inner) {
        i = 0;
        ++o;
      }
    }
    for (int b = count_; b < kLanes; ++b) weight_[b] = 0;
    adjacent_ = inner > 1 && start_[count_ - 1] - start_[0] == count_ - 1;
  }

  void load_logits() {
    const Storage* logits = static_cast<const Storage*>(task_.logits);
    const std::int64_t inner = task_.inner;
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT x = &e_[c * kLanes];
      if (adjacent_) {
        const Storage* XENT_RESTRICT from = logits + start_[0] + c * inner;
#pragma omp simd
        for (int b = 0; b < count_; ++b) x[b] = load(from[b]);
      } else {
        for (int b = 0; b < count_; ++b) x[b] = load(logits[start_[b] + c * inner]);
      }
      for (int b = count_; b < kLanes; ++b) x[b] = 0;
    }
  }

  void find_arg_max() {
    T top[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      top[b] = e_[b];
      apart_[b] = 0;
    }
    for (std::int64_t c = 1; c < classes_; ++c) {
      const T* XENT_RESTRICT x = &e_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        // a NaN in front would win every comparison
        const bool higher = x[b] > top[b] || top[b] != top[b];
        apart_[b] = higher ? static_cast<Int>(c) : apart_[b];
        top[b] = higher ? x[b] : top[b];
      }
    }
  }

  // the maximum and the sum of exp over all classes but the one apart; e_ is left as
  // exp(x - m), zero for the class apart
  void walk() {
    T m[kLanes], shift[kLanes], x_apart[kLanes];
    Sum sum[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      m[b] = -infinity<T>;
      x_apart[b] = e_[static_cast<std::int64_t>(apart_[b]) * kLanes + b];
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT x = &e_[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b)
        m[b] = (x[b] > m[b]) & (apart_[b] != class_c) ? x[b] : m[b];
    }
    for (int b = 0; b < kLanes; ++b) shift[b] = m[b] == -infinity<T> ? T(0) : m[b];
    accumulate(shift, sum);
#pragma omp simd
    for (int b = 0; b < kLanes; ++b) {
      const RowScalars row = row_scalars(static_cast<double>(m[b]), static_cast<double>(x_apart[b]),
                                         Sum{sum_[b], sum_error_[b]});
      nll_[b] = row.nll;
      p_[b] = row.p;
      not_p_[b] = row.not_p;
      factor_[b] = row.factor;
    }
  }

  void accumulate(const T* XENT_RESTRICT shift, Sum*) {
    for (int b = 0; b < kLanes; ++b) sum_[b] = sum_error_[b] = 0;
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT e = &e_[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const T value = exp_difference(e[b], shift[b]);
        e[b] = apart_[b] == class_c ? T(0) : value;
      }
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        Sum sum{sum_[b], sum_error_[b]};
        add(sum, e[b]);
        sum_[b] = sum.value;
        sum_error_[b] = sum.error;
      }
    }
  }

  void class_gradient() {
    T factor[kLanes], at_target[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      const double scale = weight_[b] * task_.gradient_scale;
      const bool counts = weight_[b] != 0;
      factor[b] = counts ? static_cast<T>(factor_[b] * scale) : T(0);
      at_target[b] = counts ? static_cast<T>(-not_p_[b] * scale) : T(0);
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT e = &e_[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b)
        e[b] = apart_[b] == class_c ? at_target[b] : e[b] * factor[b];
    }
    if (task_.row_weight) silence_skipped(e_.data());
    store_tile(e_.data(), static_cast<Storage*>(task_.gradient));
  }

  // a skipped row may hold NaN or infinities, which a factor of 0 would not remove
  void silence_skipped(T* tile) {
    for (int b = 0; b < count_; ++b)
      if (weight_[b] == 0)
        for (std::int64_t c = 0; c < classes_; ++c) tile[c * kLanes + b] = 0;
  }

  void weigh() {
    T top[kLanes], x_apart[kLanes];
    Sum rest[kLanes], linear[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      top[b] = -1;
      largest_[b] = 0;
      x_apart[b] = e_[static_cast<std::int64_t>(apart_[b]) * kLanes + b];
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT s = &s_[c * kLanes];
      for (int b = 0; b < count_; ++b) s[b] = weighted_mass<T>(task_, begin_ + b, c);
      for (int b = count_; b < kLanes; ++b) s[b] = 0;
      for (int b = 0; b < kLanes; ++b) {
        largest_[b] = s[b] > top[b] ? static_cast<Int>(c) : largest_[b];
        top[b] = s[b] > top[b] ? s[b] : top[b];
      }
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT s = &s_[c * kLanes];
      const T* XENT_RESTRICT x = &e_[c * kLanes];
      for (int b = 0; b < kLanes; ++b) {
        const double distance = static_cast<double>(x_apart[b]) - static_cast<double>(x[b]);
        add(rest[b], largest_[b] == static_cast<Int>(c) ? T(0) : s[b]);
        // an impossible class without mass costs nothing; 0 * inf would
        add(linear[b], s[b] == 0 ? 0.0 : static_cast<double>(s[b]) * distance);
      }
    }
    for (int b = 0; b < kLanes; ++b) {
      rest_[b] = rest[b].value + rest[b].error;
      total_[b] = rest_[b] + static_cast<double>(top[b]);
      linear_[b] = linear[b].value + linear[b].error;
    }
  }

  void soft_gradients() {
    std::vector<T> tile(classes_ * kLanes);
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT e = &e_[c * kLanes];
      const T* XENT_RESTRICT s = &s_[c * kLanes];
      T* XENT_RESTRICT g = &tile[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const bool apart = apart_[b] == class_c;
        const double p = apart ? p_[b] : factor_[b] * static_cast<double>(e[b]);
        const double not_p = apart ? not_p_[b] : 1 - p;
        const double s_j = s[b];
        const double others = largest_[b] == class_c ? rest_[b] : total_[b] - s_j;
        g[b] = static_cast<T>(weight_[b] * task_.gradient_scale * (p * others - s_j * not_p));
      }
    }
    if (task_.row_weight) silence_skipped(tile.data());
    store_tile(tile.data(), static_cast<Storage*>(task_.gradient));
  }

  void hessians() {
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT e = &e_[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const bool apart = apart_[b] == class_c;
        const double p = apart ? p_[b] : factor_[b] * static_cast<double>(e[b]);
        const double not_p = apart ? not_p_[b] : 1 - p;
        e[b] = static_cast<T>(weight_[b] * task_.gradient_scale * total_[b] * (p * not_p));
      }
    }
    if (task_.row_weight) silence_skipped(e_.data());
    store_tile(e_.data(), static_cast<Storage*>(task_.hessian));
  }

  void store_tile(const T* tile, Storage* to) {
    const std::int64_t inner = task_.inner;
    if (adjacent_) {
      for (std::int64_t c = 0; c < classes_; ++c) {
        const T* XENT_RESTRICT from = tile + c * kLanes;
        Storage* XENT_RESTRICT out = to + start_[0] + c * inner;
#pragma omp simd
        for (int b = 0; b < count_; ++b) store(out[b], from[b]);
      }
      return;
    }
    // row by row: adjacent classes are written together
    for (int b = 0; b < count_; ++b) {
      Storage* out = to + start_[b];
      for (std::int64_t c = 0; c < classes_; ++c) store(out[c * inner], tile[c * kLanes + b]);
    }
  }

  double finish() {
    T* nll = task_.nll ? static_cast<T*>(task_.nll) + begin_ : nullptr;
    double sum = 0;
    for (int b = 0; b < count_; ++b) {
      const double loss = weight_[b] == 0 ? 0.0 : weight_[b] * nll_[b];
      if (nll) nll[b] = static_cast<T>(loss);
      sum += loss;
    }
    return sum;
  }

  const SoftmaxTask& task_;
  const std::int64_t classes_;
  std::int64_t begin_ = 0;
  int count_ = 0;
  bool adjacent_ = false;
  std::int64_t start_[kLanes];
  double weight_[kLanes];
  Int apart_[kLanes], largest_[kLanes];
  double sum_[kLanes], sum_error_[kLanes];
  double nll_[kLanes], p_[kLanes], not_p_[kLanes], factor_[kLanes];
  double total_[kLanes], rest_[kLanes], linear_[kLanes];
  std::vector<T> e_, s_;  // [class][lane]
};

}  // namespace XENT_ISA
}  // namespace xent
