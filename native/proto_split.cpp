#include "proto_split.hpp"

namespace ruvector {
namespace {

constexpr int kVarintBytes = 10;
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

// Reads a varint at `at`; false where there is none before `end`.
bool take_varint(const char* text, std::size_t& at, std::size_t end, std::uint64_t& value) {
  value = 0;
  for (int i = 0; i < kVarintBytes && at < end; ++i) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

// Finds the field at `at`: its number, where its content begins and where it ends.
bool take_field(const char* text, std::size_t at, std::size_t end, ProtoPiece& found,
                bool& is_bytes) {
  found.begin = at;
  std::uint64_t tag = 0, value = 0;
  if (!take_varint(text, at, end, tag)) return false;
  if (tag >> 32 || !(tag >> 3)) return false;
  found.field = static_cast<std::uint32_t>(tag >> 3);
  const unsigned kind = tag & 7;
  is_bytes = kind == kBytes;
  if (kind == kVarint || kind == kBytes) {
    if (!take_varint(text, at, end, value)) return false;
  }
  found.content = at;
  std::uint64_t size = 0;
  if (kind == kFixed64) size = 8;
  else if (kind == kFixed32) size = 4;
  else if (kind == kBytes) size = value;
  else if (kind != kVarint) return false;
  if (size > end - at) return false;
  found.end = at + static_cast<std::size_t>(size);
  return true;
}

}  // namespace

void split_message(const char* text, std::size_t begin, std::size_t end, std::size_t most,
                   std::vector<ProtoPiece>& pieces) {
  std::size_t start = begin;  // of the run that is being made
  std::size_t at = begin;
  const auto close_run = [&] {
    if (at > start) pieces.push_back({0, start, start, at});
    start = at;
  };
  while (at < end) {
    ProtoPiece found{};
    bool is_bytes = false;
    if (!take_field(text, at, end, found, is_bytes)) {
      at = end;
      break;
    }
    if (is_bytes && found.end - found.content > most) {
      close_run();
      pieces.push_back(found);
      start = found.end;
    } else if (found.end - start > most) {
      close_run();
    }
    at = found.end;
  }
  close_run();
}

}  // namespace ruvector
