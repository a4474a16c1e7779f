"""Plan: what a run would do. The run and the plan ask the same functions, so they cannot disagree."""

from __future__ import annotations

from typing import Any

from orchestration.chain import FUNCTIONS, STEPS, Chain
from orchestration.store import Note
from proofset.spec import Frozen
from proofset.workspace import Workspace


class Plan(Frozen):
    """What a run of a dataset would do, reuse and demand."""

    dataset: str
    title: str
    purpose: str
    generator: str
    licence: str
    policy: str
    steps: dict[str, str]
    demands: tuple[str, ...]
    approvals: str


class _WouldMakeError(Exception):
    """A step found nothing to reuse."""


class _DryChain(Chain):
    """A chain whose steps stop where they would begin to work."""

    def once(self, step: str, inputs: dict[str, Any], make: Any, intact: Any = None) -> Note:
        """Return what the step would reuse, or stop."""

        def refuse() -> Note:
            raise _WouldMakeError

        return super().once(step, inputs, refuse, intact)


def plan_dataset(workspace: Workspace, dataset: str, *, force: bool = False) -> Plan:
    """Read spec, policy and generator, and see what each step would do. Raises SpecError like a run would."""
    import generators

    chain = _DryChain.open(workspace, dataset, force=force)
    generator = generators.create(chain.spec.generator)
    rule = chain.policy.approvals
    roles = f", among them {' and '.join(rule.roles)}" if rule.roles else ""
    people = "person signs" if rule.required == 1 else "people sign"
    return Plan(
        dataset=dataset,
        title=chain.spec.title or dataset,
        purpose=chain.spec.purpose.value,
        generator=chain.spec.generator.name,
        licence=generator.card.licence,
        policy=chain.policy.policy,
        steps=_steps(chain),
        demands=tuple(f"{t.measure} {t.text()}" for t in chain.policy.thresholds)
        + (("validation suite: every expectation holds",) if chain.policy.suite else ()),
        approvals=f"{rule.required} {people}{roles}; {chain.requester} may not.",
    )


def _steps(chain: Chain) -> dict[str, str]:
    actions = dict.fromkeys(STEPS, "make")
    for step in STEPS[: STEPS.index("verdict")]:
        try:
            FUNCTIONS[step](chain)
        except _WouldMakeError:
            break  # everything behind it is made anew
        actions[step] = "reuse"
    return actions
