"""Personal data in free text by named-entity recognition: Presidio's analyzer, an optional extra. The only file that
imports it, and not before it runs.

It finds names and places, which no pattern knows; `quality.pii` is what every profile uses. Its language model is
installed by people, never downloaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from proofset.errors import MissingExtraError, scrubbed
from proofset.evidence import Share
from proofset.seeds import stream
from quality.stats import wilson

MODEL = "en_core_web_lg"
"""spaCy's model, with which the analyzer finds names in English texts."""
MOST_WORDS = 1_000
"""Distinct values looked at; a language model takes milliseconds for each."""
LEAST_SCORE = 0.5
"""Confidence from which something counts as found."""


class Engine(Protocol):
    """What is used of Presidio's AnalyzerEngine."""

    def analyze(self, text: str, language: str, score_threshold: float) -> list[Any]:
        """What is found in a text: objects with an `entity_type`."""


def engine(model: str = MODEL) -> Engine:
    """Presidio's analyzer for English. Raises MissingExtraError where it, or spaCy's model, is not installed."""
    try:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
        from spacy.util import is_package
    except ImportError:
        raise MissingExtraError(
            "Presidio is not installed.",
            why="It finds names in free text, and is an optional extra.",
            fix="Install it: `pip install 'proofset[presidio]'`.",
        ) from None
    if not is_package(model):
        raise MissingExtraError(
            f"spaCy's model {model} is not installed.",
            why="Presidio would download it; nothing is downloaded unasked.",
            fix=f"Install it: `python -m spacy download {model}`.",
        )
    models = [{"lang_code": "en", "model_name": model}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    made: Engine = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
    return made


class PresidioDetector:
    """Finds what Presidio finds, told like `quality.pii.detect` does: for `profile_table(..., detector=...)`.

    with_engine: None for `engine()`, made on first use.
    """

    def __init__(self, with_engine: Engine | None = None) -> None:
        self._engine = with_engine

    def __call__(self, words: Sequence[str], counts: npt.NDArray[np.int64]) -> tuple[Share, ...]:
        """The kinds of entities in a column, as `presidio_person`: share of the rows that hold one, with Wilson's
        interval. Raises MissingExtraError; InternalError, without a value in it, where Presidio fails."""
        self._engine = self._engine or engine()
        chosen = np.sort(stream(0, "presidio").permutation(len(words))[:MOST_WORDS])
        rows = int(counts[chosen].sum())
        holds: dict[str, int] = {}
        for i in chosen:
            try:
                found = self._engine.analyze(text=words[i], language="en", score_threshold=LEAST_SCORE)
            except Exception as error:  # noqa: BLE001 - a third party's message may quote a value
                raise scrubbed(error, "Presidio") from None
            for kind in {f"presidio_{str(f.entity_type).lower()}" for f in found}:
                holds[kind] = holds.get(kind, 0) + int(counts[i])
        shares = []
        for kind, number in holds.items():
            value, low, high = wilson(number, rows).within(0, 1)
            shares.append(Share(part=kind, value=value, low=low, high=high, n=rows))
        return tuple(sorted(shares, key=lambda s: (-s.value, s.part)))
