"""Resources: the workspace an asset works in, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from orchestration.chain import Chain
from orchestration.keyring import release_signer
from proofset.errors import ProofsetError, scrubbed
from proofset.progress import Progress, silent
from proofset.workspace import Workspace

Made = TypeVar("Made")


class WorkspaceResource(dg.ConfigurableResource[Any]):
    """The workspace by its folder, so that Dagster can hand it to another process."""

    root: str
    force: bool = False
    requested_by: str = ""
    actor: str = "dagster"
    release_ref: str = ""

    def open(self) -> Workspace:
        """Open the workspace."""
        return Workspace(Path(self.root))

    def chain(self, dataset: str, run_id: str | None) -> Chain:
        """The dataset's chain, read anew so that an edited spec counts from the next step on."""
        return Chain.open(
            self.open(),
            dataset,
            force=self.force,
            requested_by=self.requested_by,
            progress=Watch.progress,
            run_id=run_id,
        )

    def release_signer(self, workspace: Workspace) -> Any:
        """The platform's signing key. Raises DeniedError when there is none."""
        return release_signer(workspace)

    def told(self, step: str, work: Callable[[], Made]) -> Made:
        """Do a step's work. An error reaches Dagster as a failure with its text alone, and a watcher as it is."""
        Watch.started(step)
        Watch.reused = False
        try:
            made = work()
        except ProofsetError as error:
            Watch.error = error
        except Exception as error:  # noqa: BLE001 - nothing may leave with a message that could quote data
            Watch.error = scrubbed(error, f"Step '{step}'")
        else:
            Watch.ended(step, Watch.reused)
            return made
        raise dg.Failure(description=str(Watch.error), allow_retries=False) from None


class Watch:
    """Who watches the steps of this process: the command line sets these while it runs a job."""

    progress: Progress = staticmethod(silent)
    started: Callable[[str], None] = staticmethod(lambda step: None)
    ended: Callable[[str, bool], None] = staticmethod(lambda step, reused: None)
    reused: bool = False
    """Whether the step under way found that nothing had changed."""
    error: ProofsetError | None = None
