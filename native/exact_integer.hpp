// An exact sum as a Python integer, in units of 2^-1074.
#pragma once

#include <nanobind/nanobind.h>

#include "exact_sum.hpp"

namespace xent {

namespace nb = nanobind;

inline nb::int_ integer_of(const unsigned char* bytes, std::size_t count) {
  return nb::int_(nb::handle(reinterpret_cast<PyObject*>(&PyLong_Type))
                      .attr("from_bytes")(nb::bytes(bytes, count), "little",
                                          nb::arg("signed") = true));
}

inline nb::int_ integer(const ExactSum& sum) {
  unsigned char bytes[ExactSum::kBytes];
  XENT_ISA::write(sum, bytes);
  return integer_of(bytes, sizeof bytes);
}

}  // namespace xent
