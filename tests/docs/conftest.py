"""The whole run of the tests of the command line, and the way in which they call it."""

from tests.pipelines.conftest import cli, extract, recipe_file, spine

__all__ = ["cli", "extract", "recipe_file", "spine"]
