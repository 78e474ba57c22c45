//! The steps that only read.

use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    Condition, ContextInputBuilder, CountPointsBuilder, DatetimeRange, Direction,
    DiscoverInputBuilder, FacetCountsBuilder, Filter, Fusion, GeoPoint, GeoRadius,
    GetPointsBuilder, OrderByBuilder, PayloadIncludeSelector, PrefetchQueryBuilder, Query,
    QueryBatchPointsBuilder, QueryPointGroupsBuilder, QueryPoints, QueryPointsBuilder, Range,
    RecommendInputBuilder, RecommendPointsBuilder, RecommendStrategy, RepeatedStrings, ScoredPoint,
    ScrollPointsBuilder, SearchMatrixPointsBuilder, SearchParamsBuilder, SearchPointsBuilder,
    Timestamp, ValuesCount, VectorInput, VectorsSelector,
};
use qdrant_client::QdrantError;
use serde_json::{json, Value as Json};

use crate::values::{hit_ids, hits, ids, plain_id, plain_payload, plain_vectors, Answer};
use crate::{city, Tour, COLLECTION};

fn dense(vector: &[f32]) -> Query {
    Query::new_nearest(vector.to_vec())
}

fn sparse(pairs: &[(u32, f32)]) -> Query {
    Query::new_nearest(pairs)
}

fn texts(list: &[&str]) -> RepeatedStrings {
    RepeatedStrings { strings: list.iter().map(ToString::to_string).collect() }
}

fn included(fields: &[&str]) -> SelectorOptions {
    SelectorOptions::Include(PayloadIncludeSelector { fields: texts(fields).strings })
}

fn ask(query: Query) -> QueryPointsBuilder {
    QueryPointsBuilder::new(COLLECTION).query(query)
}

impl Tour {
    pub async fn retrieve(&self) -> Answer {
        let request =
            GetPointsBuilder::new(COLLECTION, self.ids()).with_payload(true).with_vectors(true);
        let records = self.client.get_points(request).await?.result;
        let mut found = Vec::new();
        for wanted in &self.points {
            let record = records.iter().find(|record| plain_id(&record.id) == wanted["id"]);
            let record = record.ok_or("a point is missing")?;
            let mut described = plain_vectors(&record.vectors);
            described["id"] = plain_id(&record.id);
            described["payload"] = plain_payload(&record.payload);
            found.push(described);
        }
        Ok(Json::Array(found))
    }

    pub async fn count(&self) -> Answer {
        let all = CountPointsBuilder::new(COLLECTION).exact(true);
        let some = CountPointsBuilder::new(COLLECTION).exact(true).filter(city("Berlin"));
        let all = self.client.count(all).await?.result.map(|result| result.count);
        let some = self.client.count(some).await?.result.map(|result| result.count);
        Ok(json!([all, some]))
    }

    pub async fn scroll(&self) -> Answer {
        let mut pages = Vec::new();
        let mut offset = None;
        for _ in 0..5 {
            let mut request = ScrollPointsBuilder::new(COLLECTION).limit(2);
            if let Some(offset) = offset {
                request = request.offset::<qdrant_client::qdrant::PointId>(offset);
            }
            let page = self.client.scroll(request).await?;
            pages.push(ids(&page.result));
            offset = page.next_page_offset;
            if offset.is_none() {
                break;
            }
        }
        Ok(Json::Array(pages))
    }

    pub async fn scroll_in_order(&self) -> Answer {
        let order = OrderByBuilder::new("number").direction(Direction::Desc as i32);
        let request = ScrollPointsBuilder::new(COLLECTION)
            .limit(3)
            .order_by(order)
            .with_payload(included(&["number"]));
        let records = self.client.scroll(request).await?.result;
        Ok(records
            .iter()
            .map(|one| json!([plain_id(&one.id), plain_payload(&one.payload)]))
            .collect())
    }

    fn filters(&self) -> Vec<(&'static str, Filter)> {
        let berlin = Condition::matches("city", "Berlin".to_string());
        let third = Condition::matches("number", 3);
        let open = Condition::matches("open", true);
        let counted = ValuesCount { gte: Some(2), ..Default::default() };
        let counted = Condition::values_count("tags", counted);
        let wheels = Filter::must([
            Condition::matches("kind", "wheel".to_string()),
            Condition::range("count", Range { gte: Some(3.0), ..Default::default() }),
        ]);
        let prices = Range { gt: Some(0.1), lte: Some(2.25), ..Default::default() };
        let new_year = Timestamp { seconds: 1_640_995_200, nanos: 0 };
        let since = DatetimeRange { gte: Some(new_year), ..Default::default() };
        let centre = GeoPoint { lon: 13.4, lat: 52.5 };
        let radius = GeoRadius { center: Some(centre), radius: 20_000.0 };
        let any = MatchValue::Keywords(texts(&["London", "München"]));
        let except = MatchValue::ExceptKeywords(texts(&["Berlin"]));
        let two_ids = [2.into(), self.uuid.as_str().into()] as [qdrant_client::qdrant::PointId; 2];
        let single = vec![
            ("value", berlin.clone()),
            ("integer", third.clone()),
            ("bool", open.clone()),
            ("any", Condition::matches("city", any)),
            ("except", Condition::matches("city", except)),
            ("text", Condition::matches_text("note", "fox brown")),
            ("range", Condition::range("price", prices)),
            ("dates", Condition::datetime_range("when", since)),
            ("radius", Condition::geo_radius("place", radius)),
            ("values count", counted.clone()),
            ("is empty", Condition::is_empty("tags")),
            ("is null", Condition::is_null("city")),
            ("ids", Condition::has_id(two_ids)),
            ("has vector", Condition::has_vector("words")),
            ("nested", Condition::nested("parts", wheels)),
            ("path", Condition::matches("nested.deep.list[].three", 3)),
        ];
        let mut filters = vec![
            ("must not", Filter::must_not([berlin.clone()])),
            ("should", Filter::should([berlin.clone(), third])),
            ("min should", Filter::min_should(2, [berlin, open, counted])),
        ];
        filters
            .extend(single.into_iter().map(|(name, condition)| (name, Filter::must([condition]))));
        filters
    }

    pub async fn scroll_filtered(&self) -> Answer {
        let mut found = json!({});
        for (name, filter) in self.filters() {
            let request = ScrollPointsBuilder::new(COLLECTION).filter(filter).limit(10);
            found[name] = ids(&self.client.scroll(request).await?.result);
        }
        Ok(found)
    }

    async fn asked(&self, request: QueryPointsBuilder) -> Result<Vec<ScoredPoint>, QdrantError> {
        Ok(self.client.query(request).await?.result)
    }

    pub async fn query(&self) -> Answer {
        let text = || ask(dense(&[1.0, 0.5, 0.0, 0.0])).using("text");
        let cheap = Range { lt: Some(3.0), ..Default::default() };
        let cheap = Filter::must([Condition::range("price", cheap)]);
        let exact = SearchParamsBuilder::default().exact(true);
        let multi = Query::new_nearest(vec![vec![1.0, 0.0], vec![0.0, 2.0]]);
        let id = Query::new_nearest(VectorInput::new_id(1));
        let requests = [
            ("dense", text().limit(3u64)),
            ("distance", ask(dense(&[0.0; 3])).using("image").limit(3u64)),
            ("sparse", ask(sparse(&[(1, 2.0), (5, 3.0)])).using("words").limit(3u64)),
            ("multi", ask(multi).using("tokens").limit(3u64)),
            ("id", ask(id).using("text").limit(2u64)),
            ("filter", text().filter(cheap).params(exact)),
            ("threshold", text().score_threshold(7.5)),
            ("offset", text().limit(2u64).offset(1u64)),
        ];
        let mut found = json!({});
        for (name, request) in requests {
            found[name] = hits(&self.asked(request).await?);
        }
        Ok(found)
    }

    pub async fn query_with_payload(&self) -> Answer {
        let request = ask(dense(&[1.0, 0.0, 0.0, 0.0]))
            .using("text")
            .filter(city("London"))
            .with_payload(included(&["city", "tags"]))
            .with_vectors(VectorsSelector { names: vec!["image".to_string()] });
        let found = self.asked(request).await?;
        let hit = found.first().ok_or("no hit")?;
        Ok(json!([plain_id(&hit.id), plain_payload(&hit.payload), plain_vectors(&hit.vectors)]))
    }

    pub async fn query_in_stages(&self) -> Answer {
        let text = || {
            let query = dense(&[1.0, 0.0, 0.0, 0.0]);
            PrefetchQueryBuilder::default().query(query).using("text").limit(3u64)
        };
        let words = || {
            let query = sparse(&[(1, 2.0), (9, 1.0)]);
            PrefetchQueryBuilder::default().query(query).using("words").limit(3u64)
        };
        let staged = |query| ask(query).add_prefetch(text()).add_prefetch(words()).limit(4u64);
        let again = staged(dense(&[0.0; 3])).using("image");
        Ok(json!({
            "rrf": hits(&self.asked(staged(Query::new_fusion(Fusion::Rrf))).await?),
            "dbsf": hits(&self.asked(staged(Query::new_fusion(Fusion::Dbsf))).await?),
            "rescored": hits(&self.asked(again).await?),
        }))
    }

    pub async fn query_by_examples(&self) -> Answer {
        let recommend = RecommendInputBuilder::default()
            .add_positive(VectorInput::new_id(1))
            .add_positive(vec![0.0, 0.0, 1.0, 0.0])
            .add_negative(VectorInput::new_id(2))
            .strategy(RecommendStrategy::AverageVector as i32);
        let (like, unlike) = (VectorInput::new_id(4), VectorInput::new_id(5));
        let context = ContextInputBuilder::default().add_pair(like, unlike);
        let discover = DiscoverInputBuilder::new(VectorInput::new_id(3), context);
        let order = OrderByBuilder::new("price").direction(Direction::Asc as i32);
        let recommend = ask(Query::new_recommend(recommend)).using("text");
        let discover = ask(Query::new_discover(discover)).using("image");
        Ok(json!({
            "recommend": hits(&self.asked(recommend).await?),
            "discover": hit_ids(&self.asked(discover).await?),
            "order": hit_ids(&self.asked(ask(Query::new_order_by(order))).await?),
        }))
    }

    pub async fn query_batch(&self) -> Answer {
        let requests: Vec<QueryPoints> = vec![
            ask(dense(&[1.0, 0.0, 0.0, 0.0])).using("text").limit(2u64).into(),
            ask(dense(&[0.0; 3])).using("image").limit(1u64).into(),
        ];
        let request = QueryBatchPointsBuilder::new(COLLECTION, requests);
        let answers = self.client.query_batch(request).await?.result;
        Ok(answers.iter().map(|answer| hits(&answer.result)).collect())
    }

    pub async fn query_groups(&self) -> Answer {
        let request = QueryPointGroupsBuilder::new(COLLECTION, "city")
            .query(dense(&[1.0, 0.0, 0.0, 0.0]))
            .using("text")
            .group_size(2u64);
        let groups = self.client.query_groups(request).await?.result.ok_or("no groups")?.groups;
        let id =
            |group: &qdrant_client::qdrant::PointGroup| match group.id.as_ref()?.kind.as_ref()? {
                qdrant_client::qdrant::group_id::Kind::StringValue(text) => Some(text.clone()),
                _ => None,
            };
        Ok(groups.iter().map(|group| json!([id(group), hits(&group.hits)])).collect())
    }

    pub async fn older_searches(&self) -> Answer {
        let search = SearchPointsBuilder::new(COLLECTION, [1.0, 0.5, 0.0, 0.0], 3);
        let search = self.client.search_points(search.vector_name("text")).await?;
        let recommend = RecommendPointsBuilder::new(COLLECTION, 3)
            .add_positive(4)
            .add_negative(2)
            .using("text");
        let recommend = self.client.recommend(recommend).await?;
        Ok(json!({"search": hits(&search.result), "recommend": hits(&recommend.result)}))
    }

    pub async fn facet(&self) -> Answer {
        let request = FacetCountsBuilder::new(COLLECTION, "city").exact(true);
        let value =
            |hit: &qdrant_client::qdrant::FacetHit| match hit.value.as_ref()?.variant.as_ref()? {
                qdrant_client::qdrant::facet_value::Variant::StringValue(text) => {
                    Some(text.clone())
                }
                _ => None,
            };
        let counts = self.client.facet(request).await?.hits;
        Ok(counts.iter().map(|hit| json!([value(hit), hit.count])).collect())
    }

    pub async fn matrix(&self) -> Answer {
        let request = SearchMatrixPointsBuilder::new(COLLECTION)
            .filter(city("Berlin"))
            .using("text")
            .sample(2)
            .limit(1);
        let pairs = self.client.search_matrix_pairs(request).await?.result.ok_or("no pairs")?.pairs;
        let plain =
            pairs.iter().map(|pair| json!([plain_id(&pair.a), plain_id(&pair.b), pair.score]));
        Ok(plain.collect())
    }
}
