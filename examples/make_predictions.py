"""Make the example predictions: `python examples/make_predictions.py`.

Real models on data sets that ship with scikit-learn. Every prediction is held out: it was
made by a model that had not seen the row (cross-validation). The same versions write the
same files.
"""

import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # sums in one order

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)

ATTRIBUTES = {
    "even": {0, 2, 4, 6, 8},
    "prime": {2, 3, 5, 7},
    "has_loop": {0, 6, 8, 9},
    "above_four": {5, 6, 7, 8, 9},
}


def logistic(c=1.0):
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))


def held_out(model, x, y, folds=FOLDS):
    return cross_val_predict(model, x, y, cv=folds, method="predict_proba")


def write_parquet(name, columns):
    pq.write_table(pa.table(columns), FOLDER / name, compression="zstd")


def write_csv(name, columns):
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        lines.append(",".join(f"{v:.7g}" if isinstance(v, float) else str(v) for v in row))
    (FOLDER / name).write_text("\n".join(lines) + "\n")


def digits():
    """Ten classes: logistic regression, and naive Bayes, which is far too sure of itself."""
    x, y = load_digits(return_X_y=True)
    for name, model in {
        "digits": logistic(0.01),
        "digits_naive_bayes": GaussianNB(var_smoothing=1e-3),
    }.items():
        p = held_out(model, x, y)
        columns = {f"p_{j}": p[:, j].astype(np.float32) for j in range(10)}
        write_parquet(f"{name}.parquet", {"label": y.astype(np.int8), **columns})


def breast_cancer():
    """Two classes, one probability: that of "malignant"."""
    data = load_breast_cancer()
    y = (data.target == list(data.target_names).index("malignant")).astype(int)
    p = held_out(logistic(), data.data, y)[:, 1]
    write_csv("breast_cancer.csv", {"malignant": y.tolist(), "p_malignant": p.tolist()})


def digit_attributes():
    """Four labels, each true or false by itself, of the same images."""
    x, y = load_digits(return_X_y=True)
    truth = np.stack([np.isin(y, list(digits)) for digits in ATTRIBUTES.values()], axis=1)
    splits = list(FOLDS.split(x, y))
    model = MultiOutputClassifier(logistic(0.1))
    p = held_out(model, x, truth.astype(int), splits)
    columns = {f"y_{name}": truth[:, j].astype(int).tolist() for j, name in enumerate(ATTRIBUTES)}
    columns |= {f"p_{name}": p[j][:, 1].tolist() for j, name in enumerate(ATTRIBUTES)}
    write_csv("digit_attributes.csv", columns)


if __name__ == "__main__":
    digits()
    breast_cancer()
    digit_attributes()
