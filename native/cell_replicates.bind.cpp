// Random counts of cells, seen from Python.
#include "cell_replicates.hpp"

#include "arrays.hpp"
#include "binary_pools.hpp"
#include "threads.hpp"

namespace xent {
namespace {

using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Seeds = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr int kNumbers = 4;  // weight, weight of ones, loss of the forecasts, isotonic loss

// The cells of one group: weights, what a row of each outcome loses, and the odds of the cell.
struct Group {
  const double *zeros, *ones, *loss_zero, *loss_one, *odds;
  std::int64_t cells;
  double scale;  // rows for each unit of weight
  std::uint64_t seed;
};

// Cells of no weight are left out of `zeros` and `ones`; `which` are the others.
struct Drawn {
  std::vector<std::int64_t> which;
  std::vector<double> zeros, ones;  // (replicates, which)
};

// Every cell draws from numbers of its own, and every replicate is scored by itself: chunks of
// either are free to be any thread's.
constexpr std::int64_t kCells = 16, kReplicates = 64;

void draw_cells(const Group& g, std::int64_t replicates, bool calibrated, std::int64_t begin,
                std::int64_t end, Drawn& out) {
  const std::size_t width = out.which.size();
  CountTable table;
  for (auto j = static_cast<std::size_t>(begin); j < static_cast<std::size_t>(end); ++j) {
    const std::int64_t c = out.which[j];
    const double weight = g.zeros[c] + g.ones[c];
    const Stream stream(g.seed, static_cast<std::uint64_t>(c));
    if (calibrated) {
      // a weighted cell stands for a whole number of rows of equal weight
      const double trials = std::max(1.0, std::floor(weight * g.scale + 0.5));
      const double unit = weight / trials;
      table.binomial(trials, g.odds[c]);
      for (std::int64_t r = 0; r < replicates; ++r) {
        const double ones = table.draw(stream.uniform(static_cast<std::uint64_t>(r)));
        const std::size_t to = static_cast<std::size_t>(r) * width + j;
        out.ones[to] = ones * unit;
        out.zeros[to] = (trials - ones) * unit;
      }
      continue;
    }
    for (int outcome = 0; outcome < 2; ++outcome) {
      const double mean = (outcome ? g.ones : g.zeros)[c] * g.scale;
      if (!(mean > 0)) continue;
      table.poisson(mean);
      std::vector<double>& counts = outcome ? out.ones : out.zeros;
      for (std::int64_t r = 0; r < replicates; ++r)
        counts[static_cast<std::size_t>(r) * width + j] =
            table.draw(stream.uniform(static_cast<std::uint64_t>(2 * r + outcome))) / g.scale;
    }
  }
}

void draw(const Group& g, std::int64_t replicates, bool calibrated, Drawn& out) {
  out.which.clear();
  for (std::int64_t c = 0; c < g.cells; ++c)
    if (g.zeros[c] + g.ones[c] > 0) out.which.push_back(c);
  const std::size_t width = out.which.size();
  out.zeros.assign(width * static_cast<std::size_t>(replicates), 0.0);
  out.ones.assign(width * static_cast<std::size_t>(replicates), 0.0);
  parallel_for(static_cast<std::int64_t>(width), kCells, [&](std::int64_t begin, std::int64_t end) {
    draw_cells(g, replicates, calibrated, begin, end, out);
  });
}

void score_replicates(const Group& g, const Drawn& drawn, std::int64_t begin, std::int64_t end,
                      double* to) {
  const std::size_t width = drawn.which.size();
  PooledLoss pools(width);
  std::vector<double> loss_zero(width), loss_one(width);
  for (std::size_t j = 0; j < width; ++j) {
    loss_zero[j] = g.loss_zero[drawn.which[j]];
    loss_one[j] = g.loss_one[drawn.which[j]];
  }
  to += begin * kNumbers;
  for (std::int64_t r = begin; r < end; ++r, to += kNumbers) {
    double weight = 0, ones = 0, forecast = 0;
    pools.clear();
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t at = static_cast<std::size_t>(r) * width + j;
      const double z = drawn.zeros[at], o = drawn.ones[at];
      weight += z + o;
      ones += o;
      forecast += z * loss_zero[j] + o * loss_one[j];
      pools.add(z, o);
    }
    to[0] = weight;
    to[1] = ones;
    to[2] = forecast;
    to[3] = pools.loss();
  }
}

void score(const Group& g, const Drawn& drawn, std::int64_t replicates, double* to) {
  parallel_for(replicates, kReplicates, [&](std::int64_t begin, std::int64_t end) {
    score_replicates(g, drawn, begin, end, to);
  });
}

nb::object cell_replicates(const Matrix& zeros, const Matrix& ones, const Vector& loss_zero,
                           const Vector& loss_one, const Vector& odds, const Vector& scale,
                           const Seeds& seeds, std::int64_t replicates, bool calibrated) {
  const std::size_t groups = zeros.shape(0), cells = zeros.shape(1);
  if (shape_of(zeros) != shape_of(ones) || loss_zero.size() != cells || loss_one.size() != cells ||
      odds.size() != cells || scale.size() != groups || seeds.size() != groups || replicates < 0)
    throw nb::value_error("the arrays do not fit");
  void* out = nullptr;
  nb::object result = make_array(
      nb::dtype<double>(), {groups, static_cast<std::size_t>(replicates), kNumbers}, &out);
  nb::gil_scoped_release release;
  // a chunk is one group, or a part of one where a thread has no other; the uniform numbers
  // know nothing of chunks
  parallel_for(static_cast<std::int64_t>(groups), 1, [&](std::int64_t begin, std::int64_t end) {
    Drawn drawn;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const Group g{zeros.data() + at * cells, ones.data() + at * cells, loss_zero.data(),
                    loss_one.data(), odds.data(), static_cast<std::int64_t>(cells),
                    scale.data()[at], seeds.data()[at]};
      draw(g, replicates, calibrated, drawn);
      score(g, drawn, replicates,
            static_cast<double*>(out) + at * static_cast<std::size_t>(replicates) * kNumbers);
    }
  });
  return result;
}

nb::object cell_draws(const Vector& weights, const Vector& odds, double scale, std::uint64_t seed,
                      std::int64_t replicates) {
  const std::size_t cells = weights.size();
  if (odds.size() != cells || replicates < 0) throw nb::value_error("the arrays do not fit");
  void* out = nullptr;
  nb::object result = make_array(nb::dtype<double>(),
                                 {static_cast<std::size_t>(replicates), cells}, &out);
  nb::gil_scoped_release release;
  const std::vector<double> none(cells, 0.0);
  const Group g{none.data(), weights.data(), nullptr, nullptr, odds.data(),
                static_cast<std::int64_t>(cells), scale, seed};
  Drawn drawn;
  draw(g, replicates, true, drawn);
  double* to = static_cast<double*>(out);
  std::fill(to, to + cells * static_cast<std::size_t>(replicates), 0.0);
  const std::size_t width = drawn.which.size();
  for (std::size_t r = 0; r < static_cast<std::size_t>(replicates); ++r)
    for (std::size_t j = 0; j < width; ++j)
      to[r * cells + static_cast<std::size_t>(drawn.which[j])] = drawn.ones[r * width + j];
  return result;
}

}  // namespace

// See kernels/cpu/cell_replicates.py for what comes in and out.
void bind_cell_replicates(nb::module_& m) {
  m.def("cell_replicates", &cell_replicates, nb::arg("zeros"), nb::arg("ones"),
        nb::arg("loss_zero"), nb::arg("loss_one"), nb::arg("odds"), nb::arg("scale"),
        nb::arg("seeds"), nb::arg("replicates"), nb::arg("calibrated"));
  m.def("cell_draws", &cell_draws, nb::arg("weights"), nb::arg("odds"), nb::arg("scale"),
        nb::arg("seed"), nb::arg("replicates"));
}

}  // namespace xent
