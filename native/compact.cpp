// How does a graph get rid of its removed rows? Links around them first, then the rest is copied.
//
// Nothing is searched and nothing encoded: a row keeps its code, and the codes of its neighbours,
// which are relative to it. Source: the consolidation of FreshDiskANN (2105.09613), section 5.3.
// Threads: one, the owner's writer; readers stay with the old graph.
#include <stdexcept>

#include "graph.hpp"
#include "threads.hpp"

namespace ruvector {

void Graph::copy_living(const Graph& from, int threads) {
  if (rows() != 0 || from.layout_ != layout_ || from.options_.dim != options_.dim ||
      from.options_.links_per_node != options_.links_per_node ||
      from.options_.element != Element::Float32)
    throw std::invalid_argument("only an empty graph of the same kind takes a graph's rows");
  const std::size_t count = from.rows();
  std::vector<std::uint32_t> place(count, kNoRow);
  std::vector<std::uint32_t> living;
  living.reserve(count - from.deleted_rows());
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    if (from.is_deleted(row)) continue;
    place[row] = static_cast<std::uint32_t>(living.size());
    living.push_back(row);
  }
  center_ = from.center_;
  vectors_.reserve(living.size());
  if (codes_ != &vectors_) codes_->reserve(living.size());
  reserve_links(living.size());
  clear_removals(living.size());
  parallel_for(living.size(), threads, 256, [&](std::size_t i) {
    const auto row = static_cast<std::uint32_t>(i);
    const std::uint32_t old = living[i];
    std::fill_n(settled_.at(row), settled_.row_bytes(), std::byte{0});
    std::memcpy(vectors_.at(row), from.vectors_.at(old), vectors_.row_bytes());
    if (codes_ != &vectors_)
      std::memcpy(codes_->at(row), from.codes_->at(old), codes_->row_bytes());
    if (!is_packed()) std::memcpy(links_->at(row), from.links_->at(old), links_->row_bytes());
  });
  // Two passes: a link that is left out leaves a lane to be coded, which reads another row.
  parallel_for(living.size(), threads, 256, [&](std::size_t i) {
    std::uint32_t* row_links = links(static_cast<std::uint32_t>(i));
    std::array<Candidate, kMaxLinks> kept;
    std::size_t kept_count = 0;
    bool is_whole = true;
    for (std::size_t lane = 0; lane < options_.links_per_node; ++lane) {
      if (row_links[lane] == kNoRow) break;
      row_links[lane] = place[row_links[lane]];
      if (row_links[lane] == kNoRow) is_whole = false;
      else kept[kept_count++] = {0, row_links[lane]};
    }
    if (!is_whole) write_links(static_cast<std::uint32_t>(i), kept.data(), kept_count, 0);
  });
  rows_.store(living.size(), std::memory_order_release);
  for (std::size_t i = 0; i < from.entry_count(); ++i)
    if (const std::uint32_t row = place[from.entry_row(i)]; row != kNoRow) add_entry(row);
  if (entry_count() == 0 && from.entry_count() > 0 && !living.empty()) add_entry(0);
  linked_.store(entry_count() > 0 ? living.size() : 0, std::memory_order_release);
  set_stretch(from.stretch());
}

}  // namespace ruvector
