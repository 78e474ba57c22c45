//! How do points, payloads and answers become plain JSON, and JSON become points?

use std::collections::HashMap;
use std::error::Error;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vector_output::Vector as Output;
use qdrant_client::qdrant::vectors_output::VectorsOptions;
use qdrant_client::qdrant::{
    NamedVectors, PointId, PointStruct, PointsOperationResponse, RetrievedPoint, ScoredPoint,
    Value, Vector, VectorsOutput,
};
use qdrant_client::{Payload, QdrantError};
use serde_json::{json, Value as Json};

pub type Answer = Result<Json, Box<dyn Error>>;

pub fn floats(list: &Json) -> Vec<f32> {
    let numbers = list.as_array().into_iter().flatten();
    numbers.filter_map(Json::as_f64).map(|number| number as f32).collect()
}

pub fn rows(list: &Json) -> Vec<Vec<f32>> {
    list.as_array().into_iter().flatten().map(floats).collect()
}

pub fn point_id(id: &Json) -> PointId {
    match id.as_u64() {
        Some(number) => number.into(),
        None => id.as_str().unwrap_or_default().into(),
    }
}

/// Return a point of points.json as the client wants it.
pub fn structure(point: &Json) -> Result<PointStruct, Box<dyn Error>> {
    let indices = point["words"]["indices"].as_array().into_iter().flatten();
    let indices: Vec<u32> = indices.filter_map(Json::as_u64).map(|index| index as u32).collect();
    let vectors = NamedVectors::default()
        .add_vector("text", floats(&point["text"]))
        .add_vector("image", floats(&point["image"]))
        .add_vector("tokens", Vector::new_multi(rows(&point["tokens"])))
        .add_vector("words", Vector::new_sparse(indices, floats(&point["words"]["values"])));
    let payload = Payload::try_from(point["payload"].clone())?;
    Ok(PointStruct::new(point_id(&point["id"]), vectors, payload))
}

pub fn plain_id(id: &Option<PointId>) -> Json {
    match id.as_ref().and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Num(number)) => json!(number),
        Some(PointIdOptions::Uuid(uuid)) => json!(uuid),
        None => Json::Null,
    }
}

pub fn plain_payload(payload: &HashMap<String, Value>) -> Json {
    let fields = payload.iter().map(|(key, value)| (key.clone(), value.clone().into_json()));
    Json::Object(fields.collect())
}

fn plain_vector(vector: Output) -> Json {
    match vector {
        Output::Dense(dense) => json!(dense.data),
        Output::Sparse(sparse) => json!({"indices": sparse.indices, "values": sparse.values}),
        Output::MultiDense(multi) => {
            json!(multi.vectors.into_iter().map(|row| row.data).collect::<Vec<_>>())
        }
    }
}

pub fn plain_vectors(vectors: &Option<VectorsOutput>) -> Json {
    match vectors.clone().and_then(|vectors| vectors.vectors_options) {
        Some(VectorsOptions::Vector(vector)) => plain_vector(vector.into_vector()),
        Some(VectorsOptions::Vectors(named)) => {
            let vectors = named.vectors.into_iter();
            Json::Object(
                vectors.map(|(name, one)| (name, plain_vector(one.into_vector()))).collect(),
            )
        }
        None => Json::Null,
    }
}

pub fn ids(points: &[RetrievedPoint]) -> Json {
    points.iter().map(|point| plain_id(&point.id)).collect()
}

pub fn hit_ids(points: &[ScoredPoint]) -> Json {
    points.iter().map(|point| plain_id(&point.id)).collect()
}

pub fn hits(points: &[ScoredPoint]) -> Json {
    points.iter().map(|point| json!([plain_id(&point.id), point.score])).collect()
}

pub fn outcome(response: PointsOperationResponse) -> Json {
    json!(response.result.map(|result| result.status().as_str_name().to_lowercase()))
}

pub fn refusal<T>(result: Result<T, QdrantError>) -> Json {
    match result {
        Ok(_) => json!("accepted"),
        Err(QdrantError::ResponseError { status }) => match format!("{:?}", status.code()).as_str()
        {
            "NotFound" => json!("not found"),
            "InvalidArgument" => json!("invalid"),
            "AlreadyExists" => json!("exists"),
            other => json!(other),
        },
        Err(error) => json!(error.to_string()),
    }
}
