// Keys of 64 bits by which rows are sampled, from Python: two values a multiplication, folded as
// in wyhash (Wang Yi 2019), so that a key costs a third of one that row_keys.bind.cpp stirs.
//
// A key is the same for the same values on every machine and in every batch.
#include <algorithm>

#include "arrays.hpp"
#include "row_mix.hpp"
#include "threads.hpp"

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace xent {
namespace {

using Keys = nb::ndarray<std::uint64_t, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kBlock = 1024;       // keys that stay in the first cache
constexpr std::int64_t kGrain = 16 * 1024;  // rows a thread takes

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
#if defined(_MSC_VER)
  return (a * b) ^ __umulh(a, b);
#else
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#endif
}

// the values of one column, and a number of its own, so that columns cannot change places
template <class T>
struct Column {
  const T* data;
  std::size_t stride;
  std::uint64_t secret;

  std::uint64_t operator[](std::size_t i) const {
    // 0.0 and -0.0 are one value, and so are a float and the double that it is
    const double number = static_cast<double>(data[i * stride]) + 0.0;
    return XENT_ISA::bits_of<std::uint64_t>(number) ^ secret;
  }
};

template <class T>
void fold_columns(std::uint64_t* key, std::size_t rows, const std::vector<Column<T>>& columns) {
  const std::size_t pairs = columns.size() / 2;
  parallel_for(static_cast<std::int64_t>(rows), kGrain, [&](std::int64_t first, std::int64_t last) {
    const auto stop = static_cast<std::size_t>(last);
    for (auto begin = static_cast<std::size_t>(first); begin < stop; begin += kBlock) {
      const std::size_t end = std::min(stop, begin + kBlock);
      for (std::size_t j = 0; j < pairs; ++j) {
        const Column<T> a = columns[2 * j], b = columns[2 * j + 1];
        for (std::size_t i = begin; i < end; ++i) key[i] += fold(a[i], b[i]);
      }
      if (columns.size() % 2 != 0) {
        const Column<T> alone = columns.back();
        const std::uint64_t other = XENT_ISA::mix(alone.secret);
        for (std::size_t i = begin; i < end; ++i) key[i] += fold(alone[i], other);
      }
    }
  });
}

template <class T>
void fold_inputs(const Keys& key, const std::vector<Input>& columns, std::uint64_t place) {
  std::vector<Column<T>> of;
  for (const Input& column : columns) {
    const std::size_t width = column.ndim() == 2 ? column.shape(1) : 1;
    for (std::size_t j = 0; j < width; ++j)
      of.push_back({static_cast<const T*>(column.data()) + j, width,
                    XENT_ISA::mix(XENT_ISA::kGolden * ++place)});
  }
  nb::gil_scoped_release release;
  fold_columns(key.data(), key.size(), of);
}

void fold_keys(const Keys& key, const nb::sequence& columns, std::uint64_t place, int threads) {
  const ThreadsHere here(threads);
  std::vector<Input> inputs;
  for (nb::handle column : columns) {
    inputs.push_back(nb::cast<Input>(column));
    const Input& input = inputs.back();
    if (input.ndim() < 1 || input.shape(0) != key.size()) throw nb::value_error("rows differ");
    if (input.dtype() != inputs.front().dtype()) throw nb::value_error("dtypes differ");
  }
  if (inputs.empty()) return;
  const nb::dlpack::dtype dtype = inputs.front().dtype();
  if (dtype == nb::dtype<double>())
    fold_inputs<double>(key, inputs, place);
  else if (dtype == nb::dtype<float>())
    fold_inputs<float>(key, inputs, place);
  else if (dtype == nb::dtype<std::int64_t>())
    fold_inputs<std::int64_t>(key, inputs, place);
  else
    throw std::invalid_argument("a column must be float32, float64 or int64");
}

void finish_keys(const Keys& key) {
  nb::gil_scoped_release release;
  for (std::size_t i = 0; i < key.size(); ++i) key.data()[i] = XENT_ISA::mix(key.data()[i]);
}

}  // namespace

void bind_fold_keys(nb::module_& m) {
  m.def("fold_keys", &fold_keys, nb::arg("keys"), nb::arg("columns"), nb::arg("place"),
        nb::arg("threads"));
  m.def("finish_keys", &finish_keys, nb::arg("keys"));
}

}  // namespace xent
