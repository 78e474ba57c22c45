// The steps that only read.

package main

import (
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (t tour) retrieve() any {
	everything := []*qdrant.PointId{}
	for _, point := range t.points {
		everything = append(everything, pointID(point.ID))
	}
	records := must(t.Get(t.ctx, &qdrant.GetPoints{
		CollectionName: collection, Ids: everything,
		WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectors(true),
	}))
	found := map[any]object{}
	for _, record := range records {
		described := plainVectors(record.GetVectors())
		described["id"] = plainID(record.GetId())
		described["payload"] = plainPayload(record.GetPayload())
		found[plainID(record.GetId())] = described
	}
	inOrder := []object{}
	for _, id := range everything {
		inOrder = append(inOrder, found[plainID(id)])
	}
	return inOrder
}

func (t tour) count() any {
	exact := qdrant.PtrOf(true)
	return []any{
		must(t.Count(t.ctx, &qdrant.CountPoints{CollectionName: collection, Exact: exact})),
		must(t.Count(t.ctx, &qdrant.CountPoints{CollectionName: collection, Exact: exact, Filter: berlin()})),
	}
}

func (t tour) scroll() any {
	pages := []any{}
	var offset *qdrant.PointId
	for page := 0; page < 5; page++ {
		records, next, err := t.ScrollAndOffset(t.ctx, &qdrant.ScrollPoints{
			CollectionName: collection, Limit: qdrant.PtrOf(uint32(2)), Offset: offset,
		})
		check(err)
		pages = append(pages, ids(records))
		if next == nil {
			break
		}
		offset = next
	}
	return pages
}

func (t tour) scrollInOrder() any {
	records := must(t.Scroll(t.ctx, &qdrant.ScrollPoints{
		CollectionName: collection, Limit: qdrant.PtrOf(uint32(3)),
		OrderBy:     &qdrant.OrderBy{Key: "number", Direction: qdrant.Direction_Desc.Enum()},
		WithPayload: qdrant.NewWithPayloadInclude("number"),
	}))
	list := []any{}
	for _, record := range records {
		list = append(list, []any{plainID(record.GetId()), plainPayload(record.GetPayload())})
	}
	return list
}

func (t tour) filters() map[string]*qdrant.Filter {
	city := qdrant.NewMatch("city", "Berlin")
	third := qdrant.NewMatchInt("number", 3)
	open := qdrant.NewMatchBool("open", true)
	counted := qdrant.NewValuesCount("tags", &qdrant.ValuesCount{Gte: qdrant.PtrOf(uint64(2))})
	since := timestamppb.New(time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC))
	wheels := &qdrant.Filter{Must: []*qdrant.Condition{
		qdrant.NewMatch("kind", "wheel"),
		qdrant.NewRange("count", &qdrant.Range{Gte: qdrant.PtrOf(3.0)}),
	}}
	conditions := map[string]*qdrant.Condition{
		"value":   city,
		"integer": third,
		"bool":    open,
		"any":     qdrant.NewMatchKeywords("city", "London", "München"),
		"except":  qdrant.NewMatchExcept("city", "Berlin"),
		"text":    qdrant.NewMatchText("note", "fox brown"),
		"range": qdrant.NewRange("price", &qdrant.Range{
			Gt: qdrant.PtrOf(0.1), Lte: qdrant.PtrOf(2.25),
		}),
		"dates":        qdrant.NewDatetimeRange("when", &qdrant.DatetimeRange{Gte: since}),
		"radius":       qdrant.NewGeoRadius("place", 52.5, 13.4, 20000),
		"values count": counted,
		"is empty":     qdrant.NewIsEmpty("tags"),
		"is null":      qdrant.NewIsNull("city"),
		"ids":          qdrant.NewHasID(qdrant.NewIDNum(2), qdrant.NewIDUUID(t.uuid)),
		"has vector":   qdrant.NewHasVector("words"),
		"nested":       qdrant.NewNestedFilter("parts", wheels),
		"path":         qdrant.NewMatchInt("nested.deep.list[].three", 3),
	}
	filters := map[string]*qdrant.Filter{
		"must not": {MustNot: []*qdrant.Condition{city}},
		"should":   {Should: []*qdrant.Condition{city, third}},
		"min should": {MinShould: &qdrant.MinShould{
			Conditions: []*qdrant.Condition{city, open, counted}, MinCount: 2,
		}},
	}
	for name, condition := range conditions {
		filters[name] = &qdrant.Filter{Must: []*qdrant.Condition{condition}}
	}
	return filters
}

func (t tour) scrollFiltered() any {
	found := object{}
	for name, filter := range t.filters() {
		found[name] = ids(must(t.Scroll(t.ctx, &qdrant.ScrollPoints{
			CollectionName: collection, Filter: filter, Limit: qdrant.PtrOf(uint32(10)),
		})))
	}
	return found
}

func (t tour) ask(request *qdrant.QueryPoints) []*qdrant.ScoredPoint {
	request.CollectionName = collection
	return must(t.Query(t.ctx, request))
}

func (t tour) query() any {
	text := func() *qdrant.Query { return qdrant.NewQuery(1, 0.5, 0, 0) }
	byText, three := qdrant.PtrOf("text"), qdrant.PtrOf(uint64(3))
	cheap := &qdrant.Filter{Must: []*qdrant.Condition{
		qdrant.NewRange("price", &qdrant.Range{Lt: qdrant.PtrOf(3.0)}),
	}}
	requests := map[string]*qdrant.QueryPoints{
		"dense":    {Query: text(), Using: byText, Limit: three},
		"distance": {Query: qdrant.NewQuery(0, 0, 0), Using: qdrant.PtrOf("image"), Limit: three},
		"sparse": {
			Query: qdrant.NewQuerySparse([]uint32{1, 5}, []float32{2, 3}),
			Using: qdrant.PtrOf("words"), Limit: three,
		},
		"multi": {
			Query: qdrant.NewQueryMulti([][]float32{{1, 0}, {0, 2}}),
			Using: qdrant.PtrOf("tokens"), Limit: three,
		},
		"id": {Query: qdrant.NewQueryID(qdrant.NewIDNum(1)), Using: byText, Limit: qdrant.PtrOf(uint64(2))},
		"filter": {
			Query: text(), Using: byText, Filter: cheap,
			Params: &qdrant.SearchParams{Exact: qdrant.PtrOf(true)},
		},
		"threshold": {Query: text(), Using: byText, ScoreThreshold: qdrant.PtrOf(float32(7.5))},
		"offset":    {Query: text(), Using: byText, Limit: qdrant.PtrOf(uint64(2)), Offset: qdrant.PtrOf(uint64(1))},
	}
	found := object{}
	for name, request := range requests {
		found[name] = hits(t.ask(request))
	}
	return found
}

func (t tour) queryWithPayload() any {
	hit := t.ask(&qdrant.QueryPoints{
		Query: qdrant.NewQuery(1, 0, 0, 0), Using: qdrant.PtrOf("text"), Filter: london(),
		WithPayload: qdrant.NewWithPayloadInclude("city", "tags"),
		WithVectors: qdrant.NewWithVectorsInclude("image"),
	})[0]
	return []any{plainID(hit.GetId()), plainPayload(hit.GetPayload()), plainVectors(hit.GetVectors())}
}

func (t tour) queryInStages() any {
	staged := func(query *qdrant.Query, using *string) []any {
		three := qdrant.PtrOf(uint64(3))
		return hits(t.ask(&qdrant.QueryPoints{
			Prefetch: []*qdrant.PrefetchQuery{
				{Query: qdrant.NewQuery(1, 0, 0, 0), Using: qdrant.PtrOf("text"), Limit: three},
				{
					Query: qdrant.NewQuerySparse([]uint32{1, 9}, []float32{2, 1}),
					Using: qdrant.PtrOf("words"), Limit: three,
				},
			},
			Query: query, Using: using, Limit: qdrant.PtrOf(uint64(4)),
		}))
	}
	return object{
		"rrf":      staged(qdrant.NewQueryFusion(qdrant.Fusion_RRF), nil),
		"dbsf":     staged(qdrant.NewQueryFusion(qdrant.Fusion_DBSF), nil),
		"rescored": staged(qdrant.NewQuery(0, 0, 0), qdrant.PtrOf("image")),
	}
}

func (t tour) queryByExamples() any {
	input := func(id uint64) *qdrant.VectorInput { return qdrant.NewVectorInputID(qdrant.NewIDNum(id)) }
	recommend := &qdrant.RecommendInput{
		Positive: []*qdrant.VectorInput{input(1), qdrant.NewVectorInput(0, 0, 1, 0)},
		Negative: []*qdrant.VectorInput{input(2)},
		Strategy: qdrant.RecommendStrategy_AverageVector.Enum(),
	}
	discover := &qdrant.DiscoverInput{
		Target: input(3),
		Context: &qdrant.ContextInput{
			Pairs: []*qdrant.ContextInputPair{{Positive: input(4), Negative: input(5)}},
		},
	}
	order := &qdrant.OrderBy{Key: "price", Direction: qdrant.Direction_Asc.Enum()}
	return object{
		"recommend": hits(t.ask(&qdrant.QueryPoints{
			Query: qdrant.NewQueryRecommend(recommend), Using: qdrant.PtrOf("text"),
		})),
		"discover": hitIDs(t.ask(&qdrant.QueryPoints{
			Query: qdrant.NewQueryDiscover(discover), Using: qdrant.PtrOf("image"),
		})),
		"order": hitIDs(t.ask(&qdrant.QueryPoints{Query: qdrant.NewQueryOrderBy(order)})),
	}
}

func (t tour) queryBatch() any {
	answers := must(t.QueryBatch(t.ctx, &qdrant.QueryBatchPoints{
		CollectionName: collection,
		QueryPoints: []*qdrant.QueryPoints{
			{
				CollectionName: collection, Query: qdrant.NewQuery(1, 0, 0, 0),
				Using: qdrant.PtrOf("text"), Limit: qdrant.PtrOf(uint64(2)),
			},
			{
				CollectionName: collection, Query: qdrant.NewQuery(0, 0, 0),
				Using: qdrant.PtrOf("image"), Limit: qdrant.PtrOf(uint64(1)),
			},
		},
	}))
	list := []any{}
	for _, answer := range answers {
		list = append(list, hits(answer.GetResult()))
	}
	return list
}

func (t tour) queryGroups() any {
	groups := must(t.QueryGroups(t.ctx, &qdrant.QueryPointGroups{
		CollectionName: collection, GroupBy: "city", GroupSize: qdrant.PtrOf(uint64(2)),
		Query: qdrant.NewQuery(1, 0, 0, 0), Using: qdrant.PtrOf("text"),
	}))
	list := []any{}
	for _, group := range groups {
		list = append(list, []any{group.GetId().GetStringValue(), hits(group.GetHits())})
	}
	return list
}

func (t tour) olderSearches() any {
	points, three := t.GetPointsClient(), uint64(3)
	search := must(points.Search(t.ctx, &qdrant.SearchPoints{
		CollectionName: collection, Vector: []float32{1, 0.5, 0, 0},
		VectorName: qdrant.PtrOf("text"), Limit: three,
	}))
	recommend := must(points.Recommend(t.ctx, &qdrant.RecommendPoints{
		CollectionName: collection, Using: qdrant.PtrOf("text"), Limit: three,
		Positive: []*qdrant.PointId{qdrant.NewIDNum(4)},
		Negative: []*qdrant.PointId{qdrant.NewIDNum(2)},
	}))
	return object{"search": hits(search.GetResult()), "recommend": hits(recommend.GetResult())}
}

func (t tour) facet() any {
	list := []any{}
	for _, hit := range must(t.Facet(t.ctx, &qdrant.FacetCounts{
		CollectionName: collection, Key: "city", Exact: qdrant.PtrOf(true),
	})) {
		list = append(list, []any{hit.GetValue().GetStringValue(), hit.GetCount()})
	}
	return list
}

func (t tour) matrix() any {
	answer := must(t.SearchMatrixPairs(t.ctx, &qdrant.SearchMatrixPoints{
		CollectionName: collection, Filter: berlin(), Using: qdrant.PtrOf("text"),
		Sample: qdrant.PtrOf(uint64(2)), Limit: qdrant.PtrOf(uint64(1)),
	}))
	list := []any{}
	for _, pair := range answer.GetPairs() {
		list = append(list, []any{plainID(pair.GetA()), plainID(pair.GetB()), pair.GetScore()})
	}
	return list
}
