// Log loss of predictions: rows in tiles, each tile into exact sums.
//
// Traffic       every prediction is read once from memory, and again from the cache: once for
//               the loss, and for calibration by cells and by temperatures.
// Determinism   a row's bits depend on that row alone, and exact sums have no order; so no
//               split, thread count or instruction set can be seen in the result.
#include "log_loss.hpp"

#include "log_loss_cells.hpp"
#include "log_loss_faults.hpp"
#include "log_loss_moments.hpp"
#include "log_loss_rows.hpp"
#include "log_loss_tempering.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

template <class T>
class Scoring {
 public:
  Scoring(const LogLossTask& task, std::int64_t begin, int count, LogLossSums& sums)
      : task_(task), begin_(begin), count_(count), sums_(sums), tile_(task, begin, count, sums),
        lanes_(tile_.lanes), faults_(task, begin, count, sums, lanes_) {}

  void run() {
    read();
    tile_.score();
    clean_ = !faults_.judge();
    if (!clean_) faults_.sift();
    check();
    price();
    write_rows();
    totals();
    if (has_labels(task_.prediction)) label_sums();
    else if (has_classes(task_.prediction)) class_sums();
    probabilities();
    surprises();
    if (task_.calibration) calibrate();
  }

 private:
  void read() {
    const bool classes = has_classes(task_.prediction) && !has_labels(task_.prediction);
    for (int b = 0; b < kTile; ++b) {
      const std::int64_t row = begin_ + (b < count_ ? b : count_ - 1);
      lanes_.target[b] = classes ? task_.target[row] : task_.target ? task_.target[row] : 0;
      lanes_.weight[b] = task_.weight ? task_.weight[row] : 1.0;
    }
  }

  // what an impossible outcome costs
  void price() {
    double most = 0;
    for (int b = 0; b < kTile; ++b) most = lanes_.nll[b] > most ? lanes_.nll[b] : most;
    most_ = most;
    const double ceiling = task_.clip > 0 ? -log(task_.clip) : infinity<double>;
    if (!(most > ceiling) && most < infinity<double>) return;
    for (int b = 0; b < count_; ++b) {
      if (lanes_.fault[b] != kScored) continue;
      const bool zero = lanes_.nll[b] == infinity<double>;
      if (zero && lanes_.weight[b] != 0) zero_[b] = any_zero_ = true;
      if (task_.clip > 0) clip(b, ceiling);
      else if (zero) count_impossible(b);
    }
    most_ = infinity<double>;
  }

  void clip(int b, double ceiling) {
    double clipped = 0;
    if (has_labels(task_.prediction)) {
      lanes_.nll[b] = 0;
      for (std::int64_t j = 0; j < task_.classes; ++j) {
        double& nll = tile_.label_nll(j)[b];
        if (nll > ceiling) clipped += nll = ceiling;
        lanes_.nll[b] += nll;
      }
    } else if (lanes_.nll[b] > ceiling) {
      clipped = lanes_.nll[b] = ceiling;
    }
    if (clipped == 0) return;
    ++sums_.clipped;
    add(sums_.clipped_nll, lanes_.weight[b] * clipped);
  }

  void count_impossible(int b) {
    lanes_.nll[b] = 0;
    impossible_[b] = true;
    // what has no weight costs nothing
    if (lanes_.weight[b] == 0) return;
    ++sums_.impossible;
    add(sums_.weight_impossible, lanes_.weight[b]);
    remember(sums_.impossible_rows, task_.first_row + begin_ + b);
  }

  // which lanes chose the truth, all labels of it
  void check() {
    if (has_labels(task_.prediction)) {
      const auto all = static_cast<double>(task_.classes);
      for (int b = 0; b < kTile; ++b) right_[b] = lanes_.chosen[b] == all;
    } else {
      for (int b = 0; b < kTile; ++b)
        right_[b] = lanes_.chosen[b] == static_cast<double>(lanes_.target[b]);
    }
    if (clean_) return;
    for (int b = 0; b < kTile; ++b)
      if (lanes_.fault[b] != kScored) right_[b] = lanes_.chosen[b] = 0;
  }

  // lanes are rows of this chunk alone: no other thread writes there
  void write_rows() {
    constexpr double unscored = std::numeric_limits<double>::quiet_NaN();
    const bool one_class = has_classes(task_.prediction) && !has_labels(task_.prediction);
    for (int b = 0; task_.row_nll && b < count_; ++b)
      task_.row_nll[begin_ + b] = lanes_.fault[b] != kScored ? unscored
                                  : impossible_[b]           ? infinity<double>
                                                             : lanes_.nll[b];
    for (int b = 0; task_.row_predicted && b < count_; ++b)
      task_.row_predicted[begin_ + b] =
          one_class && lanes_.fault[b] == kScored ? static_cast<std::int32_t>(lanes_.chosen[b]) : -1;
  }

  void totals() {
    const bool labels = has_labels(task_.prediction);
    double w_nll[kTile], w_brier[kTile];
    for (int b = 0; b < kTile; ++b) {
      w_nll[b] = lanes_.weight[b] * lanes_.nll[b];
      w_brier[b] = lanes_.weight[b] * lanes_.brier[b];
    }
    add_tile(sums_.nll, w_nll);
    TileMoments moments(sums_, w_nll);
    moments.add_unweighted();
    if (has_classes(task_.prediction)) {
      add_tile(sums_.brier, w_brier);
      double all = 0, correct = 0;  // counts: exact, so free to be added in any order
#pragma omp simd reduction(+ : all, correct)
      for (int b = 0; b < kTile; ++b) {
        all += right_[b];
        correct += lanes_.chosen[b];
      }
      sums_.all_correct += static_cast<std::int64_t>(all);
      sums_.correct += static_cast<std::int64_t>(labels ? correct : all);
    }
    if (clean_) sums_.rows += kTile;
    else
      for (int b = 0; b < kTile; ++b) sums_.rows += lanes_.fault[b] == kScored;
    if (task_.weight) {
      moments.add_weighted(lanes_.weight, impossible_);
      weighted_totals();
    }
    if (task_.size) {
      double size[kTile] = {};
      for (int b = 0; b < count_; ++b)
        if (lanes_.fault[b] == kScored) size[b] = lanes_.weight[b] * task_.size[begin_ + b];
      add_tile(sums_.size, size);
    }
  }

  void weighted_totals() {
    double all[kTile];
    for (int b = 0; b < kTile; ++b) all[b] = lanes_.weight[b] * right_[b];
    add_tile(sums_.weight, lanes_.weight);
    add_tile(sums_.weight_all_correct, all);
  }

  void class_sums() {
    for (int b = 0; b < count_; ++b) {
      if (lanes_.fault[b] != kScored) continue;
      ClassSums& of = sums_.of_class[static_cast<std::size_t>(lanes_.target[b])];
      const bool hit = right_[b] != 0;
      ++of.count;
      of.correct += hit;
      if (impossible_[b]) of.impossible += lanes_.weight[b] != 0;
      else add(of.nll, lanes_.weight[b] * lanes_.nll[b]);
      if (!task_.weight) continue;
      add(of.weight, lanes_.weight[b]);
      if (hit) add(of.weight_correct, lanes_.weight[b]);
    }
  }

  void label_sums() {
    const bool logits = task_.prediction == Prediction::label_logits;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      ClassSums& of = sums_.of_class[static_cast<std::size_t>(j)];
      const double* nll = tile_.label_nll(j);
      double w_nll[kTile] = {}, positive[kTile] = {}, correct[kTile] = {};
      for (int b = 0; b < count_; ++b) {
        if (lanes_.fault[b] != kScored) continue;
        const bool truth = task_.labels[j][begin_ + b] == 1;
        const bool hit = (faults_.value(b, j) > (logits ? 0.0 : 0.5)) == truth;
        of.count += truth;
        of.correct += hit;
        if (nll[b] == infinity<double>) of.impossible += lanes_.weight[b] != 0;
        else w_nll[b] = lanes_.weight[b] * nll[b];
        positive[b] = truth ? lanes_.weight[b] : 0;
        correct[b] = hit ? lanes_.weight[b] : 0;
      }
      add_tile(of.nll, w_nll);
      if (!task_.weight) continue;
      add_tile(of.weight, positive);
      add_tile(of.weight_correct, correct);
    }
  }

  // the probability that each class or label got, summed over the rows
  void probabilities() {
    if (!has_classes(task_.prediction)) return;
    double mass[kTile];
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      const double* p = tile_.probability(j);
      // one probability a row is that of class 1
      const bool one = !has_labels(task_.prediction) && task_.classes == 1;
      ExactSum& sum = sums_.of_class[static_cast<std::size_t>(one ? 1 : j)].probability;
      if (clean_ && !task_.weight) {
        add_tile(sum, p);
        continue;
      }
      for (int b = 0; b < kTile; ++b)
        mass[b] = select(lanes_.weight[b] > 0, lanes_.weight[b] * p[b], 0.0);
      add_tile(sum, mass);
    }
  }

  void surprises() {
    if (sums_.worst.size() == kKeepWorst && most_ < sums_.worst.front().nll) return;
    for (int b = 0; b < count_; ++b) {
      if (lanes_.fault[b] != kScored || impossible_[b] || lanes_.weight[b] == 0) continue;
      remember(sums_.worst, {lanes_.nll[b], task_.first_row + begin_ + b, lanes_.target[b],
                             static_cast<std::int64_t>(lanes_.chosen[b])});
    }
  }

  void calibrate() {
    const TileCounts counts(task_, lanes_, count_, clean_);
    count_surprises(sums_, counts, lanes_, impossible_);
    if (!has_classes(task_.prediction)) return;
    TileCells<T>(task_, begin_, sums_, tile_, counts, any_zero_ ? zero_ : nullptr).run();
    TileTempering<T>(task_, begin_, count_, sums_, tile_).run();
  }

  const LogLossTask& task_;
  std::int64_t begin_;
  int count_;
  LogLossSums& sums_;
  RowTile<T> tile_;
  Lanes& lanes_;
  TileFaults<T> faults_;
  bool impossible_[kTile] = {}, clean_ = false;
  bool zero_[kTile] = {}, any_zero_ = false;  // the truth had probability 0, clipped or not
  double right_[kTile];
  double most_ = 0;
};

template <class T>
void score(const LogLossTask& task, std::int64_t begin, std::int64_t end, LogLossSums& sums) {
  for (std::int64_t row = begin; row < end; row += kTile)
    Scoring<T>(task, row, static_cast<int>(end - row < kTile ? end - row : kTile), sums).run();
}

}  // namespace

extern const LogLossKernels log_loss_kernels;
const LogLossKernels log_loss_kernels = {score<float>, score<double>};

}  // namespace XENT_ISA
}  // namespace xent
