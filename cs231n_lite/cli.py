"""``cs231n-lite``: the commands a student types."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cs231n_lite import doctor as health
from cs231n_lite import fetch as fetching
from cs231n_lite import official, places

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="What a student needs besides the notebooks: data, and a look at what works on this machine.",
)
data = typer.Typer(help="Say which data is used and where it is; fetch or verify the official files.")
app.add_typer(data, name="data")
console = Console()


class DataSet(StrEnum):
    """The official data sets."""

    cifar10 = "cifar10"
    mnist = "mnist"


Names = Annotated[list[DataSet] | None, typer.Argument(metavar="SET", help="cifar10, mnist; both, if none is named.")]


@data.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """Say which data is used and where it is; fetch or verify the official files."""
    if context.invoked_subcommand:
        return
    for name in DataSet:
        console.print(Text(f"{places.TITLES[name]:10}{_in_use(name)}"), soft_wrap=True)
    if not all(places.folder_to_fill(name).is_dir() for name in DataSet):
        console.print("To fetch the official files: cs231n-lite data fetch")
    order = "where CS231N_LITE_DATA says" if places.asked_for() not in ("", "embedded") else "in this order"
    console.print(f"\nOfficial files are looked for {order}:")
    for place in places.places():
        console.print(Text(f"  {place}" + ("" if place.is_dir() else " (not there)")), soft_wrap=True)
    console.print(Text(f"Pictures drawn by code are kept in:\n  {places.cache_folder()}"), soft_wrap=True)


@data.command()
def fetch(
    names: Names = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take the files from here, such as a USB stick; no network."),
    ] = None,
) -> None:
    """Download the official files, or copy them, and verify them. What was cut off goes on where it stopped."""
    failed = False
    for name in names or DataSet:
        try:
            fetching.fetch(name, source)
        except (OSError, ValueError) as problem:
            console.print(Text(str(problem), style="red"), soft_wrap=True)
            failed = True
    if failed:
        raise typer.Exit(1)


@data.command()
def verify(names: Names = None) -> None:
    """Compare every official file that is used with its published checksum. Exits 1 if one is not right."""
    faults: list[str] = []
    for name in names or DataSet:
        try:
            folder = places.find_folder(name)
        except FileNotFoundError as problem:
            faults.append(str(problem))
            continue
        if folder is None:
            console.print(f"{places.TITLES[name]}: no official files in use, nothing to verify.")
            continue
        for key in official.keys(name):
            fault = official.fault(folder.parent / key, key)
            console.print(_sign(not fault), key)
            faults += [fault] if fault else []
    for fault in faults:
        console.print(Text(fault, style="red"), soft_wrap=True)
    if faults:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Say what works on this machine, what is missing and the command that mends it. Exits 1 if something needed is missing."""
    findings = health.examine()
    console.print(health_table(findings))
    commands = list(dict.fromkeys(f.advice for f in findings if not f.fine and not f.optional))
    if not commands:
        console.print("\nAll that is needed is here.")
        return
    console.print("\nTo mend it:")
    for command in commands:
        console.print(Text(f"  {command}", style="bold"), soft_wrap=True)
    raise typer.Exit(1)


def health_table(findings: Iterable[health.Health]) -> Table:
    """Give a table of findings, which fits a terminal of 80 columns."""
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(_sign(finding.fine, finding.optional), finding.what, Text(finding.found), Text(finding.advice))
    return table


def _sign(fine: bool, optional: bool = False) -> Text:
    return Text("ok", style="green") if fine else Text("--", style="yellow" if optional else "red")


def _in_use(name: str) -> str:
    """Say what `load_cifar10` or `load_mnist` would use."""
    if places.asked_for() == "embedded":
        return "embedded, as CS231N_LITE_DATA asks"
    folder = places.folder_to_fill(name)
    if not folder.is_dir():
        return "missing where CS231N_LITE_DATA says" if places.asked_for() else "embedded, drawn by code"
    keys = official.keys(name)
    count = sum((folder.parent / key).is_file() for key in keys)
    return f"official files{'' if count == len(keys) else f', {count} of {len(keys)}'}, in {folder}"


def main() -> None:
    """Run a command."""
    app(prog_name="cs231n-lite")
