// Exact sums of groups of doubles, seen from Python.
#include <nanobind/stl/optional.h>

#include <mutex>
#include <optional>
#include <vector>

#include "arrays.hpp"
#include "exact_integer.hpp"

namespace xent {
namespace {

class ExactSums {
 public:
  explicit ExactSums(std::int64_t groups) { grow(groups); }

  void grow(std::int64_t groups) {
    if (groups < 0) throw nb::value_error("groups must not be negative");
    std::lock_guard<std::mutex> lock(mutex_);
    if (static_cast<std::size_t>(groups) > sums_.size())
      sums_.resize(static_cast<std::size_t>(groups));
  }

  // a group below 0 leaves the value out; nothing is added where anything is wrong
  void add(const Weights& values, std::optional<Targets> group) {
    const std::size_t count = values.size();
    const double* value = values.data();
    const std::int64_t* of = group ? group->data() : nullptr;
    if (group && group->size() != count) throw nb::value_error("group differs in length");
    nb::gil_scoped_release release;
    std::lock_guard<std::mutex> lock(mutex_);
    const auto groups = static_cast<std::int64_t>(sums_.size());
    if (!of && groups < 1 && count) throw std::out_of_range("there is no group 0");
    for (std::size_t i = 0; i < count; ++i) {
      if (of && of[i] < 0) continue;
      if (of && of[i] >= groups) throw std::out_of_range("a group is beyond the last");
      if (!(value[i] - value[i] == 0)) throw std::invalid_argument("a value is not finite");
    }
    std::size_t i = 0;
    if (!of)
      for (; i + XENT_ISA::kTile <= count; i += XENT_ISA::kTile)
        XENT_ISA::add_tile(sums_[0], value + i);
    for (; i < count; ++i) {
      const std::int64_t g = of ? of[i] : 0;
      if (g >= 0 && value[i] != 0) XENT_ISA::add(sums_[static_cast<std::size_t>(g)], value[i]);
    }
  }

  nb::list totals() {
    std::lock_guard<std::mutex> lock(mutex_);
    nb::list result;
    for (const ExactSum& sum : sums_) result.append(integer(sum));
    return result;
  }

  std::size_t size() const { return sums_.size(); }

 private:
  std::mutex mutex_;
  std::vector<ExactSum> sums_;
};

}  // namespace

void bind_exact_sums(nb::module_& m) {
  nb::class_<ExactSums>(m, "ExactSums")
      .def(nb::init<std::int64_t>(), nb::arg("groups"))
      .def("grow", &ExactSums::grow, nb::arg("groups"))
      .def("add", &ExactSums::add, nb::arg("values"), nb::arg("group").none())
      .def("totals", &ExactSums::totals)
      .def("__len__", &ExactSums::size);
}

}  // namespace xent
