// Entropy, cross-entropy and KL divergence of probabilities, with their validation.
//
// Terms         one elementwise loop over tiles of 64 values; rows are summed from its output,
//               which stays in the first-level cache, so short rows cost no more than long ones.
// Traffic       p and q are read once; the checks see what the terms see.
// Determinism   a tile always has 64 lanes (a short one is padded), so a row's bits depend on
//               that row alone.
#include "measures.hpp"

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kTile = static_cast<int>(kMeasureTile);
constexpr int kBlock = 16 * kTile;  // values whose terms are computed before rows are summed
constexpr int kLanes = 16;          // partial sums of a long row

// Values are lifted so that the smallest denormal becomes a normal number: then the exponent
// can be read from the bits without a special case. Probabilities leave room above.
template <class T>
constexpr int kLift = 0;  // float denormals are normal doubles
template <>
constexpr int kLift<double> = 60;
template <class T>
constexpr double kLifted = kLift<T> ? 0x1p60 : 1.0;
template <class T>
constexpr double kUnlifted = kLift<T> ? 0x1p-60 : 1.0;

constexpr std::uint64_t kSignBit = std::uint64_t(1) << 63;

// Exponents as unsigned integers with an offset of 2048, by logical shifts, which vectors of
// 64-bit integers have on every processor.
constexpr double kExponentMagic = 0x1.8p52;  // 1.5 * 2^52
XENT_INLINE double exponent_value(std::uint64_t with_offset) {
  return bits_of<double>(bits_of<std::uint64_t>(kExponentMagic) + with_offset) -
         (kExponentMagic + 2048);
}

// what the sign bit says of a value: negative values count as 0 (beyond the tolerance the row
// is refused), and so does NaN, which the sum of its row keeps
template <class T>
XENT_INLINE double lifted(T value) {
  const double wide = static_cast<double>(value) * kLifted<T>;
  return wide > 0 ? wide : 0.0;
}

// the tail of 2 atanh(s), as long as the result's precision asks: 5e-19, and 7e-13 for float
template <class T>
XENT_INLINE double ratio_tail(double z) {
  return polynomial(coefficients::atanh_ratio, z);
}
template <>
XENT_INLINE double ratio_tail<float>(double z) {
  return polynomial(coefficients::atanh_ratio_short, z);
}

// k log 2 + 2 atanh(s)
XENT_INLINE double log_of(double k, double s, double z, double tail) {
  return k * Format<double>::ln2_high + (s * (2.0 + z * tail) + k * Format<double>::ln2_low);
}

// log(x) of a lifted probability: 0 and NaN give a finite number, for the caller to see to
template <class T>
XENT_INLINE double log_lifted(double x) {
  constexpr double sqrt_half = 0.70710678118654752440;
  const std::uint64_t bits = bits_of<std::uint64_t>(x);
  const std::uint64_t shifted = bits - bits_of<std::uint64_t>(sqrt_half) + kSignBit;
  const double k = exponent_value(shifted >> 52) - kLift<T>;
  const std::uint64_t exponent = (shifted & ~((std::uint64_t(1) << 52) - 1)) - kSignBit;
  const double mantissa = bits_of<double>(bits - exponent);
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  return log_of(k, s, z, ratio_tail<T>(z));
}

struct Entropy {
  static constexpr bool has_q = false;
  // -p log p; 0 log 0 = 0 because the log of 0 is finite here
  template <class T>
  static XENT_INLINE double term(double p, double) {
    return -(p * log_lifted<T>(p));
  }
};

struct CrossEntropy {
  static constexpr bool has_q = true;
  // -p log q
  template <class T>
  static XENT_INLINE double term(double p, double q) {
    const double value = -(p * log_lifted<T>(q));
    return q > 0 ? value : (p > 0 ? infinity<double> : 0.0);
  }
};

struct KLDivergence {
  static constexpr bool has_q = true;
  // p log(p/q) - p + q, which is never negative.
  //
  // With k such that p' = 2^-k p is within [2/3, 3/2] of q, and s = (p' - q) / (p' + q):
  //     log(p/q) = k log 2 + 2 atanh(s),   2 atanh(s) = 2 s + s^3 R(s^2).
  // For k = 0 the first-order terms cancel, and they do so on paper:
  //     p log(p/q) - p + q = (p - q) s (1 + (1 + s) s R(s^2) / 2),
  // where p - q is exact and nothing else is subtracted from anything of its size.
  template <class T>
  static XENT_INLINE double term(double p, double q) {
    const std::uint64_t p_bits = bits_of<std::uint64_t>(p), q_bits = bits_of<std::uint64_t>(q);
    // the difference of the bits is the binary logarithm of the ratio to within 0.09
    const std::uint64_t shifted = p_bits - q_bits + (std::uint64_t(1) << 51) + kSignBit;
    const double k = exponent_value(shifted >> 52);
    const std::uint64_t exponent = (shifted & ~((std::uint64_t(1) << 52) - 1)) - kSignBit;
    const double near = bits_of<double>(p_bits - exponent);
    const double difference = near - q;
    const double s = difference / (near + q);
    const double z = s * s;
    const double tail = ratio_tail<T>(z);
    const double close = difference * s * (1.0 + (0.5 + 0.5 * s) * s * tail);
    const double far = p * log_of(k, s, z, tail) - (p - q);
    const double value = k == 0 ? close : far;
    return q > 0 ? value : (p > 0 ? infinity<double> : 0.0);
  }
};

// the terms of `tiles` whole tiles, and the smallest value seen
template <class Measure, class T>
XENT_INLINE void whole_tiles(const T* XENT_RESTRICT p, const T* XENT_RESTRICT q, int count,
                             double* XENT_RESTRICT terms, T& smallest) {
  T least = smallest;
#pragma omp simd reduction(min : least)
  for (int i = 0; i < count; ++i) {
    const T value = p[i];
    least = value < least ? value : least;
    double other = 0;
    if (Measure::has_q) {
      const T model = q[i];
      least = model < least ? model : least;
      other = lifted(model);
    }
    terms[i] = Measure::template term<T>(lifted(value), other);
  }
  smallest = least;
}

// the same for any number of values: the last tile is padded, so that every value is
// computed by the same instructions wherever it lies
template <class Measure, class T>
void all_terms(const T* p, const T* q, int count, double* terms, T& smallest) {
  const int whole = count / kTile * kTile;
  if (whole) whole_tiles<Measure>(p, q, whole, terms, smallest);
  if (whole == count) return;
  T padded_p[kTile], padded_q[kTile];
  double padded_terms[kTile];
  for (int i = 0; i < kTile; ++i) {
    const bool inside = whole + i < count;
    padded_p[i] = inside ? p[whole + i] : T(1);
    padded_q[i] = inside && Measure::has_q ? q[whole + i] : T(1);
  }
  whole_tiles<Measure>(padded_p, padded_q, kTile, padded_terms, smallest);
  for (int i = whole; i < count; ++i) terms[i] = padded_terms[i - whole];
}

struct RowSums {
  double term = 0, p = 0, q = 0;
};

template <class T>
struct Writer {
  const MeasureTask& task;
  MeasureReport& report;

  // the smallest value may belong to a neighbour: then the row is looked at again
  template <class Measure>
  void row(std::int64_t row, const RowSums& sums, bool suspect) {
    const double tolerance = task.tolerance;
    bool good = sums.p - 1 <= tolerance && 1 - sums.p <= tolerance;
    if (Measure::has_q) good = good && sums.q - 1 <= tolerance && 1 - sums.q <= tolerance;
    if (tolerance == infinity<double>) good = true;
    if (suspect) good = good && not_negative(task.p, row) && not_negative(task.q, row);
    if (!good) {
      if (!report.bad++) report.first_bad = row;
    }
    double value = sums.term * kUnlifted<T> / task.nats;
    if (sums.p != sums.p || sums.q != sums.q) value = std::numeric_limits<double>::quiet_NaN();
    if (value == infinity<double>) {
      if (!report.infinite++) report.first_infinite = row;
    }
    static_cast<T*>(task.result)[row] = static_cast<T>(value);
  }

  bool not_negative(const void* data, std::int64_t row) const {
    if (!data) return true;
    const std::int64_t at = row / task.inner * task.classes * task.inner + row % task.inner;
    const T* values = static_cast<const T*>(data) + at;
    for (std::int64_t j = 0; j < task.classes; ++j)
      if (values[j * task.inner] < -task.tolerance) return false;
    return true;
  }
};

template <class T>
XENT_INLINE double lane_sum(const T* values, int count) {
  double lanes[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
#pragma omp simd
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(values[i + lane]);
  }
  for (; i < count; ++i) lanes[i % kLanes] += static_cast<double>(values[i]);
  for (int half = kLanes / 2; half; half /= 2)
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

template <class Measure, class T>
void short_rows(const MeasureTask& task, std::int64_t begin, std::int64_t end,
                MeasureReport& report) {
  alignas(64) double terms[kBlock];
  Writer<T> writer{task, report};
  const std::int64_t classes = task.classes;
  const std::int64_t rows_a_block = kBlock / classes;
  for (std::int64_t first = begin; first < end; first += rows_a_block) {
    const std::int64_t rows = end - first < rows_a_block ? end - first : rows_a_block;
    const T* p = static_cast<const T*>(task.p) + first * classes;
    const T* q = Measure::has_q ? static_cast<const T*>(task.q) + first * classes : nullptr;
    T smallest = 0;
    all_terms<Measure>(p, q, static_cast<int>(rows * classes), terms, smallest);
    const bool suspect = smallest < -task.tolerance;
    for (std::int64_t row = 0; row < rows; ++row) {
      RowSums sums;
      const std::int64_t at = row * classes;
      if (classes >= 2 * kLanes) {
        // one sum waits for its own last addition: sixteen do not
        sums.term = lane_sum(terms + at, static_cast<int>(classes));
        sums.p = lane_sum(p + at, static_cast<int>(classes));
        if (Measure::has_q) sums.q = lane_sum(q + at, static_cast<int>(classes));
      } else {
        for (std::int64_t j = at; j < at + classes; ++j) {
          sums.term += terms[j];
          sums.p += static_cast<double>(p[j]);
          if (Measure::has_q) sums.q += static_cast<double>(q[j]);
        }
      }
      if (!Measure::has_q) sums.q = 1;
      writer.template row<Measure>(first + row, sums, suspect);
    }
  }
}

template <class Measure, class T>
void long_rows(const MeasureTask& task, std::int64_t begin, std::int64_t end,
               MeasureReport& report) {
  alignas(64) double terms[kBlock];
  Writer<T> writer{task, report};
  for (std::int64_t row = begin; row < end; ++row) {
    RowSums sums;
    T smallest = 0;
    for (std::int64_t at = 0; at < task.classes; at += kBlock) {
      const int count = static_cast<int>(task.classes - at < kBlock ? task.classes - at : kBlock);
      const T* p = static_cast<const T*>(task.p) + row * task.classes + at;
      const T* q = Measure::has_q ? static_cast<const T*>(task.q) + row * task.classes + at : p;
      all_terms<Measure>(p, q, count, terms, smallest);
      sums.term += lane_sum(terms, count);
      sums.p += lane_sum(p, count);
      if (Measure::has_q) sums.q += lane_sum(q, count);
    }
    if (!Measure::has_q) sums.q = 1;
    writer.template row<Measure>(row, sums, smallest < -task.tolerance);
  }
}

// classes apart: neighbouring rows side by side, class after class
template <class Measure, class T>
void tiles_apart(const MeasureTask& task, std::int64_t begin, std::int64_t end,
                 MeasureReport& report) {
  Writer<T> writer{task, report};
  const std::int64_t tiles = (task.inner + kTile - 1) / kTile;
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const std::int64_t outer = tile / tiles, column = tile % tiles * kTile;
    const int width = static_cast<int>(task.inner - column < kTile ? task.inner - column : kTile);
    double term_sums[kTile] = {}, p_sums[kTile] = {}, q_sums[kTile] = {}, terms[kTile];
    T smallest = 0;
    for (std::int64_t j = 0; j < task.classes; ++j) {
      const std::int64_t at = (outer * task.classes + j) * task.inner + column;
      const T* p = static_cast<const T*>(task.p) + at;
      const T* q = Measure::has_q ? static_cast<const T*>(task.q) + at : p;
      all_terms<Measure>(p, q, width, terms, smallest);
      for (int i = 0; i < width; ++i) {
        term_sums[i] += terms[i];
        p_sums[i] += static_cast<double>(p[i]);
        q_sums[i] += static_cast<double>(q[i]);
      }
    }
    for (int i = 0; i < width; ++i)
      writer.template row<Measure>(outer * task.inner + column + i,
                                   {term_sums[i], p_sums[i], q_sums[i]},
                                   smallest < -task.tolerance);
  }
}

template <class Measure, class T>
void measure(const MeasureTask& task, std::int64_t begin, std::int64_t end,
             MeasureReport& report) {
  if (task.inner > 1)
    tiles_apart<Measure, T>(task, begin, end, report);
  else if (task.classes <= 2 * kTile)
    short_rows<Measure, T>(task, begin, end, report);
  else
    long_rows<Measure, T>(task, begin, end, report);
}

}  // namespace

extern const MeasureKernels measure_kernels;
const MeasureKernels measure_kernels = {
    {measure<Entropy, float>, measure<Entropy, double>},
    {measure<CrossEntropy, float>, measure<CrossEntropy, double>},
    {measure<KLDivergence, float>, measure<KLDivergence, double>},
};

}  // namespace XENT_ISA
}  // namespace xent
