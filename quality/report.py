"""The report for the people who have to answer for a release: one HTML page, and the same as JSON and as Markdown.

It shows evidence only: of the source, what the protected profile holds; of the synthetic table, what passes the
same protection. The page loads nothing and runs nothing, and nothing has a date: the same evidence gives the same
bytes. See docs/report.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from proofset.evidence import MIN_COUNT, Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.policy import Policy
from proofset.policy_judge import ORDER
from quality.plots_drawn import draw_block, draw_overlays
from quality.report_columns import ColumnView, column_views
from quality.report_markdown import markdown
from quality.report_model import Report, report_of
from quality.report_pairs import pair_map, scale
from quality.report_rows import family_views
from quality.report_words import OUTCOMES, sentence

HTML, JSON, MARKDOWN = "report.html", "report.json", "report.md"


@dataclass(frozen=True)
class Reports:
    """The same report three times, as text."""

    html: str
    json: str
    markdown: str

    @property
    def files(self) -> dict[str, str]:
        """By file name."""
        return {HTML: self.html, JSON: self.json, MARKDOWN: self.markdown}


def render(
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    verdict: Verdict,
    policy: Policy,
    synthetic: pa.Table,
) -> Reports:
    """Write the reports. The evidence must be about one candidate; only the synthetic shares are counted anew."""
    report = report_of(provenance, profile, scorecard, suite, verdict, policy)
    return Reports(
        html=_page(report, provenance, profile, scorecard, suite, policy, synthetic),
        json=json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        markdown=markdown(report),
    )


def _page(
    report: Report,
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    policy: Policy,
    synthetic: pa.Table,
) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["sentence"] = sentence
    columns = column_views(profile, scorecard, synthetic)
    pairs = pair_map(profile, scorecard)
    page = environment.get_template("report.html.j2").render(
        report=report,
        failed=sorted(
            (t for t in report.findings if not t.finding.holds), key=lambda t: ORDER.index(t.finding.outcome)
        ),
        provenance=provenance,
        profile=profile,
        policy=policy,
        outcomes={outcome.value: words for outcome, words in OUTCOMES.items()},
        families=family_views(report, policy, [c.name for c in profile.columns]),
        columns=list(zip(columns, _pictures(columns), strict=True)),
        pairs=pairs,
        pairs_picture=draw_block(pairs.block) if pairs else None,
        scale=scale(),
        suite=suite,
        suite_columns=_by_column(suite),
        digests=_digests(report),
        least=MIN_COUNT,
    )
    return page if page.endswith("\n") else page + "\n"


def _pictures(columns: list[ColumnView]) -> list[Markup | None]:
    """The picture of each column that has one."""
    drawn = iter(draw_overlays([c.overlay for c in columns if c.overlay]))
    return [next(drawn) if c.overlay else None for c in columns]


def _by_column(suite: SuiteResult | None) -> list[tuple[str, list[tuple[bool, str]]]]:
    """Expectations in words under the column they are about; what failed says by how much."""
    found: dict[str, list[tuple[bool, str]]] = {}
    for result in suite.expectations if suite else ():
        words = result.detail or result.expectation
        if not result.success and result.unexpected_percent is not None:
            words += f" – {result.unexpected_percent:.2f} % do not comply"
        found.setdefault(result.column or "The table", []).append((result.success, words))
    return list(found.items())


_DIGESTS = {
    "source": "Source",
    "train": "Training part",
    "holdout": "Holdout part",
    "synthetic": "Synthetic table",
    "spec": "Dataset spec",
    "profile": "Profile",
    "fitted": "Fitted generator",
    "scorecard": "Scorecard",
    "policy": "Policy",
}


def _digests(report: Report) -> list[tuple[str, str, str]]:
    """What the page is about, by SHA-256, with the rows of what has rows."""
    rows = {name: f"{count:,} rows" for name, count in report.rows.items()}
    return [(_DIGESTS[name], digest, rows.get(name, "")) for name, digest in report.digests.items()]


def schema() -> dict[str, Any]:
    """The JSON Schema of report.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Report.model_json_schema()


__all__ = ["HTML", "JSON", "MARKDOWN", "Reports", "render", "schema"]
