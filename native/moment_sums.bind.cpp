// Exact sums by group, of values alone or of powers too, seen from Python: an accumulator that
// batches are added to.
#include "moment_sums.hpp"

#include <nanobind/stl/optional.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>

#include "arrays.hpp"
#include "exact_integer.hpp"
#include "thread_parts.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkRows = 8192;
// the sums of more groups are not kept once a thread
constexpr std::size_t kFewGroups = 64;

class Moments {
 public:
  Moments(std::int64_t groups, std::int64_t powers) : powers_(static_cast<std::size_t>(powers)) {
    if (groups < 0) throw nb::value_error("groups must not be negative");
    if (powers_ != Power::t1 + 1 && powers_ != Power::t3 + 1 && powers_ != Power::count)
      throw nb::value_error("powers must be 1, 3 or 9");
    groups_ = static_cast<std::size_t>(groups);
  }

  void grow(std::int64_t groups) {
    const auto wanted = static_cast<std::size_t>(groups < 0 ? 0 : groups);
    std::size_t now = groups_;
    while (now < wanted && !groups_.compare_exchange_weak(now, wanted)) {
    }
  }

  // nothing is added where anything is wrong with a row
  void add(const Weights& t, std::optional<Weights> weight, std::optional<Targets> group) {
    const auto rows = static_cast<std::int64_t>(t.size());
    if ((weight && weight->size() != t.size()) || (group && group->size() != t.size()))
      throw nb::value_error("values, weight and group differ in length");
    if (weight.has_value() != (powers_ == Power::count)) throw nb::value_error("weights always or never");
    MomentTask task;
    task.t = t.data();
    task.weight = weight ? weight->data() : nullptr;
    task.group = group ? group->data() : nullptr;
    nb::gil_scoped_release release;
    const std::size_t groups = groups_;  // another thread may make them more
    check(task, rows, groups);
    const std::int64_t grain = groups > kFewGroups ? rows : kChunkRows;
    const MomentKernels& kernels = moment_kernels();
    const auto make = [&] { return std::make_unique<MomentSums>(groups, powers_); };
    parts_.add(rows, grain, make, [&](MomentSums& sums, std::int64_t begin, std::int64_t end) {
      sums.grow(groups, task.group != nullptr);
      kernels.add(task, begin, end, sums);
    });
  }

  nb::list counts() {
    return parts_.all([&](const std::vector<MomentSums*>& parts) {
      nb::list result;
      for (std::size_t g = 0; g < groups_; ++g) {
        std::int64_t count = 0;
        for (const MomentSums* part : parts)
          if (g < part->counts.size()) count += part->counts[g];
        result.append(count);
      }
      return result;
    });
  }

  // a list over groups of each power
  nb::list totals() {
    return parts_.all([&](const std::vector<MomentSums*>& parts) {
      for (MomentSums* part : parts) moment_kernels().settle(*part);
      nb::list result;
      for (std::size_t p = 0; p < powers_; ++p) {
        nb::list of_power;
        for (std::size_t g = 0; g < groups_; ++g) {
          ExactSum total;
          for (const MomentSums* part : parts)
            if (g < part->counts.size()) XENT_ISA::add(total, part->sums[g * powers_ + p]);
          of_power.append(integer(total));
        }
        result.append(of_power);
      }
      return result;
    });
  }

  std::size_t size() const { return groups_; }

 private:
  static void check(const MomentTask& task, std::int64_t rows, std::size_t count) {
    const auto groups = static_cast<std::int64_t>(count);
    if (!task.group && rows && !groups) throw std::out_of_range("there is no group 0");
    bool beyond = false, wrong = false;
    for (std::int64_t i = 0; i < rows; ++i) {
      const bool counts = !task.group || task.group[i] >= 0;
      beyond |= task.group && task.group[i] >= groups;
      wrong |= counts && !(task.t[i] - task.t[i] == 0);
      wrong |= counts && task.weight && !(task.weight[i] - task.weight[i] == 0);
    }
    if (beyond) throw std::out_of_range("a group is beyond the last");
    if (wrong) throw std::invalid_argument("a value is not finite");
  }

  std::size_t powers_;
  std::atomic<std::size_t> groups_;
  ThreadParts<MomentSums> parts_;
};

}  // namespace

void bind_moment_sums(nb::module_& m) {
  nb::class_<Moments>(m, "Moments")
      .def(nb::init<std::int64_t, std::int64_t>(), nb::arg("groups"), nb::arg("powers"))
      .def("grow", &Moments::grow, nb::arg("groups"))
      .def("add", &Moments::add, nb::arg("t"), nb::arg("weight").none(), nb::arg("group").none())
      .def("counts", &Moments::counts)
      .def("totals", &Moments::totals)
      .def("__len__", &Moments::size);
}

}  // namespace xent
