"""Does a loss depend on how its batch is cut? A mean of means does."""

from xent.torch.partition._check import PartitionReport, check_partition_invariance

__all__ = ["PartitionReport", "check_partition_invariance"]
