"""What is promised about installation, kept in step."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {requirement for found in lists for requirement in found}


def test_conda_users_get_the_same_set_as_pip_users():
    lines = re.findall(r"^ +- (.+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    conda = {line for line in lines if line not in ("conda-forge", "pip", "pip:", "-e .")}
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert conda == requirements("notebook", "grader") | {f"python{python}"}


def test_a_student_needs_four_packages_and_two_for_the_command():
    names = {re.split(r"[<>=]", requirement)[0] for requirement in requirements()}
    assert names == {"numpy", "matplotlib", "tqdm", "pooch"} | {"typer", "rich"}


def test_constraints_are_plain_pins_and_cover_what_ci_installs():
    lines = (ROOT / "constraints.txt").read_text().split()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines}
    asked = {re.split(r"[<>=\[]", r)[0] for r in requirements("notebook", "grader", "dev")} - {"cs231n-lite"}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in asked} <= pinned


def test_the_readme_has_exactly_two_set_up_commands():
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Set up")[1].split("\n## ")[0]
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines() if line
    ]
    assert commands == ["make demo", "make test"]


def test_every_make_target_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)`", (ROOT / "README.md").read_text()))
    assert named
    assert named <= targets
