"""Pages: HTML from a template in this package, with everything that people wrote escaped."""

from __future__ import annotations

from pathlib import Path


def rendered(folder: Path, template: str, **values: object) -> bytes:
    """The template with these values, ending in one line break. A value that it lacks is an error."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return (environment.get_template(template).render(**values).rstrip("\n") + "\n").encode()
