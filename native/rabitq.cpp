#include "rabitq.hpp"

#include <vector>

#include "rabitqlib/core/rotator.hpp"
#include "rabitqlib/fastscan/detail/estimator_dispatch.hpp"
#include "rabitqlib/fastscan/query.hpp"
#include "rabitqlib/utils/cpu_features.hpp"

namespace ruvector {

bool has_fastscan() { return rabitqlib::cpu::has_avx2() || rabitqlib::cpu::has_neon(); }

Rotation::Rotation(std::size_t dim, std::size_t padded)
    : rotator_(rabitqlib::rotator_impl::make_rotator_for_loading(
          dim, rabitqlib::RotatorType::FhtKacRotator, padded)) {
  // SplitMix64, because the library's own stream of signs depends on the standard library.
  std::vector<char> signs(rotator_->dump_bytes());
  std::uint64_t state = 7;
  for (char& sign : signs) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    sign = static_cast<char>(mixed >> 56);
  }
  rotator_->load(signs.data());
}

Rotation::~Rotation() = default;

void Rotation::apply(const float* vector, float* rotated) const {
  rotator_->rotate(vector, rotated);
}

SignQuery::SignQuery() : query_(std::make_unique<rabitqlib::BatchQuery<float>>()) {}
SignQuery::~SignQuery() = default;

void SignQuery::prepare(const float* query, std::size_t dim, float* scratch) {
  query_->reset(query, dim, scratch);
}

void SignQuery::estimate(const std::byte* block, float base, std::size_t dim, float* out) const {
  query_->set_g_add(base);
  rabitqlib::simd::qg_batch_estdist(reinterpret_cast<const char*>(block), *query_, dim, out);
}

}  // namespace ruvector
