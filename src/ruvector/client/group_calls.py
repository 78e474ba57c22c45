"""The methods that answer about many points at once: groups, facets, distance matrices."""

from collections.abc import Mapping
from typing import Any

from ruvector.client.search_calls import Filter, search_params, whole
from ruvector.client.transport import Transport
from ruvector.model import requests as r
from ruvector.model.filters import shorthand
from ruvector.model.results import FacetHit, MatrixOffsetsResult, PointGroup


class GroupCalls:
    """Reads that gather points."""

    _transport: Transport

    def query_groups(
        self,
        name: str,
        query: Any,
        group_by: str,
        limit: int = 10,
        group_size: int = 3,
        *,
        using: str | None = None,
        filter: Filter | None = None,
        params: Mapping[str, Any] | r.SearchParams | None = None,
        score_threshold: float | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        prefetch: Any = None,
        lookup_from: Mapping[str, Any] | None = None,
        with_lookup: str | Mapping[str, Any] | None = None,
    ) -> list[PointGroup]:
        """Return the best `group_size` hits for each of `limit` values of the field `group_by`.

        The group with the best hit comes first. The other arguments are those of `query`.
        `with_lookup`: a collection whose point with the id of a group comes with it.
        """
        return self._transport.execute(
            r.QueryGroups(
                collection=name,
                query=query,
                group_by=group_by,
                limit=whole(limit, "limit"),
                group_size=whole(group_size, "group_size"),
                using=using,
                filter=None if filter is None else shorthand(filter),
                params=None if params is None else search_params(params),
                score_threshold=score_threshold,
                with_payload=with_payload,
                with_vector=with_vectors,
                prefetch=prefetch,
                lookup_from=lookup_from,
                with_lookup=with_lookup,
            )
        ).groups

    def facet(
        self,
        name: str,
        key: str,
        limit: int = 10,
        *,
        filter: Filter | None = None,
        aggregate: list[str] | None = None,
    ) -> list[FacetHit]:
        """Return the most frequent values of an indexed field, and how many points have each.

        `aggregate`: number fields whose sum, average, minimum and maximum come with each value.
        """
        return self._transport.execute(
            r.Facet(
                collection=name,
                key=key,
                limit=whole(limit, "limit"),
                filter=None if filter is None else shorthand(filter),
                aggregate=aggregate,
            )
        ).hits

    def distance_matrix(
        self,
        name: str,
        sample: int = 10,
        limit: int = 3,
        *,
        using: str | None = None,
        filter: Filter | None = None,
    ) -> MatrixOffsetsResult:
        """Return the `limit` nearest neighbours of each of `sample` random points among them.

        `ids` are in order; `offsets_row`, `offsets_col` are positions in it, `scores` beside them.
        """
        return self._transport.execute(
            r.MatrixOffsets(
                collection=name,
                sample=whole(sample, "sample"),
                limit=whole(limit, "limit"),
                using=using,
                filter=None if filter is None else shorthand(filter),
            )
        )
