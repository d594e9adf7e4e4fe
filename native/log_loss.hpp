// Log loss of predictions: what the kernel is told, and the sums it leaves.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "calibration_sums.hpp"
#include "exact_sum.hpp"
#include "isa.hpp"

namespace xent {

enum class Prediction {
  class_probs,   // a column a class, one class is true
  class_logits,
  binary_prob,   // one column: the probability of class 1
  binary_logit,
  label_probs,   // a column a label, each label true or false by itself
  label_logits,
  log_probs      // one column: the log-probability of what happened
};

inline bool has_classes(Prediction p) { return p != Prediction::log_probs; }
inline bool has_labels(Prediction p) {
  return p == Prediction::label_probs || p == Prediction::label_logits;
}
inline bool has_probs(Prediction p) {
  return p == Prediction::class_probs || p == Prediction::binary_prob ||
         p == Prediction::label_probs;
}

// targets that are no class
constexpr std::int64_t kIgnored = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMissing = kIgnored + 1;
constexpr std::uint8_t kMissingLabel = 255;

// The value of class j in row i is columns[j][i * stride], so a table's columns and a
// row-major matrix are read in place.
struct LogLossTask {
  Prediction prediction = Prediction::class_probs;
  const void* const* columns = nullptr;
  std::int64_t stride = 1, classes = 0;
  const std::int64_t* target = nullptr;           // (rows): not for labels and log_probs
  const std::uint8_t* const* labels = nullptr;    // a column a label
  const double* weight = nullptr;                 // (rows)
  const double* size = nullptr;                   // (rows): bytes of each row's text
  std::int64_t first_row = 0;                     // number of row 0 in its source
  double tolerance = 0;                           // of the sum of a row's probabilities
  double clip = 0;                                // smallest probability; 0: none
  bool calibration = false;                       // count cells, and temper
  double* row_nll = nullptr;                      // (rows): the loss of each, if asked for
  std::int32_t* row_predicted = nullptr;          // (rows): the likeliest class of each
};

// Groups of cells: one for two classes; a class each and one for the predicted class; a label
// each. See kMostGroups.
inline std::int64_t num_groups(const LogLossTask& task) {
  if (!has_classes(task.prediction)) return 0;
  if (has_labels(task.prediction)) return task.classes <= kMostGroups ? task.classes : 1;
  return task.classes <= 2 || task.classes > kMostGroups ? 1 : task.classes + 1;
}

// why a row was not scored
enum Fault { missing, out_of_range, wrong_sum, no_class, infinite_logit, bad_weight, bad_size,
             kFaults };

struct Offence {
  std::int64_t count = 0;
  std::int64_t row = -1, column = -1;  // the first
  double value = 0;
};

struct Surprise {
  double nll;
  std::int64_t row, target, predicted;
};

// Ties are broken, so that the order of the parts cannot be seen: by the classes first, so that
// what is kept of tied rows does not depend on how they are numbered.
inline bool worse(const Surprise& a, const Surprise& b) {
  if (a.nll != b.nll) return a.nll > b.nll;
  if (a.target != b.target) return a.target < b.target;
  if (a.predicted != b.predicted) return a.predicted < b.predicted;
  return a.row < b.row;
}

struct ClassSums {
  std::int64_t count = 0;       // rows of the class; rows where the label is true
  std::int64_t correct = 0;
  std::int64_t impossible = 0;
  ExactSum weight, weight_correct;  // of weighted rows only
  ExactSum nll, probability;
};

struct LogLossSums {
  explicit LogLossSums(std::int64_t classes) : of_class(static_cast<std::size_t>(classes)) {}

  std::int64_t rows = 0, ignored = 0;  // rows: scored
  std::int64_t correct = 0, all_correct = 0, impossible = 0, clipped = 0;
  ExactSum weight, nll, brier;
  // of the rows that are not impossible, with t = weight * nll; those of weights alone and
  // of a weight and t only where there are weights
  ExactSum weight_squared, weighted_nll, nll_squared;  // w^2, w t, t^2
  ExactSum weight_cubed, weight_squared_nll, weighted_nll_squared, nll_cubed;
  ExactSum weight_all_correct, weight_impossible, clipped_nll, size;
  std::vector<ClassSums> of_class;
  Offence offences[kFaults];
  std::vector<std::int64_t> impossible_rows, missing_rows;  // the first few, rising
  std::vector<Surprise> worst;                              // a heap, the mildest on top
  CalibrationSums calibration;  // empty unless it is asked for
  std::vector<double> scratch;
};

// how many rows are remembered
constexpr std::size_t kKeepRows = 20;
constexpr std::size_t kKeepWorst = 100;

struct LogLossKernels {
  void (*score_float)(const LogLossTask&, std::int64_t begin, std::int64_t end, LogLossSums&);
  void (*score_double)(const LogLossTask&, std::int64_t begin, std::int64_t end, LogLossSums&);
};

}  // namespace xent

XENT_KERNELS(LogLossKernels, log_loss_kernels)
