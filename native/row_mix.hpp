// Mixing of 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
#pragma once

#include <cstdint>

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;

XENT_INLINE std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace XENT_ISA
}  // namespace xent
