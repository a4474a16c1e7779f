"""Registries: one visible table of "module:attribute" strings per kind, loaded on first use, and entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from proofset.errors import ProofsetError, unknown_name


class Registry(Mapping[str, Any]):
    """A mapping from name to the object behind "module:attribute", imported when it is asked for.

    Parameters
    ----------
    kind: the word used in errors, e.g. "generator".
    builtin: name -> "module:attribute".
    group: entry-point group through which other packages register, e.g. "proofset.generators".

    Raises ProofsetError when two packages register the same name.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self._targets = dict(builtin)
        for point in entry_points(group=group):
            if point.name in self._targets:
                raise ProofsetError(
                    f"The {kind} '{point.name}' is registered twice.",
                    why=f"'{self._targets[point.name]}' and '{point.value}' both claim the name.",
                    fix="Uninstall one of the two packages, or rename the entry point.",
                )
            self._targets[point.name] = point.value

    def __getitem__(self, name: str) -> Any:
        if name not in self._targets:
            raise unknown_name(self.kind, name, self._targets)
        module, _, attribute = self._targets[name].partition(":")
        return getattr(import_module(module), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._targets))

    def __len__(self) -> int:
        return len(self._targets)
