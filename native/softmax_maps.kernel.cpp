// softmax and log_softmax of a chunk of rows, sigmoid and log_sigmoid of a chunk of elements.
//
// log p_j = -log1p(tau) - (x_M - x_j) with M the arg max: two numbers of one sign, so the
// log-probability of a class that is almost certain keeps its digits.
#include "softmax_maps.hpp"

#include "softmax_long_rows.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

template <class Storage>
void rows(const MapTask& task, std::int64_t begin, std::int64_t end) {
  using T = typename ComputedIn<Storage>::type;
  const std::int64_t classes = task.classes, inner = task.inner;
  std::vector<T> x(classes), e(classes);
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t start = row / inner * classes * inner + row % inner;
    const Storage* logits = static_cast<const Storage*>(task.logits) + start;
    Storage* result = static_cast<Storage*>(task.result) + start;
    for (std::int64_t j = 0; j < classes; ++j) x[j] = load(logits[j * inner]);
    const std::int64_t apart = arg_max(x.data(), classes);
    const double x_apart = x[apart];
    if (task.map == Map::softmax) {
      const RowScalars scalars = walk<true>(x.data(), e.data(), classes, apart).row;
      for (std::int64_t j = 0; j < classes; ++j)
        e[j] = static_cast<T>(scalars.factor * static_cast<double>(e[j]));
      e[apart] = static_cast<T>(scalars.nll == scalars.nll ? scalars.p : scalars.nll);
    } else {
      const double nll = walk<false>(x.data(), e.data(), classes, apart).row.nll;
      for (std::int64_t j = 0; j < classes; ++j)
        e[j] = static_cast<T>(-nll - (x_apart - static_cast<double>(x[j])));
      e[apart] = static_cast<T>(-nll);
    }
    for (std::int64_t j = 0; j < classes; ++j) store(result[j * inner], e[j]);
  }
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
  if (task.map == Map::softmax || task.map == Map::log_softmax) {
    rows<Storage>(task, begin, end);
  } else {
    elements<Storage>(task, begin, end);
  }
}

}  // namespace

extern const MapKernels map_kernels;
const MapKernels map_kernels = {map<float>, map<double>, map<Half>, map<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
