#include "class_targets.hpp"

#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kScanRows = 65536;

// the mean weight of the classes that smoothing spreads over
double mean_class_weight(const Weighting& w, std::int64_t classes, const ClassMask& mask,
                         std::int64_t row) {
  double sum = 0;
  std::int64_t allowed = 0;
  for (std::int64_t j = 0; j < classes; ++j) {
    if (mask.data && !mask.allows(row, j)) continue;
    sum += w.class_weight[j];
    ++allowed;
  }
  return sum / static_cast<double>(allowed);
}

// the mass of the smoothed target of class y: what its row adds to the denominator
double class_mass(const Weighting& w, std::int64_t y, double mean_weight) {
  if (!w.class_weight) return 1;
  return (1 - w.label_smoothing) * w.class_weight[y] + w.label_smoothing * mean_weight;
}

// A chunk where every row weighs one: most calls, and a loop that the compiler vectorises.
// False if some target is no class; the general loop then says which.
bool all_are_classes(const std::int64_t* target, std::int64_t count, std::int64_t classes) {
  // a sign bit appears in y below 0, and in the difference above the last class
  const auto last = static_cast<std::uint64_t>(classes - 1);
  std::uint64_t outside = 0;
#pragma omp simd reduction(| : outside)
  for (std::int64_t i = 0; i < count; ++i) {
    const auto y = static_cast<std::uint64_t>(target[i]);
    outside |= y | (last - y);
  }
  return !(outside >> 63);
}

}  // namespace

Scan scan_class_targets(const std::int64_t* target, std::int64_t rows, std::int64_t classes,
                        const Weighting& w, double* row_weight, const ClassMask& mask) {
  const bool spreads = w.class_weight && w.label_smoothing != 0;
  const double mean_weight =
      spreads && !mask.each_row ? mean_class_weight(w, classes, mask, 0) : 0;
  // without smoothing the class weight is a weight of the row
  const bool weight_of_row = w.class_weight && w.label_smoothing == 0 && !w.class_weight_in_mass;
  const std::int64_t chunks = (rows + kScanRows - 1) / kScanRows;
  std::vector<Scan> parts(static_cast<std::size_t>(chunks));
  parallel_for(rows, kScanRows, [&](std::int64_t begin, std::int64_t end) {
    Scan& scan = parts[static_cast<std::size_t>(begin / kScanRows)];
    if (w.is_plain() && !mask.data && !row_weight && all_are_classes(target + begin, end - begin, classes)) {
      scan.count = end - begin;
      scan.weight = static_cast<double>(scan.count);
      return;
    }
    const std::int64_t ignored = w.ignore_index.value_or(-1);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t y = target[i];
      const bool ignore = w.ignore_index && y == ignored;
      // whatever a row of weight 0 holds, its target too
      const bool skip = ignore || (w.sample_weight && w.sample_weight[i] == 0);
      const bool is_class = y >= 0 && y < classes;
      const bool is_free = is_class && weight_of_row && w.class_weight[y] == 0;
      if (!skip && !(is_class && (!mask.data || mask.allows(i, y) || is_free))) {
        if (scan.first_bad < 0) scan.first_bad = i;
        ++scan.bad;
        continue;
      }
      const double sample = w.sample_weight ? w.sample_weight[i] : 1.0;
      const double mean = spreads && mask.each_row && !skip
                              ? mean_class_weight(w, classes, mask, i)
                              : mean_weight;
      const double mass = skip ? 0.0 : class_mass(w, y, mean) * sample;
      if (row_weight)
        row_weight[i] = skip ? 0.0 : (weight_of_row ? w.class_weight[y] : 1.0) * sample;
      scan.count += !ignore;
      scan.weight += mass;
    }
  });
  Scan total;
  for (const Scan& part : parts) {
    total.count += part.count;
    total.weight += part.weight;
    total.bad += part.bad;
    if (total.first_bad < 0) total.first_bad = part.first_bad;
  }
  return total;
}

}  // namespace xent
