//! Does the crate qdrant-client make the whole tour? The steps are those of tests/clients/tour.py.

mod reading;
mod values;
mod writing;

use std::error::Error;

use qdrant_client::qdrant::{Condition, Filter, PointId};
use qdrant_client::Qdrant;
use serde_json::{json, Value as Json};

pub const COLLECTION: &str = "tour";
pub const SECOND: &str = "tour_second";

pub struct Tour {
    pub client: Qdrant,
    pub points: Vec<Json>,
    pub uuid: String,
}

impl Tour {
    pub fn ids(&self) -> Vec<PointId> {
        self.points.iter().map(|point| values::point_id(&point["id"])).collect()
    }
}

pub fn city(name: &str) -> Filter {
    Filter::must([Condition::matches("city", name.to_string())])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, transport, address, points, report] = arguments.as_slice() else {
        return Err("usage: tour TRANSPORT HOST:PORT POINTS REPORT".into());
    };
    let points: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(points)?)?;
    let uuid = points.last().and_then(|point| point["id"].as_str()).unwrap_or_default();
    let client = Qdrant::from_url(&format!("http://{address}")).build()?;
    let tour = Tour { client, uuid: uuid.to_string(), points };
    let answers = json!({
        "create_collection": tour.create_collection().await?,
        "upsert": tour.upsert().await?,
        "collection_info": tour.collection_info().await?,
        "retrieve": tour.retrieve().await?,
        "create_indexes": tour.create_indexes().await?,
        "count": tour.count().await?,
        "scroll": tour.scroll().await?,
        "scroll_in_order": tour.scroll_in_order().await?,
        "scroll_filtered": tour.scroll_filtered().await?,
        "query": tour.query().await?,
        "query_with_payload": tour.query_with_payload().await?,
        "query_in_stages": tour.query_in_stages().await?,
        "query_by_examples": tour.query_by_examples().await?,
        "query_batch": tour.query_batch().await?,
        "query_groups": tour.query_groups().await?,
        "older_searches": tour.older_searches().await?,
        "facet": tour.facet().await?,
        "matrix": tour.matrix().await?,
        "payload_operations": tour.payload_operations().await?,
        "vector_operations": tour.vector_operations().await?,
        "batch_update": tour.batch_update().await?,
        "delete": tour.delete().await?,
        "aliases": tour.aliases().await?,
        "one_unnamed_vector": tour.one_unnamed_vector().await?,
        "errors": tour.errors().await?,
        "delete_collections": tour.delete_collections().await?,
    });
    let written = json!({"client": format!("rust {transport}"), "answers": answers});
    std::fs::write(report, serde_json::to_string(&written)?)?;
    Ok(())
}
