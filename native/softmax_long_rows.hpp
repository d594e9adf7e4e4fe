// Softmax cross-entropy one row at a time, vectorised along its adjacent classes.
#pragma once

#include <type_traits>
#include <vector>

#include "softmax_along.hpp"
#include "softmax_options.hpp"
#include "softmax_statistics.hpp"

namespace xent {
namespace XENT_ISA {

// One row at a time; memory for it is kept between rows.
template <class Storage>
class LongRows {
  using T = typename ComputedIn<Storage>::type;
  static constexpr bool kConverts = sizeof(Storage) != sizeof(T);
  static constexpr bool kReadsAgain = std::is_same<Storage, BFloat16>::value;

 public:
  explicit LongRows(const SoftmaxTask& task)
      : task_(task), masses_(task), map_(task.softcap, task.temperature, task.class_mask != nullptr), classes_(task.classes),
        x_(kConverts || map_.changes_logits() ? classes_ : 0),
        e_(kConverts || !is_class_target(task) ? classes_ : 0),
        s_(is_class_target(task) ? 0 : classes_), slope_(map_.has_slopes() ? classes_ : 0) {}

  // the weighted loss of one row; its gradient and Hessian are written
  double row(std::int64_t row) {
    const double weight = task_.row_weight ? task_.row_weight[row] : 1.0;
    T* nll = task_.nll ? static_cast<T*>(task_.nll) + row : nullptr;
    Storage* gradient = part(task_.gradient, row);
    Storage* hessian = part(task_.hessian, row);
    const Storage* logits = static_cast<const Storage*>(task_.logits) + row * classes_;
    if (weight == 0) {
      // before the gradient, which may be written where the logits are
      if (task_.statistics.hit) describe_alone(logits, row);
      if (nll) *nll = 0;
      clear(gradient);
      clear(hessian);
      return 0;
    }
    const double scale = weight * task_.gradient_scale;
    double loss;
    if (kReadsAgain && is_class_target(task_) && !map_.changes_logits() && !task_.statistics.hit) {
      loss = weight * class_target(logits, row, scale, gradient);
    } else {
      const T* x = map_.changes_logits() ? mapped(logits, row) : read(logits);
      // before the gradient, which may be written where the logits are
      if (task_.statistics.hit) describe(x, row);
      loss = weight * (is_class_target(task_) ? class_target(x, row, scale, gradient)
                                              : soft_target(x, row, scale, gradient, hessian));
    }
    if (nll) *nll = static_cast<T>(loss);
    return loss;
  }

 private:
  template <class X>
  double class_target(const X* x, std::int64_t row_index, double scale, Storage* gradient) {
    const std::int64_t y = task_.target[row_index];
    T* e = gradient ? exponentials_of(gradient) : nullptr;
    const Walked<T> walked =
        gradient ? walk<true>(x, e, classes_, y) : walk<false>(x, e, classes_, y);
    const RowScalars& row = walked.row;
    if (task_.statistics.nll) at<T>(task_.statistics.nll, row_index) = static_cast<T>(row.nll);
    const double mass = task_.class_weight ? task_.class_weight[y] : 1.0;
    const Pull pull = pull_of(task_.z_loss, walked.m, walked.x_apart, walked.sum, row.nll);
    if (gradient) {
      const T factor = static_cast<T>(row.factor * (mass + pull.gradient) * scale);
      e[y] = 0;
      const T at_target = static_cast<T>((row.p * pull.gradient - row.not_p * mass) * scale);
      if (map_.has_slopes()) {
#pragma omp simd
        for (std::int64_t j = 0; j < classes_; ++j) e[j] *= factor;
        e[y] = at_target;
        deliver(e, gradient);
      } else {
#pragma omp simd
        for (std::int64_t j = 0; j < classes_; ++j) store(gradient[j], e[j] * factor);
        store(gradient[y], at_target);
      }
    }
    return (mass == 0 ? 0.0 : mass * row.nll) + pull.loss;
  }

  double soft_target(const T* x, std::int64_t row_index, double scale, Storage* gradient,
                     Storage* hessian) {
    T* s = s_.data();
    masses_.fill(row_index, s);
    const std::int64_t apart = arg_max(x, classes_);
    const Mass mass = weigh(s, x, classes_, x[apart]);
    T* e = e_.data();
    const Walked<T> walked = gradient || hessian ? walk<true>(x, e, classes_, apart)
                                                 : walk<false>(x, e, classes_, apart);
    const RowScalars& row = walked.row;
    if (task_.statistics.nll)
      at<T>(task_.statistics.nll, row_index) =
          static_cast<T>(nll_of_target(x, row_index, apart, row.nll));
    const Pull pull = pull_of(task_.z_loss, walked.m, walked.x_apart, walked.sum, row.nll);
    if (gradient) {
      const double total = mass.total + pull.gradient, rest = mass.rest + pull.gradient;
      const double s_e = s[apart], others_e = apart == mass.largest ? rest : total - s_e;
#pragma omp simd
      for (std::int64_t j = 0; j < classes_; ++j) {
        const double p = row.factor * static_cast<double>(e[j]), s_j = s[j];
        const double others = j == mass.largest ? rest : total - s_j;
        s[j] = static_cast<T>(scale * soft_gradient(p, s_j, others));
      }
      s[apart] = static_cast<T>(scale * (row.p * others_e - s_e * row.not_p));
      deliver(s, gradient);
    }
    if (hessian) {
      const double h_scale = scale * mass.total;
#pragma omp simd
      for (std::int64_t j = 0; j < classes_; ++j) {
        const double p = row.factor * static_cast<double>(e[j]);
        store(hessian[j], static_cast<T>(h_scale * (p * (1 - p))));
      }
      store(hessian[apart], static_cast<T>(h_scale * (row.p * row.not_p)));
    }
    return mass.total * row.nll + mass.linear + pull.loss;
  }

  // a gradient of the logits as the options leave them, to where that of the logits goes
  void deliver(T* g, Storage* gradient) const {
    if (map_.has_slopes()) map_.chain(g, slope_.data(), classes_);
#pragma omp simd
    for (std::int64_t j = 0; j < classes_; ++j) store(gradient[j], g[j]);
  }

  // a row without a loss: one whose class weighs 0 is what it is all the same
  void describe_alone(const Storage* logits, std::int64_t row) {
    if (!task_.is_counted(row)) return no_statistics<T>(task_.statistics, row);
    const T* x = map_.changes_logits() ? mapped(logits, row) : read(logits);
    describe(x, row);
    const Walked<T> walked =
        walk<false>(x, static_cast<T*>(nullptr), classes_, task_.target[row]);
    at<T>(task_.statistics.nll, row) = static_cast<T>(walked.row.nll);
  }

  void describe(const T* x, std::int64_t row) const {
    const Prediction prediction = predict(x, classes_);
    const T* soft = soft_row(row);
    const std::int64_t truth = soft ? arg_max(soft, classes_) : task_.target[row];
    write_statistics<T>(task_.statistics, row, prediction, truth);
  }

  // -sum_j t_j log p_j of the target as it came
  double nll_of_target(const T* x, std::int64_t row, std::int64_t apart, double nll) const {
    const T* soft = soft_row(row);
    if (!soft) return distance(x[apart], x[task_.target[row]]) + nll;
    const Mass mass = weigh(soft, x, classes_, x[apart]);
    return mass.total * nll + mass.linear;
  }

  const T* soft_row(std::int64_t row) const {
    return task_.soft_target ? static_cast<const T*>(task_.soft_target) + row * classes_ : nullptr;
  }

  const T* mapped(const Storage* logits, std::int64_t row) {
    T* XENT_RESTRICT x = x_.data();
#pragma omp simd
    for (std::int64_t j = 0; j < classes_; ++j) x[j] = load(logits[j]);
    map_.apply(x, slope_.data(), classes_);
    if (task_.class_mask) {
      const std::int64_t from = task_.masks_each_row ? row * classes_ : 0;
      map_.mask(task_.class_mask + from, x, slope_.data(), classes_);
    }
    return x;
  }

  Storage* part(void* array, std::int64_t row) {
    return array ? static_cast<Storage*>(array) + row * classes_ : nullptr;
  }
  void clear(Storage* row) {
    if (row) std::memset(static_cast<void*>(row), 0, sizeof(Storage) * classes_);
  }

  const T* read(const T* logits) { return logits; }
  template <class Half>
  const T* read(const Half* logits) {
    T* XENT_RESTRICT x = x_.data();
#pragma omp simd
    for (std::int64_t j = 0; j < classes_; ++j) x[j] = load(logits[j]);
    return x;
  }

  // the gradient is its own scratch memory, unless it is stored in half precision
  T* exponentials_of(T* gradient) { return gradient; }
  template <class Half>
  T* exponentials_of(Half*) {
    return e_.data();
  }

  const SoftmaxTask& task_;
  const TargetMasses<T> masses_;
  const LogitMap<T> map_;
  const std::int64_t classes_;
  std::vector<T> x_, e_, s_, slope_;
};

}  // namespace XENT_ISA
}  // namespace xent
