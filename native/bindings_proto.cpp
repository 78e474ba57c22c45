// Messages of gRPC: the points of answers, one call for all of them; where large ones may be cut.
#include <deque>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "proto_points.hpp"
#include "proto_split.hpp"

namespace ruvector {
namespace {

constexpr std::size_t kLargeBytes = 32 << 10;  // as in bindings_json.cpp

void take_id(nb::handle id, ProtoPoint& point) {
  if (PyLong_Check(id.ptr())) {
    point.has_number = true;
    point.number = PyLong_AsUnsignedLongLong(id.ptr());
    if (PyErr_Occurred()) throw nb::python_error();
    return;
  }
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(id.ptr(), &size);
  if (!text) throw nb::python_error();
  point.text = {text, static_cast<std::size_t>(size)};
}

// The columns may not change meanwhile: views of their items are read without the GIL.
nb::bytes encode_points(unsigned field, nb::list ids, nb::list payloads, nb::object scores,
                        nb::object versions, nb::object rest, int most_levels) {
  const std::size_t count = nb::len(ids);
  const bool is_scored = !scores.is_none();
  const bool has_rest = !rest.is_none();
  if (nb::len(payloads) != count || (is_scored && nb::len(scores) != count) ||
      (is_scored && nb::len(versions) != count) || (has_rest && nb::len(rest) != count))
    throw nb::value_error("the columns must be of one length");
  std::vector<ProtoPoint> points(count);
  std::deque<BufferView> views;
  std::size_t bytes = 0;
  const auto view_of = [&](nb::handle text) {
    const BufferView& view = views.emplace_back(text);
    bytes += view.size();
    return std::string_view(view.begin(), view.size());
  };
  for (std::size_t i = 0; i < count; ++i) {
    ProtoPoint& point = points[i];
    take_id(ids[i], point);
    nb::object payload = payloads[i];
    if (!payload.is_none()) point.payload = view_of(payload);
    if (is_scored) {
      point.is_scored = true;
      point.score = nb::cast<float>(nb::object(scores[i]));
      point.version = nb::cast<std::uint64_t>(nb::object(versions[i]));
    }
    if (has_rest) point.rest = view_of(rest[i]);
  }
  std::string out;
  std::string problem;
  {
    const MaybeReleaseGil released(bytes > kLargeBytes);
    out.reserve(bytes + 40 * count);
    for (std::size_t i = 0; i < count && problem.empty(); ++i) {
      const char* const reason = append_point(out, field, points[i], most_levels);
      if (reason) problem = "point " + std::to_string(i) + ": " + reason;
    }
  }
  if (!problem.empty()) throw nb::value_error(problem.c_str());
  return nb::bytes(out.data(), out.size());
}

nb::list split(nb::handle message, std::size_t begin, std::size_t end, std::size_t most) {
  const BufferView view(message);
  if (begin > end || end > view.size()) throw nb::value_error("begin and end must be within");
  std::vector<ProtoPiece> pieces;
  {
    const MaybeReleaseGil released(end - begin > kLargeBytes);
    split_message(view.begin(), begin, end, most, pieces);
  }
  nb::list found;
  for (const ProtoPiece& each : pieces)
    found.append(nb::make_tuple(each.field, each.begin, each.content, each.end));
  return found;
}

}  // namespace

void bind_proto(nb::module_& module) {
  module.def("split_message", &split, nb::arg("message"), nb::arg("begin"), nb::arg("end"),
             nb::arg("most"),
             "Return where the protobuf message in message[begin:end] may be cut.\n\n"
             "A list of (field, begin, content, end), in order and without gaps: field 0 for a\n"
             "run of whole fields of at most `most` bytes (one field may be larger); else one\n"
             "field of more bytes than that, which are message[content:end]. What is no message\n"
             "is the last run. Cost: about 2 ns a field, without the interpreter's lock.");
  module.def("encode_points", &encode_points, nb::arg("field"), nb::arg("ids"),
             nb::arg("payloads"), nb::arg("scores").none(), nb::arg("versions").none(),
             nb::arg("rest").none(), nb::arg("most_levels"),
             "Return points as the repeated field `field` of a protobuf message.\n\n"
             "ids: n whole numbers or texts; payloads: n JSON objects, None for none. scores and\n"
             "versions: n numbers of ScoredPoints, or None for RetrievedPoints. rest: n texts of\n"
             "fields that are encoded already, or None. Raises ValueError that begins with\n"
             "`point i:` for a payload that is no JSON, that takes more than `most_levels`\n"
             "messages within each other (three an object, two a list), or that has an integer\n"
             "beyond the largest double. Cost: about 0.5 us a point and 1 ns a byte.");
}

}  // namespace ruvector
