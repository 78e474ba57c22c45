// How are near rows found in a packed graph? One node a step: its exact distance, and estimates of
// its neighbours' distances, 32 at once.
//
// The beam holds estimates; a row's exact distance is known when it is expanded, and only expanded
// rows are collected. The signs' error falls with the square root of the dimension, so most rows
// that belong to the answer are among the `width` best by estimate.
// Source: SymphonyQG (2411.12229), section 4. Deviations: (a) a row enters the beam once, with the
// first estimate that was good enough; (b) walks that collect only some rows.
#pragma once

#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "walk.hpp"

namespace ruvector {

struct Neighbours {
  alignas(64) float estimates[kMaxLinks];
  Candidate near[kMaxLinks];
};

// The lanes whose estimate is below the bound, as bits.
inline std::uint32_t lanes_below(const float* estimates, float bound) {
  std::uint32_t bits = 0;
#if defined(__SSE2__)
  const __m128 limit = _mm_set1_ps(bound);
  for (std::size_t lane = 0; lane < kLanes; lane += 4) {
    const __m128 below = _mm_cmplt_ps(_mm_load_ps(estimates + lane), limit);
    bits |= static_cast<std::uint32_t>(_mm_movemask_ps(below)) << lane;
  }
#else
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    bits |= std::uint32_t{estimates[lane] < bound} << lane;
#endif
  return bits;
}

// Writes the neighbours nearer than `bound` by estimate to out.near and returns how many. Reads
// again while a writer is at the node, a bounded number of times: what a torn read brings is a poor
// estimate, never a row that does not exist (rows from `limit` on are left out).
inline std::size_t read_neighbours(const Graph& graph, const SignQuery& signs, std::uint32_t row,
                                   float distance, float bound, std::size_t limit,
                                   Neighbours& out) {
  constexpr int kTries = 1000;
  const NodeLayout& node = graph.node();
  const std::byte* bytes = graph.node_at(row);
  const std::uint32_t* links = graph.links(row);
  std::size_t count = 0;
  for (int i = 0; i < kTries; ++i) {
    const std::uint32_t before = __atomic_load_n(graph.version(row), __ATOMIC_ACQUIRE);
    if (before & 1) continue;
    count = 0;
    for (std::size_t block = 0; block * kLanes < node.lanes; ++block) {
      float* estimates = out.estimates + block * kLanes;
      signs.estimate(bytes + node.block_at(block), distance, node.dim, estimates);
      for (std::uint32_t lanes = lanes_below(estimates, bound); lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        const std::uint32_t link = __atomic_load_n(links + block * kLanes + lane, __ATOMIC_RELAXED);
        if (link < limit) out.near[count++] = {estimates[lane], link};
      }
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (__atomic_load_n(graph.version(row), __ATOMIC_RELAXED) == before) break;
  }
  return count;
}

// As start_walk, by estimates: entries lie in blocks of codes relative to the first of them.
template <class Take>
void start_packed(const Graph& graph, const Int8Code& code, const CodeQuery& query,
                  std::size_t limit, Scratch& scratch, Take&& take) {
  const std::size_t entries = graph.entry_count();
  if (entries == 0) return;
  Starts best(graph.options().metric);
  alignas(64) float estimates[kLanes];
  const float base = code.distance(query, graph.code(graph.entry_row(0)));
  for (std::size_t start = 0; start < entries; start += kLanes) {
    scratch.signs.estimate(graph.entry_block(start / kLanes), base, graph.node().dim, estimates);
    std::uint32_t lanes = lanes_below(estimates, best.bound());
    for (; lanes != 0; lanes &= lanes - 1) {
      const std::size_t i = start + static_cast<std::size_t>(std::countr_zero(lanes));
      if (i >= entries) break;
      const std::uint32_t row = graph.entry_row(i);
      if (row < limit) best.offer({estimates[i - start], row});
    }
  }
  scratch.distances += (entries + kLanes - 1) / kLanes;
  best.give(scratch, take);
}

// Takes the nearest row of the beam that was not expanded and fetches its node; kNoRow for none.
template <class Kept>
Candidate take_next(const Graph& graph, Kept& beam, std::size_t& next) {
  while (next < beam.size() && (beam[next].row & kExpanded)) ++next;
  if (next >= beam.size()) return {0, kNoRow};
  const Candidate taken = beam[next];
  beam[next++].row |= kExpanded;
  fetch_row(graph.node_at(taken.row), graph.node().bytes);
  return taken;
}

// Reads one node: collect(distance, row) for the row itself, take(estimate, row) for each neighbour
// that was not met and is nearer than bound().
template <class Collect, class Bound, class Take>
void read_node(const Graph& graph, const Int8Code& code, const CodeQuery& query, std::uint32_t row,
               std::size_t limit, Scratch& scratch, Neighbours& near, Collect&& collect,
               Bound&& bound, Take&& take) {
  const float distance = code.distance(query, graph.code(row));
  ++scratch.distances;
  collect(distance, row);
  const std::size_t count =
      read_neighbours(graph, scratch.signs, row, distance, bound(), limit, near);
  for (std::size_t i = 0; i < count; ++i)
    if (scratch.meet(near.near[i].row)) take(near.near[i].distance, near.near[i].row);
}

// Expands the rows of the beam, nearest first, until all are; calls collect(distance, row) for
// each. A node is fetched while the one before it is read, so what that one finds waits a step.
template <class Kept, class Collect>
void explore_packed(const Graph& graph, const Int8Code& code, const CodeQuery& query,
                    Scratch& scratch, Kept& beam, Collect&& collect) {
  const std::size_t limit = graph.rows();
  scratch.begin(limit);
  Neighbours near;
  std::size_t next = 0;
  auto take = [&](float distance, std::uint32_t row) {
    const std::size_t at = beam.offer(distance, row);
    if (at < next) next = at;
  };
  start_packed(graph, code, query, limit, scratch, take);
  Candidate current = take_next(graph, beam, next);
  Pulse pulse;
  while (current.row != kNoRow) {
    pulse.beat();
    const Candidate following = take_next(graph, beam, next);
    if (current.distance <= beam.bound())
      read_node(graph, code, query, current.row, limit, scratch, near, collect,
                [&] { return beam.bound(); }, take);
    current = following.row != kNoRow ? following : take_next(graph, beam, next);
  }
}

// The `keep` nearest matching rows met by a walk with this beam, nearest first, in scratch.kept.
template <class Kept, class Matches>
std::size_t walk_packed(const Graph& graph, const Int8Code& code, const CodeQuery& query,
                        Kept& beam, std::size_t keep, Scratch& scratch, Matches&& matches) {
  Beam found(scratch.kept, keep);
  explore_packed(graph, code, query, scratch, beam, [&](float distance, std::uint32_t row) {
    if (matches(row)) found.offer(distance, row);
  });
  return found.size();
}

// As walk_matching: expands all rows nearer than the `width` best matches by estimate. Gives up
// after `budget` nodes, with false in `complete`.
template <class Matches, class Seeds>
std::size_t walk_packed_matching(const Graph& graph, const Int8Code& code, const CodeQuery& query,
                                 std::size_t width, std::size_t keep, std::size_t budget,
                                 Scratch& scratch, Matches&& matches, Seeds&& seeds,
                                 bool& complete) {
  const std::size_t limit = graph.rows();
  scratch.begin(limit);
  Beam best(scratch.beam, width);
  Beam found(scratch.kept, keep);
  Frontier frontier(scratch.frontier);
  Neighbours near;
  auto take = [&](float distance, std::uint32_t row) {
    if (!(distance < best.bound())) return;
    if (matches(row)) best.offer(distance, row);
    frontier.push({distance, row});
  };
  auto next = [&]() -> Candidate {
    if (frontier.empty()) return {0, kNoRow};
    const Candidate nearest = frontier.pop();
    fetch_row(graph.node_at(nearest.row), graph.node().bytes);
    return nearest;
  };
  start_packed(graph, code, query, limit, scratch, take);
  seeds(limit, take);
  complete = true;
  std::size_t nodes = 0;
  Candidate current = next();
  Pulse pulse;
  while (current.row != kNoRow && current.distance <= best.bound()) {
    pulse.beat();
    if (++nodes > budget) {
      complete = false;
      break;
    }
    const Candidate following = next();
    read_node(graph, code, query, current.row, limit, scratch, near,
              [&](float distance, std::uint32_t row) {
                if (matches(row)) found.offer(distance, row);
              },
              [&] { return best.bound(); }, take);
    current = following.row != kNoRow ? following : next();
  }
  return found.size();
}

}  // namespace ruvector
