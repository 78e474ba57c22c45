#include "search.hpp"

#include <cmath>
#include <limits>

#include "packed_walk.hpp"
#include "threads.hpp"
#include "topk.hpp"

namespace ruvector {
namespace {

// How many new distances one expanded row costs a walk, on average (62,666 x 384, R = 32).
constexpr std::size_t kFreshPerRow = 12;
// Matches that a filtered walk of a packed graph waits for, as a multiple of those it keeps.
// 63,466 x 384, beam 64, a tenth matches: recall .89 at 1, .96 at 3.
constexpr float kMatchShare = 3.0F;
// A node costs a walk as much as so many rows cost a scan (62,666 x 384, float32 originals).
constexpr std::size_t kRowsPerNode = 8;
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
    query_ = options_.raw ? checked(query) : query;
    norm_ = scorer_.query_norm(query);
    TopK best(columns);
    const std::size_t matches = all_matches();
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

  const float* checked(const float* query) {
    const std::size_t dim = graph_.options().dim;
    const double square = squared_length(query, dim);
    if (!std::isfinite(square)) throw std::invalid_argument("a query holds NaN or infinity");
    if (graph_.options().metric != Metric::Cosine || square == 0) return query;
    const double factor = 1.0 / std::sqrt(square);
    if (scratch_.unit.size() < dim) scratch_.unit.resize(dim);
    for (std::size_t i = 0; i < dim; ++i)
      scratch_.unit[i] = static_cast<float>(query[i] * factor);
    return scratch_.unit.data();
  }

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
      if (row % kRowsBetweenChecks == 0) check_deadline();
      if (options_.allowed && row % 8 == 0 && options_.allowed[row >> 3] == 0) {
        row += 7;
        continue;
      }
      if (matches(static_cast<std::uint32_t>(row))) visit(static_cast<std::uint32_t>(row));
    }
  }

  // Visits the matches some rows late, so that they are on their way meanwhile.
  template <class Fetch, class Visit>
  void each_match_fetched(Fetch&& fetch, Visit&& visit) const {
    constexpr std::size_t kLate = 8;
    std::uint32_t waiting[kLate];
    std::size_t count = 0;
    each_match([&](std::uint32_t row) {
      fetch(row);
      if (count >= kLate) visit(waiting[count % kLate]);
      waiting[count++ % kLate] = row;
    });
    for (std::size_t i = count < kLate ? 0 : count - kLate; i < count; ++i)
      visit(waiting[i % kLate]);
  }

  std::size_t all_matches() const {
    return options_.allowed ? options_.allowed_count : rows_ - deleted_;
  }

  // The last walk, for whoever counts.
  void count_walk() const {
    read_vectors([&] {
      const bool is_packed = graph_.stretch() > 0;
      return scratch_.distances * (is_packed ? graph_.node().bytes : graph_.code_bytes());
    });
  }

  void scan(TopK& best) {
    const std::size_t bytes = graph_.vectors().row_bytes();
    read_vectors([&] { return all_matches() * bytes; });
    each_match_fetched([&](std::uint32_t row) { fetch_row(graph_.vectors().at(row), bytes); },
                       [&](std::uint32_t row) { offer(best, row); });
  }

  void scan_codes(TopK& best) {
    const CodeQuery query = graph_.search_query(query_, scratch_);
    Beam beam(scratch_.beam, kScanKeep * options_.k + 32);
    graph_.with_code([&](const auto& code) {
      each_match_fetched(
          [&](std::uint32_t row) { fetch_row(graph_.code(row), graph_.code_bytes()); },
          [&](std::uint32_t row) { beam.offer(code.distance(query, graph_.code(row)), row); });
    });
    for (std::size_t i = 0; i < beam.size(); ++i) offer(best, beam[i].row);
    read_vectors([&] {
      return all_matches() * graph_.code_bytes() + beam.size() * graph_.vectors().row_bytes();
    });
  }

  // False if a scan must answer instead.
  bool by_walk(TopK& best, std::size_t match_count) {
    const std::size_t width = std::max({options_.beam, options_.k, std::size_t{1}});
    // uint8 rows are no larger than their codes: all are rescored.
    const bool all = graph_.options().element == Element::UInt8;
    const std::size_t keep =
        all ? width : std::min(width, std::max(options_.k + options_.k / 2, options_.k + 8));
    const CodeQuery query = graph_.search_query(query_, scratch_);
    bool complete = true;
    std::size_t found = graph_.stretch() > 0
                            ? near_packed(query, width, keep, match_count, complete)
                            : near_by_codes(query, width, keep, match_count, complete);
    if (!complete) return false;
    found = std::min(found, keep);
    const bool known = graph_.is_packed() && graph_.options().metric != Metric::Dot;
    if (known) found = worth_rescoring(found, query);
    const std::size_t bytes = graph_.vectors().row_bytes();
    read_vectors([&] { return found * bytes; });
    for (std::size_t i = 0; i < found && i < kAhead; ++i)
      fetch_row(graph_.vectors().at(scratch_.beam[i].row), bytes);
    for (std::size_t i = 0; i < found; ++i) {
      if (i + kAhead < found) fetch_row(graph_.vectors().at(scratch_.beam[i + kAhead].row), bytes);
      offer(best, scratch_.beam[i].row);
    }
    return found >= std::min(options_.k, match_count);
  }

  bool is_filtered() const { return options_.allowed || deleted_ > 0; }

  // The nearest matching rows in scratch.beam, by walks of a packed graph; returns how many.
  std::size_t near_packed(const CodeQuery& query, std::size_t width, std::size_t keep,
                          std::size_t match_count, bool& complete) {
    const Int8Code& code = graph_.int8_code();
    const auto matching = [this](std::uint32_t row) { return matches(row); };
    const float stretch = graph_.stretch();
    width = static_cast<std::size_t>(std::ceil(static_cast<float>(width) * stretch));
    std::size_t found = 0;
    bool crowded = false;
    if (!is_filtered()) {
      Beam beam(scratch_.beam, width);
      found = walk_packed(graph_, code, query, beam, keep, scratch_,
                          [](std::uint32_t) { return true; });
    } else if (match_count >= graph_.rows() / 2) {
      MixedBeam beam(scratch_.beam, width, matching);
      found = walk_packed(graph_, code, query, beam, keep, scratch_, matching);
      crowded = beam.is_crowded();
    }
    if (!is_filtered() || match_count >= graph_.rows() / 2) count_walk();
    if (crowded || (is_filtered() && found < std::min(keep, match_count))) {
      // All rows nearer than the last match are expanded: fewer matches do than rows of a beam.
      const double share = static_cast<double>(match_count) / static_cast<double>(rows_);
      const auto kept = static_cast<std::size_t>(static_cast<double>(width) * share);
      // Matches of a filter that goes against the query lie far off, where distances differ less.
      const float waited = kMatchShare * (crowded ? 2 : 1) * stretch * static_cast<float>(keep);
      const std::size_t wide = std::max(kept, static_cast<std::size_t>(waited));
      const std::size_t budget = match_count / kRowsPerNode;
      if (static_cast<double>(wide) / share > static_cast<double>(budget)) {
        complete = false;
        return 0;
      }
      found = walk_packed_matching(
          graph_, code, query, wide, keep, budget, scratch_, matching,
          [&](std::size_t limit, auto& take) { seed(code, query, limit, take); }, complete);
      count_walk();
    }
    std::swap(scratch_.beam, scratch_.kept);
    return found;
  }

  // The same by walks that compare codes.
  std::size_t near_by_codes(const CodeQuery& query, std::size_t width, std::size_t keep,
                            std::size_t match_count, bool& complete) {
    if (!is_filtered()) {
      const std::size_t found = graph_.with_code(
          [&](const auto& code) { return walk(graph_, code, query, width, scratch_); });
      count_walk();
      return found;
    }
    // The rows a walk must measure before `width` matches are met; more than a scan: scan.
    const double expected = static_cast<double>(width) * static_cast<double>(graph_.rows()) *
                            kFreshPerRow / static_cast<double>(match_count);
    if (expected > static_cast<double>(match_count)) {
      complete = false;
      return 0;
    }
    const auto matching = [this](std::uint32_t row) { return matches(row); };
    std::size_t found = 0;
    if (match_count >= graph_.rows() / 2) {
      found = graph_.with_code([&](const auto& code) {
        return walk_past(graph_, code, query, width, scratch_, matching);
      });
      count_walk();
    }
    if (found >= std::min(keep, match_count)) return found;
    found = graph_.with_code([&](const auto& code) {
      return walk_matching(
          graph_, code, query, width, match_count, scratch_, matching,
          [&](std::size_t limit, auto& take) { seed(code, query, limit, take); }, complete);
    });
    count_walk();
    return found;
  }

  // Of rows sorted by the distance of their codes, those whose true distance may be among the best.
  std::size_t worth_rescoring(std::size_t found, const CodeQuery& query) const {
    if (found <= options_.k) return found;
    const float last = scratch_.beam[options_.k - 1].distance;
    const float limit = last + code_noise(query.code_scale, last);
    std::size_t count = options_.k;
    while (count < found && scratch_.beam[count].distance <= limit) ++count;
    return count;
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
