// The log loss of scaled scores: value, gradient and Hessian in one pass over the rows.
//
// Layout   a class a line, so that loops run across rows; a tile of rows stays in the cache
//          while all classes, and all pairs of them, look at it.
#include "scaled_softmax.hpp"

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kTile = 128;  // rows; a short tile is padded with rows of share 0

class Tile {
 public:
  explicit Tile(const ScaledSoftmaxTask& task)
      : task_(task),
        classes_(static_cast<std::size_t>(task.classes)),
        p_(classes_ * kTile),
        shared_(classes_ * kTile) {}

  void add(std::int64_t first, int rows, double* to) {
    softmax(first, rows, to);
    double* of_class = to + ScaledSoftmaxSums::kNumbers;
    if (task_.of_scale)
      with_scale(first, rows, to, of_class);
    else
      without_scale(of_class);
    if (task_.of_biases) add_pairs(of_class + 3 * classes_);
  }

 private:
  const double* scores(std::size_t j, std::int64_t first, int rows) {
    const double* from = task_.scores + static_cast<std::int64_t>(j) * task_.rows + first;
    if (rows == kTile) return from;
    for (int b = 0; b < kTile; ++b) padded_[b] = b < rows ? from[b] : 0.0;
    return padded_;
  }

  void softmax(std::int64_t first, int rows, double* to) {
    double top[kTile], total[kTile], truth[kTile];
    for (int b = 0; b < kTile; ++b) top[b] = -infinity<double>;
    for (std::size_t j = 0; j < classes_; ++j) {
      const double* XENT_RESTRICT z = scores(j, first, rows);
      double* XENT_RESTRICT eta = &p_[j * kTile];
      const double scale = task_.scale, bias = task_.bias[j];
      for (int b = 0; b < kTile; ++b) {
        // a scale of 0 makes no number of it
        eta[b] = z[b] > -infinity<double> ? scale * z[b] + bias : -infinity<double>;
        top[b] = eta[b] > top[b] ? eta[b] : top[b];
      }
    }
    for (int b = 0; b < kTile; ++b) {
      const bool inside = b < rows;
      share_[b] = inside ? task_.share[first + b] : 0.0;
      truth[b] = inside ? p_[static_cast<std::size_t>(task_.target[first + b]) * kTile +
                             static_cast<std::size_t>(b)] : top[b];
      total[b] = 0;
    }
    for (std::size_t j = 0; j < classes_; ++j) {
      double* XENT_RESTRICT p = &p_[j * kTile];
      for (int b = 0; b < kTile; ++b) {
        p[b] = exp_difference(p[b], top[b]);
        total[b] += p[b];
      }
    }
    double loss = 0;
#pragma omp simd reduction(+ : loss)
    for (int b = 0; b < kTile; ++b) loss += share_[b] * ((top[b] - truth[b]) + log(total[b]));
    to[0] += loss;
    for (int b = 0; b < kTile; ++b) total[b] = 1 / total[b];
    for (std::size_t j = 0; j < classes_; ++j) {
      double* XENT_RESTRICT p = &p_[j * kTile];
      double* XENT_RESTRICT shared = &shared_[j * kTile];
      for (int b = 0; b < kTile; ++b) {
        p[b] *= total[b];
        shared[b] = p[b] * share_[b];
      }
    }
  }

  // what multiplies a probability of 0 must be finite
  XENT_INLINE static double finite(double z) { return z > -infinity<double> ? z : 0.0; }

  void with_scale(std::int64_t first, int rows, double* to, double* of_class) {
    double mean[kTile] = {};
    for (std::size_t j = 0; j < classes_; ++j) {
      const double* XENT_RESTRICT z = scores(j, first, rows);
      const double* XENT_RESTRICT p = &p_[j * kTile];
      for (int b = 0; b < kTile; ++b) mean[b] += p[b] * finite(z[b]);
    }
    double spread = 0;
    for (std::size_t j = 0; j < classes_; ++j) {
      const double* XENT_RESTRICT z = scores(j, first, rows);
      const double* XENT_RESTRICT shared = &shared_[j * kTile];
      double sum = 0, scored = 0, crossed = 0;
#pragma omp simd reduction(+ : sum, scored, crossed, spread)
      for (int b = 0; b < kTile; ++b) {
        const double around = finite(z[b]) - mean[b], moved = shared[b] * around;
        sum += shared[b];
        scored += shared[b] * finite(z[b]);
        crossed += moved;
        spread += moved * around;
      }
      of_class[j] += sum;
      of_class[classes_ + j] += scored;
      of_class[2 * classes_ + j] += crossed;
    }
    to[1] += spread;
  }

  void without_scale(double* of_class) {
    for (std::size_t j = 0; j < classes_; ++j) {
      const double* XENT_RESTRICT shared = &shared_[j * kTile];
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int b = 0; b < kTile; ++b) sum += shared[b];
      of_class[j] += sum;
    }
  }

  void add_pairs(double* pairs) {
    for (std::size_t i = 0; i < classes_; ++i) {
      const double* XENT_RESTRICT p = &p_[i * kTile];
      for (std::size_t j = i; j < classes_; ++j) {
        const double* XENT_RESTRICT shared = &shared_[j * kTile];
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int b = 0; b < kTile; ++b) sum += p[b] * shared[b];
        pairs[i * classes_ + j] += sum;
      }
    }
  }

  const ScaledSoftmaxTask& task_;
  std::size_t classes_;
  std::vector<double> p_, shared_;  // (classes, kTile): softmax, and its share of all rows
  double share_[kTile], padded_[kTile];
};

void add(const ScaledSoftmaxTask& task, std::int64_t begin, std::int64_t end, double* to) {
  Tile tile(task);
  for (std::int64_t first = begin; first < end; first += kTile)
    tile.add(first, static_cast<int>(end - first < kTile ? end - first : kTile), to);
}

}  // namespace

extern const ScaledSoftmaxKernels scaled_softmax_kernels;
const ScaledSoftmaxKernels scaled_softmax_kernels = {add};

}  // namespace XENT_ISA
}  // namespace xent
