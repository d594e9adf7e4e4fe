// Keys of 64 bits for rows, of what a row holds or of the name of its cluster, from Python.
//
// A key is the same for the same values on every machine and in every batch; a number and
// its decimal text have one key.
#include <nanobind/stl/string.h>

#include <charconv>
#include <string>

#include "arrays.hpp"
#include "row_mix.hpp"

namespace xent {
namespace {

using Keys = nb::ndarray<std::uint64_t, nb::c_contig, nb::device::cpu>;

std::uint64_t key_of_text(const unsigned char* text, std::size_t count) {
  using XENT_ISA::mix;
  std::uint64_t key = mix(count + XENT_ISA::kGolden);
  for (std::size_t i = 0; i < count; i += 8) {
    std::uint64_t word = 0;
    for (std::size_t k = i; k < count && k < i + 8; ++k)
      word |= static_cast<std::uint64_t>(text[k]) << (8 * (k - i));
    key = mix(key + XENT_ISA::kGolden + word);
  }
  return key;
}

// key becomes the key of what it was and of one more value of the row
template <class T>
void stir(std::uint64_t* key, std::size_t rows, const T* value, std::size_t stride) {
  using XENT_ISA::mix;
  for (std::size_t i = 0; i < rows; ++i) {
    // 0.0 and -0.0 are one value, and so are a float and the double that it is
    const double number = static_cast<double>(value[i * stride]) + 0.0;
    key[i] = mix(key[i] + XENT_ISA::kGolden) ^ XENT_ISA::bits_of<std::uint64_t>(number);
  }
}

void stir_column(const Keys& key, const Input& column) {
  const std::size_t rows = key.size(), width = column.ndim() == 2 ? column.shape(1) : 1;
  if (column.ndim() < 1 || column.shape(0) != rows) throw nb::value_error("rows differ");
  const nb::dlpack::dtype dtype = column.dtype();
  nb::gil_scoped_release release;
  for (std::size_t j = 0; j < width; ++j) {
    if (dtype == nb::dtype<double>())
      stir(key.data(), rows, static_cast<const double*>(column.data()) + j, width);
    else if (dtype == nb::dtype<float>())
      stir(key.data(), rows, static_cast<const float*>(column.data()) + j, width);
    else if (dtype == nb::dtype<std::int64_t>())
      stir(key.data(), rows, static_cast<const std::int64_t*>(column.data()) + j, width);
    else if (dtype == nb::dtype<std::uint8_t>())
      stir(key.data(), rows, static_cast<const std::uint8_t*>(column.data()) + j, width);
    else
      throw std::invalid_argument("a column must be float32, float64, int64 or uint8");
  }
}

void keys_of_integers(const Keys& key, const Targets& values) {
  if (values.size() != key.size()) throw nb::value_error("rows differ");
  nb::gil_scoped_release release;
  for (std::size_t i = 0; i < key.size(); ++i) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, values.data()[i]).ptr;
    key.data()[i] = key_of_text(reinterpret_cast<const unsigned char*>(text),
                                static_cast<std::size_t>(end - text));
  }
}

}  // namespace

void bind_row_keys(nb::module_& m) {
  m.def("stir_keys", &stir_column, nb::arg("keys"), nb::arg("column"));
  m.def("integer_keys", &keys_of_integers, nb::arg("keys"), nb::arg("values"));
  m.def("text_key", [](const std::string& text) {
    return key_of_text(reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }, nb::arg("text"));
}

}  // namespace xent
