// Poisson bootstrap: each row is drawn for all replicates at once, a lane a replicate.
//
// Determinism   draws are integers of (seed, key, replicate); a value falls on three limbs of
//               32 bits, and doubles hold what they add up to without rounding.
#include "replicates.hpp"

#include "row_mix.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

// u < kAtMost[k] - 2^31 draws at most k times: 2^32 times the Poisson(1) distribution function
constexpr std::int32_t at_most(std::int64_t chance) {
  return static_cast<std::int32_t>(chance - (std::int64_t{1} << 31));
}
constexpr std::int32_t kAtMost[] = {
    at_most(1580030169), at_most(3160060337), at_most(3950075422), at_most(4213413783),
    at_most(4279248374), at_most(4292415292), at_most(4294609778), at_most(4294923276),
    at_most(4294962463), at_most(4294966817), at_most(4294967253), at_most(4294967292)};

void draw(std::uint64_t key, std::uint64_t seed, ReplicateSums& sums) {
  constexpr int lanes = ReplicateSums::kLanes;
  const std::uint64_t start = mix(mix(seed + kGolden) ^ key);
  double* XENT_RESTRICT draws = sums.draws.data();
  std::int64_t* XENT_RESTRICT drawn = sums.drawn.data();
  for (std::int64_t block = 0; block < sums.blocks; ++block) {
    std::int32_t bits[2 * lanes], times[2 * lanes] = {};
    const std::uint64_t first = static_cast<std::uint64_t>(block) * lanes + 1;
    for (int lane = 0; lane < lanes; ++lane) {
      const std::uint64_t z = mix(start + (first + static_cast<std::uint64_t>(lane)) * kGolden);
      bits[lane] = static_cast<std::int32_t>(static_cast<std::uint32_t>(z) ^ 0x80000000u);
      bits[lanes + lane] =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(z >> 32) ^ 0x80000000u);
    }
    for (const std::int32_t most : kAtMost)
      for (int lane = 0; lane < 2 * lanes; ++lane) times[lane] += bits[lane] >= most;
    for (int lane = 0; lane < 2 * lanes; ++lane) {
      draws[block * 2 * lanes + lane] = times[lane];
      drawn[block * 2 * lanes + lane] += times[lane];
    }
  }
}

XENT_INLINE void add_limb(ReplicateSums& sums, std::int64_t limb, double part) {
  if (part == 0) return;
  const auto count = static_cast<std::int64_t>(sums.draws.size());
  const double* XENT_RESTRICT draws = sums.draws.data();
  double* XENT_RESTRICT to = sums.waiting.data() + limb * count;
  for (std::int64_t r = 0; r < count; ++r) to[r] += draws[r] * part;
  sums.touched[static_cast<std::size_t>(limb)] = 1;
}

void add_value(ReplicateSums& sums, std::int64_t quantity, double value) {
  const std::uint64_t bits = bits_of<std::uint64_t>(value);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  std::uint64_t mantissa = bits & 0xfffffffffffffull;
  mantissa |= exponent ? 1ull << 52 : 0;
  const int position = exponent ? exponent - 1 : 0;
  const int shift = position & 31;
  const std::uint64_t high = mantissa >> (32 - shift);
  const double sign = bits >> 63 ? -1.0 : 1.0;
  const std::int64_t limb = quantity * ReplicateSums::kLimbs + (position >> 5);
  add_limb(sums, limb, sign * static_cast<double>((mantissa << shift) & 0xffffffffull));
  add_limb(sums, limb + 1, sign * static_cast<double>(high & 0xffffffffull));
  add_limb(sums, limb + 2, sign * static_cast<double>(high >> 32));
}

// a limb keeps its low 32 bits
void carry(ReplicateSums& sums) {
  constexpr int limbs = ReplicateSums::kLimbs;
  const std::size_t count = sums.draws.size(), quantities = sums.touched.size() / limbs;
  for (std::size_t q = 0; q < quantities; ++q)
    for (std::size_t i = 0; i + 1 < limbs; ++i) {
      std::int64_t* limb = sums.limbs.data() + (q * limbs + i) * count;
      for (std::size_t r = 0; r < count; ++r) {
        limb[count + r] += limb[r] >> 32;
        limb[r] &= 0xffffffff;
      }
    }
  sums.settlings = 0;
}

// what waits moves to the integers
void settle(ReplicateSums& sums) {
  const std::size_t count = sums.draws.size();
  for (std::size_t limb = 0; limb < sums.touched.size(); ++limb) {
    if (!sums.touched[limb]) continue;
    sums.touched[limb] = 0;
    double* waiting = sums.waiting.data() + limb * count;
    std::int64_t* to = sums.limbs.data() + limb * count;
    for (std::size_t r = 0; r < count; ++r) to[r] += static_cast<std::int64_t>(waiting[r]);
    for (std::size_t r = 0; r < count; ++r) waiting[r] = 0;
  }
  // a settling adds less than 2^49 to a limb
  if (++sums.settlings == 4096) carry(sums);
}

void add(const ReplicateTask& task, std::int64_t begin, std::int64_t end, ReplicateSums& sums) {
  for (std::int64_t i = begin; i < end; ++i) {
    draw(task.key[i], task.seed, sums);
    for (std::int64_t q = 0; q < task.quantities; ++q)
      if (task.values[q][i] != 0) add_value(sums, q, task.values[q][i]);
  }
  settle(sums);
}

}  // namespace

extern const ReplicateKernels replicate_kernels;
const ReplicateKernels replicate_kernels = {add};

}  // namespace XENT_ISA
}  // namespace xent
