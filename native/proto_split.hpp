// Where may the bytes of a protobuf message be cut, so that its pieces can be read one by one?
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ruvector {

// A piece of a message: whole fields, or one large field of bytes.
struct ProtoPiece {
  std::uint32_t field;   // of a large field, its number; 0 for a run of fields
  std::size_t begin;     // of the first field's tag
  std::size_t content;   // of a large field's content; for a run, `begin`
  std::size_t end;
};

// Appends the pieces of text[begin, end), in order and without gaps. A field of bytes longer than
// `most` is a piece of its own; others are joined to runs of at most `most` bytes. From a place on
// that is no field, everything is one run: whoever reads it will say what is wrong.
void split_message(const char* text, std::size_t begin, std::size_t end, std::size_t most,
                   std::vector<ProtoPiece>& pieces);

}  // namespace ruvector
