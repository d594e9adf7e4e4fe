// Losses of a tile's rows at other temperatures, with their first two derivatives.
//
// At the inverse temperature beta a row's probabilities are those of beta z, where z is the log
// of its probabilities, or its logits. With t = exp(z / 8) and beta = k / 8, the sums over the
// classes of t^k, t^k z and t^k z^2 are S0, S1 and S2, and
//
//   L = log S0 - beta z_y    L' = S1 / S0 - z_y    L'' = S2 / S0 - (S1 / S0)^2
//
// Powers are products in a fixed order. Each of the three is rounded to a multiple of 2^-40
// and added as an integer, so that no split can be seen; what is 2^11 or more is added whole.
#pragma once

#include "log_loss_rows.hpp"

namespace xent {
namespace XENT_ISA {

// What a multiple of 2^-40 shows is computed to about 2^-48, in fewer and shorter chains than
// the functions of vector_math.hpp need for the last bit.

// exp(x) for -700 < x < 1
XENT_INLINE double brief_exp(double x) {
  using F = Format<double>;
  constexpr const double(&c)[10] = coefficients::exp_double;
  const double shifted = x * F::log2_e + F::round_magic;
  const double n = shifted - F::round_magic;
  const double r = (x - n * F::ln2_high) - n * F::ln2_low;
  const double r2 = r * r, r4 = r2 * r2;
  const double low = (c[0] + c[1] * r) + (c[2] + c[3] * r) * r2;
  const double high = (c[4] + c[5] * r) + (c[6] + c[7] * r) * r2 + (c[8] + c[9] * r) * r4;
  const double mantissa = 1 + (r + r2 * (low + high * r4));
  return bits_of<double>(bits_of<std::uint64_t>(mantissa) +
                         (bits_of<std::uint64_t>(shifted) << F::mantissa_bits));
}

// log(x) and 1 / x by a single division, for x that are positive, finite and normal
struct LogAndInverse {
  double log, inverse;
};

XENT_INLINE double log_of_quotient(double k, double s) {
  using F = Format<double>;
  // 2 atanh(s) for |s| < 0.1716
  const double z = s * s, z2 = z * z, z4 = z2 * z2;
  const double low = (1.0 / 3 + z * (1.0 / 5)) + (1.0 / 7 + z * (1.0 / 9)) * z2;
  const double high = (1.0 / 11 + z * (1.0 / 13)) + (1.0 / 15 + z * (1.0 / 17)) * z2;
  const double twice = s + s;
  return k * (F::ln2_high + F::ln2_low) + (twice + (twice * z) * (low + high * z4));
}

XENT_INLINE double brief_log(double x) {
  const Reduced<double> reduced = reduce_log(x);
  return log_of_quotient(reduced.k, reduced.f / (2 + reduced.f));
}

// log x = log_of_quotient(k, s)
struct Divided {
  double k, s, inverse;
};

XENT_INLINE Divided divided(double x) {
  const Reduced<double> reduced = reduce_log(x);
  const double under = 2 + reduced.f;
  const double both = 1 / (x * under);
  return {reduced.k, reduced.f * (x * both), under * both};
}

XENT_INLINE LogAndInverse log_and_inverse(double x) {
  const Divided of = divided(x);
  return {log_of_quotient(of.k, of.s), of.inverse};
}

// S0, S1 and S2 of each power, a lane a row
struct TemperedSums {
  double of[kNumPowers][3][kTile];
};

// the powers from P on, of N classes in a lane; step is t^(what comes between two powers)
template <int P, int N, bool first>
XENT_INLINE void add_powers(TemperedSums& sums, int b, double (&power)[N], double (&step)[N],
                            const double (&z)[N]) {
  if constexpr (P < kNumPowers) {
    constexpr int gap = kPowers[P] - (P > 0 ? kPowers[P - 1] : 0);
    constexpr int before = P > 1 ? kPowers[P - 1] - kPowers[P - 2] : 1;
    static_assert(gap == before || gap == 2 * before, "a step is the last one or its square");
    // -0 + x is x, which needs no addition
    double s0 = first ? -0.0 : sums.of[P][0][b];
    double s1 = first ? -0.0 : sums.of[P][1][b];
    double s2 = first ? -0.0 : sums.of[P][2][b];
    for (int n = 0; n < N; ++n) {
      if constexpr (gap != before) step[n] *= step[n];
      power[n] *= step[n];
      const double product = power[n] * z[n];
      s0 += power[n];
      s1 += product;
      s2 += product * z[n];
    }
    sums.of[P][0][b] = s0;
    sums.of[P][1][b] = s1;
    sums.of[P][2][b] = s2;
    add_powers<P + 1, N, first>(sums, b, power, step, z);
  }
}

template <int N, bool first>
XENT_INLINE void add_lane(TemperedSums& sums, int b, const double (*z)[kTile],
                          const double (*t)[kTile]) {
  double power[N], step[N], of[N];
  for (int n = 0; n < N; ++n) {
    power[n] = 1;
    step[n] = t[n][b];
    of[n] = z[n][b];
  }
  add_powers<0, N, first>(sums, b, power, step, of);
}

// n <= N classes; sets the sums where these are the first
template <int N, bool first>
void add_classes(int n, TemperedSums& sums, const double (*z)[kTile], const double (*t)[kTile]) {
  if constexpr (N > 1)
    if (n < N) return add_classes<N - 1, first>(n, sums, z, t);
#pragma omp simd
  for (int b = 0; b < kTile; ++b) add_lane<N, first>(sums, b, z, t);
}

template <class T>
class TileTempering {
 public:
  TileTempering(const LogLossTask& task, std::int64_t begin, int count, LogLossSums& sums,
                RowTile<T>& tile)
      : task_(task), begin_(begin), count_(count), tile_(tile), lanes_(tile.lanes),
        to_(sums.calibration.tempering.front()) {}

  void run() {
    switch (task_.prediction) {
      case Prediction::log_probs: return;
      case Prediction::class_probs:
      case Prediction::class_logits: classes(); break;
      default: decisions();
    }
    if (++to_.tiles >= 128) settle(to_);
  }

 private:
  void classes() {
    constexpr int together = 5;
    const bool logits = task_.prediction == Prediction::class_logits;
    TemperedSums sums;
    double z[together][kTile], t[together][kTile], least[kTile];
    for (int b = 0; b < kTile; ++b) of_truth_[b] = -infinity<double>;
    for (int b = 0; b < kTile; ++b) least[b] = 0;
    for (std::int64_t j = 0; j < task_.classes;) {
      int n = 0;
      for (; n < together && j < task_.classes; ++n, ++j) {
        tile_.load(j, z[n]);
        if (logits) logs_of_logits(z[n]);
        else logs_of_probs(z[n]);
        roots(j, z[n], t[n], least);
      }
      if (j <= together) add_classes<together, true>(n, sums, z, t);
      else add_classes<together, false>(n, sums, z, t);
    }
    double range = 0;
    for (int b = 0; b < kTile; ++b) {
      counted_[b] = lanes_.fault[b] == kScored && of_truth_[b] > -infinity<double> ? -1 : 0;
      of_truth_[b] = counted_[b] ? of_truth_[b] : 0.0;
      const double here = counted_[b] ? least[b] : 0.0;
      range = range < here ? range : here;
    }
    count();
    const bool small = range > -kSmallRange;
    for (int p = 0; p < kNumPowers; ++p) {
      const double beta = kPowers[p] * 0.125;
      const auto& of = sums.of[p];
      // loops of their own: what waits for a division would leave no room for the next rows
      double k[kTile], s[kTile], inverse[kTile], log_s0[kTile];
      for (int b = 0; b < kTile; ++b) {
        const Divided s0 = divided(of[0][b]);
        k[b] = s0.k;
        s[b] = s0.s;
        inverse[b] = s0.inverse;
      }
      for (int b = 0; b < kTile; ++b) log_s0[b] = log_of_quotient(k[b], s[b]);
      keep(p, small, [&](int b) {
        const double mean = of[1][b] * inverse[b];
        const double spread = of[2][b] * inverse[b] - mean * mean;
        return Tempered{log_s0[b] - beta * of_truth_[b], mean - of_truth_[b],
                        select(spread > 0, spread, 0.0)};
      });
    }
  }

  void logs_of_logits(double* z) const {
    for (int b = 0; b < kTile; ++b) z[b] -= lanes_.high[b];
  }

  // a denormal probability is as good as zero
  void logs_of_probs(double* z) const {
    constexpr double smallest = std::numeric_limits<double>::min();
    for (int b = 0; b < kTile; ++b) {
      const bool normal = z[b] >= smallest;
      z[b] = select(normal, brief_log(select(normal, z[b], 1.0)), -infinity<double>);
    }
  }

  // t = exp(z / 8); zero, or what is as good as zero, has neither t nor z
  void roots(std::int64_t j, double* z, double* t, double* least) {
    for (int b = 0; b < kTile; ++b) {
      const bool some = z[b] > -5600;
      of_truth_[b] = select(lanes_.target[b] == j, z[b], of_truth_[b]);
      z[b] = select(some, z[b], 0.0);
      least[b] = z[b] < least[b] ? z[b] : least[b];
      t[b] = select(some, brief_exp(z[b] * 0.125), 0.0);
    }
  }

  // one of two outcomes, or labels: the log-odds d of the wrong outcome say all
  void decisions() {
    const bool labels = has_labels(task_.prediction);
    const bool logits = task_.prediction == Prediction::binary_logit ||
                        task_.prediction == Prediction::label_logits;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      double* d = of_truth_;
      tile_.load(j, d);
      if (!logits)
        for (int b = 0; b < kTile; ++b) d[b] = log(d[b]) - log_of_complement(d[b]);
      double truth[kTile] = {};
      if (labels)
        for (int b = 0; b < count_; ++b) truth[b] = task_.labels[j][begin_ + b];
      else
        for (int b = 0; b < count_; ++b) truth[b] = static_cast<double>(lanes_.target[b]);
      for (int b = 0; b < kTile; ++b) {
        d[b] = truth[b] == 1 ? -d[b] : d[b];
        counted_[b] = lanes_.fault[b] == kScored && d[b] < infinity<double> ? -1 : 0;
        // a sure row stays one: beyond these log-odds the wrong outcome has no power left
        d[b] = counted_[b] ? (d[b] > -6000 ? d[b] : -6000.0) : 0.0;
      }
      count();
      decide(d);
    }
  }

  void decide(const double* d) {
    double power[kTile], step[kTile], most = 0;
    for (int b = 0; b < kTile; ++b) {
      const double size = d[b] < 0 ? -d[b] : d[b];
      const bool some = size < 5600;
      most = most > size ? most : size;
      step[b] = select(some, brief_exp(-select(some, size, 0.0) * 0.125), 0.0);
      power[b] = 1;
    }
    int gap = 1;
    for (int p = 0; p < kNumPowers; ++p) {
      const double beta = kPowers[p] * 0.125;
      const int next = kPowers[p] - (p > 0 ? kPowers[p - 1] : 0);
      for (int b = 0; b < kTile; ++b) {
        if (next != gap) step[b] *= step[b];
        power[b] *= step[b];
      }
      gap = next;
      keep(p, most < kSmallRange, [&](int b) {
        const LogAndInverse whole = log_and_inverse(1 + power[b]);
        const bool is_wrong = d[b] > 0;
        const double odd = d[b] * whole.inverse;
        return Tempered{whole.log + select(is_wrong, beta * d[b], 0.0),
                        select(is_wrong, odd, odd * power[b]), odd * odd * power[b]};
      });
    }
  }

  void count() {
    std::int64_t all = 0;
#pragma omp simd reduction(- : all)
    for (int b = 0; b < kTile; ++b) all -= counted_[b];
    to_.count += all;
    whole_ = all == kTile;
    if (!task_.weight) return;
    double weight[kTile];
    for (int b = 0; b < kTile; ++b) weight[b] = counted_[b] ? lanes_.weight[b] : 0.0;
    add_tile(to_.weight, weight);
  }

  struct Tempered {
    double loss, slope, curvature;
  };

  // with logarithms in (-40, 0] all three are below 2^11
  static constexpr double kSmallRange = 40;
  static constexpr double kMagic = 0x1.8p12;  // its last bit is 2^-40

  template <class Row>
  XENT_INLINE void keep(int p, bool small, Row row) {
    if (small && whole_ && !task_.weight) keep_whole(p, row);
    else keep_some(p, row);
  }

  // every lane counts, and fits
  template <class Row>
  XENT_INLINE void keep_whole(int p, Row row) {
    constexpr int lanes = TemperedSum::kLanes, steps = kTile / lanes;
    constexpr std::uint64_t none = steps * bits_of_magic;
    std::int64_t *loss = to_.loss[p].lanes, *slope = to_.slope[p].lanes,
                 *curvature = to_.curvature[p].lanes;
#pragma omp simd
    for (int lane = 0; lane < lanes; ++lane) {
      std::uint64_t l = 0, s = 0, c = 0;
      for (int k = 0; k < steps; ++k) {
        const Tempered of = row(k * lanes + lane);
        l += bits_of<std::uint64_t>(of.loss + kMagic);
        s += bits_of<std::uint64_t>(of.slope + kMagic);
        c += bits_of<std::uint64_t>(of.curvature + kMagic);
      }
      loss[lane] += static_cast<std::int64_t>(l - none);
      slope[lane] += static_cast<std::int64_t>(s - none);
      curvature[lane] += static_cast<std::int64_t>(c - none);
    }
  }
  static constexpr std::uint64_t bits_of_magic = 0x40b8000000000000;

  template <class Row>
  void keep_some(int p, Row row) {
    double loss[kTile], slope[kTile], curvature[kTile];
    for (int b = 0; b < kTile; ++b) {
      const Tempered of = row(b);
      loss[b] = of.loss;
      slope[b] = of.slope;
      curvature[b] = of.curvature;
    }
    put(to_.loss[p], loss);
    put(to_.slope[p], slope);
    put(to_.curvature[p], curvature);
  }

  void put(TemperedSum& sum, double* values) {
    // squares of logits may be beyond all doubles
    constexpr double large = std::numeric_limits<double>::max();
    std::int64_t units[kTile], odd = 0;
    for (int b = 0; b < kTile; ++b) {
      const double x = counted_[b] ? values[b] : 0.0;
      const double size = x < 0 ? -x : x;
      const bool fits = size < 0x1p11;
      values[b] = fits ? (x + kMagic) - kMagic : size < large ? x : large;
      units[b] = fits ? static_cast<std::int64_t>(bits_of<std::uint64_t>(x + kMagic) -
                                                  bits_of_magic)
                      : 0;
      odd |= fits ? 0 : 1;
    }
    if (task_.weight) {
      for (int b = 0; b < kTile; ++b) values[b] *= lanes_.weight[b];
      for (int b = 0; b < kTile; ++b) values[b] = values[b] < large ? values[b] : large;
      return add_tile(sum.rest, values);
    }
    for (int b = 0; b < kTile; ++b) sum.lanes[b % TemperedSum::kLanes] += units[b];
    if (!odd) return;
    for (int b = 0; b < kTile; ++b)
      if (!(values[b] < 0x1p11 && values[b] > -0x1p11)) add(sum.rest, values[b]);
  }

  const LogLossTask& task_;
  std::int64_t begin_;
  int count_;
  RowTile<T>& tile_;
  const Lanes& lanes_;
  TemperingSums& to_;
  // of each lane: -1 where it counts, else 0; log of the truth's probability, or its log-odds
  std::int64_t counted_[kTile];
  double of_truth_[kTile];
  bool whole_ = false;
};

}  // namespace XENT_ISA
}  // namespace xent
