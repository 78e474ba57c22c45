"""What does a new collection get that its request does not say? What the node is configured with.

Each part is what a request could have said itself, so that the same rules hold for both. The
settings of a request win one by one. Collections that exist keep what they have.
"""

import msgspec

from ruvector.model.configs import (
    HnswConfigDiff,
    OptimizersConfigDiff,
    WalConfigDiff,
    check_hnsw,
    check_optimizers,
    check_wal,
)
from ruvector.model.quantization import QuantizationConfig, check_quantization
from ruvector.model.strict import StrictMode, parse_strict_mode


class CollectionDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of collections whose requests leave them open; None: the built-in ones.

    `vectors_on_disk`: of dense vectors; `max_collections`: how many there may be.
    """

    hnsw_config: HnswConfigDiff | None = None
    optimizers_config: OptimizersConfigDiff | None = None
    wal_config: WalConfigDiff | None = None
    on_disk_payload: bool | None = None
    vectors_on_disk: bool | None = None
    quantization_config: QuantizationConfig | None = None
    strict_mode_config: StrictMode | None = None
    max_collections: int | None = None


BUILT_IN = CollectionDefaults()


def check_defaults(defaults: CollectionDefaults) -> None:
    """Refuse what a request could not have said either; messages name the settings of a file."""
    check_hnsw(defaults.hnsw_config, "storage.hnsw_index")
    check_optimizers(defaults.optimizers_config, "storage.optimizers")
    check_wal(defaults.wal_config, "storage.wal")
    if defaults.quantization_config is not None:
        check_quantization(defaults.quantization_config, "storage.collection.quantization")
    parse_strict_mode(defaults.strict_mode_config)
