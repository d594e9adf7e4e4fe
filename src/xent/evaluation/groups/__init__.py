"""Sums of the losses by slice, by cluster and by bootstrap replicate; all merge by +.

`slices` are what a table is made of, `clusters` and `replicates` what intervals are made of, and
`slice_clusters` those of the table's lines.
Each has a state that depends on the set of rows alone, and a tally that batches are added to.
"""

from xent.evaluation.groups.clusters import Clusters
from xent.evaluation.groups.replicates import Replicates
from xent.evaluation.groups.slice_clusters import SliceClusters
from xent.evaluation.groups.slices import Slices

__all__ = ["Clusters", "Replicates", "SliceClusters", "Slices"]
