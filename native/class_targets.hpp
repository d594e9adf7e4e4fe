// Class targets, scanned before anything is computed: range, number, weight.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace xent {

struct Weighting {
  const double* class_weight = nullptr;
  const double* sample_weight = nullptr;
  std::optional<std::int64_t> ignore_index;
  double label_smoothing = 0;
  bool class_weight_in_mass = false;  // and not in the weight of the row

  // whether rows weigh differently
  bool is_plain() const { return !class_weight && !sample_weight && !ignore_index; }
};

// Which classes may be a target: 0 where one may not, (classes) or (outer, classes, inner).
struct ClassMask {
  const unsigned char* data = nullptr;
  bool each_row = false;
  std::int64_t classes = 0, inner = 1;

  bool allows(std::int64_t row, std::int64_t c) const {
    return data[each_row ? (row / inner * classes + c) * inner + row % inner : c] != 0;
  }
};

struct Scan {
  std::int64_t count = 0;  // rows that are not ignored
  double weight = 0;       // their weights, summed
  std::int64_t bad = 0;    // targets that are no class, or a masked one
  std::int64_t first_bad = -1;
};

// row_weight, where given, gets the weight of each row's loss: 0 for an ignored row. With
// label smoothing the class weights belong to the distribution instead.
Scan scan_class_targets(const std::int64_t* target, std::int64_t rows, std::int64_t classes,
                        const Weighting& weighting, double* row_weight,
                        const ClassMask& mask = {});

}  // namespace xent
