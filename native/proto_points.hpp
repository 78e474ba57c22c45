// How do points become messages of Qdrant's gRPC? ScoredPoint and RetrievedPoint, with the values
// of their payloads, as src/ruvector/model/proto/answers.proto and values.proto number them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ruvector {

struct ProtoPoint {
  bool has_number = false;  // the id is a number, else a text
  std::uint64_t number = 0;
  std::string_view text;
  std::string_view payload;  // JSON of an object; empty: none
  bool is_scored = false;    // a ScoredPoint
  float score = 0;
  std::uint64_t version = 0;
  std::string_view rest;  // fields that are encoded already
};

// Appends one point as the field `field` of a message. Returns null, or why its payload cannot be
// said: readers follow `most_levels` messages within each other, an object takes three (Struct,
// entry, Value) and a list two (ListValue, Value).
const char* append_point(std::string& out, unsigned field, const ProtoPoint& point,
                         int most_levels);

}  // namespace ruvector
