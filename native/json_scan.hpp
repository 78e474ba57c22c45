// May this JSON body be decoded at all? One linear pass before any decoder sees it.
#pragma once

#include <cstddef>

namespace ruvector {

enum class ScanProblem { None, TooDeep, TooManyContainers, OpenString, Unbalanced };

struct ScanResult {
  ScanProblem problem = ScanProblem::None;
  std::size_t position = 0;
};

// Counts brackets outside strings. It does not check the grammar: the decoder does that.
ScanResult scan_json(const char* body, std::size_t size, std::size_t max_depth,
                     std::size_t max_containers);

}  // namespace ruvector
