"""Workspace: a folder of specs, policies and a roster, and the state that grows beside them.

proofset.yaml                    name, and where the state lives
datasets/*.yaml  policies/*.yaml  keys/roster.yaml
releases/DATASET/ID/             published, verifiable offline
.proofset/                       state
    private/   (mode 0700)       never leaves: source copies, splits, fitted models, private keys, and
                                 steps/DATASET/STEP.json, what each step last made, by digest
    tables/DIGEST.parquet        synthetic tables
    candidates/DATASET/ID/       candidates with their evidence
    ledger.db  mlflow.db  mlflow/  dagster/  governance/
                                 private/ledger.key, .vkey, .head belong to the ledger: see `lineage.ledger_keys`
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import filelock
from pydantic import Field

from proofset.errors import SpecError, WorkspaceError, did_you_mean
from proofset.files import PRIVATE_DIR, make_dir, unwritable, write_bytes
from proofset.policy import Policy
from proofset.reading import read_model
from proofset.spec import DatasetSpec, Frozen, Name

CONFIG = "proofset.yaml"


class LedgerConfig(Frozen):
    """Where the ledger is kept, and the key it is signed with."""

    url: str | None = Field(default=None, pattern=r"^(sqlite:///.|postgresql\+psycopg://.|env:[A-Za-z_])")
    """`sqlite:///PATH` (relative to the workspace), `postgresql+psycopg://USER@HOST/DATABASE`, or `env:NAME` for a
    variable that holds one of them; None for ledger.db in the state folder."""
    key: str | None = Field(default=None, min_length=1)
    """`file:PATH` or `env:NAME`, an Ed25519 key; None for private/ledger.key in the state folder, made when needed."""


class WorkspaceConfig(Frozen):
    """proofset.yaml."""

    workspace: Name
    description: str = ""
    state: str = ".proofset"
    """Folder of the state, relative to the workspace."""
    tracking_uri: str | None = Field(default=None)
    """MLflow tracking server; None for the embedded SQLite store in the state folder."""
    ledger: LedgerConfig = LedgerConfig()
    """The ledger's database and key."""
    release_key: str | None = None
    """The platform's own key, as file:PATH, env:NAME or pkcs11:…; None for the one `keys new release` made."""


class Workspace:
    """An opened workspace. Opening reads proofset.yaml and nothing else; folders are made when first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not (self.root / CONFIG).is_file():
            raise WorkspaceError(
                f"{root} is not a workspace.",
                why=f"It has no {CONFIG}.",
                fix="Name one with --workspace, or make one with `proofset init`.",
            )
        self.config = read_model(self.root / CONFIG, WorkspaceConfig)

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """Open the workspace that `start` lies in: the nearest folder upwards that has a proofset.yaml."""
        here = start.resolve()
        for folder in (here, *here.parents):
            if (folder / CONFIG).is_file():
                return cls(folder)
        return cls(start)

    @cached_property
    def state(self) -> Path:
        """The state folder, made on first use with a .gitignore that keeps it out of version control."""
        folder = self.root / self.config.state
        if not (folder / ".gitignore").exists():
            write_bytes(folder / ".gitignore", b"*\n")
        return folder

    @cached_property
    def private(self) -> Path:
        """Where source data, models and private keys live; readable by the owner alone."""
        folder = self.state / "private"
        make_dir(folder, private=True)
        try:
            if folder.stat().st_mode & 0o777 != PRIVATE_DIR:
                folder.chmod(PRIVATE_DIR)
        except OSError as error:
            raise unwritable(folder, error) from error
        return folder

    def relative(self, path: Path) -> str:
        """The path as seen from the workspace, also where the state lies elsewhere."""
        return Path(os.path.relpath(path.resolve(), self.root)).as_posix()

    @property
    def releases(self) -> Path:
        """The folder of published releases."""
        return self.root / "releases"

    @property
    def roster_path(self) -> Path:
        """The roster of people and their public keys."""
        return self.root / "keys" / "roster.yaml"

    @property
    def ledger_path(self) -> Path:
        """The embedded ledger."""
        return self.state / "ledger.db"

    @property
    def ledger_url(self) -> str:
        """The ledger's database. Raises WorkspaceError where the variable that should name it is empty."""
        url = self.config.ledger.url
        if url is not None and url.startswith("env:"):
            variable = url.removeprefix("env:")
            url = os.environ.get(variable, "")
            if not url:
                raise WorkspaceError(
                    f"The environment variable {variable} does not name the ledger's database.",
                    why=f"{CONFIG}: ledger.url says that it does.",
                    fix=f"Set {variable} to a URL such as postgresql+psycopg://USER@HOST/DATABASE.",
                )
        if url is None:
            return f"sqlite:///{self.ledger_path}"
        if url.startswith("sqlite:///"):
            return f"sqlite:///{self.root / url.removeprefix('sqlite:///')}"
        return url

    @property
    def tracking_uri(self) -> str:
        """MLflow's store."""
        return self.config.tracking_uri or f"sqlite:///{self.state / 'mlflow.db'}"

    def dataset_names(self) -> list[str]:
        """Names of the governed datasets, from the file names."""
        return sorted(p.stem for p in (self.root / "datasets").glob("*.yaml"))

    def dataset(self, name: str) -> DatasetSpec:
        """Read one dataset spec. Raises SpecError when it is missing, wrong, or named unlike its file."""
        spec = read_model(self._file("datasets", name, self.dataset_names()), DatasetSpec)
        if spec.dataset != name:
            raise SpecError(
                f"datasets/{name}.yaml: dataset: found '{spec.dataset}'.",
                why="A spec's name and its file's name must agree.",
                fix=f"Rename the file to {spec.dataset}.yaml or write `dataset: {name}`.",
            )
        return spec

    def policy_names(self) -> list[str]:
        """Names of the policies, from the file names."""
        return sorted(p.stem for p in (self.root / "policies").glob("*.yaml"))

    def policy(self, name: str) -> Policy:
        """Read one policy."""
        policy = read_model(self._file("policies", name, self.policy_names()), Policy)
        if policy.policy != name:
            raise SpecError(
                f"policies/{name}.yaml: policy: found '{policy.policy}'.",
                why="A policy's name and its file's name must agree.",
                fix=f"Rename the file to {policy.policy}.yaml or write `policy: {name}`.",
            )
        return policy

    def policy_for(self, spec: DatasetSpec) -> Policy:
        """The policy a dataset names; refused where the policy does not cover the dataset's purpose."""
        policy = self.policy(spec.policy)
        if spec.purpose not in policy.purposes:
            raise SpecError(
                f"datasets/{spec.dataset}.yaml: policy: '{policy.policy}' is not for purpose '{spec.purpose.value}'.",
                why=f"It covers: {', '.join(p.value for p in policy.purposes)}.",
                fix="Name a policy made for this purpose, or add the purpose to the policy.",
            )
        return policy

    def _file(self, folder: str, name: str, known: list[str]) -> Path:
        if name not in known:  # also keeps "../" out: only names of files that are there are opened
            raise SpecError(
                f"No {folder.removesuffix('s').replace('policie', 'policy')} named '{name}' in {self.root / folder}.",
                why=f"There are: {', '.join(known) or 'none'}.{did_you_mean(name, known)}",
                fix=f"Use one of these names, or add {folder}/NAME.yaml.",
            )
        return self.root / folder / f"{name}.yaml"

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, so that two processes do not work on the same thing at once."""
        make_dir(self.state / "locks")
        lock = filelock.FileLock(self.state / "locks" / f"{name}.lock", timeout=600)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise WorkspaceError(
                f"'{name}' is being worked on by another process.", fix="Wait until it ends, then try again."
            ) from None
        except OSError as error:
            raise unwritable(self.state / "locks", error) from error
        try:
            yield
        finally:
            lock.release()
