#include "geo.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ruvector {
namespace {

constexpr double kEarthMetres = 6371008.8;  // model/geometry.py
constexpr double kRadians = std::numbers::pi / 180;
constexpr double kRight = std::numbers::pi / 2;
constexpr double kSteps = 4294967296.0;
constexpr double kDegreesPerStep = 360 / kSteps;  // of longitude; half of it of latitude
// Half a step is 5 mm; the haversine formula loses up to 0.1 m at the far side of the earth.
constexpr double kMarginMetres = 1.0;
// More than a step and the rounding of a cell's edges together.
constexpr double kMarginDegrees = 4 * kDegreesPerStep;
// Trying a position costs as much as a quarter of splitting a cell: 40 ns against 150 ns.
constexpr std::size_t kTried = 16;
constexpr int kLevels = 31;

enum class Side { Inside, Outside, Open };

struct Cell {
  int level;
  std::uint64_t x, y, code;  // of the 2^level a side; the interleaved bits of both
  double share;              // 2^-level, exactly

  double west() const { return 360 * (share * static_cast<double>(x)) - 180; }
  double east() const { return 360 * (share * static_cast<double>(x + 1)) - 180; }
  double south() const { return 180 * (share * static_cast<double>(y)) - 90; }
  double north() const { return 180 * (share * static_cast<double>(y + 1)) - 90; }

  Cell quarter(std::uint64_t number) const {
    return {level + 1, 2 * x + (number >> 1), 2 * y + (number & 1), 4 * code + number, share / 2};
  }
};

struct Place {
  std::uint64_t x, y;  // steps
  double lon() const { return (static_cast<double>(x) + 0.5) * kDegreesPerStep - 180; }
  double lat() const { return (static_cast<double>(y) + 0.5) * (kDegreesPerStep / 2) - 90; }
};

std::uint64_t gathered(std::uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | bits >> 1) & 0x3333333333333333;
  bits = (bits | bits >> 2) & 0x0F0F0F0F0F0F0F0F;
  bits = (bits | bits >> 4) & 0x00FF00FF00FF00FF;
  bits = (bits | bits >> 8) & 0x0000FFFF0000FFFF;
  return (bits | bits >> 16) & 0xFFFFFFFF;
}

Place place_of(std::int64_t code) {
  const std::uint64_t bits = static_cast<std::uint64_t>(code) ^ std::uint64_t{1} << 63;
  return {gathered(bits >> 1), gathered(bits)};
}

// The sine from 0 to a right angle, off by 5e-16 at most: its Taylor series up to x^19. Three of
// them tell how far a position is; those of the system take longer.
double sine(double x) {
  const double s = x * x;
  double sum = -1.0 / 121645100408832000;
  for (const double factorial :
       {355687428096000.0, -1307674368000.0, 6227020800.0, -39916800.0, 362880.0, -5040.0, 120.0,
        -6.0, 1.0})
    sum = sum * s + 1 / factorial;
  return x * sum;
}

// The square of the sine of any angle between -pi and pi.
double squared_sine(double x) {
  x = std::abs(x);
  const double value = sine(std::min(x, std::numbers::pi - x));
  return value * value;
}

// The cosine of a latitude.
double cosine(double lat) { return sine(kRight - std::min(std::abs(lat), kRight)); }

// A circle compares the haversine of the angle, which grows with it, so that no root is taken.
class Circle {
 public:
  using Scope = int;  // nothing is narrowed on the way down
  explicit Circle(const GeoRegion& region)
      : lon_(region.lon * kRadians),
        lat_(region.lat * kRadians),
        cos_lat_(std::cos(lat_)),
        radius_(region.radius),
        near_(haversine_of(region.radius - kMarginMetres)),
        far_(haversine_of(region.radius + kMarginMetres)) {}

  Scope all() const { return 0; }
  Scope inner(const Scope& scope, const Cell&) const { return scope; }

  Side cell(const Scope&, const Cell& cell) const {
    const double west = cell.west(), east = cell.east();
    const double south = cell.south(), north = cell.north();
    const double a = haversine((west + east) / 2 * kRadians, (south + north) / 2 * kRadians);
    const bool holds_equator = south <= 0 && north >= 0;
    const double widest = holds_equator ? 0 : std::min(std::abs(south), std::abs(north));
    const double width = (east - west) / 2 * cosine(widest * kRadians) * kRadians;
    const double reach = kEarthMetres * farthest(width, (north - south) / 2 * kRadians);
    if (a < haversine_of(radius_ - reach - kMarginMetres)) return Side::Inside;
    return a > haversine_of(radius_ + reach + kMarginMetres) ? Side::Outside : Side::Open;
  }

  Side place(const Scope&, const Place& place) const {
    const double a = haversine(place.lon() * kRadians, place.lat() * kRadians);
    if (a < near_) return Side::Inside;
    return a < far_ ? Side::Open : Side::Outside;
  }

 private:
  // How far, in radians, the middle of a cell is from any of it, at most: half its longest parallel
  // and half its height as the sides of a right angle. From the haversine formula, with
  // asin(x) <= 1.011 x up to x = 1/4; larger cells: along the meridian, then along the parallel.
  static double farthest(double width, double height) {
    const double straight = std::sqrt(width * width + height * height);
    return straight <= 0.5 ? 1.011 * straight : width + height;
  }

  double haversine(double lon, double lat) const {
    const double of_lat = squared_sine((lat - lat_) / 2);
    const double of_lon = squared_sine((lon - lon_) / 2);
    return of_lat + cos_lat_ * cosine(lat) * of_lon;
  }

  static double haversine_of(double metres) {
    if (metres <= 0) return 0;
    const double angle = metres / kEarthMetres;
    if (angle >= std::numbers::pi) return 4;  // everywhere
    return squared_sine(angle / 2);
  }

  const double lon_, lat_, cos_lat_, radius_, near_, far_;
};

// A box compares steps: what shares one with an edge is open.
class Box {
 public:
  using Scope = int;
  explicit Box(const GeoRegion& region) : region_(region) {}

  Scope all() const { return 0; }
  Scope inner(const Scope& scope, const Cell&) const { return scope; }

  Side cell(const Scope&, const Cell& cell) const {
    const int shift = 32 - cell.level;
    const std::uint64_t last = (std::uint64_t{1} << shift) - 1;
    return side(cell.x << shift, (cell.x << shift) + last, cell.y << shift,
                (cell.y << shift) + last);
  }

  Side place(const Scope&, const Place& place) const {
    return side(place.x, place.x, place.y, place.y);
  }

 private:
  Side side(std::uint64_t x1, std::uint64_t x2, std::uint64_t y1, std::uint64_t y2) const {
    const GeoRegion& r = region_;
    if (y2 < r.south || y1 > r.north) return Side::Outside;
    const bool before = x2 < r.west, after = x1 > r.east;
    if (r.crosses ? before && after : before || after) return Side::Outside;
    const bool past = x1 > r.west, within = x2 < r.east;
    const bool across = r.crosses ? past || within : past && within;
    return across && y1 > r.south && y2 < r.north ? Side::Inside : Side::Open;
  }

  const GeoRegion& region_;
};

// A polygon counts the lines north of a place (the even-odd rule of model/geometry.py). On the way
// down only the lines are kept that lie over or north of the cell: no others are counted in it.
class Polygon {
 public:
  using Scope = std::vector<Line>;
  explicit Polygon(const GeoRegion& region) : region_(region) {}

  Scope all() const { return region_.lines; }

  Scope inner(const Scope& scope, const Cell& cell) const {
    const double west = cell.west() - kMarginDegrees, east = cell.east() + kMarginDegrees;
    const double south = cell.south() - kMarginDegrees;
    Scope kept;
    for (const Line& line : scope)
      if (std::min(line.x1, line.x2) <= east && std::max(line.x1, line.x2) >= west &&
          std::max(line.y1, line.y2) >= south)
        kept.push_back(line);
    return kept;
  }

  Side cell(const Scope& lines, const Cell& cell) const {
    const double west = cell.west(), east = cell.east();
    const double south = cell.south(), north = cell.north();
    for (const Line& line : lines)
      if (touches(line, west - kMarginDegrees, south - kMarginDegrees, east + kMarginDegrees,
                  north + kMarginDegrees))
        return Side::Open;
    return holds(lines, (west + east) / 2, (south + north) / 2) ? Side::Inside : Side::Outside;
  }

  Side place(const Scope& lines, const Place& place) const {
    const double lon = place.lon(), lat = place.lat();
    for (const Line& line : lines)
      if (touches(line, lon - kMarginDegrees, lat - kMarginDegrees, lon + kMarginDegrees,
                  lat + kMarginDegrees))
        return Side::Open;
    return holds(lines, lon, lat) ? Side::Inside : Side::Outside;
  }

 private:
  // Whether a line may touch a rectangle: boxes overlap, corners not all on one side of it.
  static bool touches(const Line& line, double west, double south, double east, double north) {
    if (std::min(line.x1, line.x2) > east || std::max(line.x1, line.x2) < west ||
        std::min(line.y1, line.y2) > north || std::max(line.y1, line.y2) < south)
      return false;
    const double dx = line.x2 - line.x1, dy = line.y2 - line.y1;
    const auto side = [&](double x, double y) {
      return dx * (y - line.y1) - dy * (x - line.x1);
    };
    const auto [least, most] =
        std::minmax({side(west, south), side(west, north), side(east, south), side(east, north)});
    return least <= 0 && most >= 0;
  }

  // Whether a place that is on no line lies in the first ring and in none of the others.
  static bool holds(const Scope& lines, double lon, double lat) {
    bool inside = false;
    for (std::size_t i = 0; i < lines.size();) {
      const std::uint32_t ring = lines[i].ring;
      bool odd = false;
      for (; i < lines.size() && lines[i].ring == ring; ++i) {
        const Line& line = lines[i];
        if ((line.x2 > lon) == (line.x1 > lon)) continue;
        const double crossing =
            (line.y1 - line.y2) * (lon - line.x2) / (line.x1 - line.x2) + line.y2;
        odd ^= lat < crossing;
      }
      if (ring == 0)
        inside = odd;
      else if (odd)
        return false;
    }
    return inside;
  }

  const GeoRegion& region_;
};

template <class Region>
class Descent {
 public:
  Descent(const Region& region, const GeoPositions& positions, GeoFound& found)
      : region_(region), positions_(positions), found_(found) {}

  void run() { split(region_.all(), {0, 0, 0, 0, 1.0}, 0, positions_.count); }

  void try_each(const typename Region::Scope& scope, std::size_t low, std::size_t high) {
    for (std::size_t i = low; i < high; ++i) {
      if (positions_.dead && positions_.dead[i]) continue;
      const Side side = region_.place(scope, place_of(positions_.codes[i]));
      if (side == Side::Outside) continue;
      (side == Side::Inside ? found_.inside : found_.open).push_back(positions_.rows[i]);
    }
  }

 private:
  // The positions of a cell that the border cuts are those from `low` to `high`.
  void split(const typename Region::Scope& scope, const Cell& cell, std::size_t low,
             std::size_t high) {
    for (std::uint64_t number = 0; number < 4 && low < high; ++number) {
      const Cell inner = cell.quarter(number);
      const std::size_t end = number == 3 ? high : first_after(inner, low, high);
      if (low < end) visit(scope, inner, low, end);
      low = end;
    }
  }

  void visit(const typename Region::Scope& outer, const Cell& cell, std::size_t low,
             std::size_t high) {
    const auto scope = region_.inner(outer, cell);
    const Side side = region_.cell(scope, cell);
    if (side == Side::Outside) return;
    if (side == Side::Inside) return take(low, high);
    if (high - low <= kTried || cell.level >= kLevels) return try_each(scope, low, high);
    split(scope, cell, low, high);
  }

  void take(std::size_t low, std::size_t high) {
    if (!positions_.dead) {
      found_.inside.insert(found_.inside.end(), positions_.rows + low, positions_.rows + high);
      return;
    }
    for (std::size_t i = low; i < high; ++i)
      if (!positions_.dead[i]) found_.inside.push_back(positions_.rows[i]);
  }

  // The first position from `low` on that lies behind the cell.
  std::size_t first_after(const Cell& cell, std::size_t low, std::size_t high) const {
    const std::uint64_t next = (cell.code + 1) << (64 - 2 * cell.level);
    const auto code = static_cast<std::int64_t>(next ^ std::uint64_t{1} << 63);
    const auto* const found =
        std::lower_bound(positions_.codes + low, positions_.codes + high, code);
    return static_cast<std::size_t>(found - positions_.codes);
  }

  const Region& region_;
  const GeoPositions& positions_;
  GeoFound& found_;
};

template <class Call>
void with_region(const GeoRegion& region, const Call& call) {
  if (region.kind == GeoRegion::Circle) return call(Circle(region));
  if (region.kind == GeoRegion::Box) return call(Box(region));
  call(Polygon(region));
}

}  // namespace

void find_positions(const GeoRegion& region, const GeoPositions& sorted, GeoFound& found) {
  with_region(region, [&](const auto& shape) { Descent(shape, sorted, found).run(); });
}

void try_positions(const GeoRegion& region, const GeoPositions& positions, GeoFound& found) {
  with_region(region, [&](const auto& shape) {
    Descent(shape, positions, found).try_each(shape.all(), 0, positions.count);
  });
}

}  // namespace ruvector
