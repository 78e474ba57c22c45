#include "json_scan.hpp"

#include "json_text.hpp"
#include "utf8.hpp"

namespace ruvector {

ScanResult scan_json(const char* body, std::size_t size, std::size_t max_depth,
                     std::size_t max_containers) {
  const char* const end = body + size;
  const auto at = [&](ScanProblem problem, const char* place) {
    return ScanResult{problem, static_cast<std::size_t>(place - body)};
  };
  std::size_t depth = 0;
  std::size_t containers = 0;
  for (const char* p = body; (p = next_json_mark(p, end));) {
    if (*p == '"') {
      const char* const start = p;
      p = skip_json_string(p, end);
      if (!p) return at(ScanProblem::OpenString, start);
      continue;
    }
    if (*p == '[' || *p == '{') {
      if (++depth > max_depth) return at(ScanProblem::TooDeep, p);
      if (++containers > max_containers) return at(ScanProblem::TooManyContainers, p);
    } else if (depth-- == 0) {
      return at(ScanProblem::Unbalanced, p);
    }
    ++p;
  }
  if (depth != 0) return at(ScanProblem::Unbalanced, end);
  const char* const odd = find_bad_utf8(body, end);
  return odd ? at(ScanProblem::NotUtf8, odd) : ScanResult{};
}

}  // namespace ruvector
