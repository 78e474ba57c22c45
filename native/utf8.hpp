// Is this UTF-8?
#pragma once

namespace ruvector {

// Returns the first byte that does not belong to a well-formed sequence (Unicode 15, table 3-7), or
// null.
const char* find_bad_utf8(const char* p, const char* end);

}  // namespace ruvector
