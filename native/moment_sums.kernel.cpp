// Powers of weights and values, rows in tiles, each tile into exact sums.
//
// Determinism   what a row adds comes from that row alone, whether it has a group or not; sums
//               are exact, so no split, order or number of threads can be seen in them.
#include "moment_sums.hpp"

#include "products.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

// terms that wait in a double at most: see add_tile
constexpr int kMostTerms = 512;

XENT_INLINE double bounded(double x) {  // what is larger has a cube beyond all doubles
  x = x < 0x1p340 ? x : 0x1p340;
  return x > -0x1p340 ? x : -0x1p340;
}

void settle_group(MomentSums& sums, std::size_t group) {
  for (std::size_t i = group * sums.powers; i < (group + 1) * sums.powers; ++i)
    for (double& part : sums.waiting[i].part) {
      if (part != 0) add(sums.sums[i], part);
      part = 0;
    }
  sums.terms[group] = 0;
}

class Tile {
 public:
  Tile(const MomentTask& task, std::int64_t begin, int count, MomentSums& sums)
      : sums_(sums), group_(task.group ? task.group + begin : nullptr), count_(count) {
    for (int b = 0; b < count; ++b) t_[b] = left_out(b) ? 0 : task.t[begin + b];
    for (int b = 0; task.weight && b < count; ++b)
      w_[b] = left_out(b) ? 0 : task.weight[begin + b];
  }

  void run() {
    value(Power::t1, t_);
    if (sums_.powers > Power::t2) unweighted();
    if (sums_.powers > Power::w1) weighted();
    if (group_) count_by_group();
    else sums_.counts[0] += count_;
  }

 private:
  bool left_out(int b) const { return group_ && group_[b] < 0; }

  void unweighted() {
    for (int b = 0; b < kTile; ++b) t_[b] = bounded(t_[b]);
    product_sum(Power::t2, [&](int b) { return product(t_[b], t_[b]); });
    product_sum(Power::t3, [&](int b) { return product(product(t_[b], t_[b]), t_[b]); });
  }

  void weighted() {
    value(Power::w1, w_);
    for (int b = 0; b < kTile; ++b) w_[b] = bounded(w_[b]);
    product_sum(Power::w2, [&](int b) { return product(w_[b], w_[b]); });
    product_sum(Power::w1t1, [&](int b) { return product(w_[b], t_[b]); });
    product_sum(Power::w3, [&](int b) { return product(product(w_[b], w_[b]), w_[b]); });
    product_sum(Power::w2t1, [&](int b) { return product(product(w_[b], w_[b]), t_[b]); });
    product_sum(Power::w1t2, [&](int b) { return product(product(t_[b], t_[b]), w_[b]); });
  }

  // no digit of a value is lost
  void value(Power::Of p, const double* x) {
    if (!group_) return add_tile(sums_.sums[p], x);
    for (int b = 0; b < kTile; ++b) {
      const Parts parts = cut(x[b]);
      keep(b, parts);
      odd_[b] = misfits(x[b], parts);
    }
    scatter(p, [&](ExactSum& sum, int b) { add(sum, x[b]); });
  }

  template <class Product>
  XENT_INLINE void product_sum(Power::Of p, Product of) {
    double x[kTile], error[kTile];
    for (int b = 0; b < kTile; ++b) {
      const Exact<double> found = of(b);
      x[b] = found.value;
      error[b] = found.error;
    }
    if (!group_) return add_tile_products(sums_.sums[p], x, error);
    for (int b = 0; b < kTile; ++b) {
      keep(b, cut(x[b], error[b]));
      odd_[b] = misfits_grid(x[b]);
    }
    scatter(p, [&](ExactSum& sum, int b) { add_beyond_grid(sum, x[b], error[b]); });
  }

  XENT_INLINE void keep(int b, const Parts& parts) {
    high_[b] = parts.high;
    middle_[b] = parts.middle;
    low_[b] = parts.low;
  }

  // each row's parts to those of its group
  template <class Alone>
  XENT_INLINE void scatter(Power::Of p, Alone alone) {
    for (int b = 0; b < count_; ++b) {
      if (left_out(b)) continue;
      const std::size_t at = static_cast<std::size_t>(group_[b]) * sums_.powers + p;
      if (odd_[b]) {
        alone(sums_.sums[at], b);
        continue;
      }
      double* to = sums_.waiting[at].part;
      to[0] += high_[b];
      to[1] += middle_[b];
      to[2] += low_[b];
    }
  }

  void count_by_group() {
    for (int b = 0; b < count_; ++b) {
      if (left_out(b)) continue;
      const auto g = static_cast<std::size_t>(group_[b]);
      ++sums_.counts[g];
      ++sums_.terms[g];
    }
    // another tile may be of one group alone
    for (int b = 0; b < count_; ++b) {
      if (left_out(b)) continue;
      const auto g = static_cast<std::size_t>(group_[b]);
      if (sums_.terms[g] > kMostTerms - kTile) settle_group(sums_, g);
    }
  }

  MomentSums& sums_;
  const std::int64_t* group_;
  int count_;
  double t_[kTile] = {}, w_[kTile] = {};
  double high_[kTile], middle_[kTile], low_[kTile];
  std::int64_t odd_[kTile];
};

void add_rows(const MomentTask& task, std::int64_t begin, std::int64_t end, MomentSums& sums) {
  for (std::int64_t row = begin; row < end; row += kTile)
    Tile(task, row, static_cast<int>(end - row < kTile ? end - row : kTile), sums).run();
}

void settle_all(MomentSums& sums) {
  for (std::size_t g = 0; g < sums.terms.size(); ++g)
    if (sums.terms[g]) settle_group(sums, g);
}

}  // namespace

extern const MomentKernels moment_kernels;
const MomentKernels moment_kernels = {add_rows, settle_all};

}  // namespace XENT_ISA
}  // namespace xent
