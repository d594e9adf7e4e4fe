// Exact sums of powers by group, seen from Python: an accumulator that batches are added to.
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

const char* const kPowerNames[kPowers] = {
    "nll", "nll_squared", "nll_cubed", "weight", "weight_squared", "weighted_nll",
    "weight_cubed", "weight_squared_nll", "weighted_nll_squared"};

class Moments {
 public:
  Moments(std::int64_t groups, bool weighted) : weighted_(weighted) {
    if (groups < 0) throw nb::value_error("groups must not be negative");
    groups_ = static_cast<std::size_t>(groups);
  }

  void grow(std::int64_t groups) {
    std::lock_guard<std::mutex> lock(mutex_);
    groups_ = std::max(groups_, static_cast<std::size_t>(std::max<std::int64_t>(groups, 0)));
    for (auto& part : parts_) part->grow(groups_);
  }

  // nothing is added where anything is wrong
  void add(const Weights& t, std::optional<Weights> weight, std::optional<Targets> group) {
    const auto rows = static_cast<std::int64_t>(t.size());
    if ((weight && weight->size() != t.size()) || (group && group->size() != t.size()))
      throw nb::value_error("values, weight and group differ in length");
    if (weight.has_value() != weighted_) throw nb::value_error("weights always or never");
    MomentTask task;
    task.t = t.data();
    task.weight = weight ? weight->data() : nullptr;
    task.group = group ? group->data() : nullptr;
    nb::gil_scoped_release release;
    if (!task.group && rows && !groups_) throw std::out_of_range("there is no group 0");
    const auto wrong = [&](const double* x) {
      bool found = false;
      for (std::int64_t i = 0; x && i < rows; ++i) found |= !(x[i] - x[i] == 0);
      return found;
    };
    if (wrong(task.t) || wrong(task.weight)) throw std::invalid_argument("a value is not finite");
    const auto groups = static_cast<std::int64_t>(groups_);
    for (std::int64_t i = 0; task.group && i < rows; ++i)
      if (task.group[i] < 0 || task.group[i] >= groups)
        throw std::out_of_range("a group is not among those there are");
    const std::int64_t grain = groups_ > kFewGroups ? std::max<std::int64_t>(rows, 1) : kChunkRows;
    const MomentKernels& kernels = moment_kernels();
    parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      std::unique_ptr<MomentSums> sums = take();
      if (task.group && sums->waiting.empty()) sums->waiting.resize(groups_);
      kernels.add(task, begin, end, *sums);
      give(std::move(sums));
    });
  }

  nb::list counts() {
    std::lock_guard<std::mutex> lock(mutex_);
    nb::list result;
    for (std::size_t g = 0; g < groups_; ++g) {
      std::int64_t count = 0;
      for (const auto& part : parts_) count += part->counts[g];
      result.append(count);
    }
    return result;
  }

  // a list over groups of each power; without weights of those of t alone
  nb::dict totals() {
    std::lock_guard<std::mutex> lock(mutex_);
    nb::list of_power[kPowers];
    const int powers = weighted_ ? kPowers : w1;
    for (const auto& part : parts_) moment_kernels().settle(*part);
    for (std::size_t g = 0; g < groups_; ++g)
      for (int p = 0; p < powers; ++p) {
        ExactSum total;
        for (const auto& part : parts_)
          XENT_ISA::add(total, part->sums[g * part->powers + static_cast<std::size_t>(p)]);
        of_power[p].append(integer(total));
      }
    nb::dict result;
    for (int p = 0; p < powers; ++p) result[kPowerNames[p]] = of_power[p];
    return result;
  }

 private:
  std::unique_ptr<MomentSums> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (parts_.empty()) return std::make_unique<MomentSums>(groups_, weighted_);
    std::unique_ptr<MomentSums> sums = std::move(parts_.back());
    parts_.pop_back();
    return sums;
  }

  void give(std::unique_ptr<MomentSums> sums) {
    std::lock_guard<std::mutex> lock(mutex_);
    parts_.push_back(std::move(sums));
  }

  bool weighted_;
  std::size_t groups_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<MomentSums>> parts_;
};

}  // namespace

void bind_moment_sums(nb::module_& m) {
  nb::class_<Moments>(m, "Moments")
      .def(nb::init<std::int64_t, bool>(), nb::arg("groups"), nb::arg("weighted"))
      .def("grow", &Moments::grow, nb::arg("groups"))
      .def("add", &Moments::add, nb::arg("t"), nb::arg("weight").none(), nb::arg("group").none())
      .def("counts", &Moments::counts)
      .def("totals", &Moments::totals);
}

}  // namespace xent
