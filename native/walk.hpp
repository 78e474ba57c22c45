// How are near rows found? The walk through the graph, a template over the rows and their code.
//
// `walk` keeps one sorted array of the nearest rows met (the beam) and expands the nearest that was
// not expanded. `walk_past` does the same when some rows do not match: they are expanded as well
// but do not count. Where most rows do not match, `walk_matching` keeps them in a heap instead,
// collects only those that match, and gives up after a stated number of distances.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "deadline.hpp"
#include "graph.hpp"

namespace ruvector {

inline constexpr std::uint32_t kExpanded = 0x80000000;

// Rows fetched ahead of the one being measured (62,666 x 384, beam 16: 4 take 13.9 us, 16 13.3).
inline constexpr std::size_t kAhead = 16;

inline void fetch_row(const std::byte* row, std::size_t bytes) {
  // 8 KiB bound what one row may push out of the cache. Into the second level: prefetches into the
  // first wait where some twenty lines are on their way already (beam 64: 45.5 us against 33.6).
  for (std::size_t line = 0; line < bytes && line < 8192; line += 64)
    __builtin_prefetch(row + line, 0, 2);
}

// Collects the links of `row` not met before, then calls take(distance, row) for each.
template <class Rows, class Code, class Query, class Take>
void expand(const Rows& graph, const Code& code, const Query& query, std::uint32_t row,
            std::size_t limit, Scratch& scratch, Take&& take) {
  const std::uint32_t* links = graph.links(row);
  const std::size_t width = graph.options().links_per_node;
  const std::size_t bytes = graph.code_bytes();
  if (scratch.fresh.size() < width) scratch.fresh.resize(width);
  std::uint32_t* fresh = scratch.fresh.data();
  std::size_t count = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::uint32_t link = __atomic_load_n(links + i, __ATOMIC_ACQUIRE);
    if (link == kNoRow) break;
    if (link < limit && scratch.meet(link)) fresh[count++] = link;
  }
  for (std::size_t i = 0; i < count && i < kAhead; ++i) fetch_row(graph.code(fresh[i]), bytes);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) fetch_row(graph.code(fresh[i + kAhead]), bytes);
    take(code.distance(query, graph.code(fresh[i])), fresh[i]);
  }
  scratch.distances += count;
}

// A sorted array that keeps the nearest `capacity`.
class Beam {
 public:
  Beam(std::vector<Candidate>& storage, std::size_t capacity) : capacity_(capacity) {
    if (storage.size() < capacity + 1) storage.resize(capacity + 1);
    items_ = storage.data();
  }
  bool full() const { return size_ == capacity_; }
  std::size_t size() const { return size_; }
  float worst() const { return items_[size_ - 1].distance; }
  // Only nearer rows are taken.
  float bound() const { return full() ? worst() : std::numeric_limits<float>::infinity(); }
  const Candidate& last() const { return items_[size_ - 1]; }
  void drop_last() { --size_; }
  Candidate& operator[](std::size_t i) { return items_[i]; }
  // Returns the position, or `capacity` if it was not near enough.
  std::size_t offer(float distance, std::uint32_t row) {
    if (size_ == capacity_) {
      if (!(distance < items_[size_ - 1].distance)) return capacity_;
      --size_;
    }
    // After all that are no farther. Without branches on distances, which nobody can predict.
    std::size_t low = 0;
    for (std::size_t left = size_; left > 0;) {
      const std::size_t half = (left + 1) / 2;
      low += items_[low + half - 1].distance <= distance ? half : 0;
      left -= half;
    }
    move_up(low);
    items_[low] = {distance, row};
    ++size_;
    return low;
  }

 private:
  // Makes room at `low`. Most moves are short, a call costs more than they do.
  void move_up(std::size_t low) {
    if (size_ - low > 32) {
      std::memmove(items_ + low + 1, items_ + low, (size_ - low) * sizeof(Candidate));
      return;
    }
    struct Pair {
      Candidate items[2];
    };
    std::size_t i = size_;
    for (; i >= low + 2; i -= 2) {
      Pair pair;
      std::memcpy(&pair, items_ + i - 2, sizeof pair);
      std::memcpy(items_ + i - 1, &pair, sizeof pair);
    }
    if (i > low) items_[i] = items_[i - 1];
  }

  Candidate* items_;
  std::size_t capacity_;
  std::size_t size_ = 0;
};

// A heap, the nearest first.
class Frontier {
 public:
  explicit Frontier(std::vector<Candidate>& storage) : items_(storage) { items_.clear(); }
  bool empty() const { return items_.empty(); }
  const Candidate& nearest() const { return items_.front(); }
  void push(const Candidate& next) {
    items_.push_back(next);
    std::push_heap(items_.begin(), items_.end(), farther);
  }
  Candidate pop() {
    std::pop_heap(items_.begin(), items_.end(), farther);
    const Candidate nearest = items_.back();
    items_.pop_back();
    return nearest;
  }

 private:
  static bool farther(const Candidate& a, const Candidate& b) { return a.distance > b.distance; }
  std::vector<Candidate>& items_;
};

// A sorted array that keeps the nearest `width` rows that match, and those between them that do
// not, as long as all fit. A row may stop matching meanwhile: the count is then too high, and the
// array a little shorter than it could be.
template <class Matches>
class MixedBeam {
 public:
  MixedBeam(std::vector<Candidate>& storage, std::size_t width, const Matches& matches)
      : beam_(storage, 2 * width + kOthers), width_(width), matches_(matches) {}
  std::size_t size() const { return beam_.size(); }
  Candidate& operator[](std::size_t i) { return beam_[i]; }
  float bound() const {
    return count_ >= width_ || beam_.full() ? beam_.worst()
                                            : std::numeric_limits<float>::infinity();
  }
  // Returns the position, or one beyond the array if it was not near enough.
  std::size_t offer(float distance, std::uint32_t row) {
    if (!(distance < bound())) return beam_.size();
    if (beam_.full()) {
      drop_last();
      crowded_ = true;
    }
    const bool matching = matches_(row);
    const std::size_t at = beam_.offer(distance, row);
    count_ += matching;
    while (count_ > width_) drop_last();
    while (count_ == width_ && !matches_(beam_.last().row & ~kExpanded)) beam_.drop_last();
    return at;
  }
  // Other rows took places that rows that match should have had.
  bool is_crowded() const { return crowded_; }
  // Leaves only rows that match, and returns how many.
  std::size_t finish() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < beam_.size(); ++i) {
      const std::uint32_t row = beam_[i].row & ~kExpanded;
      if (matches_(row)) beam_[kept++] = {beam_[i].distance, row};
    }
    return kept;
  }

 private:
  static constexpr std::size_t kOthers = 64;

  void drop_last() {
    count_ -= matches_(beam_.last().row & ~kExpanded);
    beam_.drop_last();
  }

  Beam beam_;
  std::size_t width_;
  std::size_t count_ = 0;
  bool crowded_ = false;
  const Matches& matches_;
};

// The nearest entries; how many rows a walk starts from. Long rows of a dot product graph are
// entries because no link leads to them: many of them may be answers.
inline constexpr std::size_t kStarts = 2;
inline constexpr std::size_t kDotStarts = 32;

class Starts {
 public:
  explicit Starts(Metric metric) : wanted_(metric == Metric::Dot ? kDotStarts : kStarts) {}
  float bound() const {
    return found_ == wanted_ ? best_[wanted_ - 1].distance : std::numeric_limits<float>::infinity();
  }
  void offer(const Candidate& next) {
    if (!(next.distance < bound())) return;
    std::size_t at = found_ < wanted_ ? found_++ : wanted_ - 1;
    for (; at > 0 && next.distance < best_[at - 1].distance; --at) best_[at] = best_[at - 1];
    best_[at] = next;
  }
  template <class Take>
  void give(Scratch& scratch, Take&& take) const {
    for (std::size_t i = 0; i < found_; ++i)
      if (scratch.meet(best_[i].row)) take(best_[i].distance, best_[i].row);
  }

 private:
  Candidate best_[kDotStarts];
  std::size_t wanted_;
  std::size_t found_ = 0;
};

template <class Rows, class Code, class Query, class Take>
void start_walk(const Rows& graph, const Code& code, const Query& query, std::size_t limit,
                Scratch& scratch, Take&& take) {
  Starts best(graph.options().metric);
  const std::size_t entries = graph.entry_count();
  for (std::size_t i = 0; i < entries; ++i)
    if (const std::uint32_t row = graph.entry_row(i); row < limit)
      best.offer({code.distance(query, graph.entry_code(i)), row});
  scratch.distances += entries;
  best.give(scratch, take);
}

// Expands the nearest row of the beam that was not expanded, until there is none.
template <class Rows, class Code, class Query, class Kept>
void explore(const Rows& graph, const Code& code, const Query& query, Scratch& scratch,
             Kept& beam) {
  const std::size_t limit = graph.rows();
  scratch.begin(limit);
  std::size_t next = 0;
  auto take = [&](float distance, std::uint32_t row) {
    const std::size_t at = beam.offer(distance, row);
    if (at < next) next = at;
  };
  start_walk(graph, code, query, limit, scratch, take);
  const std::size_t link_bytes = graph.link_bytes();
  Pulse pulse;
  while (true) {
    pulse.beat();
    while (next < beam.size() && (beam[next].row & kExpanded)) ++next;
    if (next >= beam.size()) break;
    const std::uint32_t row = beam[next].row;
    beam[next].row |= kExpanded;
    ++next;
    expand(graph, code, query, row, limit, scratch, take);
    if (next < beam.size())
      fetch_row(reinterpret_cast<const std::byte*>(graph.links(beam[next].row & ~kExpanded)),
                link_bytes);
  }
}

// The `width` nearest rows met, nearest first, in scratch.beam; returns how many.
template <class Rows, class Code, class Query>
std::size_t walk(const Rows& graph, const Code& code, const Query& query, std::size_t width,
                 Scratch& scratch) {
  Beam beam(scratch.beam, width);
  explore(graph, code, query, scratch, beam);
  for (std::size_t i = 0; i < beam.size(); ++i) beam[i].row &= ~kExpanded;
  return beam.size();
}

// The `width` nearest rows for which matches(row), nearest first, in scratch.beam; returns how
// many. For filters that most rows match: fewer come back where too many others lie near the query.
template <class Rows, class Code, class Query, class Matches>
std::size_t walk_past(const Rows& graph, const Code& code, const Query& query,
                      std::size_t width, Scratch& scratch, const Matches& matches) {
  MixedBeam<Matches> beam(scratch.beam, width, matches);
  explore(graph, code, query, scratch, beam);
  return beam.finish();
}

// The `width` nearest rows for which matches(row), in scratch.beam; returns how many, or nothing
// useful and `false` in `complete` when `budget` distances were not enough.
template <class Rows, class Code, class Query, class Matches, class Seeds>
std::size_t walk_matching(const Rows& graph, const Code& code, const Query& query,
                          std::size_t width, std::size_t budget, Scratch& scratch,
                          Matches&& matches, Seeds&& seeds, bool& complete) {
  const std::size_t limit = graph.rows();
  scratch.begin(limit);
  Beam beam(scratch.beam, width);
  Frontier frontier(scratch.frontier);
  auto take = [&](float distance, std::uint32_t row) {
    if (!(distance < beam.bound())) return;
    if (matches(row)) beam.offer(distance, row);
    frontier.push({distance, row});
  };
  start_walk(graph, code, query, limit, scratch, take);
  seeds(limit, take);
  complete = true;
  Pulse pulse;
  while (!frontier.empty() && frontier.nearest().distance <= beam.bound()) {
    pulse.beat();
    if (scratch.distances > budget) {
      complete = false;
      break;
    }
    expand(graph, code, query, frontier.pop().row, limit, scratch, take);
  }
  return beam.size();
}

}  // namespace ruvector
