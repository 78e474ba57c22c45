// The steps that change something.

package main

import (
	"sort"
	"strings"

	"github.com/qdrant/go-client/qdrant"
)

func (t tour) createCollection() any {
	before := must(t.CollectionExists(t.ctx, collection))
	check(t.CreateCollection(t.ctx, &qdrant.CreateCollection{
		CollectionName: collection,
		VectorsConfig: qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{
			"text":  {Size: 4, Distance: qdrant.Distance_Dot},
			"image": {Size: 3, Distance: qdrant.Distance_Euclid},
			"tokens": {
				Size: 2, Distance: qdrant.Distance_Dot,
				MultivectorConfig: &qdrant.MultiVectorConfig{
					Comparator: qdrant.MultiVectorComparator_MaxSim,
				},
			},
		}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{"words": {}}),
	}))
	return []any{before, true, must(t.CollectionExists(t.ctx, collection))}
}

func (t tour) upsert() any {
	structures := []*qdrant.PointStruct{}
	for _, one := range t.points {
		structures = append(structures, one.structure())
	}
	return outcome(t.Upsert(t.ctx, &qdrant.UpsertPoints{
		CollectionName: collection, Points: structures, Wait: qdrant.PtrOf(true),
	}))
}

func (t tour) collectionInfo() any {
	info := must(t.GetCollectionInfo(t.ctx, collection))
	params := info.GetConfig().GetParams()
	sizes, distances, multi, sparse := object{}, object{}, []string{}, []string{}
	for name, vector := range params.GetVectorsConfig().GetParamsMap().GetMap() {
		sizes[name], distances[name] = vector.GetSize(), vector.GetDistance().String()
		if vector.GetMultivectorConfig() != nil {
			multi = append(multi, name)
		}
	}
	for name := range params.GetSparseVectorsConfig().GetMap() {
		sparse = append(sparse, name)
	}
	sort.Strings(sparse)
	listed := false
	for _, name := range must(t.ListCollections(t.ctx)) {
		listed = listed || name == collection
	}
	return object{
		"sizes": sizes, "distances": distances, "multi": multi, "sparse": sparse,
		"points": info.GetPointsCount(), "listed": listed,
	}
}

func (t tour) createIndexes() any {
	fields := map[string]qdrant.FieldType{
		"city":   qdrant.FieldType_FieldTypeKeyword,
		"number": qdrant.FieldType_FieldTypeInteger,
		"price":  qdrant.FieldType_FieldTypeFloat,
		"when":   qdrant.FieldType_FieldTypeDatetime,
		"place":  qdrant.FieldType_FieldTypeGeo,
		"open":   qdrant.FieldType_FieldTypeBool,
		"note":   qdrant.FieldType_FieldTypeText,
	}
	for field, kind := range fields {
		must(t.CreateFieldIndex(t.ctx, &qdrant.CreateFieldIndexCollection{
			CollectionName: collection, FieldName: field, FieldType: &kind, Wait: qdrant.PtrOf(true),
		}))
	}
	described := object{}
	for field, schema := range must(t.GetCollectionInfo(t.ctx, collection)).GetPayloadSchema() {
		described[field] = strings.ToLower(schema.GetDataType().String())
	}
	return described
}

func (t tour) payloadOperations() any {
	wait := qdrant.PtrOf(true)
	one := func(id any) *qdrant.PointsSelector { return qdrant.NewPointsSelector(pointID(id)) }
	outcomes := []string{
		outcome(t.SetPayload(t.ctx, &qdrant.SetPayloadPoints{
			CollectionName: collection, Wait: wait, PointsSelector: one(int64(1)),
			Payload: qdrant.NewValueMap(object{"seen": true, "number": 10}),
		})),
		outcome(t.SetPayload(t.ctx, &qdrant.SetPayloadPoints{
			CollectionName: collection, Wait: wait, PointsSelector: one(int64(4)),
			Payload: qdrant.NewValueMap(object{"added": "deep"}), Key: qdrant.PtrOf("nested.deep"),
		})),
		outcome(t.SetPayload(t.ctx, &qdrant.SetPayloadPoints{
			CollectionName: collection, Wait: wait,
			PointsSelector: qdrant.NewPointsSelectorFilter(london()),
			Payload:        qdrant.NewValueMap(object{"seen": false}),
		})),
		outcome(t.OverwritePayload(t.ctx, &qdrant.SetPayloadPoints{
			CollectionName: collection, Wait: wait, PointsSelector: one(int64(2)),
			Payload: qdrant.NewValueMap(object{"only": []any{"this"}}),
		})),
		outcome(t.DeletePayload(t.ctx, &qdrant.DeletePayloadPoints{
			CollectionName: collection, Wait: wait, Keys: []string{"price", "nested.deep.list"},
			PointsSelector: qdrant.NewPointsSelector(qdrant.NewIDNum(4), qdrant.NewIDNum(5)),
		})),
		outcome(t.ClearPayload(t.ctx, &qdrant.ClearPayloadPoints{
			CollectionName: collection, Wait: wait, Points: one(t.uuid),
		})),
	}
	everything := []*qdrant.PointId{}
	for _, point := range t.points {
		everything = append(everything, pointID(point.ID))
	}
	answer := object{"outcomes": outcomes}
	for _, record := range must(t.Get(t.ctx, &qdrant.GetPoints{
		CollectionName: collection, Ids: everything, WithPayload: qdrant.NewWithPayload(true),
	})) {
		payload := plainPayload(record.GetPayload())
		switch record.GetId().GetNum() {
		case 0:
			answer[t.uuid] = payload
		case 1:
			answer["1"] = []any{payload["seen"], payload["number"], payload["city"]}
		case 2:
			answer["2"] = payload
		case 3:
			answer["3"] = payload["seen"]
		case 4:
			answer["4"] = payload
		case 5:
			answer["5"] = payload
		}
	}
	return answer
}

func (t tour) vectorOperations() any {
	first := qdrant.NewIDNum(1)
	image := map[string]*qdrant.Vector{"image": qdrant.NewVector(1, 1, 1)}
	outcomes := []string{
		outcome(t.UpdateVectors(t.ctx, &qdrant.UpdatePointVectors{
			CollectionName: collection, Wait: qdrant.PtrOf(true),
			Points: []*qdrant.PointVectors{{Id: first, Vectors: qdrant.NewVectorsMap(image)}},
		})),
		outcome(t.DeleteVectors(t.ctx, &qdrant.DeletePointVectors{
			CollectionName: collection, Wait: qdrant.PtrOf(true),
			Vectors:        &qdrant.VectorsSelector{Names: []string{"words"}},
			PointsSelector: qdrant.NewPointsSelector(first),
		})),
	}
	records := must(t.Get(t.ctx, &qdrant.GetPoints{
		CollectionName: collection, Ids: []*qdrant.PointId{first}, WithVectors: qdrant.NewWithVectors(true),
	}))
	return object{"outcomes": outcomes, "1": plainVectors(records[0].GetVectors())}
}

func (t tour) batchUpdate() any {
	added := t.points[0]
	added.ID, added.Payload = int64(7), object{}
	outcomes := must(t.UpdateBatch(t.ctx, &qdrant.UpdateBatchPoints{
		CollectionName: collection, Wait: qdrant.PtrOf(true),
		Operations: []*qdrant.PointsUpdateOperation{
			qdrant.NewPointsUpdateUpsert(&qdrant.PointsUpdateOperation_PointStructList{
				Points: []*qdrant.PointStruct{added.structure()},
			}),
			qdrant.NewPointsUpdateSetPayload(&qdrant.PointsUpdateOperation_SetPayload{
				Payload:        qdrant.NewValueMap(object{"n": 7}),
				PointsSelector: qdrant.NewPointsSelector(qdrant.NewIDNum(7)),
			}),
			qdrant.NewPointsUpdateDeletePoints(&qdrant.PointsUpdateOperation_DeletePoints{
				Points: qdrant.NewPointsSelector(qdrant.NewIDNum(5)),
			}),
		},
	}))
	records := must(t.Scroll(t.ctx, &qdrant.ScrollPoints{CollectionName: collection, Limit: qdrant.PtrOf(uint32(10))}))
	answer := object{"outcomes": len(outcomes), "ids": ids(records)}
	for _, record := range records {
		if record.GetId().GetNum() == 7 {
			answer["7"] = plainPayload(record.GetPayload())
		}
	}
	return answer
}

func (t tour) delete() any {
	outcomes := []any{
		outcome(t.Delete(t.ctx, &qdrant.DeletePoints{
			CollectionName: collection, Wait: qdrant.PtrOf(true),
			Points: qdrant.NewPointsSelector(qdrant.NewIDNum(7), qdrant.NewIDNum(2)),
		})),
		outcome(t.Delete(t.ctx, &qdrant.DeletePoints{
			CollectionName: collection, Wait: qdrant.PtrOf(true),
			Points: qdrant.NewPointsSelectorFilter(berlin()),
		})),
	}
	left := must(t.Scroll(t.ctx, &qdrant.ScrollPoints{CollectionName: collection}))
	return append(outcomes, ids(left))
}

func (t tour) aliases() any {
	answers := []any{}
	check(t.CreateAlias(t.ctx, "tour_alias", collection))
	answers = append(answers, true, must(t.Count(t.ctx, &qdrant.CountPoints{
		CollectionName: "tour_alias", Exact: qdrant.PtrOf(true),
	})))
	check(t.RenameAlias(t.ctx, "tour_alias", "tour_renamed"))
	answers = append(answers, true, must(t.ListCollectionAliases(t.ctx, collection)))
	listed := false
	for _, alias := range must(t.ListAliases(t.ctx)) {
		listed = listed || alias.GetAliasName() == "tour_renamed"
	}
	check(t.DeleteAlias(t.ctx, "tour_renamed"))
	left := append([]string{}, must(t.ListCollectionAliases(t.ctx, collection))...)
	return append(answers, listed, true, left)
}

func (t tour) oneUnnamedVector() any {
	check(t.CreateCollection(t.ctx, &qdrant.CreateCollection{
		CollectionName: second,
		VectorsConfig:  qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Cosine}),
	}))
	first := qdrant.NewIDNum(1)
	must(t.Upsert(t.ctx, &qdrant.UpsertPoints{
		CollectionName: second, Wait: qdrant.PtrOf(true),
		Points: []*qdrant.PointStruct{{Id: first, Vectors: qdrant.NewVectors(3, 4)}},
	}))
	records := must(t.Get(t.ctx, &qdrant.GetPoints{
		CollectionName: second, Ids: []*qdrant.PointId{first}, WithVectors: qdrant.NewWithVectors(true),
	}))
	check(t.UpdateCollection(t.ctx, &qdrant.UpdateCollection{
		CollectionName: second, HnswConfig: &qdrant.HnswConfigDiff{EfConstruct: qdrant.PtrOf(uint64(150))},
	}))
	config := must(t.GetCollectionInfo(t.ctx, second)).GetConfig()
	vector := plainVector(records[0].GetVectors().GetVector())
	return []any{vector, true, config.GetHnswConfig().GetEfConstruct()}
}

func (t tour) errors() any {
	ask := func(request *qdrant.QueryPoints) string {
		request.CollectionName = second
		return refusal(t.Query(t.ctx, request))
	}
	return object{
		"missing collection": refusal(t.GetCollectionInfo(t.ctx, "tour_absent")),
		"existing collection": refusal(true, t.CreateCollection(t.ctx, &qdrant.CreateCollection{
			CollectionName: second,
			VectorsConfig:  qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Dot}),
		})),
		"wrong length": refusal(t.Upsert(t.ctx, &qdrant.UpsertPoints{
			CollectionName: second,
			Points:         []*qdrant.PointStruct{{Id: qdrant.NewIDNum(1), Vectors: qdrant.NewVectors(1)}},
		})),
		"wrong name":          ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 0), Using: qdrant.PtrOf("absent")}),
		"wrong query":         ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 0, 0)}),
		"missing point":       ask(&qdrant.QueryPoints{Query: qdrant.NewQueryID(qdrant.NewIDNum(77))}),
		"limit of zero":       ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 0), Limit: qdrant.PtrOf(uint64(0))}),
		"facet without index": refusal(t.Facet(t.ctx, &qdrant.FacetCounts{CollectionName: second, Key: "city"})),
	}
}

func (t tour) deleteCollections() any {
	check(t.DeleteCollection(t.ctx, collection))
	check(t.DeleteCollection(t.ctx, second))
	return []any{true, true, must(t.CollectionExists(t.ctx, collection))}
}
