// Where do an array's bytes live, and how many are in memory right now? Advice about mapped pages,
// and copies that stay.
#pragma once

#include <cstddef>

namespace ruvector {

// Memory of its own for `bytes` bytes, aligned to 2 MiB, with huge pages asked for; freed by
// free_pinned. Throws std::bad_alloc.
void* pin_copy(const void* source, std::size_t bytes);
void free_pinned(void* memory) noexcept;

enum class Access : int { Random = 0, WillNeed = 1, Drop = 2 };

// Tells the system how mapped bytes are going to be read. Drop lets this process's pages go: what
// is read later is read again. It is for maps of files only, and leaves pages alone that the range
// shares with its neighbours.
void advise(const void* start, std::size_t bytes, Access access);

// How many of the bytes are in memory, by whole pages.
std::size_t resident_bytes(const void* start, std::size_t bytes);

}  // namespace ruvector
