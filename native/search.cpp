#include "search.hpp"

#include <limits>

#include "threads.hpp"
#include "topk.hpp"
#include "walk.hpp"

namespace ruvector {
namespace {

// How many new distances one expanded row costs a walk, on average (62,666 x 384, R = 32).
constexpr std::size_t kFreshPerRow = 12;
// A scan by codes keeps this many times k for rescoring (PERFORMANCE 3.9).
constexpr std::size_t kScanKeep = 4;
// Seeds of a filtered walk: the best of a sample of the matches.
constexpr std::size_t kSeedSample = 256;
constexpr std::size_t kSeeds = 8;

class Query {
 public:
  Query(const Graph& graph, const SearchOptions& options, const Scorer& scorer, Scratch& scratch)
      : graph_(graph), options_(options), scorer_(scorer), scratch_(scratch) {
    higher_ = higher_is_better(graph.options().metric);
    rows_ = graph.rows();
    deleted_ = graph.deleted_rows();
    if (options.allowed && options.mask_rows < rows_) rows_ = options.mask_rows;
  }

  void run(const float* query, std::size_t columns, std::uint32_t* out_rows, float* out_scores) {
    query_ = query;
    norm_ = scorer_.query_norm(query);
    TopK best(columns);
    const std::size_t matches = options_.allowed ? options_.allowed_count : rows_ - deleted_;
    if (options_.exact || matches <= options_.full_scan_rows || graph_.entry_count() == 0) {
      scan(best);
    } else if (!by_walk(best, matches)) {
      best.clear();
      matches <= kExactScanRows ? scan(best) : scan_codes(best);
    }
    std::size_t column = 0;
    for (const std::uint64_t rank : best.sorted()) {
      out_rows[column] = static_cast<std::uint32_t>(rank);
      out_scores[column++] = score_of(rank, higher_);
    }
    for (; column < columns; ++column) {
      out_rows[column] = kNoRow;
      out_scores[column] = std::numeric_limits<float>::quiet_NaN();
    }
  }

 private:
  static constexpr std::size_t kExactScanRows = 4096;

  bool matches(std::uint32_t row) const {
    if (row >= rows_) return false;
    if (options_.allowed) return Mask{options_.allowed}.has(row);
    return deleted_ == 0 || !graph_.is_deleted(row);
  }

  void offer(TopK& best, std::uint32_t row) {
    best.offer(rank_of(scorer_.score(query_, norm_, graph_.vectors().at(row)), row, higher_));
  }

  template <class Visit>
  void each_match(Visit&& visit) const {
    for (std::size_t row = 0; row < rows_; ++row) {
      if (options_.allowed && row % 8 == 0 && options_.allowed[row >> 3] == 0) {
        row += 7;
        continue;
      }
      if (matches(static_cast<std::uint32_t>(row))) visit(static_cast<std::uint32_t>(row));
    }
  }

  void scan(TopK& best) {
    each_match([&](std::uint32_t row) { offer(best, row); });
  }

  CodeQuery prepare() {
    const std::size_t bytes = graph_.codes().row_bytes() + 64;
    if (scratch_.query.size() < bytes) scratch_.query.resize(bytes);
    return graph_.with_code(
        [&](const auto& code) { return code.search_query(query_, scratch_.query.data()); });
  }

  void scan_codes(TopK& best) {
    const CodeQuery query = prepare();
    Beam beam(scratch_.beam, kScanKeep * options_.k + 32);
    graph_.with_code([&](const auto& code) {
      each_match(
          [&](std::uint32_t row) { beam.offer(code.distance(query, graph_.code(row)), row); });
    });
    for (std::size_t i = 0; i < beam.size(); ++i) offer(best, beam[i].row);
  }

  // False if a scan must answer instead.
  bool by_walk(TopK& best, std::size_t match_count) {
    const std::size_t wanted = std::min(options_.k, match_count);
    const std::size_t keep = std::max(options_.k + options_.k / 2, options_.k + 8);
    const std::size_t width = std::max({options_.beam, options_.k, std::size_t{1}});
    const CodeQuery query = prepare();
    std::size_t found = 0;
    bool complete = true;
    if (!options_.allowed && deleted_ == 0) {
      found = graph_.with_code(
          [&](const auto& code) { return walk(graph_, code, query, width, scratch_); });
    } else {
      // The rows a walk must measure before `width` matches are met; more than a scan: scan.
      const double expected = static_cast<double>(width) * static_cast<double>(graph_.rows()) *
                              kFreshPerRow / static_cast<double>(match_count);
      if (expected > static_cast<double>(match_count)) return false;
      const auto matching = [this](std::uint32_t row) { return matches(row); };
      if (match_count >= graph_.rows() / 2)
        found = graph_.with_code([&](const auto& code) {
          return walk_past(graph_, code, query, width, scratch_, matching);
        });
      if (found < std::min({keep, width, match_count}))
        found = graph_.with_code([&](const auto& code) {
          return walk_matching(
              graph_, code, query, width, match_count, scratch_, matching,
              [&](std::size_t limit, auto& take) { seed(code, query, limit, take); }, complete);
        });
    }
    if (!complete) return false;
    // uint8 rows are no larger than their codes: all are rescored.
    const bool all = graph_.options().element == Element::UInt8;
    const std::size_t count = all ? found : std::min(found, keep);
    const std::size_t bytes = graph_.vectors().row_bytes();
    for (std::size_t i = 0; i < count && i < kAhead; ++i)
      fetch_row(graph_.vectors().at(scratch_.beam[i].row), bytes);
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) fetch_row(graph_.vectors().at(scratch_.beam[i + kAhead].row), bytes);
      offer(best, scratch_.beam[i].row);
    }
    return found >= wanted;
  }

  // Starts a filtered walk also from matches: cures filters that go against the query.
  template <class Code, class Take>
  void seed(const Code& code, const CodeQuery& query, std::size_t limit, Take& take) {
    if (!options_.allowed) return;
    Candidate best[kSeeds];
    std::size_t found = 0;
    const std::size_t step = std::max<std::size_t>(rows_ / kSeedSample, 1);
    for (std::size_t start = 0; start < rows_; start += step) {
      const std::size_t stop = std::min(start + step, rows_);
      for (std::size_t i = start; i < stop; ++i) {
        const auto row = static_cast<std::uint32_t>(i);
        if (row >= limit || !matches(row)) continue;
        const float distance = code.distance(query, graph_.code(row));
        if (found == kSeeds && !(distance < best[kSeeds - 1].distance)) break;
        std::size_t at = found < kSeeds ? found++ : kSeeds - 1;
        for (; at > 0 && distance < best[at - 1].distance; --at) best[at] = best[at - 1];
        best[at] = {distance, row};
        break;
      }
    }
    for (std::size_t i = 0; i < found; ++i)
      if (scratch_.meet(best[i].row)) take(best[i].distance, best[i].row);
  }

  const Graph& graph_;
  const SearchOptions& options_;
  const Scorer& scorer_;
  Scratch& scratch_;
  const float* query_ = nullptr;
  float norm_ = 1.0F;
  bool higher_ = true;
  std::size_t rows_ = 0;
  std::size_t deleted_ = 0;
};

}  // namespace

void search(const Graph& graph, const float* queries, std::size_t query_count,
            const SearchOptions& options, std::size_t columns, int threads, std::uint32_t* out_rows,
            float* out_scores) {
  const Scorer scorer(graph.options().metric, graph.options().element, graph.options().dim);
  parallel_for(query_count, threads, 1, [&](std::size_t i) {
    ScratchLease scratch(graph);
    Query(graph, options, scorer, *scratch)
        .run(queries + i * graph.options().dim, columns, out_rows + i * columns,
             out_scores + i * columns);
  });
}

}  // namespace ruvector
