#include "json_split.hpp"

#include <charconv>
#include <string_view>

#include "json_text.hpp"

namespace ruvector {
namespace {

// Steps through the members of one container: `key` is empty in an array.
class Members {
 public:
  Members(const char* begin, const char* end) : p(skip_json_space(begin, end)), end_(end) {
    if (p == end_ || (*p != '[' && *p != '{')) {
      reason = "expected an array or an object";
      return;
    }
    object_ = *p == '{';
    p = skip_json_space(p + 1, end_);
    if (p < end_ && *p == closing()) finish();
  }

  // Moves to the next member; false at the end and after a failure, of which `reason` tells.
  bool next() {
    if (reason || done_) return false;
    if (!first_) {
      if (*p != ',') return fail("expected ',' or a closing bracket");
      p = skip_json_space(p + 1, end_);
    }
    first_ = false;
    start = p;
    key = {};
    if (object_ && !take_key()) return false;
    value = p;
    p = skip_json_value(p, end_);
    if (!p) return fail_at(value, "the value is missing or not closed");
    stop = p;
    p = skip_json_space(p, end_);
    if (p == end_) return fail("a bracket is not closed");
    if (*p == closing()) finish();
    return reason == nullptr;
  }

  bool is_object() const { return object_; }

  const char* p;
  const char* start = nullptr;
  const char* value = nullptr;
  const char* stop = nullptr;
  std::string_view key;
  const char* reason = nullptr;

 private:
  char closing() const { return object_ ? '}' : ']'; }

  bool fail(const char* why) {
    reason = why;
    return false;
  }

  bool fail_at(const char* place, const char* why) {
    p = place;
    return fail(why);
  }

  bool take_key() {
    if (p == end_ || *p != '"') return fail("expected a key");
    const char* const after = skip_json_string(p, end_);
    if (!after) return fail("the string is not closed");
    key = {p + 1, static_cast<std::size_t>(after - p - 2)};
    p = skip_json_space(after, end_);
    if (p == end_ || *p != ':') return fail("expected ':'");
    p = skip_json_space(p + 1, end_);
    return true;
  }

  // The container closes here; nothing may follow.
  void finish() {
    done_ = true;
    p = skip_json_space(p + 1, end_);
    if (p != end_) reason = "trailing characters";
  }

  const char* const end_;
  bool object_ = false;
  bool first_ = true;
  bool done_ = false;
};

std::string failure(const Members& members, const char* text) {
  if (!members.reason) return {};
  return std::string(members.reason) + " at position " + std::to_string(members.p - text);
}

// Takes a whole number from 0 to 2^64 - 1 as JSON writes it.
bool is_plain_id(const char* begin, const char* end, std::uint64_t& id) {
  if (*begin == '0' && end - begin > 1) return false;
  const auto [stop, error] = std::from_chars(begin, end, id);
  return error == std::errc() && stop == end;
}

std::string read_point(Members fields, const char* text, std::uint64_t& id, PointPlaces& places) {
  if (!fields.reason && !fields.is_object()) return "expected an object";
  const auto place = [&](const char* p) { return static_cast<std::int64_t>(p - text); };
  bool has_id = false;
  bool singular = false;  // "vector" counts before its older name "vectors"
  while (fields.next()) {
    if (fields.key == "id") {
      has_id = true;
      const bool plain = is_plain_id(fields.value, fields.stop, id);
      if (!plain) id = 0;
      places.id_start = plain ? -1 : place(fields.value);
      places.id_end = plain ? -1 : place(fields.stop);
    } else if (fields.key == "vector" || (fields.key == "vectors" && !singular)) {
      singular = singular || fields.key == "vector";
      places.vector_start = place(fields.value);
      places.vector_end = place(fields.stop);
    } else if (fields.key == "payload") {
      places.payload_start = place(fields.value);
      places.payload_end = place(fields.stop);
    } else if (fields.key == "ttl_seconds") {
      places.ttl_start = place(fields.value);
      places.ttl_end = place(fields.stop);
    } else if (fields.key != "vectors") {
      return "unknown field `" + std::string(fields.key.substr(0, 100)) + "`";
    }
  }
  if (fields.reason) return failure(fields, text);
  return has_id ? "" : "missing field `id`";
}

}  // namespace

std::string split_json(const char* text, std::size_t start, std::size_t stop,
                       std::size_t piece_bytes, std::size_t most,
                       std::vector<JsonPiece>& pieces) {
  Members members(text + start, text + stop);
  while (members.next()) {
    const std::int64_t first = members.start - text;
    const std::int64_t end = members.stop - text;
    if (!pieces.empty() && end - pieces.back().start <= static_cast<std::int64_t>(piece_bytes)) {
      pieces.back().end = end;
      pieces.back().value = -1;
      continue;
    }
    if (pieces.size() == most) return "more than " + std::to_string(most) + " members";
    pieces.push_back({first, end, members.value - text});
  }
  return failure(members, text);
}

std::string split_points(const char* text, std::size_t start, std::size_t stop, std::size_t most,
                         std::vector<std::uint64_t>& ids, std::vector<PointPlaces>& places) {
  Members points(text + start, text + stop);
  if (!points.reason && points.is_object()) return "expected an array";
  while (points.next()) {
    if (places.size() == most) return "more than " + std::to_string(most) + " members";
    ids.push_back(0);
    places.emplace_back();
    const std::string problem =
        read_point(Members(points.value, points.stop), text, ids.back(), places.back());
    if (!problem.empty()) return "points[" + std::to_string(places.size() - 1) + "]: " + problem;
  }
  return failure(points, text);
}

}  // namespace ruvector
