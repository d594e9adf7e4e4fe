// Softmax cross-entropy a tile of rows at a time.
#pragma once

#include "softmax_tile.hpp"

namespace xent {
namespace XENT_ISA {

template <class Storage, int kLanes>
class LossTiles : public Tile<Storage, kLanes> {
  using Base = Tile<Storage, kLanes>;
  using typename Base::Int;
  using typename Base::T;

 public:
  explicit LossTiles(const SoftmaxTask& task)
      : Base(task.classes, task.inner), task_(task),
        s_(is_class_target(task) ? 0 : static_cast<std::size_t>(task.classes * kLanes)) {}

  // the weighted losses of rows [begin, begin + count), count <= kLanes, summed in order
  double rows(std::int64_t begin, int count) {
    this->load_rows(static_cast<const Storage*>(task_.logits), begin, count);
    for (int b = 0; b < count; ++b)
      weight_[b] = task_.row_weight ? task_.row_weight[begin + b] : 1.0;
    for (int b = count; b < kLanes; ++b) weight_[b] = 0;
    if (is_class_target(task_)) {
      for (int b = 0; b < count; ++b) apart_[b] = static_cast<Int>(task_.target[begin + b]);
      for (int b = count; b < kLanes; ++b) apart_[b] = 0;
      this->walk();
      if (task_.gradient) class_gradient();
    } else {
      this->find_arg_max();
      weigh();
      this->walk();
      for (int b = 0; b < kLanes; ++b) nll_[b] = total_[b] * nll_[b] + linear_[b];
      if (task_.gradient) soft_gradients();
      if (task_.hessian) hessians();
    }
    return finish();
  }

 private:
  using Base::apart_;
  using Base::begin_;
  using Base::classes_;
  using Base::count_;
  using Base::e_;
  using Base::factor_;
  using Base::nll_;
  using Base::not_p_;
  using Base::p_;

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
    this->store_rows(e_.data(), static_cast<Storage*>(task_.gradient));
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
    this->store_rows(tile.data(), static_cast<Storage*>(task_.gradient));
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
    this->store_rows(e_.data(), static_cast<Storage*>(task_.hessian));
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
  double weight_[kLanes];
  Int largest_[kLanes];
  double total_[kLanes], rest_[kLanes], linear_[kLanes];
  std::vector<T> s_;  // [class][lane]: the mass of the target
};

}  // namespace XENT_ISA
}  // namespace xent
