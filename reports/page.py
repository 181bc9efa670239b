"""The templates of this package, set up in one way for every page."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment() -> Environment:
    """Templates of this package; HTML is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader("reports"),
        autoescape=select_autoescape(["html", "html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
