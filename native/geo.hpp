// Which positions lie in a region of the earth? Over Morton codes in ascending order.
//
// The earth is descended cell by cell: cells inside the region are taken as they are, cells outside
// are left, cells that its border cuts are split until few positions are in them, and those are
// tried one by one. What is so close to the border that rounding could matter is told apart:
// whoever asks decides it by the exact numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ruvector {

// The closed lines of a polygon's rings, the exterior first; degrees.
struct Line {
  double x1, y1, x2, y2;
  std::uint32_t ring;
};

struct GeoRegion {
  enum Kind { Circle, Box, Polygon } kind;
  double lon = 0, lat = 0, radius = 0;                     // a circle: degrees and metres
  std::uint64_t west = 0, south = 0, east = 0, north = 0;  // a box, in steps of the code
  bool crosses = false;                                    // the antimeridian
  std::vector<Line> lines;                                 // a polygon
};

struct GeoFound {
  std::vector<std::uint32_t> inside;  // rows, in no order; a row may come more than once
  std::vector<std::uint32_t> open;    // rows of positions at the border
};

// Positions: `codes` ascending, with the row of each; `dead`: those to pass over, or null.
struct GeoPositions {
  const std::int64_t* codes;
  const std::uint32_t* rows;
  const std::uint8_t* dead;
  std::size_t count;
};

void find_positions(const GeoRegion& region, const GeoPositions& sorted, GeoFound& found);
// The same over positions in no order.
void try_positions(const GeoRegion& region, const GeoPositions& positions, GeoFound& found);

}  // namespace ruvector
