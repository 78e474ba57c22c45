"""What are the enums' numbers called in JSON? The word of each number, None for "not given"."""

from typing import Final

WORDS: Final[dict[str, tuple[str | None, ...]]] = {
    "NullValue": (None,),
    "Datatype": (None, "float32", "uint8", "float16", "turbo4", "turbo8", "turbo16"),
    "Memory": (None, "cold", "cached", "pinned"),
    "Modifier": ("none", "idf"),
    "MultiVectorComparator": ("max_sim",),
    "Distance": (None, "Cosine", "Euclid", "Dot", "Manhattan"),
    "CollectionStatus": (None, "green", "yellow", "red", "grey"),
    "PayloadSchemaType": (
        *(None, "keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid"),
    ),
    "QuantizationType": (None, "int8"),
    "CompressionRatio": ("x4", "x8", "x16", "x32", "x64"),
    "BinaryQuantizationEncoding": ("one_bit", "two_bits", "one_and_half_bits"),
    "BinaryQuantizationQueryEncoding.Setting": ("default", "binary", "scalar4bits", "scalar8bits"),
    "TurboQuantBitSize": ("bits1", "bits1_5", "bits2", "bits4", "bits8"),
    "MaxOptimizationThreads.Setting": ("auto",),
    "ShardingMethod": ("auto", "custom"),
    "TokenizerType": (None, "prefix", "whitespace", "word", "multilingual", "code"),
    "TextScoringType": ("bm25",),
    "ReplicaState": (
        *("Active", "Dead", "Partial", "Initializing", "Listener", "PartialSnapshot", "Recovery"),
        *("Resharding", "ReshardingScaleDown", "ActiveRead", "ManualRecovery"),
    ),
    "ReshardingDirection": ("up", "down"),
    "ShardTransferMethod": (
        *("stream_records", "snapshot", "wal_delta", "resharding_stream_records"),
    ),
    "WriteOrderingType": ("weak", "medium", "strong"),
    "UpdateMode": ("upsert", "insert_only", "update_only"),
    "ReadConsistencyType": ("all", "majority", "quorum"),
    "FieldType": ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid"),
    "Direction": ("asc", "desc"),
    "RecommendStrategy": ("average_vector", "best_score", "sum_scores"),
    "Fusion": ("rrf", "dbsf"),
    "Sample": ("random",),
    "UpdateStatus": (None, "acknowledged", "completed", "clock_rejected", "wait_timeout"),
}
