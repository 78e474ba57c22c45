#include "lift.hpp"

#include "json_text.hpp"

namespace ruvector {

namespace {

// The array behind a colon at `at`.
NamedArray array_after(std::string_view text, std::size_t at) {
  const char* const end = text.data() + text.size();
  const char* p = skip_json_space(text.data() + at, end);
  if (p == end || *p != ':') return {};
  p = skip_json_space(p + 1, end);
  if (p == end || *p != '[') return {};
  const auto start = static_cast<std::size_t>(p - text.data());
  const std::size_t close = text.find(']', start);
  return close == text.npos ? NamedArray{} : NamedArray{start, close + 1};
}

}  // namespace

NamedArray find_array(std::string_view text, std::string_view name) {
  NamedArray found;
  for (std::size_t at = text.find('"'); at != text.npos; at = text.find('"', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.size() <= name.size() || rest[name.size()] != '"' || !rest.starts_with(name)) continue;
    if (found.stop != 0) return {};
    found = array_after(text, at + name.size() + 2);
    if (found.stop == 0) return {};
    at = found.stop - 1;  // there are no quotes among numbers
  }
  return found;
}

}  // namespace ruvector
