"""Plans: steering made ready for one model, as it is stored with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from generators.trees_cells import Cells
from generators.trees_lead import Lead
from generators.trees_moves import Move
from proofset.steering import Steering


@dataclass(frozen=True)
class Plan:
    """Steering made ready for one model.

    lead: the first columns' combinations; their p sum to 1.  later: cells of columns that come after the lead.
    moves: by position.  report: figures by name, see docs/steering.md.
    """

    steering: Steering
    lead: Lead
    later: Mapping[int, Cells]
    moves: Mapping[int, Move]
    report: dict[str, float] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the plan as JSON-ready data, without its arrays."""
        return {
            "steering": self.steering.plain(),
            "lead": list(self.lead.positions),
            "later": sorted(self.later),
            "moves": {str(i): move.plain() for i, move in sorted(self.moves.items())},
            "report": {name: repr(value) for name, value in sorted(self.report.items())},
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the plan's arrays."""
        arrays = {"steer.combos": self.lead.combos, "steer.p": self.lead.p}
        for position, cells in [*self.lead.cells.items(), *self.later.items()]:
            arrays |= {f"steer.{position}.{name}": array for name, array in cells.arrays().items()}
        return arrays

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Plan:
        """Return the plan that `plain` and `arrays` describe."""

        def cells(position: int) -> Cells:
            prefix = f"steer.{position}."
            return Cells.rebuild({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})

        lead = tuple(int(i) for i in plain["lead"])
        return cls(
            Steering.model_validate(plain["steering"]),
            Lead(lead, {i: cells(i) for i in lead}, arrays["steer.combos"], arrays["steer.p"]),
            {int(i): cells(int(i)) for i in plain["later"]},
            {int(i): Move.rebuild(move) for i, move in plain["moves"].items()},
            {name: float(value) for name, value in plain["report"].items()},
        )
