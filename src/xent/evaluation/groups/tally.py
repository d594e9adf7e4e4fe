"""What the scorer adds each batch to, where slices, clusters or replicates were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.groups.clusters import ClusterTally
from xent.evaluation.groups.replicates import ReplicateTally
from xent.evaluation.groups.slice_clusters import SliceClusterTally
from xent.evaluation.groups.slices import SliceTally, Value
from xent.evaluation.groups.values import keys_of
from xent.evaluation.reading.batches import Batch
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.kernels.cpu.row_keys import content_keys

__all__ = ["Groups"]


class Groups:
    """The tallies of a plan; false where there are none."""

    def __init__(self, plan: Plan, options: Options) -> None:
        method = options.method
        self._plan = plan
        self._slices = SliceTally(plan.by) if plan.by else None
        self._clusters = None
        if method == "cluster" and plan.cluster is not None:
            self._clusters = ClusterTally(plan.cluster)
        self._slice_clusters = None
        if plan.by and plan.cluster is not None:
            self._slice_clusters = SliceClusterTally(plan.cluster)
        self._replicates = None
        if method == "bootstrap":
            self._replicates = ReplicateTally(options.replicates, plan.cluster or plan.id)

    def __bool__(self) -> bool:
        return any((self._slices, self._clusters, self._replicates))

    def add(
        self,
        batch: Batch,
        first_row: int,
        columns: Sequence[Any],
        arrays: dict[str, Any],
        nll: npt.NDArray[np.float64],
    ) -> None:
        """Add a batch that was scored: `arrays` are what the kernel was given beside columns.

        `nll` is inf where a row was impossible and nan where it was not scored.
        """
        plan = self._plan
        scored = ~np.isnan(nll)
        weight: npt.NDArray[np.float64] | None = arrays.get("weight")
        truths = [arrays["target"]] if "target" in arrays else arrays.get("labels", [])
        keys = None
        argument, name = ("cluster", plan.cluster) if plan.cluster else ("id", plan.id)
        if self._clusters or self._replicates:
            if name is not None:
                keys = keys_of(argument, name, batch[name], first_row, scored)
            else:
                beside = [*truths, *([] if weight is None else [weight])]
                keys = content_keys([*columns, *beside])
        of = [batch[n] for n in plan.by]
        if not scored.all():
            nll, truths = nll[scored], [t[scored] for t in truths]
            weight = None if weight is None else weight[scored]
            keys = None if keys is None else keys[scored]
            of = [_chosen(column, scored) for column in of]
        values: list[Value] = []
        place: npt.NDArray[np.int64] | None = None
        if self._slices is not None:
            values, place = self._slices.add(of, nll, weight, truths)
        if keys is None:
            return
        # an interval of an infinite loss there is none; its finite rows are kept
        possible = np.isfinite(nll)
        if not possible.all():
            nll, keys = nll[possible], keys[possible]
            weight = None if weight is None else weight[possible]
            place = None if place is None else place[possible]
        if self._clusters is not None:
            self._clusters.add(keys, nll, weight)
        if self._slice_clusters is not None and place is not None:
            self._slice_clusters.add(values, place, keys, nll, weight)
        if self._replicates is not None:
            self._replicates.add(keys, nll, weight)

    def parts(self) -> dict[str, Any]:
        """Return the fields of a summary that these are."""
        tallies = {
            "slices": self._slices,
            "clusters": self._clusters,
            "slice_clusters": self._slice_clusters,
            "replicates": self._replicates,
        }
        return {name: tally.state() for name, tally in tallies.items() if tally is not None}


def _chosen(column: Any, rows: npt.NDArray[np.bool_]) -> Any:
    if hasattr(column, "filter"):  # Arrow
        import pyarrow as pa

        return column.filter(pa.array(rows))
    return column[rows]
