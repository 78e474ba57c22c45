// May this JSON body be decoded at all? One linear pass before any decoder sees it.
#pragma once

#include <cstddef>

namespace ruvector {

enum class ScanProblem { None, TooDeep, TooManyContainers, OpenString, Unbalanced, NotUtf8 };

struct ScanResult {
  ScanProblem problem = ScanProblem::None;
  std::size_t position = 0;
};

// Counts brackets outside strings, and checks that all of it is UTF-8. It does not check the
// grammar: the decoders do that.
ScanResult scan_json(const char* body, std::size_t size, std::size_t max_depth,
                     std::size_t max_containers);

}  // namespace ruvector
