// The steps that only read.

import static io.qdrant.client.ConditionFactory.datetimeRange;
import static io.qdrant.client.ConditionFactory.geoRadius;
import static io.qdrant.client.ConditionFactory.hasId;
import static io.qdrant.client.ConditionFactory.hasVector;
import static io.qdrant.client.ConditionFactory.isEmpty;
import static io.qdrant.client.ConditionFactory.isNull;
import static io.qdrant.client.ConditionFactory.match;
import static io.qdrant.client.ConditionFactory.matchExceptKeywords;
import static io.qdrant.client.ConditionFactory.matchKeyword;
import static io.qdrant.client.ConditionFactory.matchKeywords;
import static io.qdrant.client.ConditionFactory.matchText;
import static io.qdrant.client.ConditionFactory.nested;
import static io.qdrant.client.ConditionFactory.range;
import static io.qdrant.client.ConditionFactory.valuesCount;
import static io.qdrant.client.PointIdFactory.id;
import static io.qdrant.client.QueryFactory.discover;
import static io.qdrant.client.QueryFactory.fusion;
import static io.qdrant.client.QueryFactory.nearest;
import static io.qdrant.client.QueryFactory.orderBy;
import static io.qdrant.client.QueryFactory.recommend;
import static io.qdrant.client.VectorInputFactory.vectorInput;

import com.google.protobuf.Timestamp;
import io.qdrant.client.WithPayloadSelectorFactory;
import io.qdrant.client.WithVectorsSelectorFactory;
import io.qdrant.client.grpc.Common.Condition;
import io.qdrant.client.grpc.Common.DatetimeRange;
import io.qdrant.client.grpc.Common.Filter;
import io.qdrant.client.grpc.Common.MinShould;
import io.qdrant.client.grpc.Common.Range;
import io.qdrant.client.grpc.Common.ValuesCount;
import io.qdrant.client.grpc.Points.ContextInput;
import io.qdrant.client.grpc.Points.ContextInputPair;
import io.qdrant.client.grpc.Points.Direction;
import io.qdrant.client.grpc.Points.DiscoverInput;
import io.qdrant.client.grpc.Points.FacetCounts;
import io.qdrant.client.grpc.Points.Fusion;
import io.qdrant.client.grpc.Points.OrderBy;
import io.qdrant.client.grpc.Points.PrefetchQuery;
import io.qdrant.client.grpc.Points.Query;
import io.qdrant.client.grpc.Points.QueryPointGroups;
import io.qdrant.client.grpc.Points.QueryPoints;
import io.qdrant.client.grpc.Points.RecommendInput;
import io.qdrant.client.grpc.Points.RecommendPoints;
import io.qdrant.client.grpc.Points.RecommendStrategy;
import io.qdrant.client.grpc.Points.RetrievedPoint;
import io.qdrant.client.grpc.Points.ScoredPoint;
import io.qdrant.client.grpc.Points.ScrollPoints;
import io.qdrant.client.grpc.Points.ScrollResponse;
import io.qdrant.client.grpc.Points.SearchMatrixPoints;
import io.qdrant.client.grpc.Points.SearchParams;
import io.qdrant.client.grpc.Points.SearchPoints;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Reading {
  private final Tour tour;

  Reading(Tour tour) {
    this.tour = tour;
  }

  Object retrieve() throws Exception {
    Map<Object, Object> found = new LinkedHashMap<>();
    for (RetrievedPoint record :
        tour.client.retrieveAsync(Tour.COLLECTION, tour.ids(), true, true, null).get()) {
      Map<String, Object> described = Plain.plainVectors(record.getVectors());
      described.put("id", Plain.plainId(record.getId()));
      described.put("payload", Plain.plainPayload(record.getPayloadMap()));
      found.put(Plain.plainId(record.getId()), described);
    }
    return tour.ids().stream().map(wanted -> found.get(Plain.plainId(wanted))).toList();
  }

  Object count() throws Exception {
    return List.of(
        tour.client.countAsync(Tour.COLLECTION, Filter.getDefaultInstance(), true).get(),
        tour.client.countAsync(Tour.COLLECTION, Tour.city("Berlin"), true).get());
  }

  private static ScrollPoints.Builder scrolling() {
    return ScrollPoints.newBuilder().setCollectionName(Tour.COLLECTION);
  }

  Object scroll() throws Exception {
    List<Object> pages = new ArrayList<>();
    ScrollPoints.Builder request = scrolling().setLimit(2);
    for (int page = 0; page < 5; page++) {
      ScrollResponse answer = tour.client.scrollAsync(request.build()).get();
      pages.add(Plain.ids(answer.getResultList()));
      if (!answer.hasNextPageOffset()) {
        break;
      }
      request.setOffset(answer.getNextPageOffset());
    }
    return pages;
  }

  Object scrollInOrder() throws Exception {
    OrderBy order = OrderBy.newBuilder().setKey("number").setDirection(Direction.Desc).build();
    ScrollPoints request =
        scrolling()
            .setLimit(3)
            .setOrderBy(order)
            .setWithPayload(WithPayloadSelectorFactory.include(List.of("number")))
            .build();
    List<Object> found = new ArrayList<>();
    for (RetrievedPoint record : tour.client.scrollAsync(request).get().getResultList()) {
      found.add(
          List.of(Plain.plainId(record.getId()), Plain.plainPayload(record.getPayloadMap())));
    }
    return found;
  }

  private Map<String, Condition> conditions() {
    Filter wheels =
        Filter.newBuilder()
            .addMust(matchKeyword("kind", "wheel"))
            .addMust(range("count", Range.newBuilder().setGte(3).build()))
            .build();
    Timestamp newYear = Timestamp.newBuilder().setSeconds(1_640_995_200).build();
    Map<String, Condition> conditions = new LinkedHashMap<>();
    conditions.put("value", matchKeyword("city", "Berlin"));
    conditions.put("integer", match("number", 3));
    conditions.put("bool", match("open", true));
    conditions.put("any", matchKeywords("city", List.of("London", "München")));
    conditions.put("except", matchExceptKeywords("city", List.of("Berlin")));
    conditions.put("text", matchText("note", "fox brown"));
    conditions.put("range", range("price", Range.newBuilder().setGt(0.1).setLte(2.25).build()));
    conditions.put("dates", datetimeRange("when", DatetimeRange.newBuilder().setGte(newYear).build()));
    conditions.put("radius", geoRadius("place", 52.5, 13.4, 20_000));
    conditions.put("values count", valuesCount("tags", ValuesCount.newBuilder().setGte(2).build()));
    conditions.put("is empty", isEmpty("tags"));
    conditions.put("is null", isNull("city"));
    conditions.put("ids", hasId(List.of(id(2), id(tour.uuid))));
    conditions.put("has vector", hasVector("words"));
    conditions.put("nested", nested("parts", wheels));
    conditions.put("path", match("nested.deep.list[].three", 3));
    return conditions;
  }

  private Map<String, Filter> filters() {
    Map<String, Condition> conditions = conditions();
    Condition berlin = conditions.get("value");
    Map<String, Filter> filters = new LinkedHashMap<>();
    conditions.forEach(
        (name, condition) -> filters.put(name, Filter.newBuilder().addMust(condition).build()));
    filters.put("must not", Filter.newBuilder().addMustNot(berlin).build());
    filters.put(
        "should",
        Filter.newBuilder().addShould(berlin).addShould(conditions.get("integer")).build());
    MinShould two =
        MinShould.newBuilder()
            .addConditions(berlin)
            .addConditions(conditions.get("bool"))
            .addConditions(conditions.get("values count"))
            .setMinCount(2)
            .build();
    filters.put("min should", Filter.newBuilder().setMinShould(two).build());
    return filters;
  }

  Object scrollFiltered() throws Exception {
    Map<String, Object> found = new LinkedHashMap<>();
    for (var filter : filters().entrySet()) {
      ScrollPoints request = scrolling().setFilter(filter.getValue()).setLimit(10).build();
      found.put(
          filter.getKey(), Plain.ids(tour.client.scrollAsync(request).get().getResultList()));
    }
    return found;
  }

  private static QueryPoints.Builder asking(Query query) {
    return QueryPoints.newBuilder().setCollectionName(Tour.COLLECTION).setQuery(query);
  }

  private List<ScoredPoint> ask(QueryPoints.Builder request) throws Exception {
    return tour.client.queryAsync(request.build()).get();
  }

  Object query() throws Exception {
    Query text = nearest(1f, 0.5f, 0f, 0f);
    Range below = Range.newBuilder().setLt(3).build();
    Filter cheap = Filter.newBuilder().addMust(range("price", below)).build();
    SearchParams exact = SearchParams.newBuilder().setExact(true).build();
    Query sparse = nearest(List.of(2f, 3f), List.of(1, 5));
    Query multi = nearest(new float[][] {{1, 0}, {0, 2}});
    Map<String, QueryPoints.Builder> requests = new LinkedHashMap<>();
    requests.put("dense", asking(text).setUsing("text").setLimit(3));
    requests.put("distance", asking(nearest(0f, 0f, 0f)).setUsing("image").setLimit(3));
    requests.put("sparse", asking(sparse).setUsing("words").setLimit(3));
    requests.put("multi", asking(multi).setUsing("tokens").setLimit(3));
    requests.put("id", asking(nearest(id(1))).setUsing("text").setLimit(2));
    requests.put("filter", asking(text).setUsing("text").setFilter(cheap).setParams(exact));
    requests.put("threshold", asking(text).setUsing("text").setScoreThreshold(7.5f));
    requests.put("offset", asking(text).setUsing("text").setLimit(2).setOffset(1));
    Map<String, Object> found = new LinkedHashMap<>();
    for (var request : requests.entrySet()) {
      found.put(request.getKey(), Plain.hits(ask(request.getValue())));
    }
    return found;
  }

  Object queryWithPayload() throws Exception {
    ScoredPoint hit =
        ask(asking(nearest(1f, 0f, 0f, 0f))
                .setUsing("text")
                .setFilter(Tour.city("London"))
                .setWithPayload(WithPayloadSelectorFactory.include(List.of("city", "tags")))
                .setWithVectors(WithVectorsSelectorFactory.include(List.of("image"))))
            .get(0);
    return List.of(
        Plain.plainId(hit.getId()),
        Plain.plainPayload(hit.getPayloadMap()),
        Plain.plainVectors(hit.getVectors()));
  }

  private static QueryPoints.Builder staged(Query query) {
    PrefetchQuery.Builder text =
        PrefetchQuery.newBuilder().setQuery(nearest(1f, 0f, 0f, 0f)).setUsing("text").setLimit(3);
    PrefetchQuery.Builder words =
        PrefetchQuery.newBuilder()
            .setQuery(nearest(List.of(2f, 1f), List.of(1, 9)))
            .setUsing("words")
            .setLimit(3);
    return asking(query).addPrefetch(text).addPrefetch(words).setLimit(4);
  }

  Object queryInStages() throws Exception {
    return Map.of(
        "rrf", Plain.hits(ask(staged(fusion(Fusion.RRF)))),
        "dbsf", Plain.hits(ask(staged(fusion(Fusion.DBSF)))),
        "rescored", Plain.hits(ask(staged(nearest(0f, 0f, 0f)).setUsing("image"))));
  }

  Object queryByExamples() throws Exception {
    RecommendInput examples =
        RecommendInput.newBuilder()
            .addPositive(vectorInput(id(1)))
            .addPositive(vectorInput(0f, 0f, 1f, 0f))
            .addNegative(vectorInput(id(2)))
            .setStrategy(RecommendStrategy.AverageVector)
            .build();
    ContextInputPair pair =
        ContextInputPair.newBuilder()
            .setPositive(vectorInput(id(4)))
            .setNegative(vectorInput(id(5)))
            .build();
    DiscoverInput target =
        DiscoverInput.newBuilder()
            .setTarget(vectorInput(id(3)))
            .setContext(ContextInput.newBuilder().addPairs(pair))
            .build();
    OrderBy order = OrderBy.newBuilder().setKey("price").setDirection(Direction.Asc).build();
    return Map.of(
        "recommend", Plain.hits(ask(asking(recommend(examples)).setUsing("text"))),
        "discover", Plain.hitIds(ask(asking(discover(target)).setUsing("image"))),
        "order", Plain.hitIds(ask(asking(orderBy(order)))));
  }

  Object queryBatch() throws Exception {
    List<QueryPoints> requests =
        List.of(
            asking(nearest(1f, 0f, 0f, 0f)).setUsing("text").setLimit(2).build(),
            asking(nearest(0f, 0f, 0f)).setUsing("image").setLimit(1).build());
    return tour.client.queryBatchAsync(Tour.COLLECTION, requests).get().stream()
        .map(answer -> Plain.hits(answer.getResultList()))
        .toList();
  }

  Object queryGroups() throws Exception {
    QueryPointGroups request =
        QueryPointGroups.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .setGroupBy("city")
            .setGroupSize(2)
            .setQuery(nearest(1f, 0f, 0f, 0f))
            .setUsing("text")
            .build();
    return tour.client.queryGroupsAsync(request).get().stream()
        .map(group -> List.of(group.getId().getStringValue(), Plain.hits(group.getHitsList())))
        .toList();
  }

  Object olderSearches() throws Exception {
    SearchPoints search =
        SearchPoints.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .addAllVector(List.of(1f, 0.5f, 0f, 0f))
            .setVectorName("text")
            .setLimit(3)
            .build();
    RecommendPoints recommend =
        RecommendPoints.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .addPositive(id(4))
            .addNegative(id(2))
            .setUsing("text")
            .setLimit(3)
            .build();
    return Map.of(
        "search", Plain.hits(tour.client.searchAsync(search).get()),
        "recommend", Plain.hits(tour.client.recommendAsync(recommend).get()));
  }

  Object facet() throws Exception {
    FacetCounts request =
        FacetCounts.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .setKey("city")
            .setExact(true)
            .build();
    return tour.client.facetAsync(request).get().stream()
        .map(hit -> List.of(hit.getValue().getStringValue(), hit.getCount()))
        .toList();
  }

  Object matrix() throws Exception {
    SearchMatrixPoints request =
        SearchMatrixPoints.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .setFilter(Tour.city("Berlin"))
            .setUsing("text")
            .setSample(2)
            .setLimit(1)
            .build();
    return tour.client.searchMatrixPairsAsync(request).get().getPairsList().stream()
        .map(
            pair ->
                List.of(Plain.plainId(pair.getA()), Plain.plainId(pair.getB()), pair.getScore()))
        .toList();
  }
}
