// Which row holds this id? An open-addressing table from uint64 to row, 12 bytes a place.
// Threads: the owner's lock guards every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ruvector {

class IdTable {
 public:
  static constexpr std::uint32_t kAbsent = 0xFFFFFFFF;

  IdTable() { resize(64); }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    return rows_.size() * (sizeof(std::uint64_t) + sizeof(std::uint32_t));
  }

  std::uint32_t get(std::uint64_t id) const { return rows_[place_of(id)]; }

  // Returns the row the id had before.
  std::uint32_t put(std::uint64_t id, std::uint32_t row) {
    if ((size_ + 1) * 10 > rows_.size() * 7) resize(rows_.size() * 2);
    const std::size_t place = place_of(id);
    const std::uint32_t before = rows_[place];
    if (before == kAbsent) ++size_;
    ids_[place] = id;
    rows_[place] = row;
    return before;
  }

  // Returns the row the id had. Later ids of the run move up, so no tombstones remain.
  std::uint32_t take(std::uint64_t id) {
    std::size_t hole = place_of(id);
    const std::uint32_t before = rows_[hole];
    if (before == kAbsent) return before;
    --size_;
    for (std::size_t next = (hole + 1) & mask_; rows_[next] != kAbsent; next = (next + 1) & mask_) {
      const std::size_t home = home_of(ids_[next]);
      if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
      ids_[hole] = ids_[next];
      rows_[hole] = rows_[next];
      hole = next;
    }
    rows_[hole] = kAbsent;
    return before;
  }

 private:
  // The finalizer of SplitMix64: neighbouring ids land far apart.
  std::size_t home_of(std::uint64_t id) const {
    id = (id ^ (id >> 30)) * 0xBF58476D1CE4E5B9ULL;
    id = (id ^ (id >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<std::size_t>(id ^ (id >> 31)) & mask_;
  }
  std::size_t place_of(std::uint64_t id) const {
    std::size_t place = home_of(id);
    while (rows_[place] != kAbsent && ids_[place] != id) place = (place + 1) & mask_;
    return place;
  }
  void resize(std::size_t places) {
    std::vector<std::uint64_t> ids(places);
    std::vector<std::uint32_t> rows(places, kAbsent);
    ids.swap(ids_);
    rows.swap(rows_);
    mask_ = places - 1;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == kAbsent) continue;
      const std::size_t place = place_of(ids[i]);
      ids_[place] = ids[i];
      rows_[place] = rows[i];
    }
  }

  std::vector<std::uint64_t> ids_;
  std::vector<std::uint32_t> rows_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace ruvector
