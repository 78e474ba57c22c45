// How do numpy arrays and buffers reach the kernel? Only the bindings include this.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <optional>
#include <string>
#include <type_traits>

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

template <class T>
constexpr const char* numpy_name() {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  else if constexpr (std::is_same_v<T, float>) return "float32";
  else if constexpr (std::is_same_v<T, double>) return "float64";
  else if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
  else if constexpr (std::is_same_v<T, std::uint64_t>) return "uint64";
  else if constexpr (std::is_same_v<T, std::uint32_t>) return "uint32";
  else if constexpr (std::is_same_v<T, std::uint16_t>) return "uint16";
  else return std::is_same_v<T, std::uint8_t> ? "uint8" : nullptr;
}

// A new numpy array, by numpy.empty: a third of the time that an nb::ndarray takes to become one.
template <class T>
class NewArray : public nb::object {
 public:
  explicit NewArray(std::initializer_list<std::size_t> shape) {
    static_assert(numpy_name<T>() != nullptr);
    // Never freed: numpy lives as long as the process.
    static PyObject* const empty = nb::object(numpy().attr("empty")).release().ptr();
    static PyObject* const type = numpy().attr("dtype")(numpy_name<T>()).release().ptr();
    nb::object extents = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
    Py_ssize_t i = 0;
    for (const std::size_t extent : shape)
      PyTuple_SET_ITEM(extents.ptr(), i++, PyLong_FromSize_t(extent));
    PyObject* const arguments[] = {extents.ptr(), type};
    static_cast<nb::object&>(*this) = nb::steal(PyObject_Vectorcall(empty, arguments, 2, nullptr));
    Py_buffer view;
    if (!is_valid() || PyObject_GetBuffer(ptr(), &view, PyBUF_WRITABLE) != 0)
      throw nb::python_error();
    data_ = static_cast<T*>(view.buf);
    PyBuffer_Release(&view);  // the array stays where it is while it lives
  }
  T* data() const { return data_; }

 private:
  static nb::module_ numpy() { return nb::module_::import_("numpy"); }

  T* data_;
};

template <class T>
NewArray<T> new_array(std::initializer_list<std::size_t> shape) {
  return NewArray<T>(shape);
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
void bind_proto(nb::module_& module);

}  // namespace ruvector
