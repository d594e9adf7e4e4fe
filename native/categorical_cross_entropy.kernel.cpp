// Categorical cross-entropy from probabilities on one chunk of rows: -log p_y.
//
// Every entry is looked at once, for the range and the sum of its row; the logarithms of
// the few that matter are taken a block of rows at a time.
#include "categorical_cross_entropy.hpp"

#include "floats.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kRows = 64;

// whether an entry has its sign bit set
template <class T>
bool any_negative(const T* XENT_RESTRICT p, std::int64_t count) {
  using Bits = typename Format<T>::Bits;
  Bits all = 0;
#pragma omp simd reduction(| : all)
  for (std::int64_t i = 0; i < count; ++i) all |= bits_of<Bits>(p[i]);
  return all >> (8 * sizeof(T) - 1);
}

// sums[i] of rows that are `pitch` apart; eight at a time, because one short row alone waits
// for each of its additions
template <class T>
void row_sums(const T* XENT_RESTRICT p, int count, std::int64_t classes, std::int64_t pitch,
              std::int64_t stride, double* XENT_RESTRICT sums) {
  if (stride == 1 && classes > 32) {
    for (int i = 0; i < count; ++i) {
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t c = 0; c < classes; ++c) sum += static_cast<double>(p[i * pitch + c]);
      sums[i] = sum;
    }
    return;
  }
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const T* rows = p + i * pitch;
    double sum[8] = {};
    for (std::int64_t c = 0; c < classes; ++c)
      for (int k = 0; k < 8; ++k) sum[k] += static_cast<double>(rows[k * pitch + c * stride]);
    for (int k = 0; k < 8; ++k) sums[i + k] = sum[k];
  }
  for (; i < count; ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += static_cast<double>(p[i * pitch + c * stride]);
    sums[i] = sum;
  }
}

// One block of rows: `count` rows, the first at p, `pitch` apart, classes `stride` apart.
template <class T>
class Block {
 public:
  Block(const CategoricalTask& task, CategoricalPart& part)
      : task_(task), part_(part), lowest_(static_cast<T>(-task.tolerance)),
        highest_(static_cast<T>(1 + task.tolerance)) {}

  void score(std::int64_t start, int count) {
    const std::int64_t classes = task_.classes, inner = task_.inner;
    const T* p = static_cast<const T*>(task_.probs) + start / inner * classes * inner + start % inner;
    const std::int64_t pitch = inner == 1 ? classes : 1;
    const double* weight = task_.row_weight ? task_.row_weight + start : nullptr;
    validate(p, start, count, pitch, weight);
    find_truth(p, task_.target + start, count, pitch, weight);
    const double clip = task_.clip;
    double sum = 0, lowest = 1;
    // all rows of the block, those past the end too: a fixed count needs no masks
#pragma omp simd reduction(+ : sum) reduction(min : lowest)
    for (int i = 0; i < kRows; ++i) {
      nll_[i] = 0.0 - log(truth_[i] < clip ? clip : truth_[i]);
      sum += nll_[i];
      lowest = truth_[i] < lowest ? truth_[i] : lowest;
    }
    if (weight) {
      sum = 0;
      for (int i = 0; i < count; ++i) {
        nll_[i] = weight[i] == 0 ? 0.0 : weight[i] * nll_[i];
        sum += nll_[i];
      }
    }
    part_.sum += sum;
    if (lowest == 0 || lowest < clip) count_zeros(start, count);
    if (task_.nll) {
      T* out = static_cast<T*>(task_.nll) + start;
      for (int i = 0; i < count; ++i) out[i] = static_cast<T>(nll_[i]);
    }
  }

 private:
  // Whether rows are distributions. Where no entry is negative, none is larger than the sum
  // of its row, rounded as it may be, and a NaN makes the sum NaN: then the sums say it all.
  void validate(const T* p, std::int64_t start, int count, std::int64_t pitch,
                const double* weight) {
    const std::int64_t classes = task_.classes, inner = task_.inner;
    double sums[kRows];
    row_sums(p, count, classes, pitch, inner, sums);
    // adjacent rows are looked at together; only a block with an offender row by row
    double off = 0;
#pragma omp simd reduction(+ : off)
    for (int i = 0; i < count; ++i) off += sums_to_one(sums[i]) ? 0.0 : 1.0;
    if (off == 0 && !block_has_negative(p, count)) return;
    for (int i = 0; i < count; ++i) {
      if (weight && weight[i] == 0) continue;  // a row that does not count may hold anything
      if (sums_to_one(sums[i]) && row_within(p + i * pitch, classes, inner)) continue;
      if (part_.first_bad < 0) part_.first_bad = start + i;
      ++part_.bad;
    }
  }

  void find_truth(const T* p, const std::int64_t* XENT_RESTRICT target, int count,
                  std::int64_t pitch, const double* weight) {
    for (int i = 0; i < count; ++i) {
      const bool counts = !weight || weight[i] != 0;
      const double p_y = counts ? p[i * pitch + target[i] * task_.inner] : 1.0;
      // within the tolerance an entry may pass 0 or 1; its loss may not pass inf or 0
      truth_[i] = p_y < 0 ? 0 : p_y > 1 ? 1 : p_y;
    }
    for (int i = count; i < kRows; ++i) truth_[i] = 1;
  }

  bool block_has_negative(const T* p, int count) const {
    if (task_.inner == 1) return any_negative(p, count * task_.classes);
    for (std::int64_t c = 0; c < task_.classes; ++c)
      if (any_negative(p + c * task_.inner, count)) return true;
    return false;
  }

  bool sums_to_one(double sum) const {
    return (sum - 1 <= task_.tolerance) & (sum - 1 >= -task_.tolerance);
  }

  bool row_within(const T* p, std::int64_t classes, std::int64_t stride) const {
    for (std::int64_t c = 0; c < classes; ++c)
      if (!(p[c * stride] >= lowest_ && p[c * stride] <= highest_)) return false;
    return true;
  }

  void count_zeros(std::int64_t start, int count) {
    for (int i = 0; i < count; ++i) {
      const bool clipped = truth_[i] < task_.clip;
      if (clipped) part_.clipped_sum += nll_[i];
      if (clipped || truth_[i] == 0) {
        if (part_.first_zero < 0) part_.first_zero = start + i;
        ++part_.zero;
      }
    }
  }

  const CategoricalTask& task_;
  CategoricalPart& part_;
  const T lowest_, highest_;
  double truth_[kRows], nll_[kRows];
};

template <class T>
CategoricalPart loss(const CategoricalTask& task, std::int64_t begin, std::int64_t end) {
  CategoricalPart part;
  Block<T> block(task, part);
  for (std::int64_t start = begin; start < end;) {
    // a block stays within one (classes, inner) slab
    const std::int64_t slab_end = task.inner == 1 ? end : (start / task.inner + 1) * task.inner;
    const std::int64_t stop = slab_end < end ? slab_end : end;
    const int count = static_cast<int>(stop - start < kRows ? stop - start : kRows);
    block.score(start, count);
    start += count;
  }
  return part;
}

}  // namespace

extern const CategoricalKernels categorical_kernels;
const CategoricalKernels categorical_kernels = {loss<float>, loss<double>};

}  // namespace XENT_ISA
}  // namespace xent
