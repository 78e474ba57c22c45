// How do rows become a bitmap? As bytes of a Roaring bitmap in its portable form, which pyroaring
// reads by copying: https://github.com/RoaringBitmap/RoaringFormatSpec
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ruvector {

// Returns the bitmap of rows in any order, of which some may be equal.
std::string roaring_of(const std::uint32_t* rows, std::size_t count);

}  // namespace ruvector
