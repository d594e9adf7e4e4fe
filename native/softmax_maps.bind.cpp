// softmax, log_softmax, sigmoid and log_sigmoid, seen from Python.
#include "softmax_maps.hpp"

#include "arrays.hpp"
#include "softmax_cross_entropy.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;

template <Map map>
nb::object apply(Input logits, std::int64_t axis) {
  const std::vector<std::size_t> shape = shape_of(logits);
  const Layout layout(shape, axis);
  MapTask task;
  task.logits = logits.data();
  task.map = map;
  task.outer = layout.outer;
  task.classes = layout.classes;
  task.inner = layout.inner;
  const bool by_rows = map == Map::softmax || map == Map::log_softmax;
  std::int64_t count = layout.outer * layout.inner, grain = kChunkElements;
  if (by_rows) {
    // whole tiles, see softmax_tile.hpp
    grain = (kChunkElements / (layout.classes > 0 ? layout.classes : 1) / 256 + 1) * 256;
    if (!goes_by_tiles(layout.classes, layout.inner)) grain = kChunkElements / layout.classes + 1;
  } else {
    count *= layout.classes;
  }
  nb::object result = make_array(logits.dtype(), shape, &task.result);
  const auto kernel = kernel_for(map_kernels(), storage_of(logits.dtype()));
  if (layout.classes > 0) {
    nb::gil_scoped_release release;
    parallel_for(count, grain,
                 [&](std::int64_t begin, std::int64_t end) { kernel(task, begin, end); });
  }
  return result;
}

}  // namespace

void bind_softmax_maps(nb::module_& m) {
  m.def("softmax", &apply<Map::softmax>, nb::arg("logits"), nb::arg("axis"));
  m.def("log_softmax", &apply<Map::log_softmax>, nb::arg("logits"), nb::arg("axis"));
  m.def("sigmoid", &apply<Map::sigmoid>, nb::arg("logits"), nb::arg("axis"));
  m.def("log_sigmoid", &apply<Map::log_sigmoid>, nb::arg("logits"), nb::arg("axis"));
}

}  // namespace xent
