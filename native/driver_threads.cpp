// Is the graph free of data races? Inserts, removals and searches beside each other, under TSan.
// Exits with 1 if a removed row comes back or a search comes back short.
#include <cstdio>
#include <random>
#include <thread>

#include "search.hpp"

int main() {
  constexpr std::size_t kDim = 64;
  constexpr std::size_t kRows = 3000;
  constexpr std::size_t kAlways = 500;  // rows that stay, so that every search finds k
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> vectors(kRows * kDim);
  for (float& value : vectors) value = normal(random);

  ruvector::GraphOptions options;
  options.dim = kDim;
  options.metric = ruvector::Metric::Euclid;
  options.build_beam = 40;
  ruvector::Graph graph(options);
  std::vector<std::uint32_t> rows(kRows);
  for (std::size_t i = 0; i < kRows; ++i) rows[i] = static_cast<std::uint32_t>(i);
  graph.append(vectors.data(), kAlways, 1);
  graph.link(rows.data(), kAlways, 2);

  std::atomic<bool> done{false};
  std::atomic<std::size_t> failures{0};
  const auto read = [&] {
    std::size_t query = 0;
    while (!done.load()) {
      ruvector::SearchOptions search;
      search.full_scan_rows = query % 4 == 0 ? 10000 : 0;
      std::uint32_t found[10];
      float scores[10];
      ruvector::search(graph, vectors.data() + query * kDim, 1, search, 10, 1, found, scores);
      for (const std::uint32_t row : found) failures += row == ruvector::kNoRow;
      query = (query + 17) % kRows;
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (std::size_t start = kAlways; start < kRows; start += 100) {
    graph.append(vectors.data() + start * kDim, 100, 1);
    graph.link(rows.data() + start, 100, 2);
    graph.remove(rows.data() + start, 25, 2);
  }
  graph.connect_unreached(1);
  done = true;
  first.join();
  second.join();

  ruvector::SearchOptions search;
  std::uint32_t found[10];
  float scores[10];
  for (std::size_t query = 0; query < kRows; ++query) {
    search.full_scan_rows = 0;
    ruvector::search(graph, vectors.data() + query * kDim, 1, search, 10, 1, found, scores);
    for (const std::uint32_t row : found)
      failures += row == ruvector::kNoRow || graph.is_deleted(row);
  }
  std::printf("%zu rows, %zu removed, %zu failures\n", graph.rows(), graph.deleted_rows(),
              failures.load());
  return failures == 0 ? 0 : 1;
}
