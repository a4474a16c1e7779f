"""Plan: what a run would do. The run and the plan ask the same functions, so they cannot disagree."""

from __future__ import annotations

from orchestration.chain import Chain, dry_run
from orchestration.policy_check import require_sound
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


def plan_dataset(workspace: Workspace, dataset: str, *, force: bool = False) -> Plan:
    """Read spec, policy and generator, and see what each step would do. Raises SpecError like a run would."""
    import generators

    chain = Chain.open(workspace, dataset, force=force)
    require_sound(chain.policy)
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
        steps=dry_run(chain),
        demands=tuple(f"{t.measure} {t.text()}" for t in chain.policy.requirements)
        + (("validation suite: every expectation holds",) if chain.policy.suite else ()),
        approvals=f"{rule.required} {people}{roles}; {chain.requester} may not.",
    )
