"""`synthehr verify`: what a bundle says of itself, computed anew."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.console import outcome

CLOSING = {
    True: "Whole, and signed by the key that was given.",
    False: "Whole. Whether it comes from whom you think was not checked: give --public-key.",
}


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or its public half alone.")],
    public_key: Annotated[Path | None, typer.Option(help="PEM of who signs; the signature is then checked.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
    ] = False,
) -> None:
    """Compute anew all that a bundle says: checksums, signature, contents, ledger, decision. Exit 3 if one is wrong."""
    with outcome(as_json) as held:
        from synthehr.errors import BadData
        from synthehr.release.verify import verify_bundle

        checks = verify_bundle(bundle, public_key=public_key)
        wrong = [check for check in checks if check.holds is False]
        if wrong:
            lines = "\n".join(f"  {check.name}: {check.words}" for check in wrong)
            raise BadData(f"{bundle} is not what it says, in {len(wrong)} of {len(checks)} checks:\n{lines}")
        held.result = {
            "bundle": str(bundle),
            "checks": [{"name": check.name, "holds": check.holds, "words": check.words} for check in checks],
        }
        marks = {True: "holds", None: "not checked"}
        held.lines = [f"{check.name}: {marks[check.holds]}; {check.words}" for check in checks]
        held.lines.append(CLOSING[public_key is not None])
