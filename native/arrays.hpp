// How do numpy arrays and buffers reach the kernel? Only the bindings include this.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <optional>
#include <string>

#include "metric.hpp"

namespace ruvector {

namespace nb = nanobind;

using Floats1 = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Floats2 = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows1 = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows2 = nb::ndarray<const std::uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bytes1 = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Bytes2 = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vectors = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

inline Element element_of(const Vectors& vectors) {
  if (vectors.dtype() == nb::dtype<float>()) return Element::Float32;
  const nb::dlpack::dtype type = vectors.dtype();
  if (type.lanes == 1 && type.code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) &&
      type.bits == 16)
    return Element::Float16;
  if (type == nb::dtype<std::uint8_t>()) return Element::UInt8;
  throw nb::type_error("vectors must be float32, float16 or uint8");
}

// A new numpy array that owns its memory.
template <class T>
nb::ndarray<nb::numpy, T> new_array(std::initializer_list<std::size_t> shape) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  T* memory = new T[count == 0 ? 1 : count];
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(memory, shape, owner);
}

// A read-only view of anything that has the buffer protocol.
class BufferView {
 public:
  explicit BufferView(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~BufferView() { PyBuffer_Release(&view_); }
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;
  const char* begin() const { return static_cast<const char*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

// Releases the GIL for work longer than the release itself is worth.
class __attribute__((visibility("hidden"))) MaybeReleaseGil {
 public:
  explicit MaybeReleaseGil(bool release) {
    if (release) released_.emplace();
  }

 private:
  std::optional<nb::gil_scoped_release> released_;
};

void bind_text(nb::module_& module);
void bind_json(nb::module_& module);
void bind_records(nb::module_& module);
void bind_codes(nb::module_& module);
void bind_exact(nb::module_& module);
void bind_graph(nb::module_& module);
void bind_ids(nb::module_& module);
void bind_sparse(nb::module_& module);
void bind_multi(nb::module_& module);
void bind_deadline(nb::module_& module);
void bind_payload(nb::module_& module);

}  // namespace ruvector
