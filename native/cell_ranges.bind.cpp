// Tallies of cells, of which only the occupied ranges are kept, seen from Python.
#include "cell_ranges.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

namespace xent {
namespace {

using Ranges = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Cells = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const std::uint64_t, nb::c_contig, nb::device::cpu>;

// A tally as Python has it, checked: its cells are those that its ranges say.
class Tally {
 public:
  Tally(const Ranges& ranges, const Cells& low, const std::optional<Words>& high)
      : lines(ranges.shape(0)),
        range(reinterpret_cast<const CellRange*>(ranges.data())),
        low(low.data()),
        high(high ? high->data() : nullptr),
        is_narrow(low.dtype() == nb::dtype<std::uint32_t>()) {
    std::size_t size = 0;
    if (ranges.shape(1) != 2) throw nb::value_error("ranges must be pairs");
    for (std::size_t i = 0; i < lines; ++i) {
      if (range[i].begin < 0 || range[i].end < range[i].begin)
        throw nb::value_error("a range must end after it begins");
      size += range[i].size();
      end = std::max(end, range[i].end);
    }
    if (low.size() != size || (high && high->size() != size))
      throw nb::value_error("cells must be those of the ranges");
    if (!is_narrow && low.dtype() != nb::dtype<std::uint64_t>())
      throw nb::type_error("cells must be uint32 or uint64");
    if (is_narrow && high) throw nb::type_error("halves of weights must be uint64");
  }

  template <class T>
  const T* cells() const { return static_cast<const T*>(low); }

  std::size_t lines;
  const CellRange* range;
  const void* low;
  const std::uint64_t* high;
  bool is_narrow;
  std::int32_t end = 0;  // the last of all lines
};

// Where the cells of a line begin in both tallies and in their sum. (One thread adds all of them:
// it is memory that a second one would wait for.)
struct Line {
  std::size_t a, b, of;
};

// calls body(i, at) for each line
template <class Body>
void each_line(const Tally& a, const Tally& b, const CellRange* of, const Body& body) {
  Line at{0, 0, 0};
  for (std::size_t i = 0; i < a.lines; ++i) {
    body(i, at);
    at = {at.a + a.range[i].size(), at.b + b.range[i].size(), at.of + of[i].size()};
  }
}

// whether one of the sums does not fit
template <class T>
bool add_numbers(const Tally& a, const Tally& b, int shift, const CellRange* of, T* to) {
  CountSums<T> sums(shift);
  each_line(a, b, of, [&](std::size_t i, Line at) {
    sums.add_line(a.cells<T>() + at.a, a.range[i], b.cells<T>() + at.b, b.range[i], of[i],
                  to + at.of);
  });
  return sums.overflowed();
}

void add_halves(const Tally& a, const Tally& b, const CellRange* of, std::uint64_t* low,
                std::uint64_t* high) {
  each_line(a, b, of, [&](std::size_t i, Line at) {
    const CellRange line_b = b.range[i];
    const std::size_t skip =
        at.of + (line_b.size() ? static_cast<std::size_t>(line_b.begin - of[i].begin) : 0);
    place(low + at.of, of[i], a.cells<std::uint64_t>() + at.a, a.range[i]);
    place(high + at.of, of[i], a.high + at.a, a.range[i]);
    add_weights(low + skip, high + skip, b.cells<std::uint64_t>() + at.b, b.high + at.b,
                line_b.size());
  });
}

// Both tallies of one width, both in one number a cell or both in two halves. Numbers of the
// second count 2^shift times as much, those of the sum as much as the first; None where one does
// not fit.
nb::object add_cells(const Ranges& ranges_a, const Cells& low_a, std::optional<Words> high_a,
                     const Ranges& ranges_b, const Cells& low_b, std::optional<Words> high_b,
                     int shift) {
  const Tally a(ranges_a, low_a, high_a), b(ranges_b, low_b, high_b);
  if (shift < 0 || shift >= (a.is_narrow ? 32 : 64) || (shift && a.high))
    throw nb::value_error("a number can be shifted by less than its width, halves cannot");
  if (a.lines != b.lines || a.is_narrow != b.is_narrow || !a.high != !b.high)
    throw nb::value_error("tallies must be of the same lines and of one width");
  void *ranges, *low, *high = nullptr;
  nb::object kept = make_array(nb::dtype<std::int32_t>(), {a.lines, 2}, &ranges);
  auto* of = static_cast<CellRange*>(ranges);
  std::size_t size = 0;
  for (std::size_t i = 0; i < a.lines; ++i) {
    of[i] = both(a.range[i], b.range[i]);
    size += of[i].size();
  }
  const auto dtype = a.is_narrow ? nb::dtype<std::uint32_t>() : nb::dtype<std::uint64_t>();
  nb::object cells = make_array(dtype, {size}, &low);
  nb::object halves = a.high ? make_array(dtype, {size}, &high) : nb::none();
  bool over = false;
  if (a.high) add_halves(a, b, of, static_cast<std::uint64_t*>(low), static_cast<std::uint64_t*>(high));
  else if (a.is_narrow) over = add_numbers(a, b, shift, of, static_cast<std::uint32_t*>(low));
  else over = add_numbers(a, b, shift, of, static_cast<std::uint64_t*>(low));
  if (over) return nb::none();
  return nb::make_tuple(kept, cells, halves);
}

// cells that are all there: (lines, cells)
nb::tuple keep(const Words& low, std::optional<Words> high) {
  if (low.ndim() != 2 || (high && shape_of(*high) != shape_of(low)))
    throw nb::value_error("cells must be (lines, cells), and so must their upper halves");
  const std::size_t lines = low.shape(0), width = low.shape(1);
  const std::uint64_t *lower = low.data(), *upper = high ? high->data() : nullptr;
  return keep_cells(lines, width, upper != nullptr,
                    [=](std::size_t i, std::uint64_t* to_low, std::uint64_t* to_high) {
                      std::copy_n(lower + i * width, width, to_low);
                      if (upper) std::copy_n(upper + i * width, width, to_high);
                    });
}

// every cell, rounded once: (lines, cells)
nb::object cell_values(const Ranges& ranges, const Cells& low, std::optional<Words> high,
                       std::int64_t cells) {
  const Tally tally(ranges, low, high);
  if (cells < tally.end) throw nb::value_error("a range must end at the last cell or before");
  const auto width = static_cast<std::size_t>(cells);
  void* data;
  nb::object result = make_array(nb::dtype<double>(), {tally.lines, width}, &data);
  auto* to = static_cast<double*>(data);
  std::fill(to, to + tally.lines * width, 0.0);
  std::size_t k = 0;
  for (std::size_t i = 0; i < tally.lines; ++i)
    for (auto c = static_cast<std::size_t>(tally.range[i].begin);
         c < static_cast<std::size_t>(tally.range[i].end); ++c, ++k) {
      double& value = to[i * width + c];
      if (tally.is_narrow) value = tally.cells<std::uint32_t>()[k];
      else value = static_cast<double>(tally.cells<std::uint64_t>()[k]);
      if (tally.high) value = static_cast<double>(tally.high[k]) + value * 0x1p-64;
    }
  return result;
}

}  // namespace

// See kernels/cpu/cell_ranges.py for what comes in and out.
void bind_cell_ranges(nb::module_& m) {
  m.def("add_cells", &add_cells, nb::arg("ranges_a"), nb::arg("low_a"), nb::arg("high_a").none(),
        nb::arg("ranges_b"), nb::arg("low_b"), nb::arg("high_b").none(), nb::arg("shift"));
  m.def("keep_cells", &keep, nb::arg("low"), nb::arg("high").none());
  m.def("cell_values", &cell_values, nb::arg("ranges"), nb::arg("low"), nb::arg("high").none(),
        nb::arg("cells"));
}

}  // namespace xent
