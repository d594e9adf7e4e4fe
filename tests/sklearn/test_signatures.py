"""The signatures are scikit-learn's: names, order, kinds and defaults."""

import inspect

import pytest
import sklearn
import sklearn.metrics

import xent.sklearn

OURS = {"zero"}  # what we added
OLD = "y_pred"  # renamed in scikit-learn 1.9, which says so by a default of its own


def parameters(function):
    """Return name, kind and default of each parameter, what we added and the old name apart."""
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in found if p.name not in OURS | {OLD}]


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="older names"
)
@pytest.mark.parametrize("name", ["log_loss", "d2_log_loss_score"])
def test_functions_take_what_those_of_scikit_learn_take(name):
    ours, theirs = getattr(xent.sklearn, name), getattr(sklearn.metrics, name)
    assert parameters(ours) == parameters(theirs)
    added = inspect.signature(ours).parameters
    assert all(added[n].kind is inspect.Parameter.KEYWORD_ONLY for n in OURS)
    assert added[OLD].kind is inspect.signature(theirs).parameters[OLD].kind


@pytest.mark.parametrize("maker", ["from_estimator", "from_predictions"])
def test_displays_take_what_those_of_scikit_learn_take(maker):
    """Of `CalibrationDisplay`, the nearest one: the data in its order, `name` and `ax`."""
    ours = parameters(getattr(xent.sklearn.XentDisplay, maker))
    theirs = parameters(getattr(sklearn.metrics.RocCurveDisplay, maker))
    data = [p for p in ours if p[1] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    theirs_by_name = {name: (kind, default) for name, kind, default in theirs}
    order = [name for name, kind, _ in theirs if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    order = ["y_proba" if name == "y_score" else name for name in order]
    assert [name for name, _, _ in data] == order
    for name in ("sample_weight", "name", "ax"):
        assert (name, *theirs_by_name[name]) in ours
