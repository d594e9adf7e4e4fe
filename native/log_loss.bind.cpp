// Log loss, seen from Python: an accumulator that batches are added to.
#include "log_loss.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "cell_ranges.hpp"
#include "exact_integer.hpp"
#include "thread_parts.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkRows = 8192;

const char* const kFaultNames[kFaults] = {"missing",  "out_of_range",   "wrong_sum", "no_class",
                                          "infinite_logit", "bad_weight", "bad_size"};

const struct {
  const char* name;
  ExactSum LogLossSums::*at;
} kSums[] = {{"weight", &LogLossSums::weight},
             {"nll", &LogLossSums::nll},
             {"brier", &LogLossSums::brier},
             {"weight_squared", &LogLossSums::weight_squared},
             {"weighted_nll", &LogLossSums::weighted_nll},
             {"nll_squared", &LogLossSums::nll_squared},
             {"weight_cubed", &LogLossSums::weight_cubed},
             {"weight_squared_nll", &LogLossSums::weight_squared_nll},
             {"weighted_nll_squared", &LogLossSums::weighted_nll_squared},
             {"nll_cubed", &LogLossSums::nll_cubed},
             {"weight_all_correct", &LogLossSums::weight_all_correct},
             {"weight_impossible", &LogLossSums::weight_impossible},
             {"clipped_nll", &LogLossSums::clipped_nll},
             {"size", &LogLossSums::size}};

Prediction prediction_of(const std::string& name) {
  const char* const names[] = {"class_probs", "class_logits", "binary_prob", "binary_logit",
                               "label_probs", "label_logits", "log_probs"};
  for (int i = 0; i < 7; ++i)
    if (name == names[i]) return static_cast<Prediction>(i);
  throw nb::value_error(("unknown kind of prediction: " + name).c_str());
}

void merge(Offence& into, const Offence& other) {
  const bool first = other.row >= 0 && (into.row < 0 || other.row < into.row);
  const std::int64_t count = into.count + other.count;
  if (first) into = other;
  into.count = count;
}

void merge(std::vector<std::int64_t>& into, const std::vector<std::int64_t>& other) {
  into.insert(into.end(), other.begin(), other.end());
  std::sort(into.begin(), into.end());
  if (into.size() > kKeepRows) into.resize(kKeepRows);
}

void merge(LogLossSums& into, const LogLossSums& other) {
  using XENT_ISA::add;
  into.rows += other.rows;
  into.ignored += other.ignored;
  into.correct += other.correct;
  into.all_correct += other.all_correct;
  into.impossible += other.impossible;
  into.clipped += other.clipped;
  for (const auto& sum : kSums) add(into.*sum.at, other.*sum.at);
  for (std::size_t j = 0; j < into.of_class.size(); ++j) {
    ClassSums& a = into.of_class[j];
    const ClassSums& b = other.of_class[j];
    a.count += b.count;
    a.correct += b.correct;
    a.impossible += b.impossible;
    add(a.weight, b.weight);
    add(a.weight_correct, b.weight_correct);
    add(a.nll, b.nll);
    add(a.probability, b.probability);
  }
  for (int i = 0; i < kFaults; ++i) merge(into.offences[i], other.offences[i]);
  merge(into.impossible_rows, other.impossible_rows);
  merge(into.missing_rows, other.missing_rows);
  add(into.calibration, other.calibration);
  into.worst.insert(into.worst.end(), other.worst.begin(), other.worst.end());
  std::sort(into.worst.begin(), into.worst.end(), worse);
  if (into.worst.size() > kKeepWorst) into.worst.resize(kKeepWorst);
}

// Counts or weights of cells from `first` on; where no row was added there are none.
void write_cells(const CellCounts& cells, std::size_t first, std::size_t count, std::uint64_t* low,
                 std::uint64_t* high) {
  if (high)
    for (std::size_t c = 0; c < count; ++c) {
      const FixedSum cell = cells.weights.empty() ? FixedSum{} : cells.weights[first + c];
      low[c] = cell.low;
      high[c] = cell.high;
    }
  else
    for (std::size_t c = 0; c < count; ++c)
      low[c] = cells.counts.empty() ? 0 : static_cast<std::uint64_t>(cells.counts[first + c]);
}

// a line of each group where it did not come true, and one where it did
nb::tuple cells_of(const CellCounts& all, const CellCounts& ones, std::size_t groups) {
  const bool weighted = !all.weights.empty();
  std::vector<std::uint64_t> hits(2 * kCells);
  const auto line = [&](std::size_t i, std::uint64_t* low, std::uint64_t* high) {
    const std::size_t first = i / 2 * kCells;
    if (i % 2) return write_cells(ones, first, kCells, low, high);
    std::uint64_t *const low_of = hits.data(), *const high_of = high ? low_of + kCells : nullptr;
    write_cells(ones, first, kCells, low_of, high_of);
    write_cells(all, first, kCells, low, high);
    for (int c = 0; high && c < kCells; ++c) high[c] -= high_of[c] + (low[c] < low_of[c]);
    for (int c = 0; c < kCells; ++c) low[c] -= low_of[c];
  };
  return keep_cells(2 * groups, kCells, weighted, line);
}

// as `cells_of`, of the impossible rows; they were counted line by line
nb::tuple impossible_cells_of(const CellCounts& cells, std::size_t groups) {
  const auto line = [&](std::size_t i, std::uint64_t* low, std::uint64_t* high) {
    write_cells(cells, i * kCells, kCells, low, high);
  };
  return keep_cells(2 * groups, kCells, !cells.weights.empty(), line);
}

nb::tuple surprises_of(const CellCounts& cells) {
  return keep_cells(1, kSurprises + 1, !cells.weights.empty(),
                    [&](std::size_t, std::uint64_t* low, std::uint64_t* high) {
                      write_cells(cells, 0, kSurprises + 1, low, high);
                    });
}

void add_calibration(nb::dict& result, const CalibrationSums& sums, std::int64_t groups) {
  result["cells"] = cells_of(sums.all, sums.ones, static_cast<std::size_t>(groups));
  if (!sums.impossible.weights.empty() || !sums.impossible.counts.empty())
    result["impossible_cells"] =
        impossible_cells_of(sums.impossible, static_cast<std::size_t>(groups));
  result["surprise"] = surprises_of(sums.surprise);
  if (sums.tempering.empty()) return;
  const TemperingSums& tempering = sums.tempering.front();
  nb::list powers[3];
  for (int p = 0; p < kNumPowers; ++p) {
    powers[0].append(integer(tempering.loss[p].rest));
    powers[1].append(integer(tempering.slope[p].rest));
    powers[2].append(integer(tempering.curvature[p].rest));
  }
  result["tempering"] = nb::make_tuple(tempering.count, integer(tempering.weight), powers[0],
                                       powers[1], powers[2]);
}

using Column = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using RowLosses = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using RowClasses = nb::ndarray<std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Label = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

class LogLoss {
 public:
  LogLoss(const std::string& prediction, std::int64_t classes, double tolerance, double clip,
          bool calibration)
      : classes_(classes) {
    task_.calibration = calibration;
    task_.prediction = prediction_of(prediction);
    task_.tolerance = tolerance;
    task_.clip = clip;
    const bool one = task_.prediction == Prediction::binary_prob ||
                     task_.prediction == Prediction::binary_logit;
    task_.classes = one || task_.prediction == Prediction::log_probs ? 1 : classes;
    if (classes < 0 || (one && classes != 2)) throw nb::value_error("classes do not fit");
    if (task_.prediction == Prediction::log_probs) classes_ = 0;
  }

  // columns: one array (rows) a class, or a single (rows, classes) matrix
  void add(const std::vector<Column>& columns, std::optional<Targets> target,
           const std::vector<Label>& labels, std::optional<Weights> weight,
           std::optional<Weights> size, std::int64_t first_row,
           std::optional<RowLosses> row_nll, std::optional<RowClasses> row_predicted,
           int threads) {
    if (columns.empty()) throw nb::value_error("no columns");
    LogLossTask task = task_;
    task.first_row = first_row;
    const Column& first = columns[0];
    const auto rows = static_cast<std::int64_t>(first.shape(0));
    const bool matrix = first.ndim() == 2;
    const std::size_t item = first.itemsize();
    const bool f32 = first.dtype() == nb::dtype<float>();
    if (!f32 && first.dtype() != nb::dtype<double>()) throw nb::type_error("float32 or float64");
    std::vector<const void*> pointers;
    for (std::int64_t j = 0; j < task.classes; ++j) {
      const Column& column = columns[matrix ? 0 : static_cast<std::size_t>(j) % columns.size()];
      pointers.push_back(static_cast<const char*>(column.data()) +
                         (matrix ? static_cast<std::size_t>(j) * item : 0));
      if (static_cast<std::int64_t>(column.shape(0)) != rows || column.dtype() != first.dtype() ||
          column.ndim() != first.ndim())
        throw nb::value_error("columns differ in length or dtype");
    }
    const std::size_t wanted = matrix ? first.shape(1) : columns.size();
    if (wanted != static_cast<std::size_t>(task.classes)) throw nb::value_error("columns missing");
    task.columns = pointers.data();
    task.stride = matrix ? task.classes : 1;

    std::vector<const std::uint8_t*> label_pointers;
    for (const Label& label : labels) {
      if (static_cast<std::int64_t>(label.shape(0)) != rows)
        throw nb::value_error("labels differ in length");
      label_pointers.push_back(label.data());
    }
    const bool multi = task.prediction == Prediction::label_probs ||
                       task.prediction == Prediction::label_logits;
    if (multi && labels.size() != static_cast<std::size_t>(task.classes))
      throw nb::value_error("labels missing");
    task.labels = label_pointers.data();
    const bool needs_target = !multi && task.prediction != Prediction::log_probs;
    if (needs_target && !target) throw nb::value_error("target missing");
    const auto fits = [&](const auto& array) {
      if (array && static_cast<std::int64_t>(array->size()) != rows)
        throw nb::value_error("target, weight, size or an output differs in length");
      return array ? array->data() : nullptr;
    };
    task.target = fits(target);
    task.weight = fits(weight);
    task.size = fits(size);
    task.row_nll = fits(row_nll);
    task.row_predicted = fits(row_predicted);

    nb::gil_scoped_release release;
    const ThreadsHere limited(threads);
    const LogLossKernels& kernels = log_loss_kernels();
    const auto score = f32 ? kernels.score_float : kernels.score_double;
    const auto make = [&] {
      auto sums = std::make_unique<LogLossSums>(classes_);
      if (task_.calibration) sums->calibration.tempering.resize(has_classes(task_.prediction));
      return sums;
    };
    parts_.add(rows, kChunkRows, make,
               [&](LogLossSums& sums, std::int64_t begin, std::int64_t end) {
                 score(task, begin, end, sums);
               });
  }

  nb::dict sums() {
    LogLossSums total(classes_);
    parts_.all([&](const Parts& parts) {
      for (const LogLossSums* part : parts) merge(total, *part);
    });
    nb::dict result;
    result["rows"] = total.rows;
    result["ignored"] = total.ignored;
    result["correct"] = total.correct;
    result["all_correct"] = total.all_correct;
    result["impossible"] = total.impossible;
    result["clipped"] = total.clipped;
    for (const auto& sum : kSums) result[sum.name] = integer(total.*sum.at);
    nb::list classes;
    for (const ClassSums& c : total.of_class)
      classes.append(nb::make_tuple(c.count, c.correct, c.impossible, integer(c.weight),
                                    integer(c.weight_correct), integer(c.nll),
                                    integer(c.probability)));
    result["classes"] = classes;
    result["impossible_rows"] = total.impossible_rows;
    result["missing_rows"] = total.missing_rows;
    nb::list worst;
    for (const Surprise& s : total.worst)
      worst.append(nb::make_tuple(s.nll, s.row, s.target, s.predicted));
    result["worst"] = worst;
    result["offences"] = offences(total);
    if (task_.calibration) add_calibration(result, total.calibration, num_groups(task_));
    return result;
  }

  nb::dict faults() {
    LogLossSums total(0);
    parts_.all([&](const Parts& parts) {
      for (const LogLossSums* part : parts)
        for (int i = 0; i < kFaults; ++i) merge(total.offences[i], part->offences[i]);
    });
    return offences(total);
  }

 private:
  using Parts = std::vector<LogLossSums*>;

  static nb::dict offences(const LogLossSums& total) {
    nb::dict result;
    for (int i = 0; i < kFaults; ++i) {
      const Offence& o = total.offences[i];
      if (o.count) result[kFaultNames[i]] = nb::make_tuple(o.count, o.row, o.column, o.value);
    }
    return result;
  }

  LogLossTask task_;
  std::int64_t classes_;
  ThreadParts<LogLossSums> parts_;
};

}  // namespace

void bind_log_loss(nb::module_& m) {
  m.attr("NUM_CELLS") = kCells;
  m.attr("CELL_LOW") = kCellLow;
  m.attr("CELL_BITS") = kCellBits;
  m.attr("MOST_GROUPS") = kMostGroups;
  m.attr("NUM_SURPRISES") = kSurprises;
  m.attr("SURPRISE_LOW") = kSurpriseLow;
  m.attr("SURPRISE_BITS") = kSurpriseBits;
  m.attr("IGNORED") = kIgnored;
  m.attr("MISSING") = kMissing;
  m.attr("MISSING_LABEL") = kMissingLabel;
  m.attr("KEPT_ROWS") = kKeepRows;
  m.attr("KEPT_WORST") = kKeepWorst;
  nb::list powers;
  for (int power : kPowers) powers.append(power);
  m.attr("TEMPERING_POWERS") = nb::tuple(powers);
  nb::class_<LogLoss>(m, "LogLoss")
      .def(nb::init<const std::string&, std::int64_t, double, double, bool>(),
           nb::arg("prediction"), nb::arg("classes"), nb::arg("tolerance"), nb::arg("clip"),
           nb::arg("calibration"))
      .def("add", &LogLoss::add, nb::arg("columns"), nb::arg("target").none(), nb::arg("labels"),
           nb::arg("weight").none(), nb::arg("size").none(), nb::arg("first_row"),
           nb::arg("row_nll").none(), nb::arg("row_predicted").none(), nb::arg("threads"))
      .def("sums", &LogLoss::sums)
      .def("faults", &LogLoss::faults);
}

}  // namespace xent
