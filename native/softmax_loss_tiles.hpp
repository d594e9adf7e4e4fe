// Softmax cross-entropy a tile of rows at a time.
#pragma once

#include "softmax_masses.hpp"
#include "softmax_options.hpp"
#include "softmax_tile.hpp"
#include "softmax_tile_statistics.hpp"

namespace xent {
namespace XENT_ISA {

template <class Storage, int kLanes>
class LossTiles : public Tile<Storage, kLanes> {
  using Base = Tile<Storage, kLanes>;
  using typename Base::Int;
  using typename Base::T;

 public:
  explicit LossTiles(const SoftmaxTask& task)
      : Base(task.classes, task.inner), task_(task), masses_(task), map_(task.softcap, task.temperature, task.class_mask != nullptr),
        s_(is_class_target(task) ? 0 : e_.size()), slope_(map_.has_slopes() ? e_.size() : 0) {
    for (int b = 0; b < kLanes; ++b) pull_[b] = Pull{};
  }

  // the weighted losses of rows [begin, begin + count), count <= kLanes, summed in order
  double rows(std::int64_t begin, int count) {
    this->load_rows(static_cast<const Storage*>(task_.logits), begin, count);
    for (int b = 0; b < count; ++b)
      weight_[b] = task_.row_weight ? task_.row_weight[begin + b] : 1.0;
    for (int b = count; b < kLanes; ++b) weight_[b] = 0;
    for (int b = 0; b < kLanes; ++b)
      read_[b] = weight_[b] != 0 ||
                 (b < count && task_.statistics.hit && task_.is_counted(begin + b));
    if (map_.changes_logits()) map_logits();
    if (task_.statistics.hit) {
      this->find_arg_max();
      statistics_.read(task_, e_.data(), apart_, start_, begin, count);
    }
    if (is_class_target(task_)) {
      // a skipped row may have a target that is no class
      for (int b = 0; b < kLanes; ++b)
        apart_[b] = read_[b] ? static_cast<Int>(task_.target[begin + b]) : Int(0);
      this->walk();
      if (task_.z_loss != 0) pull_all();
      if (task_.statistics.hit) statistics_.write_class_target(task_, nll_, read_);
      weigh_classes();
      if (task_.gradient) class_gradient();
    } else {
      this->find_arg_max();
      weigh();
      this->walk();
      if (task_.z_loss != 0) pull_all();
      if (task_.statistics.hit) statistics_.write_any_target(task_, nll_, read_);
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
  using Base::m_;
  using Base::nll_;
  using Base::not_p_;
  using Base::p_;
  using Base::start_;
  using Base::sum_;
  using Base::sum_error_;
  using Base::x_apart_;

  void map_logits() {
    map_.apply(e_.data(), slope_.data(), classes_ * kLanes);
    if (!task_.class_mask) return;
    for (std::int64_t c = 0; c < classes_; ++c)
      for (int b = 0; b < count_; ++b)
        if (!task_.may_be_chosen(start_[b], c)) {
          e_[c * kLanes + b] = -infinity<T>;
          slope_[c * kLanes + b] = 0;
        }
  }

  void pull_all() {
    for (int b = 0; b < kLanes; ++b)
      pull_[b] = pull_of(task_.z_loss, m_[b], x_apart_[b], Sum{sum_[b], sum_error_[b]}, nll_[b]);
  }

  // the class weight of each target, where it is not part of the row's weight
  void weigh_classes() {
    for (int b = 0; b < kLanes; ++b) mass_[b] = 1;
    if (!task_.class_weight) return;
    for (int b = 0; b < count_; ++b) {
      mass_[b] = task_.class_weight[apart_[b]];
      nll_[b] = mass_[b] == 0 ? 0.0 : mass_[b] * nll_[b];
    }
  }

  void class_gradient() {
    T factor[kLanes], at_target[kLanes];
    for (int b = 0; b < kLanes; ++b) {
      const double scale = weight_[b] * task_.gradient_scale;
      const bool counts = weight_[b] != 0;
      const double others = mass_[b] + pull_[b].gradient;
      const double own = p_[b] * pull_[b].gradient - not_p_[b] * mass_[b];
      factor[b] = counts ? static_cast<T>(factor_[b] * others * scale) : T(0);
      at_target[b] = counts ? static_cast<T>(own * scale) : T(0);
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT e = &e_[c * kLanes];
      const Int class_c = static_cast<Int>(c);
#pragma omp simd
      for (int b = 0; b < kLanes; ++b)
        e[b] = apart_[b] == class_c ? at_target[b] : e[b] * factor[b];
    }
    deliver(e_.data());
  }

  // a gradient of the logits as the options leave them, to where that of the logits goes
  void deliver(T* tile) {
    if (map_.has_slopes()) map_.chain(tile, slope_.data(), classes_ * kLanes);
    if (task_.row_weight) silence_skipped(tile);
    this->store_rows(tile, static_cast<Storage*>(task_.gradient));
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
    double share[kLanes];
    for (int b = 0; b < count_; ++b) share[b] = masses_.share(start_[b]);
    for (int b = 0; b < kLanes; ++b) {
      top[b] = -1;
      largest_[b] = 0;
      x_apart[b] = e_[static_cast<std::int64_t>(apart_[b]) * kLanes + b];
    }
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT s = &s_[c * kLanes];
      for (int b = 0; b < count_; ++b) s[b] = masses_.of(begin_ + b, start_[b], c, share[b]);
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
        add(rest[b], largest_[b] == static_cast<Int>(c) ? T(0) : s[b]);
        // an impossible class without mass costs nothing; 0 * inf would
        add(linear[b], s[b] == 0 ? 0.0 : static_cast<double>(s[b]) * distance(x_apart[b], x[b]));
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
        const double others =
            (largest_[b] == class_c ? rest_[b] : total_[b] - s_j) + pull_[b].gradient;
        g[b] = static_cast<T>(weight_[b] * task_.gradient_scale * (p * others - s_j * not_p));
      }
    }
    deliver(tile.data());
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
      const double loss = weight_[b] == 0 ? 0.0 : weight_[b] * (nll_[b] + pull_[b].loss);
      if (nll) nll[b] = static_cast<T>(loss);
      sum += loss;
    }
    return sum;
  }

  const SoftmaxTask& task_;
  const TargetMasses<T> masses_;
  const LogitMap<T> map_;
  double weight_[kLanes], mass_[kLanes];
  bool read_[kLanes];  // a row without a loss may have statistics
  Pull pull_[kLanes];
  Int largest_[kLanes];
  double total_[kLanes], rest_[kLanes], linear_[kLanes];
  std::vector<T> s_;      // [class][lane]: the mass of the target
  std::vector<T> slope_;  // [class][lane]: of the logits as the options leave them
  TileStatistics<T, kLanes> statistics_;
};

}  // namespace XENT_ISA
}  // namespace xent
