"""What an Evaluation says of rows: how many were scored and left out, and which cost most."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from xent.evaluation.summary.summary import Summary
from xent.evaluation.worst_rows import WorstShare, worst_share_of
from xent.units import Unit, nats_per

__all__ = ["RowNumbers"]

SHOWN_WORST = 10


class RowNumbers:
    """The part of an `Evaluation` that is about rows."""

    summary: Summary
    unit: Unit

    @property
    def num_rows(self) -> int:
        """Rows scored, impossible ones included."""
        return self.summary.num_rows

    @property
    def num_ignored(self) -> int:
        """Rows left out because their target is the one of `ignore`."""
        return self.summary.num_ignored

    @property
    def num_missing(self) -> int:
        """Rows left out because a value is missing, with `nan="exclude"`."""
        return self.summary.num_missing

    @property
    def num_impossible(self) -> int:
        """Rows scored whose outcome had probability 0: their loss is infinite."""
        return self.summary.num_impossible

    @property
    def num_clipped(self) -> int:
        """Rows scored whose outcome was raised to the least probability, with `zero="clip:..."`.

        None of them is impossible. Of labels a row counts once, however many were raised.
        """
        return self.summary.num_clipped

    @property
    def worst(self) -> list[dict[str, Any]]:
        """The most surprising possible rows: number, loss, and what was predicted instead."""
        names = self.summary.classes
        of_class = self.summary.kind == "classes"
        return [
            {
                "row": s.row,
                "log_loss": s.nll / nats_per(self.unit),
                **(
                    {"target": names[s.target], "predicted": names[s.predicted]} if of_class else {}
                ),
            }
            for s in self.summary.worst
        ]

    @cached_property
    def worst_share(self) -> WorstShare | None:
        """The share of the loss that the worst 1 % of the rows carry, with its bounds.

        Impossible rows are left out, as their loss is infinite. None of fewer than 100 rows,
        of no loss, without calibration where the rows are many, and of weights that cells
        cannot hold.

        >>> from xent.evaluation import evaluate
        >>> e = evaluate(([1] * 100, [0.9] * 99 + [0.01]))
        >>> round(e.worst_share.low, 3), e.worst_share.low == e.worst_share.high
        (0.306, True)
        """
        return worst_share_of(self.summary)

    def _rows_as_numbers(self) -> dict[str, Any]:
        """Return what `to_dict` says of rows after all else."""
        share = self.worst_share
        return {
            "worst_share": None if share is None else share._asdict(),
            "worst": self.worst[:SHOWN_WORST],
        }
