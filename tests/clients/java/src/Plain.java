// How do points, payloads and answers become plain JSON, and JSON become points?

import static io.qdrant.client.PointIdFactory.id;
import static io.qdrant.client.ValueFactory.list;
import static io.qdrant.client.ValueFactory.nullValue;
import static io.qdrant.client.ValueFactory.value;
import static io.qdrant.client.VectorFactory.multiVector;
import static io.qdrant.client.VectorFactory.vector;
import static io.qdrant.client.VectorsFactory.namedVectors;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.grpc.Status;
import io.qdrant.client.grpc.Common.PointId;
import io.qdrant.client.grpc.JsonWithInt.Value;
import io.qdrant.client.grpc.Points.DenseVector;
import io.qdrant.client.grpc.Points.PointStruct;
import io.qdrant.client.grpc.Points.RetrievedPoint;
import io.qdrant.client.grpc.Points.ScoredPoint;
import io.qdrant.client.grpc.Points.UpdateResult;
import io.qdrant.client.grpc.Points.VectorOutput;
import io.qdrant.client.grpc.Points.VectorsOutput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;

final class Plain {
  private Plain() {}

  static List<Float> floats(JsonElement numbers) {
    List<Float> list = new ArrayList<>();
    numbers.getAsJsonArray().forEach(number -> list.add(number.getAsFloat()));
    return list;
  }

  static List<Integer> integers(JsonElement numbers) {
    List<Integer> list = new ArrayList<>();
    numbers.getAsJsonArray().forEach(number -> list.add(number.getAsInt()));
    return list;
  }

  static PointId pointId(JsonElement given) {
    JsonPrimitive plain = given.getAsJsonPrimitive();
    return plain.isNumber() ? id(plain.getAsLong()) : id(UUID.fromString(plain.getAsString()));
  }

  /** Returns a point of points.json as the client wants it. */
  static PointStruct structure(JsonObject point) {
    List<List<Float>> tokens = new ArrayList<>();
    point.getAsJsonArray("tokens").forEach(row -> tokens.add(floats(row)));
    JsonObject words = point.getAsJsonObject("words");
    return PointStruct.newBuilder()
        .setId(pointId(point.get("id")))
        .setVectors(
            namedVectors(
                Map.of(
                    "text", vector(floats(point.get("text"))),
                    "image", vector(floats(point.get("image"))),
                    "tokens", multiVector(tokens),
                    "words", vector(floats(words.get("values")), integers(words.get("indices"))))))
        .putAllPayload(payload(point.getAsJsonObject("payload")))
        .build();
  }

  static Map<String, Value> payload(JsonObject fields) {
    Map<String, Value> payload = new LinkedHashMap<>();
    fields.entrySet().forEach(field -> payload.put(field.getKey(), toValue(field.getValue())));
    return payload;
  }

  private static Value toValue(JsonElement given) {
    if (given.isJsonNull()) {
      return nullValue();
    }
    if (given.isJsonObject()) {
      return value(payload(given.getAsJsonObject()));
    }
    if (given.isJsonArray()) {
      List<Value> values = new ArrayList<>();
      given.getAsJsonArray().forEach(one -> values.add(toValue(one)));
      return list(values);
    }
    JsonPrimitive plain = given.getAsJsonPrimitive();
    if (plain.isBoolean()) {
      return value(plain.getAsBoolean());
    }
    if (plain.isString()) {
      return value(plain.getAsString());
    }
    boolean integer = plain.getAsString().matches("-?\\d+");
    return integer ? value(plain.getAsLong()) : value(plain.getAsDouble());
  }

  static Object plainId(PointId given) {
    return given.hasUuid() ? given.getUuid() : given.getNum();
  }

  static Object plainValue(Value given) {
    return switch (given.getKindCase()) {
      case BOOL_VALUE -> given.getBoolValue();
      case INTEGER_VALUE -> given.getIntegerValue();
      case DOUBLE_VALUE -> given.getDoubleValue();
      case STRING_VALUE -> given.getStringValue();
      case LIST_VALUE -> given.getListValue().getValuesList().stream().map(Plain::plainValue).toList();
      case STRUCT_VALUE -> plainPayload(given.getStructValue().getFieldsMap());
      default -> null;
    };
  }

  static Map<String, Object> plainPayload(Map<String, Value> payload) {
    Map<String, Object> fields = new LinkedHashMap<>();
    payload.forEach((key, given) -> fields.put(key, plainValue(given)));
    return fields;
  }

  static Object plainVector(VectorOutput given) {
    return switch (given.getVectorCase()) {
      case DENSE -> given.getDense().getDataList();
      case SPARSE ->
          Map.of(
              "indices", given.getSparse().getIndicesList(),
              "values", given.getSparse().getValuesList());
      case MULTI_DENSE ->
          given.getMultiDense().getVectorsList().stream().map(DenseVector::getDataList).toList();
      default -> "no vector";
    };
  }

  static Map<String, Object> plainVectors(VectorsOutput given) {
    Map<String, Object> vectors = new LinkedHashMap<>();
    given.getVectors().getVectorsMap().forEach((name, one) -> vectors.put(name, plainVector(one)));
    return vectors;
  }

  static List<Object> ids(List<RetrievedPoint> points) {
    return points.stream().map(point -> plainId(point.getId())).toList();
  }

  static List<Object> hitIds(List<ScoredPoint> points) {
    return points.stream().map(point -> plainId(point.getId())).toList();
  }

  static List<Object> hits(List<ScoredPoint> points) {
    return points.stream()
        .map(point -> (Object) List.of(plainId(point.getId()), point.getScore()))
        .toList();
  }

  static String outcome(ListenableFuture<UpdateResult> result) throws Exception {
    return result.get().getStatus().name().toLowerCase();
  }

  static String refusal(ListenableFuture<?> answer) throws InterruptedException {
    try {
      answer.get();
      return "accepted";
    } catch (ExecutionException error) {
      return switch (Status.fromThrowable(error).getCode()) {
        case NOT_FOUND -> "not found";
        case INVALID_ARGUMENT -> "invalid";
        case ALREADY_EXISTS -> "exists";
        default -> error.toString();
      };
    }
  }

  /** Returns a JSON object written in single quotes. */
  static JsonObject json(String text) {
    return JsonParser.parseString(text).getAsJsonObject();
  }
}
