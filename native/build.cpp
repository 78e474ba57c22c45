// How do rows get their links? One row at a time: walk to it, prune what was met, link both ways.
//
// Source: robust pruning from DiskANN (Subramanya et al. 2019), here on squared distances.
// Deviations: (a) no layers and no second pass; (b) `<=` in the pruning rule, so that of many equal
// rows one is kept and the other links stay free for rows elsewhere; (c) a row that no neighbour
// takes is put between its nearest neighbour and one of that neighbour's links; (d) at least a
// quarter of the places is filled.
#include <type_traits>

#include "packed_walk.hpp"
#include "threads.hpp"

namespace ruvector {

// Nearest first. Equal distances are ordered differently for each owner, so that of many equal rows
// each gets its share of links and not only those with the lowest numbers.
struct Nearer {
  std::uint32_t owner;
  std::uint32_t mix(std::uint32_t row) const {
    return ((row & kMaxRows) ^ owner * 0x9E3779B1U) * 0x85EBCA6BU;
  }
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.distance < b.distance || (a.distance == b.distance && mix(a.row) < mix(b.row));
  }
};

// The work on links with one code and one thread's scratch.
class Linker {
 public:
  Linker(Graph& graph, Scratch& scratch) : graph_(graph), scratch_(scratch) {}

  template <class Code>
  void link(const Code& code, std::uint32_t row) {
    const CodeQuery query = code.row_query(graph_.code(row));
    const std::size_t found = walk_from(code, query, row, graph_.options().build_beam);
    std::vector<Candidate>& near = scratch_.merged;
    near.clear();
    for (std::size_t i = 0; i < found; ++i)
      if (const Candidate& met = scratch_.beam[i]; met.row != row)
        near.push_back({code.without_noise(query, met.distance), met.row});
    std::sort(near.begin(), near.end(), Nearer{row});
    const std::size_t settled = prune(code, near);
    const std::vector<Candidate> chosen = scratch_.kept;
    {
      const std::lock_guard<std::mutex> guard(graph_.lock_of(row));
      graph_.write_links(row, chosen.data(), chosen.size(), settled);
    }
    bool taken = false;
    for (const Candidate& neighbour : chosen)
      taken |= link_back(code, neighbour.row, row, neighbour.distance, query);
    if (!taken && !chosen.empty()) squeeze_in(chosen.front().row, row);
    graph_.offer_entry(row);
  }

  // `removed` leaves every row met near it; its own nearest links take its place.
  template <class Code>
  void repair(const Code& code, std::uint32_t removed) {
    const CodeQuery query = code.row_query(graph_.code(removed));
    const std::size_t found = walk_from(code, query, removed, kRepairBeam);
    std::vector<std::uint32_t> around;
    for (std::size_t i = 0; i < found; ++i) around.push_back(scratch_.beam[i].row);
    std::vector<std::uint32_t> heirs;
    each_link(removed, [&](std::uint32_t link) {
      around.push_back(link);
      if (!graph_.is_deleted(link)) heirs.push_back(link);
    });
    std::sort(around.begin(), around.end());
    around.erase(std::unique(around.begin(), around.end()), around.end());
    for (const std::uint32_t row : around)
      if (row != removed) lead_around(code, row, removed, heirs);
  }

  // Leads the row's own links around removed rows.
  template <class Code>
  void mend(const Code& code, std::uint32_t row) {
    std::vector<std::uint32_t> gone;
    each_link(row, [&](std::uint32_t link) {
      if (graph_.is_deleted(link)) gone.push_back(link);
    });
    for (const std::uint32_t removed : gone) {
      std::vector<std::uint32_t> heirs;
      each_link(removed, [&](std::uint32_t link) {
        if (!graph_.is_deleted(link)) heirs.push_back(link);
      });
      lead_around(code, row, removed, heirs);
    }
  }

  // The rows nearest to a stored one, nearest first, in scratch.beam.
  template <class Code>
  std::size_t walk_from(const Code& code, const CodeQuery& query, std::uint32_t row,
                        std::size_t width) {
    if constexpr (std::is_same_v<Code, Int8Code>) {
      if (graph_.stretch() > 0) {
        graph_.row_search_query(row, scratch_);
        Beam beam(scratch_.beam, width);
        const std::size_t found = walk_packed(graph_, code, query, beam, width, scratch_,
                                              [](std::uint32_t) { return true; });
        std::swap(scratch_.beam, scratch_.kept);
        return found;
      }
    }
    return walk(graph_, code, query, width, scratch_);
  }

  // Puts `row` between `near` and one of its links; nothing that could be reached is lost.
  void squeeze_in(std::uint32_t near, std::uint32_t row) {
    const std::size_t width = graph_.options().links_per_node;
    std::uint32_t displaced = kNoRow;
    {
      const std::lock_guard<std::mutex> guard(graph_.lock_of(near));
      std::uint32_t* links = graph_.links(near);
      std::size_t count = 0;
      while (count < width && links[count] != kNoRow)
        if (links[count++] == row) return;
      if (count == width) displaced = links[--count];
      graph_.write_link(near, count, row);
    }
    if (displaced == kNoRow || displaced == row) return;
    const std::lock_guard<std::mutex> guard(graph_.lock_of(row));
    std::uint32_t* links = graph_.links(row);
    std::size_t count = 0;
    while (count < width && links[count] != kNoRow)
      if (links[count++] == displaced) return;
    graph_.write_link(row, count == width ? width - 1 : count, displaced);
  }

  template <class Visit>
  void each_link(std::uint32_t row, Visit&& visit) const {
    const std::uint32_t* links = graph_.links(row);
    for (std::size_t i = 0; i < graph_.options().links_per_node; ++i) {
      const std::uint32_t link = __atomic_load_n(links + i, __ATOMIC_ACQUIRE);
      if (link == kNoRow) return;
      visit(link);
    }
  }

 private:
  static constexpr std::uint32_t kSettled = ~kMaxRows;
  static constexpr std::size_t kRepairBeam = 64;
  static constexpr std::size_t kHeirs = 3;  // IP-DiskANN: at most three take a removed row's place

  // Among many equal or nearly equal rows the pruning rule leaves two or three links, and some rows
  // are then hard to reach: the nearest hidden ones fill a quarter of the places. A packed graph
  // reads all lanes anyway and fills three (20,000 x 384, beam 32: recall .944 for .941).
  std::size_t least_links() const {
    return graph_.options().links_per_node * (graph_.is_packed() ? 3 : 1) / 4;
  }

  // Keeps candidates (sorted, nearest first) that no kept one is much nearer to, in scratch.kept;
  // returns how many of those are not hidden, which come first. Those marked kSettled are known not
  // to hide each other.
  template <class Code>
  std::size_t prune(const Code& code, const std::vector<Candidate>& sorted) {
    std::vector<Candidate>& kept = scratch_.kept;
    kept.clear();
    const float alpha = graph_.options().alpha;
    for (const Candidate& candidate : sorted) {
      if (kept.size() == graph_.options().links_per_node) break;
      const CodeQuery query = code.row_query(graph_.code(candidate.row & ~kSettled));
      const bool hidden = std::any_of(kept.begin(), kept.end(), [&](const Candidate& other) {
        if (candidate.row & other.row & kSettled) return false;
        const std::byte* there = graph_.code(other.row & ~kSettled);
        return alpha * code.pair_distance(query, there) <= candidate.distance;
      });
      if (!hidden) kept.push_back(candidate);
    }
    const std::size_t open = kept.size();
    for (Candidate& candidate : kept) candidate.row &= ~kSettled;
    for (std::size_t i = 0; i < sorted.size() && kept.size() < least_links(); ++i) {
      const std::uint32_t row = sorted[i].row & ~kSettled;
      const auto same = [row](const Candidate& c) { return c.row == row; };
      const bool known = std::any_of(kept.begin(), kept.end(), same);
      if (!known) kept.push_back({sorted[i].distance, row});
    }
    return open;
  }

  // The caller holds the row's lock.
  template <class Code>
  void prune_into(const Code& code, std::uint32_t row, const std::vector<Candidate>& sorted) {
    const std::size_t settled = prune(code, sorted);
    graph_.write_links(row, scratch_.kept.data(), scratch_.kept.size(), settled);
  }

  // Offers the link owner -> row; false if the owner's links hide the row.
  template <class Code>
  bool link_back(const Code& code, std::uint32_t owner, std::uint32_t row, float distance,
                 const CodeQuery& row_query) {
    const std::lock_guard<std::mutex> guard(graph_.lock_of(owner));
    std::uint32_t* links = graph_.links(owner);
    const std::size_t width = graph_.options().links_per_node;
    std::size_t count = 0;
    while (count < width && links[count] != kNoRow)
      if (links[count++] == row) return true;
    if (count < width) {
      graph_.write_link(owner, count, row);
      return true;
    }
    const float alpha = graph_.options().alpha;
    const CodeQuery owner_query = code.row_query(graph_.code(owner));
    std::vector<Candidate>& merged = scratch_.merged;
    merged.clear();
    const std::size_t bytes = graph_.code_bytes();
    for (std::size_t i = 0; i < width && i < kAhead; ++i) fetch_row(graph_.code(links[i]), bytes);
    for (std::size_t i = 0; i < width; ++i) {
      if (i + kAhead < width) fetch_row(graph_.code(links[i + kAhead]), bytes);
      const std::byte* other = graph_.code(links[i]);
      const std::uint32_t known = graph_.is_settled(owner, i) ? kSettled : 0;
      merged.push_back({code.pair_distance(owner_query, other), links[i] | known});
      // The usual case, told apart early: a nearer link already leads to the row. Of rows equally
      // near, pruning chooses: many equal rows would otherwise link to the first of them only.
      if (merged.back().distance < distance &&
          alpha * code.pair_distance(row_query, other) <= distance)
        return false;
    }
    merged.push_back({distance, row});
    std::sort(merged.begin(), merged.end(), Nearer{owner});
    prune_into(code, owner, merged);
    return std::any_of(scratch_.kept.begin(), scratch_.kept.end(),
                       [row](const Candidate& kept) { return kept.row == row; });
  }

  template <class Code>
  void lead_around(const Code& code, std::uint32_t row, std::uint32_t removed,
                   const std::vector<std::uint32_t>& heirs) {
    const std::lock_guard<std::mutex> guard(graph_.lock_of(row));
    std::vector<Candidate>& merged = scratch_.merged;
    merged.clear();
    bool points_there = false;
    const CodeQuery query = code.row_query(graph_.code(row));
    each_link(row, [&](std::uint32_t link) {
      if (link == removed) points_there = true;
      else merged.push_back({code.pair_distance(query, graph_.code(link)), link});
    });
    if (!points_there) return;
    std::vector<Candidate> added;
    for (const std::uint32_t heir : heirs) {
      const bool known = std::any_of(merged.begin(), merged.end(),
                                     [heir](const Candidate& c) { return c.row == heir; });
      if (heir != row && !known)
        added.push_back({code.pair_distance(query, graph_.code(heir)), heir});
    }
    const auto nearer = [](const Candidate& a, const Candidate& b) {
      return a.distance < b.distance;
    };
    std::sort(added.begin(), added.end(), nearer);
    if (added.size() > kHeirs) added.resize(kHeirs);
    merged.insert(merged.end(), added.begin(), added.end());
    std::sort(merged.begin(), merged.end(), nearer);
    if (merged.size() > graph_.options().links_per_node) prune_into(code, row, merged);
    else graph_.write_links(row, merged.data(), merged.size(), 0);
  }

  Graph& graph_;
  Scratch& scratch_;
};

void Graph::link(const std::uint32_t* rows, std::size_t count, int threads) {
  std::size_t first = 0;
  const auto link_one = [&](std::uint32_t row) {
    ScratchLease scratch(*this);
    with_code([&](const auto& code) { Linker(*this, *scratch).link(code, row); });
  };
  // The first row has nobody to link to; the next ones need a few rows to find.
  for (; first < count && linked_.load(std::memory_order_acquire) < 64; ++first)
    link_one(rows[first]);
  parallel_for(count - first, threads, 16, [&](std::size_t i) { link_one(rows[first + i]); });
}

std::size_t Graph::remove(const std::uint32_t* rows, std::size_t count, int threads) {
  std::atomic<std::size_t> removed{0};
  // All are marked before any link is mended, so that none takes another's place.
  for (std::size_t i = 0; i < count; ++i) removed += mark_removed(rows[i]);
  if (entry_count() == 0) return removed;
  parallel_for(count, threads, 8, [&](std::size_t i) {
    ScratchLease scratch(*this);
    with_code([&](const auto& code) { Linker(*this, *scratch).repair(code, rows[i]); });
  });
  return removed;
}

void Graph::mend(int threads) {
  if (deleted_rows() == 0) return;
  parallel_for(rows(), threads, 64, [&](std::size_t i) {
    const auto row = static_cast<std::uint32_t>(i);
    if (is_deleted(row)) return;
    ScratchLease scratch(*this);
    with_code([&](const auto& code) { Linker(*this, *scratch).mend(code, row); });
  });
}

std::size_t Graph::connect_unreached(int) {
  const std::size_t count = rows();
  ScratchLease scratch(*this);
  Linker linker(*this, *scratch);
  std::vector<bool> reached;
  std::vector<std::uint32_t> stack;
  const auto spread = [&](std::uint32_t from) {
    if (reached[from]) return;
    reached[from] = true;
    stack.push_back(from);
    while (!stack.empty()) {
      const std::uint32_t row = stack.back();
      stack.pop_back();
      linker.each_link(row, [&](std::uint32_t link) {
        if (reached[link]) return;
        reached[link] = true;
        stack.push_back(link);
      });
    }
  };
  std::size_t missing = 0;
  // Squeezing a row in may displace the link of another row that had no other; each round mends
  // what the round before broke. Measured: one round on real data, two on 1,000 equal rows.
  constexpr int kRounds = 8;
  for (int round = 0; round <= kRounds; ++round) {
    reached.assign(count, false);
    for (std::size_t i = 0; i < entry_count(); ++i) spread(entry_row(i));
    missing = static_cast<std::size_t>(std::count(reached.begin(), reached.end(), false));
    if (missing == 0 || round == kRounds) break;
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::uint32_t>(i);
      if (reached[row]) continue;
      with_code([&](const auto& code) {
        const CodeQuery query = code.row_query(this->code(row));
        const std::size_t found = linker.walk_from(code, query, row, options_.build_beam);
        std::uint32_t place = kNoRow;
        for (std::size_t at = 0; at < found && place == kNoRow; ++at) {
          const std::uint32_t near = (*scratch).beam[at].row;
          if (near != row && links(near)[options_.links_per_node - 1] == kNoRow) place = near;
        }
        for (std::size_t at = 0; at < found && place == kNoRow; ++at)
          if ((*scratch).beam[at].row != row) place = (*scratch).beam[at].row;
        if (place != kNoRow) linker.squeeze_in(place, row);
      });
      spread(row);
    }
  }
  return missing;
}

}  // namespace ruvector
