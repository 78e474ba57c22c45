// The only includer of rabitqlib: its float kernels, under our names. `space_dispatch.hpp` is not
// part of rabitqlib's stable API; the version is pinned in CMakeLists.txt.
#pragma once

#include "rabitqlib/core/detail/simd/space_dispatch.hpp"

namespace ruvector {

inline float dot_float(const float* a, const float* b, std::size_t dim) {
  return rabitqlib::simd::dot_product(a, b, dim);
}

inline float euclid_squared_float(const float* a, const float* b, std::size_t dim) {
  return rabitqlib::simd::euclidean_sqr(a, b, dim);
}

}  // namespace ruvector
