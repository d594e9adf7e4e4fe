// Which instruction set serves: found once, when the module is loaded.
//
// Every *.kernel.cpp is compiled once an instruction set, into a namespace of that name,
// and exports one table of functions. No ifunc: musl and MSVC lack it.
#pragma once

namespace xent {

enum class Isa { baseline, v3, v4 };

// The best instruction set that this processor has and this build holds; the environment
// variable XENT_ISA may ask for a lower one ("baseline", "v3", "v4").
Isa isa();
const char* isa_name();

}  // namespace xent

// XENT_KERNELS(SoftmaxKernels, softmax_kernels) declares xent::<isa>::softmax_kernels for
// every instruction set of the build, and xent::softmax_kernels() that returns the one in use.
#if defined(XENT_HAS_X86_LEVELS)
#define XENT_KERNELS(Type, name)                    \
  namespace xent {                                  \
  namespace baseline {                              \
  extern const Type name;                           \
  }                                                 \
  namespace v3 {                                    \
  extern const Type name;                           \
  }                                                 \
  namespace v4 {                                    \
  extern const Type name;                           \
  }                                                 \
  inline const Type& name() {                       \
    switch (isa()) {                                \
      case Isa::v4: return v4::name;                \
      case Isa::v3: return v3::name;                \
      default: return baseline::name;               \
    }                                               \
  }                                                 \
  }
#else
#define XENT_KERNELS(Type, name)                    \
  namespace xent {                                  \
  namespace baseline {                              \
  extern const Type name;                           \
  }                                                 \
  inline const Type& name() { return baseline::name; } \
  }
#endif
