// The distribution that a row is scored against: mass s_j = class_weight_j * target_j.
#pragma once

#include "softmax_cross_entropy.hpp"
#include "softmax_sums.hpp"

namespace xent {
namespace XENT_ISA {

// `largest` is the largest entry, the only one that can be more than half of the total, so
// the mass of all classes but j is total - s_j everywhere else without cancelling.
struct Mass {
  double total = 0, rest = 0;  // rest: the mass of all classes but the largest
  double linear = 0;           // sum_j s_j (x_E - x_j), every term >= 0
  std::int64_t largest = 0;
};

// d(loss)/dx_j for any class but E, where a pull of the log-sum-exp adds to the others
XENT_INLINE double soft_gradient(double p, double s, double others) {
  return p * others - s * (1 - p);
}

// a target that is one class has its own, shorter path
XENT_INLINE bool is_class_target(const SoftmaxTask& task) {
  return !task.soft_target && task.label_smoothing == 0 && !task.hessian;
}

template <class T>
XENT_INLINE T mixed(T t, double label_smoothing, double share) {
  return static_cast<T>((1 - label_smoothing) * static_cast<double>(t) + share);
}

template <class T>
XENT_INLINE T weighted(T t, double class_weight) {
  return static_cast<T>(class_weight * static_cast<double>(t));
}

// Some adjacent classes of one row, of which the target is told.
template <class T>
struct RunOfTarget {
  std::int64_t count = 0;
  const T* soft = nullptr;    // the mass of each, or else the target is one class,
  std::int64_t place = -1;    // counted from the first of these; it may lie outside
  double label_smoothing = 0, share = 0;  // what each class that may be chosen gets of it
  const unsigned char* mask = nullptr;    // 0 where a class cannot be chosen
  const double* class_weight = nullptr;

  void fill(T* XENT_RESTRICT s) const {
    const T rounded = static_cast<T>(share);
    if (!soft) {
      for (std::int64_t c = 0; c < count; ++c) s[c] = rounded;
    } else if (label_smoothing == 0) {
      std::memcpy(s, soft, sizeof(T) * static_cast<std::size_t>(count));
    } else {
      for (std::int64_t c = 0; c < count; ++c) s[c] = mixed(soft[c], label_smoothing, share);
    }
    // what the smoothing would give to a class that cannot be chosen
    if (mask && label_smoothing != 0)
      for (std::int64_t c = 0; c < count; ++c)
        if (!mask[c]) s[c] = soft ? mixed(soft[c], label_smoothing, 0) : T(0);
    if (!soft && place >= 0 && place < count)
      s[place] = static_cast<T>(1 - label_smoothing + share);
    if (class_weight)
      for (std::int64_t c = 0; c < count; ++c) s[c] = weighted(s[c], class_weight[c]);
  }
};

template <class T>
class TargetMasses {
 public:
  explicit TargetMasses(const SoftmaxTask& task) : task_(task) {}

  // what smoothing gives to each class that may be chosen; `start` is where the row starts
  double share(std::int64_t start) const {
    if (task_.label_smoothing == 0) return 0;
    std::int64_t possible = task_.classes;
    if (task_.class_mask) {
      possible = 0;
      for (std::int64_t c = 0; c < task_.classes; ++c) possible += task_.may_be_chosen(start, c);
    }
    return task_.label_smoothing / static_cast<double>(possible);
  }

  // of one class, in a row whose classes may lie apart
  T of(std::int64_t row, std::int64_t start, std::int64_t c, double share) const {
    const double spread = task_.class_mask && !task_.may_be_chosen(start, c) ? 0.0 : share;
    T t;
    if (task_.soft_target) {
      t = static_cast<const T*>(task_.soft_target)[start + c * task_.inner];
      t = mixed(t, task_.label_smoothing, spread);
    } else {
      t = static_cast<T>(task_.target[row] == c ? 1 - task_.label_smoothing + spread : spread);
    }
    return task_.class_weight ? weighted(t, task_.class_weight[c]) : t;
  }

  // of every class of a row whose classes are adjacent
  void fill(std::int64_t row, T* s) const {
    const std::int64_t start = row * task_.classes;
    RunOfTarget<T> run;
    run.count = task_.classes;
    run.soft = task_.soft_target ? static_cast<const T*>(task_.soft_target) + start : nullptr;
    run.place = task_.soft_target ? -1 : task_.target[row];
    run.label_smoothing = task_.label_smoothing;
    run.share = share(start);
    if (task_.class_mask) run.mask = task_.class_mask + (task_.masks_each_row ? start : 0);
    run.class_weight = task_.class_weight;
    run.fill(s);
  }

 private:
  const SoftmaxTask& task_;
};

}  // namespace XENT_ISA
}  // namespace xent
