"""Correlated shares: a Gaussian copula over any marginals (Nelsen 2006, An Introduction to Copulas, ch. 2 and 4).

The rank correlation asked for becomes the correlation of the normal scores by r ↦ 2 sin(π r / 6) (Kruskal 1958,
doi:10.1080/01621459.1958.10501481), exact for continuous columns; ties, as in counts and categories, weaken it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from generators.rules_numbers import SMALLEST
from proofset.errors import GeneratorError
from proofset.rules_table import Correlation

TOLERANCE = 1e-9


class Copula:
    """Columns and how they depend on each other.

    columns: every column that is correlated.  factor: a square root of the scores' correlation matrix.

    Raises GeneratorError where a pair is given twice, or where no columns can be correlated in this way.
    """

    def __init__(self, correlations: Sequence[Correlation]) -> None:
        self.columns = tuple(dict.fromkeys(c for correlation in correlations for c in correlation.columns))
        matrix = np.eye(len(self.columns))
        at = {name: i for i, name in enumerate(self.columns)}
        given: set[tuple[str, str]] = set()
        for correlation in correlations:
            for a, b in combinations(correlation.columns, 2):
                if {(a, b), (b, a)} & given:
                    raise GeneratorError(f"rules.correlations give {a} and {b} twice.", fix="Leave one of the two out.")
                given.add((a, b))
                matrix[at[a], at[b]] = matrix[at[b], at[a]] = 2.0 * np.sin(np.pi * correlation.r / 6.0)
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -TOLERANCE:
            missing = [f"{a} and {b}" for a, b in combinations(self.columns, 2) if not {(a, b), (b, a)} & given]
            open_pairs = f" Not given, so taken as 0: {'; '.join(missing[:5])}." if missing else ""
            raise GeneratorError(
                f"rules.correlations of {', '.join(self.columns)} contradict each other.",
                why=f"Their matrix is not positive semi-definite (smallest eigenvalue {values[0]:.3f}).{open_pairs}",
                fix="Give the missing pairs, or weaken the correlations.",
            )
        # The symmetric root: it exists for a singular matrix, too, and no sign of an eigenvector moves it.
        self.factor = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T

    def shares(self, rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return a share in (0, 1) per row for each column."""
        from scipy.special import ndtr

        scores = rng.standard_normal((rows, len(self.columns)))
        # Written out: a product of matrices may sum in another order on another machine or thread.
        joined = [(scores * column).sum(axis=1) for column in self.factor]
        return {
            name: np.asarray(ndtr(score)).clip(SMALLEST, 1.0 - 2.0**-53)
            for name, score in zip(self.columns, joined, strict=True)
        }
