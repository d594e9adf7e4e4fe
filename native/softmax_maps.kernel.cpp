// softmax and log_softmax of a chunk of rows, sigmoid and log_sigmoid of a chunk of elements.
//
// log p_j = -log1p(tau) - (x_M - x_j) with M the arg max: two numbers of one sign, so the
// log-probability of a class that is almost certain keeps its digits.
#include "softmax_maps.hpp"

#include "softmax_along.hpp"
#include "softmax_tile.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

XENT_INLINE double log_probability(double nll, double x_apart, double x) {
  return -nll - (x_apart - x);
}

// a row that holds NaN or +inf has no probabilities, that of its arg max included
XENT_INLINE double probability(double nll, double p) { return nll == nll ? p : nll; }

template <class Storage>
void long_rows(const MapTask& task, std::int64_t begin, std::int64_t end) {
  using T = typename ComputedIn<Storage>::type;
  const std::int64_t classes = task.classes;
  std::vector<T> x(classes), e(classes);
  for (std::int64_t row = begin; row < end; ++row) {
    const Storage* XENT_RESTRICT logits = static_cast<const Storage*>(task.logits) + row * classes;
    Storage* XENT_RESTRICT result = static_cast<Storage*>(task.result) + row * classes;
#pragma omp simd
    for (std::int64_t j = 0; j < classes; ++j) x[j] = load(logits[j]);
    const std::int64_t apart = arg_max(x.data(), classes);
    const double x_apart = x[apart];
    if (task.map == Map::softmax) {
      const RowScalars scalars = walk<true>(x.data(), e.data(), classes, apart).row;
#pragma omp simd
      for (std::int64_t j = 0; j < classes; ++j)
        store(result[j], static_cast<T>(scalars.factor * static_cast<double>(e[j])));
      store(result[apart], static_cast<T>(probability(scalars.nll, scalars.p)));
    } else {
      const double nll = walk<false>(x.data(), e.data(), classes, apart).row.nll;
#pragma omp simd
      for (std::int64_t j = 0; j < classes; ++j)
        store(result[j], static_cast<T>(log_probability(nll, x_apart, x[j])));
      store(result[apart], static_cast<T>(-nll));
    }
  }
}

template <class Storage, int kLanes>
class MapTiles : public Tile<Storage, kLanes> {
  using Base = Tile<Storage, kLanes>;
  using typename Base::Int;
  using typename Base::T;

 public:
  explicit MapTiles(const MapTask& task) : Base(task.classes, task.inner), task_(task) {}

  void rows(std::int64_t begin, int count) {
    this->load_rows(static_cast<const Storage*>(task_.logits), begin, count);
    this->find_arg_max();
    if (task_.map == Map::softmax) {
      this->walk();
      probabilities();
    } else {
      x_ = e_;
      this->walk();
      log_probabilities();
    }
    this->store_rows(e_.data(), static_cast<Storage*>(task_.result));
  }

 private:
  using Base::apart_;
  using Base::classes_;
  using Base::e_;
  using Base::factor_;
  using Base::nll_;
  using Base::p_;

  void probabilities() {
    for (std::int64_t c = 0; c < classes_; ++c) {
      T* XENT_RESTRICT e = &e_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const double p = apart_[b] == static_cast<Int>(c) ? probability(nll_[b], p_[b])
                                                          : factor_[b] * static_cast<double>(e[b]);
        e[b] = static_cast<T>(p);
      }
    }
  }

  void log_probabilities() {
    double x_apart[kLanes];
    for (int b = 0; b < kLanes; ++b)
      x_apart[b] = x_[static_cast<std::int64_t>(apart_[b]) * kLanes + b];
    for (std::int64_t c = 0; c < classes_; ++c) {
      const T* XENT_RESTRICT x = &x_[c * kLanes];
      T* XENT_RESTRICT e = &e_[c * kLanes];
#pragma omp simd
      for (int b = 0; b < kLanes; ++b) {
        const double other = log_probability(nll_[b], x_apart[b], x[b]);
        e[b] = static_cast<T>(apart_[b] == static_cast<Int>(c) ? -nll_[b] : other);
      }
    }
  }

  const MapTask& task_;
  std::vector<T> x_;  // the logits, which walk() overwrites
};

template <class Storage, int kLanes>
void by_tiles(const MapTask& task, std::int64_t begin, std::int64_t end) {
  MapTiles<Storage, kLanes> tiles(task);
  for (std::int64_t row = begin; row < end; row += kLanes)
    tiles.rows(row, static_cast<int>(end - row < kLanes ? end - row : kLanes));
}

template <class Storage>
void elements(const MapTask& task, std::int64_t begin, std::int64_t end) {
  using T = typename ComputedIn<Storage>::type;
  const Storage* XENT_RESTRICT logits = static_cast<const Storage*>(task.logits);
  Storage* XENT_RESTRICT result = static_cast<Storage*>(task.result);
  const bool log = task.map == Map::log_sigmoid;
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) {
    const T z = load(logits[i]);
    const T magnitude = z < 0 ? -z : z;
    const T e = exp_difference(-magnitude, T(0));
    const T sigmoid = (z < 0 ? e : T(1)) / (1 + e);
    const T log_sigmoid = -((z < 0 ? magnitude : T(0)) + log1p_unit(e));
    store(result[i], log ? log_sigmoid : sigmoid);
  }
}

template <class Storage>
void map(const MapTask& task, std::int64_t begin, std::int64_t end) {
  if (task.map == Map::sigmoid || task.map == Map::log_sigmoid) {
    elements<Storage>(task, begin, end);
  } else if (task.inner > 1) {
    by_tiles<Storage, kWide>(task, begin, end);
  } else if (goes_by_tiles(task.classes, task.inner)) {
    by_tiles<Storage, kNarrow>(task, begin, end);
  } else {
    long_rows<Storage>(task, begin, end);
  }
}

}  // namespace

extern const MapKernels map_kernels;
const MapKernels map_kernels = {map<float>, map<double>, map<Half>, map<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
