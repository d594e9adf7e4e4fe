// Log loss of predictions: rows in tiles, each tile into exact sums.
//
// Traffic       every prediction is read once from memory and once more from the cache.
// Determinism   a row's bits depend on that row alone, and exact sums have no order; so no
//               split, thread count or instruction set can be seen in the result.
#include "log_loss.hpp"

#include <algorithm>

#include "log_loss_rows.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

bool has_classes(Prediction p) { return p != Prediction::log_probs; }
bool has_labels(Prediction p) {
  return p == Prediction::label_probs || p == Prediction::label_logits;
}
bool has_probs(Prediction p) {
  return p == Prediction::class_probs || p == Prediction::binary_prob ||
         p == Prediction::label_probs;
}

void remember(std::vector<std::int64_t>& rows, std::int64_t row) {
  if (rows.size() == kKeepRows && row > rows.back()) return;
  rows.insert(std::upper_bound(rows.begin(), rows.end(), row), row);
  if (rows.size() > kKeepRows) rows.pop_back();
}

void remember(std::vector<Surprise>& heap, const Surprise& row) {
  if (heap.size() < kKeepWorst) {
    heap.push_back(row);
    std::push_heap(heap.begin(), heap.end(), worse);
  } else if (worse(row, heap.front())) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    heap.back() = row;
    std::push_heap(heap.begin(), heap.end(), worse);
  }
}

template <class T>
class Scoring {
 public:
  Scoring(const LogLossTask& task, std::int64_t begin, int count, LogLossSums& sums)
      : task_(task), begin_(begin), count_(count), sums_(sums), tile_(task, begin, count, sums),
        lanes_(tile_.lanes) {}

  void run() {
    read();
    tile_.score();
    clean_ = !judge();
    if (!clean_) sift();
    check();
    price();
    totals();
    if (has_labels(task_.prediction)) label_sums();
    else if (has_classes(task_.prediction)) class_sums();
    probabilities();
    surprises();
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

  // whether any lane is at fault or past the end; the common tile stops here
  bool judge() {
    const Prediction kind = task_.prediction;
    const double top = kind == Prediction::class_probs ? 1 + task_.tolerance
                       : has_probs(kind)               ? 1.0
                       : kind == Prediction::log_probs ? task_.tolerance
                                                       : infinity<double>;
    const double bottom = has_probs(kind) ? 0.0 : -infinity<double>;
    const bool closed = kind == Prediction::class_logits;  // +inf is no logit
    const bool sums_to_one = kind == Prediction::class_probs;
    const auto last = static_cast<std::int64_t>(kind == Prediction::binary_prob ||
                                                        kind == Prediction::binary_logit
                                                    ? 2
                                                    : task_.classes);
    const bool classes = has_classes(kind) && !has_labels(kind);
    std::int64_t odd = count_ < kTile;
    for (int b = 0; b < kTile; ++b) {
      const double sum = lanes_.sum[b];
      odd |= static_cast<std::int64_t>(!(lanes_.low[b] >= bottom)) |
             static_cast<std::int64_t>(!(lanes_.high[b] <= top)) |
             static_cast<std::int64_t>(!(sum == sum)) |
             static_cast<std::int64_t>(!(lanes_.nll[b] == lanes_.nll[b])) |
             static_cast<std::int64_t>(!(lanes_.weight[b] >= 0));
      odd |= static_cast<std::int64_t>(lanes_.weight[b] == infinity<double>);
    }
    if (sums_to_one)
      for (int b = 0; b < kTile; ++b) {
        const double off = lanes_.sum[b] - 1;
        odd |= static_cast<std::int64_t>(!(off <= task_.tolerance)) |
               static_cast<std::int64_t>(!(off >= -task_.tolerance));
      }
    if (closed)
      for (int b = 0; b < kTile; ++b)
        odd |= static_cast<std::int64_t>(lanes_.high[b] == infinity<double>);
    if (classes)
      for (int b = 0; b < kTile; ++b)
        odd |= static_cast<std::int64_t>(lanes_.target[b] < 0) |
               static_cast<std::int64_t>(lanes_.target[b] >= last);
    else
      for (int b = 0; b < kTile; ++b) odd |= static_cast<std::int64_t>(lanes_.target[b] < 0);
    if (task_.size)
      for (int b = 0; b < count_; ++b) {
        const double size = task_.size[begin_ + b];
        odd |= static_cast<std::int64_t>(!(size >= 0 && size < infinity<double>));
      }
    for (int b = 0; b < kTile; ++b) lanes_.fault[b] = kScored;
    top_ = top;
    bottom_ = bottom;
    last_ = last;
    classes_ = classes;
    return odd != 0;
  }

  int fault_of(int b) const {
    const std::int64_t y = lanes_.target[b];
    if (b >= count_ || y == kIgnored) return kSkipped;
    const double w = lanes_.weight[b], size = task_.size ? task_.size[begin_ + b] : 0;
    if (y == kMissing || !(w == w) || !(size == size)) return missing;
    if (!(w >= 0 && w < infinity<double>)) return bad_weight;
    if (!(size >= 0 && size < infinity<double>)) return bad_size;
    if (classes_ && (y < 0 || y >= last_)) return no_class;
    if (lanes_.low[b] < bottom_ || lanes_.high[b] > top_) return out_of_range;
    if (task_.prediction == Prediction::class_logits && lanes_.high[b] == infinity<double>)
      return infinite_logit;
    if (!(lanes_.sum[b] == lanes_.sum[b])) {
      // two infinities of a logit row may cancel in the sum; only NaN itself is missing
      if (has_probs(task_.prediction) || holds_nan(b)) return missing;
    }
    if (task_.prediction == Prediction::class_probs &&
        !(lanes_.sum[b] - 1 <= task_.tolerance && lanes_.sum[b] - 1 >= -task_.tolerance))
      return wrong_sum;
    return lanes_.nll[b] == lanes_.nll[b] ? kScored : missing;
  }

  double value(int b, std::int64_t j) const {
    return static_cast<double>(
        static_cast<const T*>(task_.columns[j])[(begin_ + b) * task_.stride]);
  }

  std::int64_t columns() const { return task_.classes > 0 ? task_.classes : 1; }

  bool holds_nan(int b) const {
    for (std::int64_t j = 0; j < columns(); ++j) {
      if (!(value(b, j) == value(b, j))) return true;
      if (has_labels(task_.prediction) && task_.labels[j][begin_ + b] == kMissingLabel)
        return true;
    }
    return false;
  }

  // counts the lanes at fault, and takes them out
  void sift() {
    for (int b = 0; b < kTile; ++b) {
      const int fault = lanes_.fault[b] = fault_of(b);
      if (fault == kScored) continue;
      if (b < count_) {
        if (fault == kSkipped) ++sums_.ignored;
        else report(fault, b);
      }
      lanes_.weight[b] = lanes_.nll[b] = lanes_.brier[b] = 0;
    }
  }

  void report(int fault, int b) {
    const std::int64_t row = task_.first_row + begin_ + b;
    if (fault == missing) remember(sums_.missing_rows, row);
    Offence& offence = sums_.offences[fault];
    ++offence.count;
    if (offence.row >= 0 && offence.row < row) return;
    offence.row = row;
    offence.column = -1;
    offence.value = fault == wrong_sum    ? lanes_.sum[b]
                    : fault == no_class   ? static_cast<double>(lanes_.target[b])
                    : fault == bad_weight ? lanes_.weight[b]
                    : fault == bad_size   ? task_.size[begin_ + b]
                                          : 0;
    if (fault != out_of_range && fault != infinite_logit && fault != missing) return;
    for (std::int64_t j = 0; j < columns(); ++j) {
      const double v = value(b, j);
      const bool here = fault == missing        ? !(v == v)
                        : fault == out_of_range ? v < bottom_ || v > top_
                                                : v == infinity<double>;
      if (!here) continue;
      offence.column = j;
      offence.value = v;
      return;
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
      if (task_.clip > 0) clip(b, ceiling);
      else if (lanes_.nll[b] == infinity<double>) count_impossible(b);
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

  void totals() {
    const bool labels = has_labels(task_.prediction);
    double w_nll[kTile], w_nll_squared[kTile], w_brier[kTile];
    for (int b = 0; b < kTile; ++b) {
      w_nll[b] = lanes_.weight[b] * lanes_.nll[b];
      w_nll_squared[b] = w_nll[b] * w_nll[b];
      w_brier[b] = lanes_.weight[b] * lanes_.brier[b];
    }
    add_tile(sums_.nll, w_nll);
    add_tile(sums_.nll_squared, w_nll_squared);
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
    if (task_.weight) weighted_totals(w_nll);
    if (task_.size) {
      double size[kTile] = {};
      for (int b = 0; b < count_; ++b)
        if (lanes_.fault[b] == kScored) size[b] = lanes_.weight[b] * task_.size[begin_ + b];
      add_tile(sums_.size, size);
    }
  }

  void weighted_totals(const double* w_nll) {
    const bool labels = has_labels(task_.prediction);
    double squared[kTile], twice[kTile], correct[kTile], all[kTile];
    for (int b = 0; b < kTile; ++b) {
      squared[b] = lanes_.weight[b] * lanes_.weight[b];
      twice[b] = lanes_.weight[b] * w_nll[b];
      all[b] = lanes_.weight[b] * right_[b];
      correct[b] = labels ? lanes_.weight[b] * lanes_.chosen[b] : all[b];
    }
    add_tile(sums_.weight, lanes_.weight);
    add_tile(sums_.weight_squared, squared);
    add_tile(sums_.weighted_nll, twice);
    add_tile(sums_.weight_correct, correct);
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
        const bool hit = (value(b, j) > (logits ? 0.0 : 0.5)) == truth;
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
      for (int b = 0; b < kTile; ++b)
        mass[b] = select(lanes_.weight[b] > 0, lanes_.weight[b] * p[b], 0.0);
      // one probability a row is that of class 1
      const bool one = !has_labels(task_.prediction) && task_.classes == 1;
      add_tile(sums_.of_class[static_cast<std::size_t>(one ? 1 : j)].probability, mass);
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

  const LogLossTask& task_;
  std::int64_t begin_;
  int count_;
  LogLossSums& sums_;
  RowTile<T> tile_;
  Lanes& lanes_;
  bool impossible_[kTile] = {}, clean_ = false;
  double right_[kTile];
  double most_ = 0, top_ = 0, bottom_ = 0;
  std::int64_t last_ = 0;
  bool classes_ = false;
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
