// The only includer of rabitqlib, under our names: float kernels, the rotation, FastScan.
// Only `core/api.hpp` is rabitqlib's stable API; the version is pinned in CMakeLists.txt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "rabitqlib/core/detail/simd/space_dispatch.hpp"

namespace rabitqlib {
template <typename T>
class Rotator;
template <typename T>
class BatchQuery;
}  // namespace rabitqlib

namespace ruvector {

inline float dot_float(const float* a, const float* b, std::size_t dim) {
  return rabitqlib::simd::dot_product(a, b, dim);
}

inline float euclid_squared_float(const float* a, const float* b, std::size_t dim) {
  return rabitqlib::simd::euclidean_sqr(a, b, dim);
}

// False without AVX2 and without NEON: there is no FastScan then.
bool has_fastscan();

// A random rotation (fast Hadamard transforms with random signs): keeps lengths and angles, and
// spreads a vector's length evenly over its numbers. The same on every machine, up to rounding.
// dim: 64 to 65,536; `padded` a multiple of 32, at least dim; numbers beyond dim count as zero.
class Rotation {
 public:
  Rotation(std::size_t dim, std::size_t padded);
  ~Rotation();
  Rotation(const Rotation&) = delete;
  Rotation& operator=(const Rotation&) = delete;
  void apply(const float* vector, float* rotated) const;

 private:
  std::unique_ptr<rabitqlib::Rotator<float>> rotator_;
};

// A query against sign codes: <x, q> for 32 codes x in {-1/2, 1/2}^dim at once, q as a table of
// bytes for each four dimensions. dim is a multiple of 32.
class SignQuery {
 public:
  SignQuery();
  ~SignQuery();
  SignQuery(const SignQuery&) = delete;
  SignQuery& operator=(const SignQuery&) = delete;
  // `scratch` holds 4 * dim floats; nothing is kept of it or of the query.
  void prepare(const float* query, std::size_t dim, float* scratch);
  // `block`: 32 packed codes, their 32 `add` and their 32 `rescale`.
  // Writes base + add + rescale * <x, q> for each of them.
  void estimate(const std::byte* block, float base, std::size_t dim, float* out) const;

 private:
  std::unique_ptr<rabitqlib::BatchQuery<float>> query_;
};

}  // namespace ruvector
