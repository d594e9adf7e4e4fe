// Softmax cross-entropy one row at a time, vectorised along its adjacent classes.
#pragma once

#include <vector>

#include "softmax_row.hpp"

namespace xent {
namespace XENT_ISA {

template <class T>
XENT_INLINE T maximum(const T* XENT_RESTRICT x, std::int64_t count, T m) {
#pragma omp simd reduction(max : m)
  for (std::int64_t i = 0; i < count; ++i) m = x[i] > m ? x[i] : m;
  return m;
}

// e[i] = exp(x[i] - m) where keep, and their sum in any case; e may be x
template <bool keep>
XENT_INLINE void exponentials(const float* x, float* e, std::int64_t count, float m, Sum& sum) {
  double s = 0;
#pragma omp simd reduction(+ : s)
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = exp_difference(x[i], m);
    if (keep) e[i] = value;
    s += static_cast<double>(value);
  }
  sum.value += s;
}

// doubles are folded in halves, a block at a time, with what every addition loses carried
// along: the sum is right to its last bit, and the same whatever the width of the vectors
template <bool keep>
XENT_INLINE void exponentials(const double* x, double* e, std::int64_t count, double m, Sum& sum) {
  constexpr int kBlock = 64;
  double block[kBlock], lost[kBlock];
  for (std::int64_t start = 0; start < count; start += kBlock) {
    const int filled = static_cast<int>(count - start < kBlock ? count - start : kBlock);
#pragma omp simd
    for (int i = 0; i < filled; ++i) block[i] = exp_difference(x[start + i], m);
    if (keep)
      for (int i = 0; i < filled; ++i) e[start + i] = block[i];
    for (int i = filled; i < kBlock; ++i) block[i] = 0;
    for (int i = 0; i < kBlock; ++i) lost[i] = 0;
    for (int width = kBlock / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) {
        const Exact<double> pair = two_sum(block[i], block[i + width]);
        block[i] = pair.value;
        lost[i] += lost[i + width] + pair.error;
      }
    }
    add(sum, block[0]);
    sum.error += lost[0];
  }
}

template <class T>
std::int64_t arg_max(const T* x, std::int64_t count) {
  const T m = maximum(x, count, -infinity<T>);
  for (std::int64_t i = 0; i < count; ++i)
    if (x[i] == m) return i;
  return 0;  // nothing but NaN
}

// what one pass over the classes leaves: exp(x_k - shift) in e where keep, and the scalars
template <class T>
struct Walked {
  std::int64_t apart;
  RowScalars row;
};

template <bool keep, class T>
Walked<T> walk(const T* x, T* e, std::int64_t classes, std::int64_t apart) {
  const std::int64_t after = apart + 1;
  const T m = maximum(x + after, classes - after, maximum(x, apart, -infinity<T>));
  // where every other class is impossible any shift will do, but inf - inf will not
  const T shift = m == -infinity<T> ? T(0) : m;
  const T x_apart = x[apart];  // read first: e may be x
  Sum sum;
  exponentials<keep>(x, e, apart, shift, sum);
  exponentials<keep>(x + after, e + after, classes - after, shift, sum);
  return {apart, row_scalars(m, x_apart, sum)};
}

template <class T>
Mass weigh(const T* XENT_RESTRICT s, const T* XENT_RESTRICT x, std::int64_t classes, T x_apart) {
  Mass mass;
  for (std::int64_t j = 1; j < classes; ++j) mass.largest = s[j] > s[mass.largest] ? j : mass.largest;
  Sum rest, linear;
  for (std::int64_t j = 0; j < classes; ++j) {
    const T s_j = s[j];
    const double distance = static_cast<double>(x_apart) - static_cast<double>(x[j]);
    add(rest, j == mass.largest ? T(0) : s_j);
    // an impossible class without mass costs nothing; 0 * inf would
    add(linear, s_j == 0 ? 0.0 : static_cast<double>(s_j) * distance);
  }
  mass.rest = rest.value + rest.error;
  mass.total = mass.rest + static_cast<double>(s[mass.largest]);
  mass.linear = linear.value + linear.error;
  return mass;
}

// One row at a time; memory for it is kept between rows.
template <class Storage>
class LongRows {
  using T = typename ComputedIn<Storage>::type;
  static constexpr bool kConverts = sizeof(Storage) != sizeof(T);

 public:
  explicit LongRows(const SoftmaxTask& task)
      : task_(task), classes_(task.classes), x_(kConverts ? classes_ : 0),
        e_(kConverts || !is_class_target(task) ? classes_ : 0),
        s_(is_class_target(task) ? 0 : classes_) {}

  // the weighted loss of one row; its gradient and Hessian are written
  double row(std::int64_t row) {
    const double weight = task_.row_weight ? task_.row_weight[row] : 1.0;
    T* nll = task_.nll ? static_cast<T*>(task_.nll) + row : nullptr;
    Storage* gradient = part(task_.gradient, row);
    Storage* hessian = part(task_.hessian, row);
    if (weight == 0) {
      if (nll) *nll = 0;
      clear(gradient);
      clear(hessian);
      return 0;
    }
    const T* x = read(static_cast<const Storage*>(task_.logits) + row * classes_);
    const double scale = weight * task_.gradient_scale;
    const double loss =
        weight * (is_class_target(task_) ? class_target(x, task_.target[row], scale, gradient)
                                         : soft_target(x, row, scale, gradient, hessian));
    if (nll) *nll = static_cast<T>(loss);
    return loss;
  }

 private:
  double class_target(const T* x, std::int64_t y, double scale, Storage* gradient) {
    if (!gradient) return walk<false>(x, static_cast<T*>(nullptr), classes_, y).row.nll;
    T* e = exponentials_of(gradient);
    const RowScalars row = walk<true>(x, e, classes_, y).row;
    const T factor = static_cast<T>(row.factor * scale);
    e[y] = 0;
#pragma omp simd
    for (std::int64_t j = 0; j < classes_; ++j) store(gradient[j], e[j] * factor);
    store(gradient[y], static_cast<T>(-row.not_p * scale));
    return row.nll;
  }

  double soft_target(const T* x, std::int64_t row_index, double scale, Storage* gradient,
                     Storage* hessian) {
    T* s = s_.data();
    for (std::int64_t j = 0; j < classes_; ++j) s[j] = weighted_mass<T>(task_, row_index, j);
    const std::int64_t apart = arg_max(x, classes_);
    const Mass mass = weigh(s, x, classes_, x[apart]);
    T* e = e_.data();
    const RowScalars row = walk<true>(x, e, classes_, apart).row;
    if (gradient) {
#pragma omp simd
      for (std::int64_t j = 0; j < classes_; ++j) {
        const double p = row.factor * static_cast<double>(e[j]), s_j = s[j];
        const double others = j == mass.largest ? mass.rest : mass.total - s_j;
        store(gradient[j], static_cast<T>(scale * soft_gradient(p, s_j, others)));
      }
      const double s_e = s[apart];
      const double others = apart == mass.largest ? mass.rest : mass.total - s_e;
      store(gradient[apart], static_cast<T>(scale * (row.p * others - s_e * row.not_p)));
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
    return mass.total * row.nll + mass.linear;
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
  const std::int64_t classes_;
  std::vector<T> x_, e_, s_;
};

}  // namespace XENT_ISA
}  // namespace xent
