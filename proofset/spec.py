"""Dataset spec: one YAML file = one governed dataset. Frozen pydantic models, read once, passed everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from proofset.constraints import Constraint
from proofset.frozen import Frozen as Frozen
from proofset.rules import Rule
from proofset.rules_table import TableRules
from proofset.steering import Steering
from proofset.terms import ReleaseTerms as ReleaseTerms
from proofset.terms import SourceTerms
from proofset.terms import SpecialCategory as SpecialCategory

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A name that is also a safe folder name: lower-case letters, digits and underscores."""

Owner = Annotated[str, StringConstraints(pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+|team:[\w.-]+)$")]
"""An e-mail address, or `team:name`."""


class Purpose(StrEnum):
    """What a dataset is for. It bounds what a release may be used for."""

    TEST_DATA = "test_data"
    SHARING = "sharing"
    ANALYTICS = "analytics"
    ML_TRAINING = "ml_training"
    AUGMENTATION = "augmentation"
    SIMULATION = "simulation"
    EVALUATION = "evaluation"
    PUBLIC_RELEASE = "public_release"


class Modality(StrEnum):
    """The shape of the data. Single tables first; others join this list as they are built."""

    TABLE = "table"


class SemanticType(StrEnum):
    """What a column means, beyond how it is stored."""

    ID = "id"
    CATEGORY = "category"
    ORDINAL = "ordinal"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    PERSON_NAME = "person_name"
    ADDRESS = "address"
    GEO = "geo"
    URL = "url"
    IP_ADDRESS = "ip_address"
    CONSTANT = "constant"
    EMPTY = "empty"


IDENTIFYING = frozenset(
    {
        SemanticType.ID,
        SemanticType.TEXT,
        SemanticType.EMAIL,
        SemanticType.PHONE,
        SemanticType.PERSON_NAME,
        SemanticType.ADDRESS,
        SemanticType.URL,
        SemanticType.IP_ADDRESS,
    }
)
"""Types whose values can name a person: never modelled, replaced by generated values."""


class Treatment(StrEnum):
    """What happens to a source column: `model` learns its distribution, `fake` writes generated values
    that never saw the source, `drop` leaves the column out."""

    MODEL = "model"
    FAKE = "fake"
    DROP = "drop"


class ColumnSpec(Frozen):
    """What is declared about a column. A declaration wins over the profile's guess; a disagreement is reported."""

    type: SemanticType | None = None
    description: str = ""
    nullable: bool | None = None
    unique: bool = False
    values: tuple[str, ...] | None = None
    """Every category allowed; listing them here makes them public, so that rare ones may be emitted."""
    min: float | None = None
    max: float | None = None
    treatment: Treatment | None = None
    faker: str | None = None
    """Provider of the Faker library for treatment `fake`."""
    locale: str | None = None
    """Locale of the Faker library for treatment `fake`, such as "de_DE"; None for "en_US"."""
    follows: str | None = None
    """For treatment `fake`: the column of which the value is a function, so that equal ones get equal fakes."""
    null_share: float = Field(default=0.0, ge=0, le=1)
    """Share of nulls the `rules` generator writes."""
    rule: Rule | None = None
    extend: float | None = Field(default=None, gt=0, le=1)
    """How far a number may go beyond the range seen, as a share of its width; None for not at all."""


class QualitySpec(Frozen):
    """What a table is measured for. Columns are named; nothing here changes how it is made."""

    groups: tuple[str, ...] = ()
    """Columns whose groups must be treated alike, e.g. sex; fairness is measured on them."""
    favourable: str | None = None
    """The value of the target that people wish for; None for the rarer of two."""
    secrets: tuple[str, ...] = ()
    """Columns an attacker would like to infer; empty for every modelled one in turn."""
    quasi_identifiers: tuple[str, ...] = ()
    """Columns an attacker may know of a person; empty for all that are not secrets."""
    guesses: int = Field(default=2_000, ge=100, le=100_000)
    """Guesses of each attack that singles out, links or infers; more give narrower intervals and take longer."""
    sdmetrics: bool = False
    """Also run SDMetrics' own reports and record what they say."""
    canaries: int = Field(default=0, ge=0, le=10_000)
    """Invented rows planted into a second model, and as many withheld, to see whether the generator remembers rows;
    0 for none. It trains a second time."""


class TableSpec(Frozen):
    """One table: where its source lies and what is declared about its columns."""

    path: str | None = None
    """Parquet or CSV, relative to the workspace. None for data made from rules alone."""
    encoding: str = "utf-8"
    description: str = ""
    target: str | None = None
    """The column a model would predict; utility (TSTR) is measured on it."""
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)
    rules: TableRules | None = None
    """What the generator `rules` does to the table as a whole; see docs/rules.md."""
    constraints: tuple[Constraint, ...] = ()
    """What every row keeps; see docs/constraints.md."""
    quality: QualitySpec = QualitySpec()
    """What it is measured for beside the defaults; see docs/quality.md."""

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str | None) -> str | None:
        if path is not None and ".." in PurePosixPath(path.replace("\\", "/")).parts:
            raise ValueError("must not contain '..'; put the file inside the workspace, or name an absolute path")
        return path


class SourceSpec(SourceTerms):
    """What is known about the real data: its licence, its lawful basis, and what it may be used for."""

    licence: str
    attribution: str = ""
    url: str = ""
    lawful_basis: Literal[
        "public_data",
        "consent",
        "contract",
        "legal_obligation",
        "vital_interests",
        "public_task",
        "legitimate_interests",
        "no_source",
    ]
    residency: str = ""
    permitted_purposes: tuple[Purpose, ...] = Field(min_length=1)


class SplitSpec(Frozen):
    """How rows are divided. Generators see only the train part."""

    holdout: float = Field(default=1 / 3, gt=0, lt=1)


class GeneratorSpec(Frozen):
    """Which generator, and its options (checked against the generator's own options model)."""

    name: str = "trees"
    options: dict[str, Any] = Field(default_factory=dict)
    rows: int | None = Field(default=None, ge=1)
    """Rows to sample; None for as many as the train part has."""
    steer: Steering | None = None
    """What is sampled on purpose: conditions, balance, parity, scenarios."""


class DatasetSpec(Frozen):
    """One governed dataset. See docs/spec.md for every field."""

    dataset: Name
    title: str = ""
    description: str = ""
    owner: Owner
    purpose: Purpose
    modality: Modality = Modality.TABLE
    source: SourceSpec
    tables: dict[Name, TableSpec] = Field(min_length=1, max_length=1)
    split: SplitSpec = SplitSpec()
    generator: GeneratorSpec = GeneratorSpec()
    policy: Name
    release: ReleaseTerms | None = None
    """On what terms releases are handed out."""
    seed: int = Field(default=0, ge=0, le=2**53 - 1)
    schedule: str | None = None
    """Cron expression; the orchestrator then makes a new candidate on that beat. Releases always wait for people."""

    @model_validator(mode="after")
    def _lawful(self) -> DatasetSpec:
        if self.purpose not in self.source.permitted_purposes:
            allowed = ", ".join(p.value for p in self.source.permitted_purposes)
            raise ValueError(f"purpose '{self.purpose.value}' is not among source.permitted_purposes ({allowed})")
        for name, table in self.tables.items():
            if table.target is not None and table.columns.get(table.target, ColumnSpec()).treatment == Treatment.DROP:
                raise ValueError(f"tables.{name}.target names a column that is dropped")
        return self

    @field_validator("dataset")
    @classmethod
    def _no_digest(cls, name: str) -> str:
        if len(name) >= 6 and set(name) <= set("0123456789abcdef"):
            raise ValueError("reads like the first digits of a digest; choose a name with another letter in it")
        return name

    def public(self) -> DatasetSpec:
        """The spec as evidence shows it: where a source lies on its owner's machine is nobody else's business."""
        tables = {
            name: table.model_copy(update={"path": table.path and PurePosixPath(table.path).name})
            for name, table in self.tables.items()
        }
        return self.model_copy(update={"tables": tables})

    @property
    def table_name(self) -> str:
        """The name of the one table."""
        return next(iter(self.tables))

    @property
    def table(self) -> TableSpec:
        """The one table."""
        return self.tables[self.table_name]
