// The Poisson bootstrap, seen from Python: an accumulator that batches are added to.
#include "replicates.hpp"

#include <nanobind/stl/vector.h>

#include <memory>
#include <vector>

#include "arrays.hpp"
#include "exact_integer.hpp"
#include "thread_parts.hpp"

namespace xent {
namespace {

using Keys = nb::ndarray<const std::uint64_t, nb::c_contig, nb::device::cpu>;

class Replicates {
 public:
  Replicates(std::int64_t replicates, std::int64_t quantities, std::uint64_t seed)
      : replicates_(replicates), quantities_(quantities), seed_(seed) {
    if (replicates < 1 || quantities < 0) throw nb::value_error("replicates must be positive");
  }

  void add(const Keys& key, const std::vector<Weights>& values) {
    const auto rows = static_cast<std::int64_t>(key.size());
    if (static_cast<std::int64_t>(values.size()) != quantities_)
      throw nb::value_error("an array a quantity is needed");
    std::vector<const double*> pointers;
    for (const Weights& array : values) {
      if (static_cast<std::int64_t>(array.size()) != rows)
        throw nb::value_error("values differ in length");
      pointers.push_back(array.data());
    }
    const ReplicateTask task{key.data(), pointers.data(), quantities_, seed_};
    nb::gil_scoped_release release;
    for (const double* value : pointers)
      for (std::int64_t i = 0; i < rows; ++i)
        if (!(value[i] - value[i] == 0)) throw std::invalid_argument("a value is not finite");
    const ReplicateKernels& kernels = replicate_kernels();
    const auto make = [&] { return std::make_unique<ReplicateSums>(replicates_, quantities_); };
    parts_.add(rows, ReplicateSums::kRows, make,
               [&](ReplicateSums& sums, std::int64_t begin, std::int64_t end) {
                 kernels.add(task, begin, end, sums);
               });
  }

  // rows drawn into each replicate, and for each quantity its sum in each replicate
  nb::tuple totals() {
    return parts_.all([&](const Parts& parts) {
      const auto count = static_cast<std::size_t>(replicates_);
      nb::list drawn, sums;
      for (std::size_t r = 0; r < count; ++r) {
        std::int64_t total = 0;
        for (const ReplicateSums* part : parts) total += part->drawn[r];
        drawn.append(total);
      }
      for (std::int64_t q = 0; q < quantities_; ++q) {
        nb::list of_quantity;
        for (std::size_t r = 0; r < count; ++r) of_quantity.append(total(parts, q, r));
        sums.append(of_quantity);
      }
      return nb::make_tuple(drawn, sums);
    });
  }

 private:
  using Parts = std::vector<ReplicateSums*>;

  // limbs hold up to 2^63 each: carries move up here only, into a wider number
  static nb::int_ total(const Parts& parts, std::int64_t quantity, std::size_t replicate) {
    constexpr int limbs = ReplicateSums::kLimbs;
    unsigned char bytes[4 * limbs + 8];
    std::int64_t carry = 0;
    for (int i = 0; i < limbs; ++i) {
      std::int64_t low = carry & 0xffffffff, high = carry >> 32;
      for (const ReplicateSums* part : parts) {
        const std::int64_t limb =
            part->limbs[(static_cast<std::size_t>(quantity) * limbs + static_cast<std::size_t>(i)) *
                            part->draws.size() + replicate];
        low += limb & 0xffffffff;
        high += limb >> 32;
      }
      carry = high + (low >> 32);
      for (int k = 0; k < 4; ++k)
        bytes[4 * i + k] = static_cast<unsigned char>(static_cast<std::uint64_t>(low) >> (8 * k));
    }
    for (int k = 0; k < 8; ++k)
      bytes[4 * limbs + k] =
          static_cast<unsigned char>(static_cast<std::uint64_t>(carry) >> (8 * k));
    return integer_of(bytes, sizeof bytes);
  }

  std::int64_t replicates_, quantities_;
  std::uint64_t seed_;
  ThreadParts<ReplicateSums> parts_;
};

}  // namespace

void bind_replicates(nb::module_& m) {
  nb::class_<Replicates>(m, "Replicates")
      .def(nb::init<std::int64_t, std::int64_t, std::uint64_t>(), nb::arg("replicates"),
           nb::arg("quantities"), nb::arg("seed"))
      .def("add", &Replicates::add, nb::arg("key"), nb::arg("values"))
      .def("totals", &Replicates::totals);
}

}  // namespace xent
