"""The rules by their codes: what each is about, and what it does when it fires."""

from __future__ import annotations

__all__ = ["RULES"]

# error: raises. warning: `warn.warn_once`. note: `warn.note_once`, "full" and audits only.
RULES: dict[str, str] = {
    "D01": "error: a class index is out of range",
    "D02": "error: no row is left to average, by the policy on_empty",
    "D03": "note: nearly every row is ignored, call after call",
    "D04": "warning: logits look like the output of a softmax",
    "D05": "note: logits are log-probabilities already, which is harmless",
    "D06": "warning: logits look like the output of a sigmoid or a ReLU",
    "D07": "error: probabilities are outside [0, 1] or do not sum to one",
    "D08": "error: a target is negative, outside [0, 1] or does not sum to one",
    "D09": "warning: the truth and the model look swapped",
    "D10": "error: log-probabilities where probabilities are meant, or not normalised",
    "D11": "warning: the loss of the untrained model is too large",
    "D12": "warning: no better than the class frequencies, or worse than guessing",
    "D13": "note: a loss that stands still on a number with a meaning",
    "D14": "error: the class axis does not fit the target",
    "D15": "error: shapes differ and would broadcast",
    "D16": "error: the dtype or the values of a target are those of no kind of target; warning: "
    "an index to ignore beside distributions",
    "D17": "error: rows with no or several positives for a softmax; warning: a softmax of one "
    "class; note: single-label rows",
    "D18": "note: half precision",
    "D19": "note: few rows make most of the loss",
    "D20": "note: class weights cancel",
    "D22": "error: labels are shifted twice, or not at all",
    "D23": "warning: the token that ends a text is never learnt",
    "D24": "error, in tests: the parts of a batch do not merge to the whole",
    "D25": "warning: the columns look permuted",
    "D26": "warning: numbers written as text are sorted as text",
    "D27": "warning: the model gives probability 0 to what happens",
    "D28": "warning: too few counts for the plug-in entropy",
    "D29": "error: counts where probabilities are meant",
    "D30": "error: units differ",
    "D31": "warning: a clip decides the result",
    "D33": "warning: the mean of a divergence divides by the number of classes too",
    "D34": "note, of evaluations: a class that never happens, or is never predicted",
}
