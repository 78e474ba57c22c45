#include "json_scan.hpp"

#include <array>
#include <cstdint>

namespace ruvector {
namespace {

enum Kind : std::uint8_t { kOther, kOpen, kClose, kQuote };

constexpr std::array<std::uint8_t, 256> make_kinds() {
  std::array<std::uint8_t, 256> kinds{};
  kinds['['] = kinds['{'] = kOpen;
  kinds[']'] = kinds['}'] = kClose;
  kinds['"'] = kQuote;
  return kinds;
}

constexpr std::array<std::uint8_t, 256> kKinds = make_kinds();

}  // namespace

ScanResult scan_json(const char* body, std::size_t size, std::size_t max_depth,
                     std::size_t max_containers) {
  std::size_t depth = 0;
  std::size_t containers = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint8_t kind = kKinds[static_cast<std::uint8_t>(body[i])];
    if (kind == kOther) continue;
    if (kind == kOpen) {
      if (++depth > max_depth) return {ScanProblem::TooDeep, i};
      if (++containers > max_containers) return {ScanProblem::TooManyContainers, i};
    } else if (kind == kClose) {
      if (depth-- == 0) return {ScanProblem::Unbalanced, i};
    } else {
      const std::size_t start = i;
      for (++i; i < size && body[i] != '"'; ++i)
        if (body[i] == '\\') ++i;
      if (i >= size) return {ScanProblem::OpenString, start};
    }
  }
  return depth == 0 ? ScanResult{} : ScanResult{ScanProblem::Unbalanced, size};
}

}  // namespace ruvector
