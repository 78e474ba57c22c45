// Where are the parts of this JSON container? One level of it, in one pass; what stands inside the
// parts is checked by whoever reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ruvector {

// Members that stand next to each other: text[start, end). `value` is where the value of a single
// member begins (behind the key in an object), -1 for a run of several.
struct JsonPiece {
  std::int64_t start, end, value;
};

// Splits the array or object in text[start, stop) into runs of members of at most `piece_bytes`; a
// longer member stands alone, and with 0 each one does. Returns why that failed, empty if it did
// not; `most` pieces are the limit.
std::string split_json(const char* text, std::size_t start, std::size_t stop,
                       std::size_t piece_bytes, std::size_t most, std::vector<JsonPiece>& pieces);

// The points of an array [{"id": .., "vector": .., "payload": .., "ttl_seconds": ..}, ..]; -1 for
// what is not there.
struct PointPlaces {
  std::int64_t id_start = -1, id_end = -1;  // -1 also where the id is a plain number
  std::int64_t vector_start = -1, vector_end = -1;
  std::int64_t payload_start = -1, payload_end = -1;
  std::int64_t ttl_start = -1, ttl_end = -1;
};
std::string split_points(const char* text, std::size_t start, std::size_t stop, std::size_t most,
                         std::vector<std::uint64_t>& ids, std::vector<PointPlaces>& places);

}  // namespace ruvector
