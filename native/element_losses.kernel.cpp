// Losses that are a sum of one term an element, on one chunk: sum and gradient.
//
// Traffic       input and target are read once, the gradient is written once.
// Precision     terms and slopes in double, from inputs of any width; a gradient is rounded to
//               its dtype, by way of float where that has 16 bits.
// Determinism   chunks do not depend on the number of threads, so the sum does not either.
#include "element_losses.hpp"

#include "floats.hpp"
#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kBlock = 256;

// A loss is steep if its slope may be beyond the largest number, as 1 / q of a denormal is.
struct SquaredError {
  static constexpr bool kIsSteep = false;
  static XENT_INLINE double term(double x, double y) { return (x - y) * (x - y); }
  static XENT_INLINE double slope(double x, double y) { return 2 * (x - y); }
};

// Where a steep gradient is held. A half is left to become infinite, as it does in torch: a
// GradScaler has to see it.
template <class Storage>
constexpr double kSteepest = std::numeric_limits<Storage>::max();
template <>
constexpr double kSteepest<Half> = std::numeric_limits<float>::max();
template <>
constexpr double kSteepest<BFloat16> = 0x1.fep127;

// torch's floor of a logarithm, and its least q (1 - q) where the label says otherwise
constexpr double kLeastLog = -100, kLeastProduct = 1e-12;

XENT_INLINE double floored(double log_p) { return log_p < kLeastLog ? kLeastLog : log_p; }

struct BinaryCrossEntropy {
  static constexpr bool kIsSteep = true;
  static XENT_INLINE double term(double q, double y) {
    const double if_true = floored(log(q)), if_false = floored(log_of_complement(q));
    // from the nearer end, so that a label of 0 or 1 takes one of the two as it is
    const double step = if_true - if_false;
    return y < 0.5 ? -(if_false + y * step) : -(if_true - (1 - y) * step);
  }
  static XENT_INLINE double slope(double q, double y) {
    const double product = q * (1 - q);
    const bool inside = product > 0;
    const double edge = q == y ? 1 - 2 * q : (q - y) / kLeastProduct;
    return inside ? (q - y) / (inside ? product : 1.0) : edge;
  }
};

// labels that are 0 or 1 need one of the two logarithms
struct HardBinaryCrossEntropy : BinaryCrossEntropy {
  static XENT_INLINE double term(double q, double y) {
    const bool is_true = y == 1;
    const double u = 1 - q;
    const double lost = is_true ? 0.0 : (1 - u) - q;
    return -floored(log_with_error(is_true ? q : u, lost));
  }
};

// What a class costs that does not happen: nothing, also where log_q is -inf; NaN stays.
XENT_INLINE double absent(double log_q) { return log_q != log_q ? log_q : 0.0; }

struct KlOfProbs {
  static constexpr bool kIsSteep = false;
  static XENT_INLINE double term(double log_q, double p) {
    const double value = p * (log(p) - log_q);
    return p == 0 ? absent(log_q) : value;
  }
  static XENT_INLINE double slope(double, double p) { return -p; }
};

struct KlOfLogProbs {
  static constexpr bool kIsSteep = false;
  static XENT_INLINE double term(double log_q, double log_p) {
    const double p = exp(log_p);
    const double value = p * (log_p - log_q);
    return p == 0 ? absent(log_q) : value;
  }
  static XENT_INLINE double slope(double, double log_p) { return -exp(log_p); }
};

// A gradient, with its factor, in the type that it is computed in; NaN passes through.
template <class Loss, class Storage>
XENT_INLINE typename ComputedIn<Storage>::type rounded(double gradient) {
  if constexpr (Loss::kIsSteep) {
    constexpr double most = kSteepest<Storage>;
    gradient = gradient > most ? most : gradient;
    gradient = gradient < -most ? -most : gradient;
  }
  return static_cast<typename ComputedIn<Storage>::type>(gradient);
}

template <class Loss, class Storage>
XENT_INLINE double block(const Storage* from, const double* y, int count, double scale,
                         Storage* to) {
  using T = typename ComputedIn<Storage>::type;
  double x[kBlock];
#pragma omp simd
  for (int i = 0; i < count; ++i) x[i] = static_cast<double>(load(from[i]));
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < count; ++i) sum += Loss::term(x[i], y[i]);
  if (!to) return sum;
  T slope[kBlock];
#pragma omp simd
  for (int i = 0; i < count; ++i)
    slope[i] = rounded<Loss, Storage>(scale * Loss::slope(x[i], y[i]));
#pragma omp simd
  for (int i = 0; i < count; ++i) store(to[i], slope[i]);
  return sum;
}

struct Labels {
  bool hard;
  std::int64_t outside;
};

template <class Storage>
XENT_INLINE Labels look(const Storage* q, const double* y, int count) {
  std::int64_t soft = 0, outside = 0;
#pragma omp simd reduction(+ : soft, outside)
  for (int i = 0; i < count; ++i) {
    const double x = static_cast<double>(load(q[i]));
    soft += (y[i] != 0) & (y[i] != 1);
    outside += !((x >= 0) & (x <= 1));
    outside += !((y[i] >= 0) & (y[i] <= 1));
  }
  return {soft == 0, outside};
}

template <class Storage>
ElementPart loss(const ElementTask& task, std::int64_t begin, std::int64_t end) {
  ElementPart part;
  double y[kBlock], lost = 0;
  for (std::int64_t start = begin; start < end; start += kBlock) {
    const int count = static_cast<int>(end - start < kBlock ? end - start : kBlock);
    const Storage* x = static_cast<const Storage*>(task.input) + start;
    Storage* to = task.gradient ? static_cast<Storage*>(task.gradient) + start : nullptr;
    read(task.target, start, count, y);
    double sum = 0;
    switch (task.loss) {
      case ElementLoss::squared_error:
        sum = block<SquaredError>(x, y, count, task.gradient_scale, to);
        break;
      case ElementLoss::binary_cross_entropy: {
        const Labels labels = look(x, y, count);
        part.outside += labels.outside;
        sum = labels.hard
                  ? block<HardBinaryCrossEntropy>(x, y, count, task.gradient_scale, to)
                  : block<BinaryCrossEntropy>(x, y, count, task.gradient_scale, to);
        break;
      }
      case ElementLoss::kl_of_probs:
        sum = block<KlOfProbs>(x, y, count, task.gradient_scale, to);
        break;
      case ElementLoss::kl_of_log_probs:
        sum = block<KlOfLogProbs>(x, y, count, task.gradient_scale, to);
        break;
    }
    const Exact<double> both = two_sum(part.sum, sum);
    part.sum = both.value;
    lost += both.error;
  }
  // what was lost by infinities is NaN
  if (lost - lost == 0) part.sum += lost;
  return part;
}

}  // namespace

extern const ElementKernels element_kernels;
const ElementKernels element_kernels = {loss<float>, loss<double>, loss<Half>, loss<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
