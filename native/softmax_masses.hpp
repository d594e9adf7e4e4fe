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
      t = mixed(t, spread);
    } else {
      t = static_cast<T>(task_.target[row] == c ? 1 - task_.label_smoothing + spread : spread);
    }
    return task_.class_weight ? weighted(t, c) : t;
  }

  // of every class of a row whose classes are adjacent
  void fill(std::int64_t row, T* XENT_RESTRICT s) const {
    const std::int64_t classes = task_.classes, start = row * classes;
    const double spread = share(start);
    if (task_.soft_target) {
      const T* XENT_RESTRICT t = static_cast<const T*>(task_.soft_target) + start;
      if (task_.label_smoothing == 0) {
        std::memcpy(s, t, sizeof(T) * static_cast<std::size_t>(classes));
      } else {
        for (std::int64_t c = 0; c < classes; ++c) s[c] = mixed(t[c], spread);
      }
    } else {
      const T rounded = static_cast<T>(spread);
      for (std::int64_t c = 0; c < classes; ++c) s[c] = rounded;
    }
    // what the smoothing would give to a class that cannot be chosen
    if (task_.class_mask && task_.label_smoothing != 0)
      for (std::int64_t c = 0; c < classes; ++c)
        if (!task_.may_be_chosen(start, c)) s[c] = unmixed(start + c);
    if (!task_.soft_target) {
      const std::int64_t y = task_.target[row];
      s[y] = static_cast<T>(1 - task_.label_smoothing + spread);
    }
    if (task_.class_weight)
      for (std::int64_t c = 0; c < classes; ++c) s[c] = weighted(s[c], c);
  }

 private:
  T mixed(T t, double spread) const {
    return static_cast<T>((1 - task_.label_smoothing) * static_cast<double>(t) + spread);
  }
  T unmixed(std::int64_t place) const {
    return task_.soft_target ? mixed(static_cast<const T*>(task_.soft_target)[place], 0) : T(0);
  }
  T weighted(T t, std::int64_t c) const {
    return static_cast<T>(task_.class_weight[c] * static_cast<double>(t));
  }

  const SoftmaxTask& task_;
};

}  // namespace XENT_ISA
}  // namespace xent
