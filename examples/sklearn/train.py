"""Trains a support-vector machine on the digits that come with scikit-learn and prints how well it does."""

import argparse

from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import SVC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--c", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.001)
    parser.add_argument("--kernel", choices=["rbf", "poly", "sigmoid"], default="rbf")
    flags = parser.parse_args()

    images, digits = load_digits(return_X_y=True)
    model = SVC(C=flags.c, gamma=flags.gamma, kernel=flags.kernel)
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
    scores = cross_val_score(model, images, digits, cv=folds)
    print(f"accuracy={scores.mean():.4f}")


if __name__ == "__main__":
    main()
