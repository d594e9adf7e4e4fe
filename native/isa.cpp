#include "isa.hpp"

#include <cstdlib>
#include <cstring>

namespace xent {
namespace {

Isa find() {
#if defined(XENT_HAS_X86_LEVELS)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  Isa best = v4 ? Isa::v4 : v3 ? Isa::v3 : Isa::baseline;
  if (const char* asked = std::getenv("XENT_ISA")) {
    if (std::strcmp(asked, "baseline") == 0) best = Isa::baseline;
    if (std::strcmp(asked, "v3") == 0 && best == Isa::v4) best = Isa::v3;
  }
  return best;
#else
  return Isa::baseline;
#endif
}

}  // namespace

Isa isa() {
  static const Isa found = find();
  return found;
}

const char* isa_name() {
  switch (isa()) {
    case Isa::v4: return "x86-64-v4";
    case Isa::v3: return "x86-64-v3";
    default: return "baseline";
  }
}

}  // namespace xent
