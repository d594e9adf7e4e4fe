// A tile of softmax rows, vectorised across the rows.
//
// For rows too short to vectorise along, and for rows whose classes are not adjacent in
// memory. A tile holds kLanes rows as [class][lane] in the nearest cache; a lane never sees
// another, so a row's bits do not depend on its company.
#pragma once

#include <vector>

#include "softmax_row.hpp"

namespace xent {
namespace XENT_ISA {

// Tiles of rows whose classes are far apart are wide, so that each class of a tile is a
// run of memory worth fetching; tiles of short rows are narrow and stay in the nearest cache.
constexpr int kNarrow = 64, kWide = 256;

template <class Storage, int kLanes>
class Tile {
 public:
  using T = typename ComputedIn<Storage>::type;
  using Int = typename Format<T>::Int;  // as wide as T, so that a select compares like with like

  Tile(std::int64_t classes, std::int64_t inner)
      : classes_(classes), inner_(inner), e_(static_cast<std::size_t>(classes * kLanes)) {}

  // rows [begin, begin + count) of logits, count <= kLanes
  void load_rows(const Storage* logits, std::int64_t begin, int count) {
    begin_ = begin;
    count_ = count;
    locate();
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT x = &e_[c * kLanes];
      if (adjacent_) {
        const Storage* XENT_RESTRICT from = logits + start_[0] + c * inner_;
#pragma omp simd
        for (int b = 0; b < count_; ++b) x[b] = load(from[b]);
      } else {
        for (int b = 0; b < count_; ++b) x[b] = load(logits[start_[b] + c * inner_]);
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
    T* XENT_RESTRICT m = m_;
    T* XENT_RESTRICT x_apart = x_apart_;
    T shift[kLanes];
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
    accumulate(shift);
#pragma omp simd
    for (int b = 0; b < kLanes; ++b) {
      const RowScalars row = row_scalars(m[b], x_apart[b], Sum{sum_[b], sum_error_[b]});
      nll_[b] = row.nll;
      p_[b] = row.p;
      not_p_[b] = row.not_p;
      factor_[b] = row.factor;
    }
  }

  // a tile of results to where its rows were
  void store_rows(const T* tile, Storage* to) const {
    if (adjacent_) {
      for (std::int64_t c = 0; c < classes_; ++c) {
        const T* XENT_RESTRICT from = tile + c * kLanes;
        Storage* XENT_RESTRICT out = to + start_[0] + c * inner_;
#pragma omp simd
        for (int b = 0; b < count_; ++b) store(out[b], from[b]);
      }
      return;
    }
    // row by row: adjacent classes are written together
    for (int b = 0; b < count_; ++b) {
      Storage* out = to + start_[b];
      for (std::int64_t c = 0; c < classes_; ++c) store(out[c * inner_], tile[c * kLanes + b]);
    }
  }

 protected:
  // where each row starts, and whether the tile is one contiguous run per class
  void locate() {
    std::int64_t o = begin_ / inner_, i = begin_ % inner_;
    for (int b = 0; b < count_; ++b) {
      start_[b] = o * classes_ * inner_ + i;
      if (++i == inner_) {
        i = 0;
        ++o;
      }
    }
    adjacent_ = inner_ > 1 && start_[count_ - 1] - start_[0] == count_ - 1;
  }

  void accumulate(const T* XENT_RESTRICT shift) {
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

  const std::int64_t classes_, inner_;
  std::int64_t begin_ = 0;
  int count_ = 0;
  bool adjacent_ = false;
  std::int64_t start_[kLanes];
  Int apart_[kLanes];
  T m_[kLanes], x_apart_[kLanes];  // the largest of the other classes, and the one apart
  double sum_[kLanes], sum_error_[kLanes];
  double nll_[kLanes], p_[kLanes], not_p_[kLanes], factor_[kLanes];
  std::vector<T> e_;  // [class][lane]: the logits, then exp(x - m)
};

}  // namespace XENT_ISA
}  // namespace xent
