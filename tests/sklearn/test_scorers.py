"""The scorers inside scikit-learn's own tools."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.sklearn import LogLossScorer, d2_log_loss_scorer, log_loss, neg_log_loss_scorer

X, Y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "virginica"])[Y]
MODEL = LogisticRegression(max_iter=1000)


@pytest.mark.parametrize("truth", [Y, WORDS, (Y == 1).astype(int), np.where(Y == 1, "no", "yes")])
@pytest.mark.parametrize(
    "scorer, name",
    [(neg_log_loss_scorer, "neg_log_loss"), (d2_log_loss_scorer, "d2_log_loss_score")],
)
def test_cross_validation_gives_the_scores_of_scikit_learn(truth, scorer, name):
    found = cross_val_score(MODEL, X, truth, scoring=scorer)
    assert found == pytest.approx(cross_val_score(MODEL, X, truth, scoring=name), rel=1e-9)


def test_a_fold_without_a_class_is_scored():
    # sorted by class: each test fold has one class, each training fold has them all but
    # for a few rows
    folds = [(np.arange(150), np.arange(100, 150)), (np.arange(150), np.arange(40, 90))]
    found = cross_val_score(MODEL, X, Y, scoring=neg_log_loss_scorer, cv=folds)
    model = clone(MODEL).fit(X, Y)
    right = [-log_loss(Y[t], model.predict_proba(X[t]), labels=[0, 1, 2]) for _, t in folds]
    assert found == pytest.approx(right, rel=1e-12)


def test_a_search_ranks_by_it():
    grid = {"logisticregression__C": [1e-4, 1.0]}
    search = GridSearchCV(make_pipeline(StandardScaler(), MODEL), grid, scoring=neg_log_loss_scorer)
    search.fit(X, WORDS)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    assert search.score(X, WORDS) == -log_loss(WORDS, search.predict_proba(X))


def test_several_scores_at_once():
    scores = {"loss": neg_log_loss_scorer, "d2": d2_log_loss_scorer, "accuracy": "accuracy"}
    found = cross_validate(MODEL, X, Y, scoring=scores, cv=3)
    assert found["test_loss"] == pytest.approx(
        cross_val_score(MODEL, X, Y, scoring="neg_log_loss", cv=3), rel=1e-9
    )
    assert (found["test_d2"] > 0.5).all()


def test_it_pickles_clones_and_runs_in_other_processes():
    for scorer in (neg_log_loss_scorer, LogLossScorer("d2_log_loss_score", zero="clip:1e-15")):
        assert pickle.loads(pickle.dumps(scorer)) == scorer == clone(scorer)
    assert check_scoring(MODEL, scoring=neg_log_loss_scorer) is neg_log_loss_scorer
    assert repr(LogLossScorer(zero="sklearn")) == "LogLossScorer('neg_log_loss', zero='sklearn')"


def test_a_certain_and_wrong_model_is_ranked_last():
    forest = RandomForestClassifier(5, random_state=0)
    folds = list(KFold(5, shuffle=True, random_state=0).split(X))
    with pytest.warns(MisuseWarning, match="D27"):
        found = cross_val_score(forest, X, Y, scoring=neg_log_loss_scorer, cv=folds)
    assert np.isneginf(found).any()
    clipped = cross_val_score(forest, X, Y, scoring=LogLossScorer(zero="sklearn"), cv=folds)
    right = cross_val_score(forest, X, Y, scoring="neg_log_loss", cv=folds)
    assert clipped == pytest.approx(right, rel=1e-9)


def test_weights_are_routed():
    weight = np.where(Y == 0, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = LogLossScorer().set_score_request(sample_weight=True)
        model = clone(MODEL).set_fit_request(sample_weight=False)
        found = cross_val_score(model, X, Y, scoring=scorer, params={"sample_weight": weight})
        name = sklearn.metrics.get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        right = cross_val_score(model, X, Y, scoring=name, params={"sample_weight": weight})
    assert found == pytest.approx(right, rel=1e-9)
    assert found != pytest.approx(cross_val_score(MODEL, X, Y, scoring=LogLossScorer()), rel=1e-3)


def test_a_model_without_probabilities():
    with pytest.raises(
        XentTypeError, match=r"must have predict_proba, got LinearSVC; .*Calibrated"
    ):
        neg_log_loss_scorer(LinearSVC().fit(X, Y), X, Y)
    several = RandomForestClassifier(3).fit(X, np.stack([Y, Y], 1))
    with pytest.raises(XentTypeError, match="one target, got 2 outputs"):
        neg_log_loss_scorer(several, X, Y)
    with pytest.raises(XentValueError, match="score must be one of"):
        LogLossScorer("accuracy")


def test_importing_the_room_loads_neither_scikit_learn_nor_matplotlib():
    program = (
        "import sys, xent.sklearn as s; s.log_loss([0, 1], [0.5, 0.5]);"
        "print({'sklearn', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
