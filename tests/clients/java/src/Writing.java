// The steps that change something.

import static io.qdrant.client.PointIdFactory.id;
import static io.qdrant.client.QueryFactory.nearest;
import static io.qdrant.client.VectorFactory.vector;
import static io.qdrant.client.VectorsFactory.namedVectors;
import static io.qdrant.client.VectorsFactory.vectors;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.qdrant.client.QdrantClient;
import io.qdrant.client.grpc.Collections.CollectionInfo;
import io.qdrant.client.grpc.Collections.CollectionParams;
import io.qdrant.client.grpc.Collections.CreateCollection;
import io.qdrant.client.grpc.Collections.Distance;
import io.qdrant.client.grpc.Collections.HnswConfigDiff;
import io.qdrant.client.grpc.Collections.MultiVectorComparator;
import io.qdrant.client.grpc.Collections.MultiVectorConfig;
import io.qdrant.client.grpc.Collections.PayloadSchemaType;
import io.qdrant.client.grpc.Collections.SparseVectorConfig;
import io.qdrant.client.grpc.Collections.SparseVectorParams;
import io.qdrant.client.grpc.Collections.UpdateCollection;
import io.qdrant.client.grpc.Collections.VectorParams;
import io.qdrant.client.grpc.Collections.VectorParamsMap;
import io.qdrant.client.grpc.Collections.VectorsConfig;
import io.qdrant.client.grpc.Common.Filter;
import io.qdrant.client.grpc.Common.PointId;
import io.qdrant.client.grpc.Points.FacetCounts;
import io.qdrant.client.grpc.Points.PointStruct;
import io.qdrant.client.grpc.Points.PointVectors;
import io.qdrant.client.grpc.Points.PointsIdsList;
import io.qdrant.client.grpc.Points.PointsSelector;
import io.qdrant.client.grpc.Points.PointsUpdateOperation;
import io.qdrant.client.grpc.Points.QueryPoints;
import io.qdrant.client.grpc.Points.RetrievedPoint;
import io.qdrant.client.grpc.Points.ScrollPoints;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Writing {
  private final Tour tour;
  private final QdrantClient client;

  Writing(Tour tour) {
    this.tour = tour;
    this.client = tour.client;
  }

  private static VectorParams.Builder params(long size, Distance distance) {
    return VectorParams.newBuilder().setSize(size).setDistance(distance);
  }

  Object createCollection() throws Exception {
    boolean before = client.collectionExistsAsync(Tour.COLLECTION).get();
    MultiVectorConfig maxSim =
        MultiVectorConfig.newBuilder().setComparator(MultiVectorComparator.MaxSim).build();
    VectorParamsMap named =
        VectorParamsMap.newBuilder()
            .putMap("text", params(4, Distance.Dot).build())
            .putMap("image", params(3, Distance.Euclid).build())
            .putMap("tokens", params(2, Distance.Dot).setMultivectorConfig(maxSim).build())
            .build();
    SparseVectorConfig sparse =
        SparseVectorConfig.newBuilder()
            .putMap("words", SparseVectorParams.getDefaultInstance())
            .build();
    CreateCollection request =
        CreateCollection.newBuilder()
            .setCollectionName(Tour.COLLECTION)
            .setVectorsConfig(VectorsConfig.newBuilder().setParamsMap(named))
            .setSparseVectorsConfig(sparse)
            .build();
    boolean created = client.createCollectionAsync(request).get().getResult();
    return List.of(before, created, client.collectionExistsAsync(Tour.COLLECTION).get());
  }

  Object upsert() throws Exception {
    List<PointStruct> structures = tour.points.stream().map(Plain::structure).toList();
    return Plain.outcome(client.upsertAsync(Tour.COLLECTION, structures));
  }

  Object collectionInfo() throws Exception {
    CollectionInfo described = client.getCollectionInfoAsync(Tour.COLLECTION).get();
    CollectionParams params = described.getConfig().getParams();
    Map<String, Object> sizes = new LinkedHashMap<>();
    Map<String, Object> distances = new LinkedHashMap<>();
    List<String> multi = new ArrayList<>();
    params
        .getVectorsConfig()
        .getParamsMap()
        .getMapMap()
        .forEach(
            (name, vector) -> {
              sizes.put(name, vector.getSize());
              distances.put(name, vector.getDistance().name());
              if (vector.hasMultivectorConfig()) {
                multi.add(name);
              }
            });
    return Map.of(
        "sizes", sizes,
        "distances", distances,
        "multi", multi,
        "sparse", params.getSparseVectorsConfig().getMapMap().keySet(),
        "points", described.getPointsCount(),
        "listed", client.listCollectionsAsync().get().contains(Tour.COLLECTION));
  }

  Object createIndexes() throws Exception {
    Map<String, PayloadSchemaType> fields =
        Map.of(
            "city", PayloadSchemaType.Keyword,
            "number", PayloadSchemaType.Integer,
            "price", PayloadSchemaType.Float,
            "when", PayloadSchemaType.Datetime,
            "place", PayloadSchemaType.Geo,
            "open", PayloadSchemaType.Bool,
            "note", PayloadSchemaType.Text);
    for (var field : fields.entrySet()) {
      client
          .createPayloadIndexAsync(
              Tour.COLLECTION, field.getKey(), field.getValue(), null, true, null, null)
          .get();
    }
    Map<String, String> schema = new LinkedHashMap<>();
    client
        .getCollectionInfoAsync(Tour.COLLECTION)
        .get()
        .getPayloadSchemaMap()
        .forEach((field, index) -> schema.put(field, index.getDataType().name().toLowerCase()));
    return schema;
  }

  private static PointsSelector these(PointId... ids) {
    PointsIdsList list = PointsIdsList.newBuilder().addAllIds(List.of(ids)).build();
    return PointsSelector.newBuilder().setPoints(list).build();
  }

  private List<String> changePayloads() throws Exception {
    String name = Tour.COLLECTION;
    Filter london = Tour.city("London");
    List<String> keys = List.of("price", "nested.deep.list");
    JsonObject seen = Plain.json("{'seen': true, 'number': 10}");
    JsonObject added = Plain.json("{'added': 'deep'}");
    JsonObject unseen = Plain.json("{'seen': false}");
    JsonObject only = Plain.json("{'only': ['this']}");
    return List.of(
        Plain.outcome(client.setPayloadAsync(name, Plain.payload(seen), id(1), true, null, null)),
        Plain.outcome(
            client.setPayloadAsync(
                name, Plain.payload(added), these(id(4)), true, "nested.deep", null, null)),
        Plain.outcome(client.setPayloadAsync(name, Plain.payload(unseen), london, true, null, null)),
        Plain.outcome(
            client.overwritePayloadAsync(name, Plain.payload(only), id(2), true, null, null)),
        Plain.outcome(
            client.deletePayloadAsync(name, keys, List.of(id(4), id(5)), true, null, null)),
        Plain.outcome(client.clearPayloadAsync(name, id(tour.uuid), true, null, null)));
  }

  Object payloadOperations() throws Exception {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("outcomes", changePayloads());
    for (RetrievedPoint record :
        client.retrieveAsync(Tour.COLLECTION, tour.ids(), true, false, null).get()) {
      String key = Plain.plainId(record.getId()).toString();
      Map<String, Object> fields = Plain.plainPayload(record.getPayloadMap());
      switch (key) {
        case "1" ->
            answer.put(key, List.of(fields.get("seen"), fields.get("number"), fields.get("city")));
        case "3" -> answer.put(key, fields.get("seen"));
        default -> answer.put(key, fields);
      }
    }
    return answer;
  }

  Object vectorOperations() throws Exception {
    PointVectors changed =
        PointVectors.newBuilder()
            .setId(id(1))
            .setVectors(namedVectors(Map.of("image", vector(1f, 1f, 1f))))
            .build();
    List<String> outcomes =
        List.of(
            Plain.outcome(client.updateVectorsAsync(Tour.COLLECTION, List.of(changed))),
            Plain.outcome(
                client.deleteVectorsAsync(Tour.COLLECTION, List.of("words"), List.of(id(1)))));
    RetrievedPoint record =
        client.retrieveAsync(Tour.COLLECTION, id(1), false, true, null).get().get(0);
    return Map.of("outcomes", outcomes, "1", Plain.plainVectors(record.getVectors()));
  }

  Object batchUpdate() throws Exception {
    JsonObject added = tour.points.get(0).deepCopy();
    added.add("id", new JsonPrimitive(7));
    added.add("payload", new JsonObject());
    PointsUpdateOperation upsert =
        PointsUpdateOperation.newBuilder()
            .setUpsert(
                PointsUpdateOperation.PointStructList.newBuilder()
                    .addPoints(Plain.structure(added)))
            .build();
    PointsUpdateOperation set =
        PointsUpdateOperation.newBuilder()
            .setSetPayload(
                PointsUpdateOperation.SetPayload.newBuilder()
                    .putAllPayload(Plain.payload(Plain.json("{'n': 7}")))
                    .setPointsSelector(these(id(7))))
            .build();
    PointsUpdateOperation delete =
        PointsUpdateOperation.newBuilder()
            .setDeletePoints(
                PointsUpdateOperation.DeletePoints.newBuilder().setPoints(these(id(5))))
            .build();
    int outcomes = client.batchUpdateAsync(Tour.COLLECTION, List.of(upsert, set, delete)).get().size();
    List<RetrievedPoint> records = scroll(10);
    RetrievedPoint seven =
        records.stream().filter(record -> record.getId().getNum() == 7).findFirst().orElseThrow();
    return Map.of(
        "outcomes", outcomes,
        "ids", Plain.ids(records),
        "7", Plain.plainPayload(seven.getPayloadMap()));
  }

  private List<RetrievedPoint> scroll(int limit) throws Exception {
    ScrollPoints request =
        ScrollPoints.newBuilder().setCollectionName(Tour.COLLECTION).setLimit(limit).build();
    return client.scrollAsync(request).get().getResultList();
  }

  Object delete() throws Exception {
    return List.of(
        Plain.outcome(client.deleteAsync(Tour.COLLECTION, List.of(id(7), id(2)))),
        Plain.outcome(client.deleteAsync(Tour.COLLECTION, Tour.city("Berlin"))),
        Plain.ids(scroll(10)));
  }

  Object aliases() throws Exception {
    List<Object> answers = new ArrayList<>();
    answers.add(client.createAliasAsync("tour_alias", Tour.COLLECTION).get().getResult());
    answers.add(client.countAsync("tour_alias", Filter.getDefaultInstance(), true).get());
    answers.add(client.renameAliasAsync("tour_alias", "tour_renamed").get().getResult());
    answers.add(client.listCollectionAliasesAsync(Tour.COLLECTION).get());
    answers.add(
        client.listAliasesAsync().get().stream()
            .anyMatch(alias -> alias.getAliasName().equals("tour_renamed")));
    answers.add(client.deleteAliasAsync("tour_renamed").get().getResult());
    answers.add(client.listCollectionAliasesAsync(Tour.COLLECTION).get());
    return answers;
  }

  Object oneUnnamedVector() throws Exception {
    client.createCollectionAsync(Tour.SECOND, params(2, Distance.Cosine).build()).get();
    PointStruct point =
        PointStruct.newBuilder().setId(id(1)).setVectors(vectors(3f, 4f)).build();
    client.upsertAsync(Tour.SECOND, List.of(point)).get();
    RetrievedPoint record = client.retrieveAsync(Tour.SECOND, id(1), false, true, null).get().get(0);
    UpdateCollection request =
        UpdateCollection.newBuilder()
            .setCollectionName(Tour.SECOND)
            .setHnswConfig(HnswConfigDiff.newBuilder().setEfConstruct(150))
            .build();
    boolean updated = client.updateCollectionAsync(request).get().getResult();
    CollectionInfo described = client.getCollectionInfoAsync(Tour.SECOND).get();
    return List.of(
        Plain.plainVector(record.getVectors().getVector()),
        updated,
        described.getConfig().getHnswConfig().getEfConstruct());
  }

  private String refused(QueryPoints.Builder request) throws Exception {
    return Plain.refusal(client.queryAsync(request.setCollectionName(Tour.SECOND).build()));
  }

  Object errors() throws Exception {
    VectorParams again = params(2, Distance.Dot).build();
    PointStruct shorter = PointStruct.newBuilder().setId(id(1)).setVectors(vectors(1f)).build();
    FacetCounts facet =
        FacetCounts.newBuilder().setCollectionName(Tour.SECOND).setKey("city").build();
    QueryPoints.Builder right = QueryPoints.newBuilder().setQuery(nearest(1f, 0f));
    return Map.of(
        "missing collection", Plain.refusal(client.getCollectionInfoAsync("tour_absent")),
        "existing collection", Plain.refusal(client.createCollectionAsync(Tour.SECOND, again)),
        "wrong length", Plain.refusal(client.upsertAsync(Tour.SECOND, List.of(shorter))),
        "wrong name", refused(right.clone().setUsing("absent")),
        "wrong query", refused(QueryPoints.newBuilder().setQuery(nearest(1f, 0f, 0f))),
        "missing point", refused(QueryPoints.newBuilder().setQuery(nearest(id(77)))),
        "limit of zero", refused(right.clone().setLimit(0)),
        "facet without index", Plain.refusal(client.facetAsync(facet)));
  }

  Object deleteCollections() throws Exception {
    return List.of(
        client.deleteCollectionAsync(Tour.COLLECTION).get().getResult(),
        client.deleteCollectionAsync(Tour.SECOND).get().getResult(),
        client.collectionExistsAsync(Tour.COLLECTION).get());
  }
}
