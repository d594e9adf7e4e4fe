// Reading and writing numbers as they are stored. 16-bit floats, by plain arithmetic on their
// bits that a loop vectorises, are computed with as float.
#pragma once

#include "storage.hpp"
#include "vector_math.hpp"

namespace xent {

struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

namespace XENT_ISA {

// the type that values stored as T are computed in
template <class T>
struct ComputedIn {
  using type = T;
};
template <>
struct ComputedIn<Half> {
  using type = float;
};
template <>
struct ComputedIn<BFloat16> {
  using type = float;
};

XENT_INLINE float load(float value) { return value; }
XENT_INLINE double load(double value) { return value; }
XENT_INLINE float load(unsigned char value) { return value; }

XENT_INLINE float load(BFloat16 value) {
  return bits_of<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

XENT_INLINE float load(Half value) {
  // exponent and mantissa moved into place; the product re-biases, denormals included
  const std::uint32_t wide = value.bits;
  const float magnitude = bits_of<float>((wide & 0x7fffu) << 13) * 0x1p112f;
  // an exponent of all ones is infinity or NaN
  const std::uint32_t special = bits_of<std::uint32_t>(magnitude) | 0x7f800000u;
  const std::uint32_t bits = (wide & 0x7c00u) == 0x7c00u ? special : bits_of<std::uint32_t>(magnitude);
  return bits_of<float>(bits | ((wide & 0x8000u) << 16));
}

XENT_INLINE void store(float& to, float value) { to = value; }
XENT_INLINE void store(double& to, double value) { to = value; }

XENT_INLINE void store(BFloat16& to, float value) {
  const std::uint32_t bits = bits_of<std::uint32_t>(value);
  // round to nearest, ties to even
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const std::uint32_t kept = (bits & 0x7fffffffu) > 0x7f800000u ? (bits | 0x400000u) : rounded;
  to.bits = static_cast<std::uint16_t>(kept >> 16);
}

XENT_INLINE void store(Half& to, float value) {
  const std::uint32_t bits = bits_of<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const float magnitude = bits_of<float>(bits & 0x7fffffffu);
  // below the normal halves a sum with 2^-1 (whose ulp is theirs) rounds to the grid
  const std::uint32_t small =
      bits_of<std::uint32_t>(magnitude + 0.5f) - bits_of<std::uint32_t>(0.5f);
  const std::uint32_t m = bits & 0x7fffffffu;
  const std::uint32_t normal = (m - 0x38000000u + 0xfffu + ((m >> 13) & 1u)) >> 13;
  const std::uint32_t finite = m < 0x38800000u ? small : normal;
  // 65520 and above round to infinity
  const std::uint32_t large = m > 0x7f800000u ? 0x7e00u : 0x7c00u;
  to.bits = static_cast<std::uint16_t>(sign | (m >= 0x477ff000u ? large : finite));
}

template <class T, class Stored>
void read_as(const Stored* XENT_RESTRICT from, std::int64_t count, T* XENT_RESTRICT to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(load(from[i]));
}

// numbers[start], ..., numbers[start + count - 1] as T
template <class T>
void read(const Numbers& from, std::int64_t start, std::int64_t count, T* to) {
  switch (from.storage) {
    case Storage::f32: return read_as(static_cast<const float*>(from.data) + start, count, to);
    case Storage::f64: return read_as(static_cast<const double*>(from.data) + start, count, to);
    case Storage::f16: return read_as(static_cast<const Half*>(from.data) + start, count, to);
    case Storage::bf16: return read_as(static_cast<const BFloat16*>(from.data) + start, count, to);
    case Storage::byte:
      return read_as(static_cast<const unsigned char*>(from.data) + start, count, to);
  }
}

}  // namespace XENT_ISA
}  // namespace xent
