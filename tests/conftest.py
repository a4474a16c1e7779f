"""For every test: screens as wide as in a log, also under workers that pretend to have a narrow terminal."""

import os

os.environ["COLUMNS"] = "110"
