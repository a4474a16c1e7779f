"""Data Docs: Great Expectations' own pages about a validation, as files that are the same for the same evidence.

They are rendered from the stored result, which holds no value of the table, and from the expectations, whose sets and
limits are the profile's protected ones and the spec's. What depends on the moment or the network is taken out: run
times, random ids, scripts, and style sheets and pictures from elsewhere.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import pyarrow as pa

from proofset.errors import scrubbed
from proofset.evidence import ExpectationResult, Profile, SuiteResult
from proofset.spec import TableSpec
from quality.expectations import expectations
from quality.expectations_base import Expectation
from quality.gx_suite import LIMITS, library, moment

RESULTS, SUITE = "index.html", "expectations.html"
_THEN = "1970-01-01T00:00:00+00:00"
_GONE = (
    re.compile(r"<script\b.*?</script>", re.DOTALL),
    re.compile(r"<link\b[^>]*>"),
    re.compile(r"<img\b[^>]*>", re.DOTALL),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL),
    re.compile(r'<div class="footer\b.*?</div>', re.DOTALL),
    re.compile(r"<a [^>]*greatexpectations\.io[^>]*>.*?</a>", re.DOTALL),
    re.compile(r"<nav\b.*</nav>", re.DOTALL),
    re.compile(r"<tr\b(?:(?!</tr>).)*Run Time(?:(?!</tr>).)*</tr>", re.DOTALL),
    re.compile(r"<a\b(?:(?!</a>).)*Show more info(?:(?!</a>).)*</a>", re.DOTALL),
    re.compile(r'\s(?:data-toggle|data-target|data-trigger|integrity|crossorigin|onclick)="[^"]*"'),
)
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STYLE = """<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border-bottom: 1px solid #8885; padding: .35rem .6rem; text-align: left; vertical-align: top; }
.badge, code { font-family: ui-monospace, monospace; font-size: .9em; background: #8882; padding: 0 .25em; }
.fa-check-circle::before { content: "✓ "; color: #15803d; }
.fa-times::before { content: "✗ "; color: #b91c1c; }
.fa-exclamation-triangle::before { content: "! "; color: #b45309; }
.modal, .navbar, .sidebar, .d-none, .col-lg-2 .card { display: none; }
</style>
"""


def data_docs(
    suite: SuiteResult, profile: Profile, spec: TableSpec, schema: pa.Schema, rows: int | None = None
) -> dict[str, str]:
    """The pages, by file name: the results and the suite.

    Parameters
    ----------
    suite: what `run_suite` returned for the same profile, spec, schema and rows.

    Raises InternalError, without a value in it, where Great Expectations itself fails.
    """
    wanted = expectations(profile, spec, schema, rows)
    times = {f.name for f in schema if pa.types.is_date(f.type) or pa.types.is_timestamp(f.type)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _pages(suite, wanted, times, schema.names)
    except Exception as error:  # noqa: BLE001 - a third party's message may quote a value
        raise scrubbed(error, "Rendering the validation suite's pages") from None


def _pages(suite: SuiteResult, wanted: list[Expectation], times: set[str], names: list[str]) -> dict[str, str]:
    gx, _, _ = library()
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    results = [_result(want, found, times, names) for want, found in zip(wanted, suite.expectations, strict=True)]
    right = sum(e.success for e in suite.expectations)
    meta = {
        "run_id": {"run_name": suite.synthetic_digest[:12], "run_time": _THEN},
        "great_expectations_version": gx.__version__,
    }
    outcome = ExpectationSuiteValidationResult(
        success=suite.success,
        results=results,
        suite_name=suite.suite,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": right,
            "unsuccessful_expectations": len(results) - right,
            "success_percent": 100.0 * right / len(results) if results else None,
        },
        meta=meta,
    )
    configurations = [{"type": r.expectation_config.type, "kwargs": r.expectation_config.kwargs} for r in results]
    asked = gx.ExpectationSuite(name=suite.suite, expectations=configurations)
    view = DefaultJinjaPageView()
    pages = {
        RESULTS: ValidationResultsPageRenderer().render(outcome),
        SUITE: ExpectationSuitePageRenderer().render(asked),
    }
    return {name: still(view.render(page), suite.suite) for name, page in pages.items()}


def _result(want: Expectation, found: ExpectationResult, times: set[str], names: list[str]) -> Any:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    shown = {
        key: moment(value).isoformat() if key in LIMITS and want.column in times and value is not None else value
        for key, value in want.arguments.items()
    }
    column = {"column": want.column} if want.column is not None else {}
    odd: dict[str, Any] = {} if found.unexpected_percent is None else {"unexpected_percent": found.unexpected_percent}
    if "column_list" in want.arguments and want.kind.startswith("expect_table_columns"):
        odd["observed_value"] = names
    return ExpectationValidationResult(
        success=found.success,
        expectation_config=ExpectationConfiguration(type=want.kind, kwargs={**column, **shown}),
        result=odd,
    )


def still(page: str, title: str) -> str:
    """A page without what moves or loads, and with names in place of random ids."""
    for pattern in _GONE:
        page = pattern.sub("", page)
    page = re.sub(r'href="[^"#]*expectations/[^"]*"', f'href="{SUITE}"', page)
    names: dict[str, str] = {}
    page = _RANDOM.sub(lambda found: names.setdefault(found.group(), f"id-{len(names) + 1}"), page)
    page = re.sub(r"<title>.*?</title>", f"<title>{title}</title>", page, count=1, flags=re.DOTALL)
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    lines = (line.rstrip() for line in page.replace("</head>", f"{_STYLE}</head>", 1).splitlines())
    return "\n".join(line for line in lines if line) + "\n"
