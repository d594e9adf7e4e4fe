// Exact sums by group, of values alone or of powers too, seen from Python: an accumulator that
// batches are added to.
#include "moment_sums.hpp"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "arrays.hpp"
#include "exact_integer.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkRows = 8192;
// the sums of more groups are not kept once a thread
constexpr std::size_t kFewGroups = 64;

class Moments {
 public:
  Moments(std::int64_t groups, std::int64_t powers) : powers_(static_cast<std::size_t>(powers)) {
    if (groups < 0) throw nb::value_error("groups must not be negative");
    if (powers != t1 + 1 && powers != t3 + 1 && powers != kPowers)
      throw nb::value_error("powers must be 1, 3 or 9");
    groups_ = static_cast<std::size_t>(groups);
  }

  void grow(std::int64_t groups) {
    std::lock_guard<std::mutex> lock(mutex_);
    groups_ = std::max(groups_, static_cast<std::size_t>(std::max<std::int64_t>(groups, 0)));
  }

  // nothing is added where anything is wrong
  void add(const Weights& t, std::optional<Weights> weight, std::optional<Targets> group) {
    const auto rows = static_cast<std::int64_t>(t.size());
    if ((weight && weight->size() != t.size()) || (group && group->size() != t.size()))
      throw nb::value_error("values, weight and group differ in length");
    if (weight.has_value() != (powers_ == kPowers)) throw nb::value_error("weights always or never");
    MomentTask task;
    task.t = t.data();
    task.weight = weight ? weight->data() : nullptr;
    task.group = group ? group->data() : nullptr;
    nb::gil_scoped_release release;
    check(task, rows);
    const std::int64_t grain = groups_ > kFewGroups ? std::max<std::int64_t>(rows, 1) : kChunkRows;
    const MomentKernels& kernels = moment_kernels();
    parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      std::unique_ptr<MomentSums> sums = take();
      sums->grow(groups_, task.group != nullptr);
      kernels.add(task, begin, end, *sums);
      give(std::move(sums));
    });
  }

  nb::list counts() {
    std::lock_guard<std::mutex> lock(mutex_);
    nb::list result;
    for (std::size_t g = 0; g < groups_; ++g) {
      std::int64_t count = 0;
      for (const auto& part : parts_)
        if (g < part->counts.size()) count += part->counts[g];
      result.append(count);
    }
    return result;
  }

  // a list over groups of each power
  nb::list totals() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& part : parts_) moment_kernels().settle(*part);
    nb::list result;
    for (std::size_t p = 0; p < powers_; ++p) {
      nb::list of_power;
      for (std::size_t g = 0; g < groups_; ++g) {
        ExactSum total;
        for (const auto& part : parts_)
          if (g < part->counts.size()) XENT_ISA::add(total, part->sums[g * powers_ + p]);
        of_power.append(integer(total));
      }
      result.append(of_power);
    }
    return result;
  }

  std::size_t size() const { return groups_; }

 private:
  void check(const MomentTask& task, std::int64_t rows) const {
    if (!task.group && rows && !groups_) throw std::out_of_range("there is no group 0");
    const auto groups = static_cast<std::int64_t>(groups_);
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

  std::unique_ptr<MomentSums> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (parts_.empty()) return std::make_unique<MomentSums>(groups_, powers_);
    std::unique_ptr<MomentSums> sums = std::move(parts_.back());
    parts_.pop_back();
    return sums;
  }

  void give(std::unique_ptr<MomentSums> sums) {
    std::lock_guard<std::mutex> lock(mutex_);
    parts_.push_back(std::move(sums));
  }

  std::size_t powers_, groups_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<MomentSums>> parts_;
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
