// Does github.com/qdrant/go-client make the whole tour? The steps are those of tests/clients/tour.py.

package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"strconv"

	"github.com/qdrant/go-client/qdrant"
)

const (
	collection = "tour"
	second     = "tour_second"
)

type tour struct {
	*qdrant.Client
	ctx    context.Context
	points []point
	uuid   string
}

func main() {
	transport, address, points, report := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	host, port, err := net.SplitHostPort(address)
	check(err)
	client := must(qdrant.NewClient(&qdrant.Config{Host: host, Port: must(strconv.Atoi(port))}))
	defer client.Close()
	t := tour{Client: client, ctx: context.Background(), points: readPoints(points)}
	t.uuid = t.points[len(t.points)-1].ID.(string)
	answers := object{}
	for _, step := range t.steps() {
		answers[step.name] = step.make()
	}
	written := must(json.Marshal(object{"client": "go " + transport, "answers": answers}))
	check(os.WriteFile(report, written, 0o600))
}

type step struct {
	name string
	make func() any
}

func (t tour) steps() []step {
	return []step{
		{"create_collection", t.createCollection},
		{"upsert", t.upsert},
		{"collection_info", t.collectionInfo},
		{"retrieve", t.retrieve},
		{"create_indexes", t.createIndexes},
		{"count", t.count},
		{"scroll", t.scroll},
		{"scroll_in_order", t.scrollInOrder},
		{"scroll_filtered", t.scrollFiltered},
		{"query", t.query},
		{"query_with_payload", t.queryWithPayload},
		{"query_in_stages", t.queryInStages},
		{"query_by_examples", t.queryByExamples},
		{"query_batch", t.queryBatch},
		{"query_groups", t.queryGroups},
		{"older_searches", t.olderSearches},
		{"facet", t.facet},
		{"matrix", t.matrix},
		{"payload_operations", t.payloadOperations},
		{"vector_operations", t.vectorOperations},
		{"batch_update", t.batchUpdate},
		{"delete", t.delete},
		{"aliases", t.aliases},
		{"one_unnamed_vector", t.oneUnnamedVector},
		{"errors", t.errors},
		{"delete_collections", t.deleteCollections},
	}
}

func berlin() *qdrant.Filter {
	return &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("city", "Berlin")}}
}

func london() *qdrant.Filter {
	return &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("city", "London")}}
}
