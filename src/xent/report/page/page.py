"""An evaluation or a comparison as one HTML page: text, or a file that is whole or not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xent.evaluation.comparison.result import Comparison
from xent.evaluation.files import writable, write_text
from xent.evaluation.result import Evaluation
from xent.report.page.build import page_of
from xent.report.page.comparing import comparison_page
from xent.report.page.fill import render
from xent.report.page.texts import Language

__all__ = ["html_page", "write_page"]


def html_page(
    evaluation: Evaluation | Comparison,
    *,
    lang: Language = "en",
    options: Mapping[str, Any] | None = None,
    date: str = "",
) -> str:
    """Return one self-contained HTML page of an evaluation or a comparison, below 300 KB.

    Nothing is fetched from anywhere: style, script, pictures and numbers are in the page, under a
    Content-Security-Policy that allows nothing else. Every name of the data is text. The same
    evaluation gives the same bytes.

    Parameters
    ----------
    evaluation : Evaluation or Comparison
    lang : {"en", "zh"}, default "en"
        Language of the page; messages about the data are in English.
    options : mapping, optional
        How the evaluation was made, to be shown with its fingerprint.
    date : str, optional
        Shown as it is; by default there is none.

    Returns
    -------
    str

    Raises
    ------
    XentValueError
        If the language is not one of the two.
    UnavailableError
        If Jinja2 is not installed.

    See Also
    --------
    write_page : the same, to a file.
    Evaluation.to_dict : the numbers, which the page holds as JSON too.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> page = html_page(evaluate(([1, 0, 1], [0.9, 0.2, 0.6])), lang="zh")
    >>> page[:37], "http" in page.partition("Content-Security-Policy")[2]
    ('<!doctype html>\\n<html lang="zh-Hans">', False)
    """
    if isinstance(evaluation, Comparison):
        return render(comparison_page(evaluation, options=options, date=date), lang)
    return render(page_of(evaluation, options=options, date=date), lang)


def write_page(
    path: str,
    evaluation: Evaluation | Comparison,
    *,
    lang: Language = "en",
    options: Mapping[str, Any] | None = None,
    date: str = "",
) -> None:
    """Write `html_page` to a file, which is whole or not there.

    Raises
    ------
    XentValueError
        If nothing can be written there.
    """
    writable(path)
    write_text(path, html_page(evaluation, lang=lang, options=options, date=date))
