// Products of doubles kept in two doubles: what a moment cancels is still there in the second.
#pragma once

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {

// x as a part of 26 bits and a rest of 26 bits and a sign
XENT_INLINE Exact<double> split(double x) {
  const double high = bits_of<double>((bits_of<std::uint64_t>(x) + 0x4000000u) &
                                      ~std::uint64_t(0x7ffffff));
  return {high, x - high};
}

// a b without rounding (Dekker's product)
XENT_INLINE Exact<double> product(double a, double b) {
  const Exact<double> x = split(a), y = split(b);
  const double value = a * b;
  const double error =
      ((x.value * y.value - value) + (x.value * y.error + x.error * y.value)) + x.error * y.error;
  return {value, error};
}

// (a.value + a.error) b to 2^-104
XENT_INLINE Exact<double> product(Exact<double> a, double b) {
  const Exact<double> x = product(a.value, b);
  return {x.value, x.error + a.error * b};
}

}  // namespace XENT_ISA
}  // namespace xent
