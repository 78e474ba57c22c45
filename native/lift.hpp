// Which numbers stand behind this name in a JSON body?
#pragma once

#include <cstddef>
#include <string_view>

namespace ruvector {

// A flat array that stands behind the only `"name":` of a text: [start, stop), 0 and 0 for none.
struct NamedArray {
  std::size_t start = 0;
  std::size_t stop = 0;
};

// Looks at quotes alone, so numbers are passed over at the speed of memory. That the name is a key
// of the object it should be in is not checked.
NamedArray find_array(std::string_view text, std::string_view name);

}  // namespace ruvector
