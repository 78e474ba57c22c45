// Does io.qdrant:client make the whole tour? The steps are those of tests/clients/tour.py.

import static io.qdrant.client.ConditionFactory.matchKeyword;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.qdrant.client.QdrantClient;
import io.qdrant.client.QdrantGrpcClient;
import io.qdrant.client.grpc.Common.Filter;
import io.qdrant.client.grpc.Common.PointId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;

final class Tour {
  static final String COLLECTION = "tour";
  static final String SECOND = "tour_second";

  final QdrantClient client;
  final List<JsonObject> points = new ArrayList<>();
  final UUID uuid;

  private Tour(QdrantClient client, JsonArray given) {
    this.client = client;
    given.forEach(point -> points.add(point.getAsJsonObject()));
    this.uuid = UUID.fromString(points.get(points.size() - 1).get("id").getAsString());
  }

  List<PointId> ids() {
    return points.stream().map(point -> Plain.pointId(point.get("id"))).toList();
  }

  static Filter city(String name) {
    return Filter.newBuilder().addMust(matchKeyword("city", name)).build();
  }

  private static Map<String, Callable<Object>> steps(Tour tour) {
    Reading reading = new Reading(tour);
    Writing writing = new Writing(tour);
    Map<String, Callable<Object>> steps = new LinkedHashMap<>();
    steps.put("create_collection", writing::createCollection);
    steps.put("upsert", writing::upsert);
    steps.put("collection_info", writing::collectionInfo);
    steps.put("retrieve", reading::retrieve);
    steps.put("create_indexes", writing::createIndexes);
    steps.put("count", reading::count);
    steps.put("scroll", reading::scroll);
    steps.put("scroll_in_order", reading::scrollInOrder);
    steps.put("scroll_filtered", reading::scrollFiltered);
    steps.put("query", reading::query);
    steps.put("query_with_payload", reading::queryWithPayload);
    steps.put("query_in_stages", reading::queryInStages);
    steps.put("query_by_examples", reading::queryByExamples);
    steps.put("query_batch", reading::queryBatch);
    steps.put("query_groups", reading::queryGroups);
    steps.put("older_searches", reading::olderSearches);
    steps.put("facet", reading::facet);
    steps.put("matrix", reading::matrix);
    steps.put("payload_operations", writing::payloadOperations);
    steps.put("vector_operations", writing::vectorOperations);
    steps.put("batch_update", writing::batchUpdate);
    steps.put("delete", writing::delete);
    steps.put("aliases", writing::aliases);
    steps.put("one_unnamed_vector", writing::oneUnnamedVector);
    steps.put("errors", writing::errors);
    steps.put("delete_collections", writing::deleteCollections);
    return steps;
  }

  public static void main(String[] arguments) throws Exception {
    String[] address = arguments[1].split(":");
    Gson gson = new GsonBuilder().serializeNulls().create();
    JsonArray points = JsonParser.parseString(Files.readString(Path.of(arguments[2]))).getAsJsonArray();
    var channel = QdrantGrpcClient.newBuilder(address[0], Integer.parseInt(address[1]), false);
    try (QdrantClient client = new QdrantClient(channel.build())) {
      Map<String, Object> answers = new LinkedHashMap<>();
      for (var step : steps(new Tour(client, points)).entrySet()) {
        answers.put(step.getKey(), step.getValue().call());
      }
      var report = Map.of("client", "java " + arguments[0], "answers", answers);
      Files.writeString(Path.of(arguments[3]), gson.toJson(report));
    }
  }
}
