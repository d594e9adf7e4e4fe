// Softmax cross-entropy of rows whose classes come in slices: what a slice adds to the state of
// its rows, and its gradient once all classes were seen.
//
//   p_j    = exp(x'_j - top) / (1 + odds),   1 - p_arg = odds / (1 + odds)
//   grad_j = c (p_j (R_j + 2 z lse) - s_j (1 - p_j)),   R_j = sum_{k != j} s_k
//
// The exponentials are relative to the largest logit, which may be far above a whole slice:
// they are kept lifted out of reach of the denormals, and the product with the factor of the
// row, in the gradient, or the sum, in the scan, brings them down again.
//
// Traffic       scan reads the block once, gradient reads and writes it once.
// Determinism   a row's bits depend on that row and its slices alone.
#include "softmax_slices.hpp"

#include <vector>

#include "softmax_along.hpp"
#include "softmax_options.hpp"
#include "softmax_slice_state.hpp"
#include "softmax_statistics.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

template <class T>
struct Lift {
  T by, unlift, to_zero;
};

template <class T>
constexpr Lift<T> lifted = {T(Format<T>::lift), Format<T>::unlift, Format<T>::lifted_to_zero};

// no denormals either where the factor is so small that only exponentials near 1 count
template <class T>
constexpr Lift<T> not_lifted = {T(0), T(1), Format<T>::lifted_to_zero + T(0.6931) * Format<T>::lift};

// the first of the largest elements; -1 where there is nothing above -inf
template <class T>
std::int64_t first_maximum(const T* x, std::int64_t count) {
  constexpr std::int64_t kBlock = 1024;
  T m = -infinity<T>;
  std::int64_t block = -1;
  for (std::int64_t start = 0; start < count; start += kBlock) {
    const std::int64_t filled = count - start < kBlock ? count - start : kBlock;
    const T here = maximum(x + start, filled, -infinity<T>);
    block = here > m ? start : block;
    m = here > m ? here : m;
  }
  if (block < 0) return -1;
  return block + arg_max(x + block, count - block < kBlock ? count - block : kBlock);
}

// the sum of exp(x_j - top) and of the terms of the entropy, both lifted
template <bool kTerms>
void add_lifted(Sum& odds, Sum& terms, const float* x, std::int64_t count, float top) {
  const Lift<float> lift = lifted<float>;
  double o = 0, t = 0;
#pragma omp simd reduction(+ : o, t)
  for (std::int64_t j = 0; j < count; ++j) {
    const float e = exp_lifted(x[j], top, lift.by, lift.to_zero);
    o += static_cast<double>(e);
    if (kTerms) t += static_cast<double>(entropy_term(e, top, x[j]));
  }
  odds.value += o;
  terms.value += t;
}

template <bool kTerms>
void add_lifted(Sum& odds, Sum& terms, const double* x, std::int64_t count, double top) {
  const Lift<double> lift = lifted<double>;
  const auto e = [=](std::int64_t j) { return exp_lifted(x[j], top, lift.by, lift.to_zero); };
  Summed<double>::add_terms(odds, 0, count, e);
  if (kTerms)
    Summed<double>::add_terms(terms, 0, count,
                              [=](std::int64_t j) { return entropy_term(e(j), top, x[j]); });
}

// One row of the block at a time; memory for it is kept between rows.
template <class T>
class SliceRows {
 public:
  explicit SliceRows(const SliceTask& task)
      : task_(task), map_(task.softcap, task.temperature, task.class_mask != nullptr),
        x_(map_.changes_logits() ? task.columns : 0), slope_(map_.has_slopes() ? task.columns : 0),
        s_(task.is_class_target() ? 0 : task.columns) {}

  void scan(std::int64_t row) {
    if (is_skipped(row)) return;
    const T* x = logits(row);
    RowState seen = task_.wants_terms ? look<true>(x) : look<false>(x);
    if (task_.is_class_target()) {
      see_class(x, row, seen);
    } else {
      see_masses(x, row, seen);
    }
    store_state(task_.state, row, merged(load_state(task_.state, row), seen));
  }

  void gradient(std::int64_t row) {
    T* g = block(row);
    if (is_skipped(row)) {
      std::memset(static_cast<void*>(g), 0, sizeof(T) * task_.columns);
      return;
    }
    const T* x = logits(row);
    Whole whole(task_, load_state(task_.state, row));
    whole.scale *= task_.row_scale ? task_.row_scale[row] : 1.0;
    if (task_.is_class_target()) {
      class_gradient(x, g, row, whole);
    } else {
      soft_gradient_of(x, g, row, whole);
    }
    if (map_.has_slopes()) map_.chain(g, slope_.data(), task_.columns);
  }

 private:
  // the scalars of a row all of whose classes were seen
  struct Whole {
    RowState state;
    double p_top, not_p_top;
    double pull = 0;  // 2 z_loss lse
    double scale;

    Whole(const SliceTask& task, const RowState& seen)
        : state(seen), p_top(1 / (1 + seen.odds)), not_p_top(seen.odds / (1 + seen.odds)) {
      if (task.z_loss != 0) pull = 2 * task.z_loss * (seen.top + log1p_positive(seen.odds));
      // no class can happen, or one is infinitely likely: no softmax
      const bool is_finite = seen.top - seen.top == 0;
      scale = is_finite ? 1 / task.temperature : std::numeric_limits<double>::quiet_NaN();
    }
  };

  bool is_skipped(std::int64_t row) const { return task_.row_scale && task_.row_scale[row] == 0; }

  T* block(std::int64_t row) const { return static_cast<T*>(task_.block) + row * task_.stride; }

  const unsigned char* mask(std::int64_t row) const {
    return task_.class_mask ? task_.class_mask + row * task_.mask_stride : nullptr;
  }

  // the row as the options leave it
  const T* logits(std::int64_t row) {
    const T* from = block(row);
    if (!map_.changes_logits()) return from;
    std::memcpy(x_.data(), from, sizeof(T) * task_.columns);
    map_.apply(x_.data(), slope_.data(), task_.columns);
    if (task_.class_mask) map_.mask(mask(row), x_.data(), slope_.data(), task_.columns);
    return x_.data();
  }

  template <bool kTerms>
  RowState look(const T* x) const {
    const std::int64_t best = first_maximum(x, task_.columns);
    Sum odds, terms;
    RowState seen;
    if (best < 0) {
      // -inf adds 0, and NaN shows
      add_lifted<kTerms>(odds, terms, x, task_.columns, T(0));
    } else {
      const T top = x[best];
      add_lifted<kTerms>(odds, terms, x, best, top);
      add_lifted<kTerms>(odds, terms, x + best + 1, task_.columns - best - 1, top);
      seen.top = top;
      seen.arg = task_.first + best;
    }
    const double unlift = lifted<T>.unlift;
    seen.odds = (odds.value + odds.error) * unlift;
    seen.terms = (terms.value + terms.error) * unlift;
    return seen;
  }

  // what a logit's distance to the top is taken from: to -inf there is none but infinity
  static T reference(const RowState& seen) {
    return seen.arg < 0 ? T(0) : static_cast<T>(seen.top);
  }

  void see_class(const T* x, std::int64_t row, RowState& seen) const {
    const std::int64_t place = task_.target[row] - task_.first;
    if (place < 0 || place >= task_.columns) return;
    seen.mass = task_.class_weight ? task_.class_weight[place] : 1.0;
    seen.spread = seen.mass == 0 ? 0.0 : seen.mass * distance(reference(seen), x[place]);
    seen.peak = task_.first + place;
    seen.at_peak = seen.mass;
  }

  void see_masses(const T* x, std::int64_t row, RowState& seen) {
    fill_masses(row);
    const Mass mass = weigh(s_.data(), x, task_.columns, reference(seen));
    seen.mass = mass.total;
    seen.spread = mass.linear;
    seen.peak = task_.first + mass.largest;
    seen.at_peak = s_[mass.largest];
    seen.but_peak = mass.rest;
  }

  void fill_masses(std::int64_t row) {
    RunOfTarget<T> run;
    run.count = task_.columns;
    if (task_.soft_target) {
      run.soft = static_cast<const T*>(task_.soft_target) + row * task_.soft_stride;
    } else {
      run.place = task_.target[row] - task_.first;
    }
    run.label_smoothing = task_.label_smoothing;
    run.share = task_.row_share ? task_.row_share[row] : task_.share;
    run.mask = mask(row);
    run.class_weight = task_.class_weight;
    run.fill(s_.data());
  }

  // x may be g
  void class_gradient(const T* x, T* g, std::int64_t row, const Whole& whole) const {
    const std::int64_t y = task_.target[row], place = y - task_.first;
    const bool is_here = place >= 0 && place < task_.columns;
    const double mass = whole.state.mass;
    T at_target = 0;
    if (is_here) {
      const Exact<double> d = two_difference(static_cast<double>(x[place]), whole.state.top);
      const double error = d.error - d.error == 0 ? d.error : 0.0;
      const bool is_top = y == whole.state.arg;
      const double p = is_top ? whole.p_top : exp(d.value, error) * whole.p_top;
      const double not_p = is_top ? whole.not_p_top : 1 - p;
      at_target = static_cast<T>((p * whole.pull - mass * not_p) * whole.scale);
    }
    const double factor = whole.p_top * (mass + whole.pull) * whole.scale;
    const Lift<T> lift = std::fabs(factor) < 0x1p-40 ? not_lifted<T> : lifted<T>;
    const T top = static_cast<T>(whole.state.top);
    const T brought_down = static_cast<T>(factor * static_cast<double>(lift.unlift));
#pragma omp simd
    for (std::int64_t j = 0; j < task_.columns; ++j)
      g[j] = exp_lifted(x[j], top, lift.by, lift.to_zero) * brought_down;
    if (is_here) g[place] = at_target;
  }

  // x may be g
  void soft_gradient_of(const T* x, T* g, std::int64_t row, const Whole& whole) {
    fill_masses(row);
    const T* s = s_.data();
    const std::int64_t arg = whole.state.arg - task_.first, peak = whole.state.peak - task_.first;
    const double mass = whole.state.mass + whole.pull, rest = whole.state.but_peak + whole.pull;
    const Lift<T> lift = lifted<T>;
    const T top = static_cast<T>(whole.state.top);
    const double brought_down = whole.p_top * static_cast<double>(lift.unlift);
    const double scale = whole.scale;
#pragma omp simd
    for (std::int64_t j = 0; j < task_.columns; ++j) {
      const T e = exp_lifted(x[j], top, lift.by, lift.to_zero);
      const double p = static_cast<double>(e) * brought_down, s_j = s[j];
      const double others = j == peak ? rest : mass - s_j;
      g[j] = static_cast<T>(scale * soft_gradient(p, s_j, others));
    }
    if (arg < 0 || arg >= task_.columns) return;
    const double s_arg = s[arg], others = arg == peak ? rest : mass - s_arg;
    g[arg] = static_cast<T>(scale * (whole.p_top * others - s_arg * whole.not_p_top));
  }

  const SliceTask& task_;
  const LogitMap<T> map_;
  std::vector<T> x_, slope_, s_;
};

template <class T>
void scan(const SliceTask& task, std::int64_t begin, std::int64_t end) {
  SliceRows<T> rows(task);
  for (std::int64_t row = begin; row < end; ++row) rows.scan(row);
}

template <class T>
void gradient(const SliceTask& task, std::int64_t begin, std::int64_t end) {
  SliceRows<T> rows(task);
  for (std::int64_t row = begin; row < end; ++row) rows.gradient(row);
}

}  // namespace

extern const SliceKernels slice_kernels;
const SliceKernels slice_kernels = {scan<float>, scan<double>, gradient<float>, gradient<double>};

}  // namespace XENT_ISA
}  // namespace xent
