"""Generators: make synthetic rows. See docs/generators.md for which to choose and how to add one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from generators.base import Fitted, Generator, Synthetic, read_header, rebuild
from generators.storage import read_sealed
from proofset.errors import GeneratorError, did_you_mean, unknown_name
from proofset.registry import Registry
from proofset.spec import Frozen, GeneratorSpec

__all__ = ["REGISTRY", "Fitted", "Generator", "Synthetic", "create", "load_fitted"]

GROUP = "proofset.generators"
REGISTRY = Registry(
    "generator",
    {
        "control_collapser": "generators.controls:Collapser",
        "control_copier": "generators.controls:Copier",
        "control_label_shuffler": "generators.controls:LabelShuffler",
        "control_marginals": "generators.controls:Marginals",
        "control_subgroup_dropper": "generators.controls:SubgroupDropper",
        "rules": "generators.rules:Rules",
        "sdv_copula_gan": "generators.sdv_copula_gan:SdvCopulaGan",
        "sdv_ctgan": "generators.sdv_ctgan:SdvCtgan",
        "sdv_gaussian_copula": "generators.sdv_gaussian_copula:SdvGaussianCopula",
        "sdv_tvae": "generators.sdv_tvae:SdvTvae",
        "trees": "generators.trees:Trees",
    },
    GROUP,
)


def create(spec: GeneratorSpec, registry: Registry = REGISTRY, checkpoints: Path | None = None) -> Generator:
    """Return the generator a spec names, with its options checked.

    Raises UnknownNameError for an unknown generator or option, with the nearest word; GeneratorError for an option's
    wrong value; MissingExtraError where the generator needs a package that is not installed.
    """
    kind: type[Generator] = registry[spec.name]
    if spec.steer is not None and not kind.steerable:
        able = [name for name in registry if name != spec.name and registry[name].steerable]
        raise GeneratorError(
            f"The generator '{spec.name}' cannot be steered.",
            why=f"generator.steer is for: {', '.join(able)}.",
            fix="Take one of those, or leave generator.steer out.",
        )
    return kind(_options(kind.Options, spec.options, spec.name), spec.steer, checkpoints)


def load_fitted(folder: Path, expected: str | None = None, registry: Registry = REGISTRY) -> Fitted:
    """Load what `Fitted.save` wrote, after its seal is verified.

    Parameters
    ----------
    folder: where it was saved.
    expected: the digest on record, where there is one; nothing is decoded before it matches.

    Raises GeneratorError where a file is missing, unlisted or changed.
    """
    files = read_sealed(folder, expected)
    kind: type[Generator] = registry[read_header(files)["card"]["generator"]]
    return rebuild(files, kind.Model)


def _options(model: type[Frozen], given: dict[str, Any], name: str) -> Frozen:
    known = list(model.model_fields)
    for option in given:
        if option not in known:
            raise unknown_name("option", option, known, f"generator.options of '{name}'")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(p) for p in first["loc"])
        expected = str(first.get("ctx", {}).get("expected", ""))
        words = expected.replace("'", "").replace(" or ", ", ").split(", ") if expected else []
        allowed = f"Allowed: {', '.join(words)}." if words else f"{first['msg']}."
        raise GeneratorError(
            f"generator.options.{option} of '{name}' cannot be {first['input']!r}.",
            why=allowed + did_you_mean(str(first["input"]), words),
            fix=f"Correct generator.options.{option} in the dataset spec.",
        ) from None
