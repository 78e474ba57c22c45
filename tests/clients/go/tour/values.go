// How do points, payloads and answers become plain JSON, and JSON become points?

package main

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A point of points.json.
type point struct {
	ID     any         `json:"id"`
	Text   []float32   `json:"text"`
	Image  []float32   `json:"image"`
	Tokens [][]float32 `json:"tokens"`
	Words  struct {
		Indices []uint32  `json:"indices"`
		Values  []float32 `json:"values"`
	} `json:"words"`
	Payload map[string]any `json:"payload"`
}

type object = map[string]any

func readPoints(file string) (points []point) {
	opened := must(os.Open(file))
	defer opened.Close()
	decoder := json.NewDecoder(opened)
	decoder.UseNumber() // integers of payloads stay integers
	check(decoder.Decode(&points))
	for i := range points {
		points[i].ID = plain(points[i].ID)
		points[i].Payload = plain(points[i].Payload).(object)
	}
	return points
}

// plain turns json.Number into int64 where it is an integer, else into float64.
func plain(value any) any {
	switch given := value.(type) {
	case json.Number:
		if !strings.ContainsAny(given.String(), ".eE") {
			return must(given.Int64())
		}
		return must(given.Float64())
	case object:
		for key := range given {
			given[key] = plain(given[key])
		}
	case []any:
		for i := range given {
			given[i] = plain(given[i])
		}
	}
	return value
}

func pointID(id any) *qdrant.PointId {
	if number, ok := id.(int64); ok {
		return qdrant.NewIDNum(uint64(number))
	}
	return qdrant.NewIDUUID(id.(string))
}

func (p point) structure() *qdrant.PointStruct {
	return &qdrant.PointStruct{
		Id: pointID(p.ID),
		Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{
			"text":   qdrant.NewVectorDense(p.Text),
			"image":  qdrant.NewVectorDense(p.Image),
			"tokens": qdrant.NewVectorMulti(p.Tokens),
			"words":  qdrant.NewVectorSparse(p.Words.Indices, p.Words.Values),
		}),
		Payload: qdrant.NewValueMap(p.Payload),
	}
}

func plainID(id *qdrant.PointId) any {
	if uuid := id.GetUuid(); uuid != "" {
		return uuid
	}
	return id.GetNum()
}

func plainValue(value *qdrant.Value) any {
	switch kind := value.GetKind().(type) {
	case *qdrant.Value_BoolValue:
		return kind.BoolValue
	case *qdrant.Value_IntegerValue:
		return kind.IntegerValue
	case *qdrant.Value_DoubleValue:
		return kind.DoubleValue
	case *qdrant.Value_StringValue:
		return kind.StringValue
	case *qdrant.Value_ListValue:
		list := []any{}
		for _, one := range kind.ListValue.GetValues() {
			list = append(list, plainValue(one))
		}
		return list
	case *qdrant.Value_StructValue:
		return plainPayload(kind.StructValue.GetFields())
	}
	return nil
}

func plainPayload(payload map[string]*qdrant.Value) object {
	fields := object{}
	for key, value := range payload {
		fields[key] = plainValue(value)
	}
	return fields
}

func plainVector(vector *qdrant.VectorOutput) any {
	switch {
	case vector.GetSparse() != nil:
		return object{"indices": vector.GetSparse().GetIndices(), "values": vector.GetSparse().GetValues()}
	case vector.GetMultiDense() != nil:
		rows := [][]float32{}
		for _, row := range vector.GetMultiDense().GetVectors() {
			rows = append(rows, row.GetData())
		}
		return rows
	case vector.GetDense() != nil:
		return vector.GetDense().GetData()
	}
	return "no vector"
}

func plainVectors(vectors *qdrant.VectorsOutput) object {
	named := object{}
	for name, vector := range vectors.GetVectors().GetVectors() {
		named[name] = plainVector(vector)
	}
	return named
}

func ids(points []*qdrant.RetrievedPoint) []any {
	list := []any{}
	for _, one := range points {
		list = append(list, plainID(one.GetId()))
	}
	return list
}

func hits(points []*qdrant.ScoredPoint) []any {
	list := []any{}
	for _, one := range points {
		list = append(list, []any{plainID(one.GetId()), one.GetScore()})
	}
	return list
}

func hitIDs(points []*qdrant.ScoredPoint) []any {
	list := []any{}
	for _, one := range points {
		list = append(list, plainID(one.GetId()))
	}
	return list
}

func outcome(result *qdrant.UpdateResult, err error) string {
	check(err)
	return strings.ToLower(result.GetStatus().String())
}

func refusal[T any](_ T, err error) string {
	kinds := map[codes.Code]string{
		codes.OK:              "accepted",
		codes.NotFound:        "not found",
		codes.InvalidArgument: "invalid",
		codes.AlreadyExists:   "exists",
	}
	if kind, known := kinds[status.Code(err)]; known {
		return kind
	}
	return err.Error()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
