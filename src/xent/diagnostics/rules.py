"""The rules by their codes: what each is about, why it matters, and what to do."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

from xent.errors import XentValueError

__all__ = ["RULES", "Rule", "is_code", "rule"]

WIDTH = 88  # of a line where it is printed


class Rule(NamedTuple):
    """One rule; prints as text.

    Attributes
    ----------
    code : str
        As messages and `checks(silence=...)` have it.
    effect : str
        "error" raises; "warning" warns once for each place in your code; "note" is told by
        `checks("full")` and in audits.
    about : str
        What is seen.
    why : str
        How it comes about, or what it costs.
    fix : str
        What to do.
    """

    code: str
    effect: str
    about: str
    why: str
    fix: str

    def __str__(self) -> str:
        lines = (f"{self.code}, {self.effect}: {self.about}", self.why, f"Fix: {self.fix}")
        return "\n".join(textwrap.fill(line, WIDTH, break_on_hyphens=False) for line in lines)


RULES: dict[str, Rule] = {
    found.code: found
    for found in (
        Rule(
            "D01",
            "error",
            "a class index is out of range",
            "Labels that begin at 1, a label for padding or void that no ignore_index names, or a "
            "last layer with too few outputs. On a GPU an unchecked index reads other memory, or "
            "stops the device.",
            "subtract 1, name the label with ignore_index, or give the model one output a class.",
        ),
        Rule(
            "D02",
            "error",
            "no row is left to average, by the policy on_empty",
            "Every label is ignored, every weight is 0, or there are no rows: 0 / 0 is nan, and "
            "one nan ends a training run.",
            'pass on_empty="zero" or "nan", or reduction="total" and merge the totals.',
        ),
        Rule(
            "D03",
            "note",
            "nearly every row is ignored, call after call",
            "The loss is the mean of a few rows, so it is noisy, and most of the work is thrown "
            "away.",
            "check ignore_index, or pack the rows that count.",
        ),
        Rule(
            "D04",
            "warning",
            "logits look like the output of a softmax",
            "The loss takes the softmax itself. Taken twice, it cannot fall below "
            "ln(1 + (K - 1)/e) for K classes, however right the model is, and its gradients are "
            "too small.",
            "leave the softmax out of the model, or call the loss that takes probabilities, "
            "categorical_cross_entropy.",
        ),
        Rule(
            "D05",
            "note",
            "logits are log-probabilities already, which is harmless",
            "A softmax leaves log-probabilities as they are: the log_softmax before the loss is "
            "work done twice.",
            "leave the log_softmax out.",
        ),
        Rule(
            "D06",
            "warning",
            "logits look like the output of a sigmoid or a ReLU",
            "The loss takes the sigmoid itself. Of values that are never negative, it is at least "
            "one half: a label that is false costs ln 2 or more.",
            "leave the activation out, or call binary_cross_entropy, which takes probabilities.",
        ),
        Rule(
            "D07",
            "error",
            "probabilities are outside [0, 1] or do not sum to one",
            "These are logits, percentages, log-probabilities, or scores that nobody normalised. "
            "Their logarithm is a number, and no loss.",
            'pass logits as logits (given="logits"), or ask for normalize=True.',
        ),
        Rule(
            "D08",
            "error",
            "a target is negative, outside [0, 1] or does not sum to one",
            "With such a target the loss has another minimum than the truth, and may be negative.",
            "make targets probabilities: labels 0 and 1, rows that sum to one.",
        ),
        Rule(
            "D09",
            "warning",
            "the truth and the model look swapped",
            "The cross-entropy and the KL divergence are not symmetric; the model is the one "
            "whose zeros cost infinity.",
            "give the truth first, the model second.",
        ),
        Rule(
            "D10",
            "error",
            "log-probabilities where probabilities are meant, or not normalised",
            "A logarithm was taken once too often, or not at all.",
            "say what is passed, given=...; take log_softmax of logits first.",
        ),
        Rule(
            "D11",
            "warning",
            "the loss of the untrained model is too large",
            "Before training, a model knows nothing and should lose ln K. More means that its "
            "first logits are large, so that the first steps go into undoing them, or that the "
            "labels are wrong.",
            "make the last layer start small.",
        ),
        Rule(
            "D12",
            "warning",
            "no better than the class frequencies, or worse than guessing",
            "The model has learnt how common the classes are and nothing from its input, or its "
            "rows and labels do not belong together.",
            "see whether inputs and labels are joined rightly, and whether gradients arrive.",
        ),
        Rule(
            "D13",
            "note",
            "a loss that stands still on a number with a meaning",
            "ln 2 is a coin flip, ln K a uniform guess, the entropy of the labels their "
            "frequencies, and some are clips: a coincidence is rare.",
            "`xent explain 0.6931` says what a number means.",
        ),
        Rule(
            "D14",
            "error",
            "the class axis does not fit the target",
            "torch has classes on axis 1, NumPy's libraries on the last one. Read on another "
            "axis, a loss is a number too.",
            "move the axis, or name it with axis=.",
        ),
        Rule(
            "D15",
            "error",
            "shapes differ and would broadcast",
            "(N, 1) and (N,) become (N, N): every prediction is compared with every label, and "
            "the model learns the mean of the labels.",
            "drop the axis of length one: logits.squeeze(-1).",
        ),
        Rule(
            "D16",
            "error; or a warning of an index to ignore beside distributions",
            "the dtype or the values of a target are those of no kind of target",
            "Indices are integers, distributions are floats; a target that is neither was saved, "
            "cast or read as something else.",
            "convert it: integers for class indices, floats for probabilities; rows of "
            "distributions that do not count have sample_weight 0.",
        ),
        Rule(
            "D17",
            "error; or a warning of a softmax of one class, a note of single-label rows",
            "rows with no or several positives for a softmax, or one each for sigmoids",
            "A softmax says which one of the classes is true, sigmoids say of each whether it is. "
            "A softmax of one class is always 1, and its loss 0.",
            "softmax_cross_entropy for one label a row, sigmoid_cross_entropy for any number.",
        ),
        Rule(
            "D18",
            "note",
            "half precision",
            "Of a loss in bfloat16 or float16 only two or three digits are left, and a sum in "
            "float16 overflows.",
            'keep losses in float32: logits.float(), or reduction="total".',
        ),
        Rule(
            "D19",
            "note",
            "few rows make most of the loss",
            "Wrong labels, or a model that is too sure of something.",
            "look at the rows that are named.",
        ),
        Rule(
            "D20",
            "note",
            "class weights cancel",
            "A weighted mean divides by the weights: where all rows of a batch have one class, "
            "its weight has no effect.",
            'pass reduction="total", merge the totals of batches and take the mean once.',
        ),
        Rule(
            "D22",
            "error",
            "labels are shifted twice, or not at all",
            "A language model learns the next token. Shifted twice it learns the one after, not "
            "shifted it learns to copy.",
            "shift in one place: next_token_cross_entropy shifts, token_cross_entropy does not.",
        ),
        Rule(
            "D23",
            "warning",
            "the token that ends a text is never learnt",
            "Padding has the same token as the end, and was ignored by the token: the model never "
            "learns to stop.",
            "mask padding by the lengths, not by the token.",
        ),
        Rule(
            "D24",
            "error",
            "the parts of a batch do not merge to the whole",
            "A mean of means: with micro-batches, padding or several devices of unequal size, "
            "rows of small parts count more.",
            'take reduction="total" of each part, and divide once.',
        ),
        Rule(
            "D25",
            "warning",
            "the columns look permuted",
            "Probabilities are read for other classes than they were made for: sorted names, "
            "labels from 1, or the two columns of a binary model swapped.",
            "name the classes in the order of the columns: classes=[...].",
        ),
        Rule(
            "D26",
            "warning",
            "numbers written as text are sorted as text",
            'As text, "10" comes before "2": columns and classes no longer fit.',
            "pass classes=[...] in the order of the columns, or convert the labels to integers.",
        ),
        Rule(
            "D27",
            "warning",
            "the model gives probability 0 to what happens",
            "The loss is infinite, rightly. Often the zero is a rounded number, since a float32 "
            "softmax rounds to 0 and 1.",
            'pass logits or log-probabilities; to bound the loss, name a clip: zero="clip:1e-15".',
        ),
        Rule(
            "D28",
            "warning",
            "too few counts for the plug-in entropy",
            "Few observations show less variety than there is, so that the entropy of their "
            "frequencies is too low.",
            'entropy_from_counts(counts, estimator="chao-shen") corrects it.',
        ),
        Rule(
            "D29",
            "error",
            "counts where probabilities are meant",
            "Counts have an entropy only as frequencies, and few counts need a correction.",
            "entropy_from_counts takes counts; normalize=True makes frequencies of them.",
        ),
        Rule(
            "D30",
            "error",
            "units differ",
            "Nats and bits were about to be added, or parts of other columns.",
            "convert one with .to(unit).",
        ),
        Rule(
            "D31",
            "warning",
            "a clip decides the result",
            "Where a probability was clipped, the loss is the logarithm of the clip: somebody "
            "chose it, and the model did not.",
            "report the number of impossible rows beside the loss, or pass unclipped numbers.",
        ),
        Rule(
            "D33",
            "warning",
            "the mean of a divergence divides by the number of classes too",
            'reduction="mean" of torch\'s kl_div is the mean over elements: K times too small for '
            "K classes, and so are its gradients.",
            'reduction="batchmean", or distillation_loss for two sets of logits.',
        ),
        Rule(
            "D34",
            "note",
            "in an evaluation, a class that never happens, or is never predicted",
            "Its column stands for another class, it is named otherwise in the target, or its rows "
            "were filtered out.",
            "compare the names of the classes with the values of the target.",
        ),
    )
}


def is_code(text: object) -> bool:
    """Return whether this is written like a code: D04, d4."""
    return isinstance(text, str) and re.fullmatch(r"[Dd]\d{1,2}", text.strip()) is not None


def rule(code: str) -> Rule:
    """Return the rule of a code; raise XentValueError, with the codes that there are.

    >>> rule("D33").fix
    'reduction="batchmean", or distillation_loss for two sets of logits.'
    """
    wanted = f"D{int(code.strip()[1:]):02d}"
    if wanted not in RULES:
        raise XentValueError(
            f"no rule has the code {wanted}; there are {', '.join(RULES)}", value=code
        )
    return RULES[wanted]
