//! The steps that change something.

use std::collections::HashMap;

use qdrant_client::qdrant::points_update_operation::{
    DeletePoints, Operation, PointStructList, SetPayload,
};
use qdrant_client::qdrant::{vectors_config, PayloadSchemaType};
use qdrant_client::qdrant::{
    ClearPayloadPointsBuilder, CountPointsBuilder, CreateAliasBuilder, CreateCollectionBuilder,
    CreateFieldIndexCollectionBuilder, DeletePayloadPointsBuilder, DeletePointVectorsBuilder,
    DeletePointsBuilder, Distance, FacetCountsBuilder, FieldType, GetPointsBuilder,
    HnswConfigDiffBuilder, MultiVectorComparator, MultiVectorConfigBuilder, NamedVectors, PointId,
    PointStruct, PointVectors, PointsIdsList, PointsUpdateOperation, Query, QueryPointsBuilder,
    RenameAliasBuilder, ScrollPointsBuilder, SetPayloadPointsBuilder, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, UpdateBatchPointsBuilder, UpdateCollectionBuilder,
    UpdatePointVectorsBuilder, UpsertPointsBuilder, Value, VectorInput, VectorParamsBuilder,
    VectorsConfigBuilder,
};
use qdrant_client::Payload;
use serde_json::{json, Value as Json};

use crate::values::{ids, outcome, plain_payload, plain_vectors, refusal, structure, Answer};
use crate::{city, Tour, COLLECTION, SECOND};

fn list(ids: &[u64]) -> PointsIdsList {
    PointsIdsList { ids: ids.iter().map(|id| PointId::from(*id)).collect() }
}

fn payload(fields: Json) -> HashMap<String, Value> {
    Payload::try_from(fields).map(Into::into).unwrap_or_default()
}

impl Tour {
    pub async fn create_collection(&self) -> Answer {
        let before = self.client.collection_exists(COLLECTION).await?;
        let comparator = MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim);
        let mut vectors = VectorsConfigBuilder::default();
        vectors.add_named_vector_params("text", VectorParamsBuilder::new(4, Distance::Dot));
        vectors.add_named_vector_params("image", VectorParamsBuilder::new(3, Distance::Euclid));
        vectors.add_named_vector_params(
            "tokens",
            VectorParamsBuilder::new(2, Distance::Dot).multivector_config(comparator),
        );
        let mut words = SparseVectorsConfigBuilder::default();
        words.add_named_vector_params("words", SparseVectorParamsBuilder::default());
        let request = CreateCollectionBuilder::new(COLLECTION)
            .vectors_config(vectors)
            .sparse_vectors_config(words);
        let created = self.client.create_collection(request).await?.result;
        Ok(json!([before, created, self.client.collection_exists(COLLECTION).await?]))
    }

    pub async fn upsert(&self) -> Answer {
        let points: Result<Vec<PointStruct>, _> = self.points.iter().map(structure).collect();
        let request = UpsertPointsBuilder::new(COLLECTION, points?).wait(true);
        Ok(outcome(self.client.upsert_points(request).await?))
    }

    pub async fn collection_info(&self) -> Answer {
        let described = self.client.collection_info(COLLECTION).await?.result.ok_or("nothing")?;
        let params = described.config.and_then(|config| config.params).ok_or("no parameters")?;
        let vectors = match params.vectors_config.and_then(|config| config.config) {
            Some(vectors_config::Config::ParamsMap(named)) => named.map,
            _ => return Err("no named vectors".into()),
        };
        let (mut sizes, mut distances, mut multi) = (json!({}), json!({}), Vec::new());
        for (name, vector) in &vectors {
            sizes[name] = json!(vector.size);
            distances[name] = json!(vector.distance().as_str_name());
            multi.extend(vector.multivector_config.as_ref().map(|_| name));
        }
        let sparse = params.sparse_vectors_config.map(|config| config.map).unwrap_or_default();
        let listed = self.client.list_collections().await?.collections;
        Ok(json!({
            "sizes": sizes, "distances": distances, "multi": multi,
            "sparse": sparse.keys().collect::<Vec<_>>(), "points": described.points_count,
            "listed": listed.iter().any(|collection| collection.name == COLLECTION),
        }))
    }

    pub async fn create_indexes(&self) -> Answer {
        let fields = [
            ("city", FieldType::Keyword),
            ("number", FieldType::Integer),
            ("price", FieldType::Float),
            ("when", FieldType::Datetime),
            ("place", FieldType::Geo),
            ("open", FieldType::Bool),
            ("note", FieldType::Text),
        ];
        for (field, kind) in fields {
            let request =
                CreateFieldIndexCollectionBuilder::new(COLLECTION, field, kind).wait(true);
            self.client.create_field_index(request).await?;
        }
        let described = self.client.collection_info(COLLECTION).await?.result.ok_or("nothing")?;
        let mut schema = json!({});
        for (field, index) in described.payload_schema {
            let kind: PayloadSchemaType = index.data_type();
            schema[field] = json!(kind.as_str_name().to_lowercase());
        }
        Ok(schema)
    }

    pub async fn payload_operations(&self) -> Answer {
        let set = |fields| SetPayloadPointsBuilder::new(COLLECTION, payload(fields)).wait(true);
        let client = &self.client;
        let uuid = PointsIdsList { ids: vec![self.uuid.as_str().into()] };
        let seen = set(json!({"seen": true, "number": 10})).points_selector(list(&[1]));
        let deep = set(json!({"added": "deep"})).points_selector(list(&[4])).key("nested.deep");
        let unseen = set(json!({"seen": false})).points_selector(city("London"));
        let only = set(json!({"only": ["this"]})).points_selector(list(&[2]));
        let keys = vec!["price".into(), "nested.deep.list".into()];
        let without =
            DeletePayloadPointsBuilder::new(COLLECTION, keys).points_selector(list(&[4, 5]));
        let clear = ClearPayloadPointsBuilder::new(COLLECTION).points(uuid).wait(true);
        let outcomes = [
            outcome(client.set_payload(seen).await?),
            outcome(client.set_payload(deep).await?),
            outcome(client.set_payload(unseen).await?),
            outcome(client.overwrite_payload(only).await?),
            outcome(client.delete_payload(without.wait(true)).await?),
            outcome(client.clear_payload(clear).await?),
        ];
        let request = GetPointsBuilder::new(COLLECTION, self.ids()).with_payload(true);
        let mut answer = json!({"outcomes": outcomes});
        for record in client.get_points(request).await?.result {
            let id = crate::values::plain_id(&record.id);
            let fields = plain_payload(&record.payload);
            match id.as_u64() {
                Some(1) => answer["1"] = json!([fields["seen"], fields["number"], fields["city"]]),
                Some(3) => answer["3"] = fields["seen"].clone(),
                Some(number) => answer[number.to_string()] = fields,
                None => answer[&self.uuid] = fields,
            }
        }
        Ok(answer)
    }

    pub async fn vector_operations(&self) -> Answer {
        let image = NamedVectors::default().add_vector("image", vec![1.0, 1.0, 1.0]);
        let changed = PointVectors { id: Some(1.into()), vectors: Some(image.into()) };
        let update = UpdatePointVectorsBuilder::new(COLLECTION, vec![changed]).wait(true);
        let delete = DeletePointVectorsBuilder::new(COLLECTION)
            .points_selector(list(&[1]))
            .vectors(vec!["words".to_string()])
            .wait(true);
        let outcomes = [
            outcome(self.client.update_vectors(update).await?),
            outcome(self.client.delete_vectors(delete).await?),
        ];
        let request = GetPointsBuilder::new(COLLECTION, vec![1.into()]).with_vectors(true);
        let records = self.client.get_points(request).await?.result;
        Ok(json!({"outcomes": outcomes, "1": plain_vectors(&records[0].vectors)}))
    }

    pub async fn batch_update(&self) -> Answer {
        let mut added = self.points[0].clone();
        added["id"] = json!(7);
        added["payload"] = json!({});
        let upsert = PointStructList { points: vec![structure(&added)?], ..Default::default() };
        let set = SetPayload {
            payload: payload(json!({"n": 7})),
            points_selector: Some(list(&[7]).ids.into()),
            ..Default::default()
        };
        let delete = DeletePoints { points: Some(list(&[5]).ids.into()), ..Default::default() };
        let operations = [
            Operation::Upsert(upsert),
            Operation::SetPayload(set),
            Operation::DeletePoints(delete),
        ]
        .map(|operation| PointsUpdateOperation { operation: Some(operation) });
        let request = UpdateBatchPointsBuilder::new(COLLECTION, operations.to_vec()).wait(true);
        let outcomes = self.client.update_points_batch(request).await?.result;
        let request = ScrollPointsBuilder::new(COLLECTION).limit(10);
        let records = self.client.scroll(request).await?.result;
        let seven =
            records.iter().find(|record| record.id == Some(7.into())).ok_or("no point 7")?;
        let seven = plain_payload(&seven.payload);
        Ok(json!({"outcomes": outcomes.len(), "ids": ids(&records), "7": seven}))
    }

    pub async fn delete(&self) -> Answer {
        let some = DeletePointsBuilder::new(COLLECTION).points(list(&[7, 2])).wait(true);
        let berlin = DeletePointsBuilder::new(COLLECTION).points(city("Berlin")).wait(true);
        let some = outcome(self.client.delete_points(some).await?);
        let berlin = outcome(self.client.delete_points(berlin).await?);
        let left = self.client.scroll(ScrollPointsBuilder::new(COLLECTION)).await?.result;
        Ok(json!([some, berlin, ids(&left)]))
    }

    pub async fn aliases(&self) -> Answer {
        let client = &self.client;
        let created =
            client.create_alias(CreateAliasBuilder::new(COLLECTION, "tour_alias")).await?;
        let through = client.count(CountPointsBuilder::new("tour_alias").exact(true)).await?;
        let renamed =
            client.rename_alias(RenameAliasBuilder::new("tour_alias", "tour_renamed")).await?;
        let names = || async {
            let aliases = client.list_collection_aliases(COLLECTION).await?.aliases;
            Ok::<Vec<String>, qdrant_client::QdrantError>(
                aliases.into_iter().map(|alias| alias.alias_name).collect(),
            )
        };
        let of_collection = names().await?;
        let all = client.list_aliases().await?.aliases;
        let listed = all.iter().any(|alias| alias.alias_name == "tour_renamed");
        let deleted = client.delete_alias("tour_renamed").await?;
        Ok(json!([
            created.result,
            through.result.map(|result| result.count),
            renamed.result,
            of_collection,
            listed,
            deleted.result,
            names().await?,
        ]))
    }

    pub async fn one_unnamed_vector(&self) -> Answer {
        let vector = VectorParamsBuilder::new(2, Distance::Cosine);
        let create = CreateCollectionBuilder::new(SECOND).vectors_config(vector);
        self.client.create_collection(create).await?;
        let point = PointStruct::new(1, vec![3.0, 4.0], Payload::new());
        self.client.upsert_points(UpsertPointsBuilder::new(SECOND, vec![point]).wait(true)).await?;
        let request = GetPointsBuilder::new(SECOND, vec![1.into()]).with_vectors(true);
        let records = self.client.get_points(request).await?.result;
        let beam = HnswConfigDiffBuilder::default().ef_construct(150);
        let update = UpdateCollectionBuilder::new(SECOND).hnsw_config(beam);
        let updated = self.client.update_collection(update).await?.result;
        let described = self.client.collection_info(SECOND).await?.result.ok_or("nothing")?;
        let beam = described.config.and_then(|config| config.hnsw_config?.ef_construct);
        Ok(json!([plain_vectors(&records[0].vectors), updated, beam]))
    }

    pub async fn errors(&self) -> Answer {
        let client = &self.client;
        let query = |vector: &[f32]| {
            QueryPointsBuilder::new(SECOND).query(Query::new_nearest(vector.to_vec()))
        };
        let missing = VectorInput::new_id(77);
        let missing = QueryPointsBuilder::new(SECOND).query(Query::new_nearest(missing));
        let again = VectorParamsBuilder::new(2, Distance::Dot);
        let again = CreateCollectionBuilder::new(SECOND).vectors_config(again);
        let short = PointStruct::new(1, vec![1.0], Payload::new());
        let short = UpsertPointsBuilder::new(SECOND, vec![short]);
        let facet = FacetCountsBuilder::new(SECOND, "city");
        Ok(json!({
            "missing collection": refusal(client.collection_info("tour_absent").await),
            "existing collection": refusal(client.create_collection(again).await),
            "wrong length": refusal(client.upsert_points(short).await),
            "wrong name": refusal(client.query(query(&[1.0, 0.0]).using("absent")).await),
            "wrong query": refusal(client.query(query(&[1.0, 0.0, 0.0])).await),
            "missing point": refusal(client.query(missing).await),
            "limit of zero": refusal(client.query(query(&[1.0, 0.0]).limit(0u64)).await),
            "facet without index": refusal(client.facet(facet).await),
        }))
    }

    pub async fn delete_collections(&self) -> Answer {
        let first = self.client.delete_collection(COLLECTION).await?.result;
        let second = self.client.delete_collection(SECOND).await?.result;
        Ok(json!([first, second, self.client.collection_exists(COLLECTION).await?]))
    }
}
