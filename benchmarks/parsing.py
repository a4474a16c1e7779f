"""From the publishers' files to Arrow tables: names for columns, nulls for their marks of a missing value."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

ADULT = (
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
)  # fmt: skip
CENSUS = (
    "age", "class_of_worker", "industry_code", "occupation_code", "education", "wage_per_hour", "enrolled",
    "marital_status", "major_industry", "major_occupation", "race", "hispanic_origin", "sex", "union_member",
    "reason_unemployed", "employment", "capital_gains", "capital_losses", "dividends", "tax_filer", "previous_region",
    "previous_state", "household_detail", "household", "instance_weight", "migration_msa", "migration_region",
    "migration_within_region", "same_house", "migration_sunbelt", "employer_size", "parents_present",
    "country_father", "country_mother", "country_self", "citizenship", "own_business", "veterans_questionnaire",
    "veterans_benefits", "weeks_worked", "year", "income",
)  # fmt: skip
COMPAS = (
    "sex", "age", "age_cat", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count",
    "days_b_screening_arrest", "c_charge_degree", "c_charge_desc", "is_recid", "is_violent_recid",
    "decile_score", "score_text", "v_decile_score", "v_score_text", "two_year_recid",
)  # fmt: skip
"""Of 53 columns those that neither name a person nor a court case nor repeat another."""
GERMAN = (
    "status", "duration", "credit_history", "purpose", "credit_amount", "savings", "present_employment",
    "installment_rate", "status_sex", "other_debtors", "present_residence_since", "property", "age",
    "installment_plans", "housing", "existing_credits", "job", "people_liable_for", "telephone", "foreign_worker",
    "credit",
)  # fmt: skip
SCHEDULED = (
    "month", "day", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "hour",
)  # fmt: skip
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
VERY_LATE = 240
"""Minutes of arrival delay."""


def spaced(data: bytes, names: Sequence[str]) -> pa.Table:
    """A file without a header whose fields are parted by a comma and spaces, "?" for missing."""
    lines = [[field.strip() for field in line.split(",")] for line in data.decode().splitlines()]
    whole = [line for line in lines if len(line) == len(names)]
    table = {}
    for name, words in zip(names, zip(*whole, strict=True), strict=True):
        table[name] = numbers_or_words(pa.array(words, mask=[w == "?" for w in words]))
    return pa.table(table)


def numbers_or_words(column: pa.Array) -> pa.Array:
    """Whole numbers or decimals where every known word is one, the words otherwise."""
    for kind in (pa.int64(), pa.float64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def adult(train: bytes, test: bytes) -> pa.Table:
    """32,561 rows to train, then 16,281 to test; the test file's full stop after `income` is taken away."""
    table = pa.concat_tables([spaced(train, ADULT), spaced(test, ADULT)])
    last = pc.replace_substring_regex(table["income"], r"\.$", "")
    return table.set_column(len(ADULT) - 1, "income", last)


def census(train: bytes, test: bytes) -> pa.Table:
    """199,523 rows to train, then 99,762 to test, 42 columns."""
    return pa.concat_tables([spaced(train, CENSUS), spaced(test, CENSUS)])


def compas(data: bytes) -> pa.Table:
    """7,214 defendants, 18 columns."""
    table = headed(data)
    # Two columns of the file occur twice, with the same values.
    return pa.table({name: table.column(table.column_names.index(name)) for name in COMPAS})


def german(data: bytes) -> pa.Table:
    """1,000 loans, 21 columns."""
    rows = [line.split() for line in data.decode().splitlines() if line.strip()]
    words = zip(*rows, strict=True)
    return pa.table({n: numbers_or_words(pa.array(w)) for n, w in zip(GERMAN, words, strict=True)})


def headed(data: bytes) -> pa.Table:
    """A CSV file with a header; empty and NA for missing."""
    convert = csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True)
    return csv.read_csv(io.BytesIO(data), convert_options=convert)


def flights(packed: bytes) -> pa.Table:
    """336,776 departures, 19 columns; `time_hour` loses its zone (UTC)."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        table = headed(archive.read(archive.namelist()[0]))
    place = table.column_names.index("time_hour")
    return table.set_column(place, "time_hour", table["time_hour"].cast(pa.timestamp("us")))


def late(packed: bytes, weather: bytes) -> pa.Table:
    """Flights that arrived: the schedule, the weather at the hour of departure, and `late` (1 for over four hours)."""
    table, found = flights(packed), headed(weather)
    table = table.filter(pc.is_valid(table["arr_delay"]))
    keys = ["origin", "month", "day", "hour"]
    first = found.group_by(keys, use_threads=False).aggregate([(name, "first") for name in WEATHER])
    first = first.rename_columns([n.removesuffix("_first") for n in first.column_names])
    table = table.append_column("row", pa.array(range(table.num_rows)))
    joined = table.join(first.select([*keys, *WEATHER]), keys).sort_by("row")
    flag = pc.greater(joined["arr_delay"], VERY_LATE).cast(pa.int64())
    return joined.select([*SCHEDULED, *WEATHER]).append_column("late", flag).combine_chunks()
