"""The order of the rooms: imports go down only, some libraries stay in one room, and importing does nothing."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each module may import only from those before it. A new module goes after the last one it needs.
LAYERS = {
    "cs231n_lite": (
        "evidence",
        "factors",
        "causes",
        "mismatch",
        "tolerances",
        "compare",
        "slopes",
        "gradient_check",
        "directions",
        "closer_look",
        "model_gradient",
        "optim",
        "params",
        "checkpoint",
        "divergence",
        "progress",
        "protocol",
        "settings",
        "steps",
        "schedules",
        "layer_shapes",
        "im2col",
        "winograd",
        "fast_layers",
        "drawing",
        "digits",
        "pictures",
        "places",
        "synthetic",
        "official",
        "formats",
        "download",
        "fetch",
        "data",
        "solver",
        "answers",
        "plot_data",
        "vis",
        "vis_live",
        "doctor",
        "cli",
        "vis_graph",
        "vis_activations",
        "vis_gradients",
        "vis_confusion",
        "vis_filters",
        "vis_search",
        "__init__",  # the front door
    ),
    "autograder": (
        "__init__",
        "faults",
        "text",
        "model",
        "wire",
        "probe",
        "session",
        "parse",
        "notebook",
        "outputs",
        "markdown",
        "restore",
        "explore",
        "questions",
        "closed_question",
        "closed",
        "assignment",
        "personal",
        "given",
        "scaffold",
        "origins",
        "diagnose",
        "judge",
        "syntax",
        "mutations",
        "array_mutations",
        "mutants",
        "reference",
        "handin",
        "sandbox.__init__",
        "sandbox.policy",
        "sandbox.clock",
        "sandbox.base",
        "sandbox.linux",
        "sandbox.room",
        "sandbox.filter",
        "sandbox.confine",
        "sandbox.launch",
        "sandbox.zygotes",
        "sandbox.ipython",
        "sandbox.zygote",
        "sandbox.levels",
        "sandbox.stock",
        "sandbox.kernel",
        "execute",
        "follow",
        "grade",
        "course",
        "report.__init__",
        "report.page",
        "report.table",
        "incell",
        "nbgrader_steps",
        "nbgrader_bridge",
        "samples",
        "verify",
        "truth",
        "stand_ins",
        "trials",
        "strength",
        "report.strength",
        "doctor",
        "terminal",
        "cli",
    ),
}

# These libraries are named in a room or two each.
NBGRADER = {"autograder.nbgrader_steps", "autograder.nbgrader_bridge"}
ROOMS = {
    "nbgrader": NBGRADER,
    "traitlets": NBGRADER | {"autograder.sandbox.ipython"},
    "typer": {"autograder.cli", "cs231n_lite.cli"},
    "rich": {
        "autograder.cli",
        "autograder.terminal",
        "autograder.report.strength",
        "autograder.report.table",
        "cs231n_lite.cli",
    },
    "matplotlib": {f"cs231n_lite.{name}" for name in LAYERS["cs231n_lite"] if name.startswith("vis")},
}
# What students install; certifi, which comes with pooch; and what there is where there are notebooks.
STUDENTS = {"numpy", "matplotlib", "tqdm", "pooch", "typer", "rich", "certifi", "IPython", "jupyter_client"}
HEAVY = {"matplotlib", "tqdm", "pooch", "IPython"}
# The command prints and exits; `incell` is the check cell itself, whose output the student reads.
SPEAKS = {"autograder.cli", "autograder.incell"}
# A forked process must never return to its parent's code, nor a worker outlive who started it.
EXITS = {"autograder.cli", "autograder.sandbox.zygote", "autograder.course"}


def modules(package):
    """Give the modules of a package that exist, as {name: path}; a package's own name ends in __init__."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in paths}


MODULES = {name: path for package in LAYERS for name, path in modules(package).items()}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def module_named(dotted):
    """Give the module of ours that a dotted name leads to: the name, its package's door, or what it is defined in."""
    for name in (dotted, f"{dotted}.__init__", dotted.rpartition(".")[0], f"{dotted.rpartition('.')[0]}.__init__"):
        if name in MODULES:
            return name
    raise AssertionError(f"{dotted} is imported, but there is no such module of ours.")


def imported(nodes):
    """Give the dotted name of everything imported in these nodes, inside functions too."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"Write 'from package.module import ...' in full; line {node.lineno} is relative."
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(names):
    return {module_named(name) for name in names if name.split(".")[0] in LAYERS}


def libraries(names):
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - LAYERS.keys()


def run_on_import(tree):
    """Give the nodes that run when a module is imported: not those in functions, nor those for type checkers."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("package", LAYERS)
def test_every_module_has_its_place_in_the_layers(package):
    listed = [f"{package}.{name}" for name in LAYERS[package]]
    found = modules(package)
    new, gone = sorted(found.keys() - set(listed)), sorted(set(listed) - found.keys())
    assert not new, f"Add {', '.join(new)} to LAYERS[{package!r}] in {Path(__file__).name}, after all they import."
    assert not gone, f"Take {', '.join(gone)} out of LAYERS[{package!r}] in {Path(__file__).name}."
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name):
    package, _, module = name.partition(".")
    below = LAYERS[package][: LAYERS[package].index(module)]
    allowed = {f"{package}.{other}" for other in below}
    if package == "autograder":
        allowed |= modules("cs231n_lite").keys()
    wrong = ours(imported(ast.walk(TREES[name]))) - allowed
    assert not wrong, f"{name} imports {', '.join(sorted(wrong))}, which is not below it."


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_stays_in_its_room(library):
    users = {name for name, tree in TREES.items() if library in libraries(imported(ast.walk(tree)))}
    assert users == ROOMS[library]


def test_students_need_only_what_they_install():
    used = {name: libraries(imported(ast.walk(TREES[name]))) - STUDENTS for name in modules("cs231n_lite")}
    assert not {name: extra for name, extra in used.items() if extra}


def calls(tree):
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_only_the_command_and_the_check_cell_speak_and_only_the_command_exits():
    speaking = {n for n in modules("autograder") if calls(TREES[n]) & {"print", "sys.stdout.write", "sys.stderr.write"}}
    exiting = {n for n in modules("autograder") if calls(TREES[n]) & {"sys.exit", "exit", "quit", "os._exit"}}
    raising = {n for n in modules("autograder") if "raise SystemExit" in MODULES[n].read_text(encoding="utf-8")}
    assert speaking <= SPEAKS
    assert exiting | raising == EXITS


def test_nobody_else_imports_by_a_name_it_computes():
    dynamic = {name for name, tree in TREES.items() if calls(tree) & {"importlib.import_module", "__import__"}}
    assert dynamic == {"cs231n_lite.__init__", "autograder.sandbox.zygote"}  # and what a zygote warms up with


def test_the_checks_themselves_notice():
    """Each rule is a comparison with what is found; here is that something is found at all."""
    code = (
        "import os, numpy.linalg\nif TYPE_CHECKING:\n    import pooch\ndef f():\n    from matplotlib import pyplot\n"
        "class C:\n    import tqdm\nfrom cs231n_lite import data, Solver\nfrom autograder.report import page\n"
    )
    tree = ast.parse(code)
    everything = imported(ast.walk(tree))
    assert libraries(everything) == {"numpy", "pooch", "matplotlib", "tqdm"}
    assert libraries(imported(run_on_import(tree))) == {"numpy", "tqdm"}
    assert ours(everything) == {"cs231n_lite.data", "cs231n_lite.__init__", "autograder.report.page"}


# ------------------------------------------------------------------- importing has no effect

CHILD = """
import contextlib, io, json, os, random, sys, threading, warnings
libraries, names, heavy = json.loads(sys.argv[1])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for library in libraries:
        with contextlib.suppress(ImportError):  # a name that is no module of its own
            __import__(library)

import numpy as np

WATCHED = ("subprocess.", "socket.", "os.fork", "os.exec", "os.posix_spawn", "os.system", "os.putenv", "os.unsetenv",
           "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chdir",
           "os.chmod", "tempfile.", "shutil.", "signal.", "resource.setrlimit")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
seen = []

def hook(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & WRITES:
        seen.append(f"opened {args[0]} to write")
    elif event.startswith(WATCHED):
        seen.append(f"{event}{args!r:.100}")

def state():
    return {
        "numpy's random state": str(np.random.get_state()),
        "random's state": hash(random.getstate()),
        "numpy's error state": str(np.geterr()),
        "numpy's print options": str(np.get_printoptions()),
        "the warning filters": str(warnings.filters),
        "threads": threading.active_count(),
        "the working directory": os.getcwd(),
        "the import path": str(sys.path),
    }

np.random.seed(5)
random.seed(5)
warnings.simplefilter("error")
sys.addaudithook(hook)
effects = {}
for name in names:
    before, said, seen[:] = state(), io.StringIO(), []
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        __import__(name)
    after = state()
    found = [*seen, *(f"changed {what}" for what in before if before[what] != after[what])]
    if said.getvalue():
        found.append(f"printed {said.getvalue()!r}")
    if found:
        effects[name] = found
seen[:] = []
open(os.devnull, "w").close()  # shows that the hook sees anything at all
print(json.dumps([effects, seen, sorted(set(heavy) & set(sys.modules))]))
"""


def child(script, *arguments, compiled=False):
    """Run a script in a fresh interpreter of the checkout, which may or may not write compiled files."""
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "" if compiled else "1"}
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("package", LAYERS)
def test_importing_any_module_has_no_effect(package):
    names = [f"{package}.{name}".removesuffix(".__init__") for name in LAYERS[package]]
    trees = [TREES[name] for name in modules(package)]
    needed = {name for tree in trees for name in imported(run_on_import(tree)) if libraries({name})}
    # Libraries first, with what they do when imported: that is theirs to answer for.
    wanted = sorted(needed | {name.rpartition(".")[0] or name for name in needed})
    effects, hook, heavy = json.loads(child(CHILD, json.dumps([wanted, names, sorted(HEAVY)])))
    assert effects == {}
    assert hook == [f"opened {os.devnull} to write"]
    if package == "cs231n_lite":
        assert heavy == [], "Import these inside the function that needs them."


TIMED = """
import sys, time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""


def test_importing_the_front_door_is_quick_and_the_whole_house_little_more_than_numpy():
    scripts = {
        "numpy": "import numpy",
        "door": "import cs231n_lite",
        "house": "import cs231n_lite\nfor name in cs231n_lite.__all__: getattr(cs231n_lite, name)",
    }
    times = {name: [] for name in scripts}
    for _ in range(5):  # in turn, so that a busy moment slows all of them
        for name, script in scripts.items():
            times[name].append(float(child(TIMED.format(script), compiled=True)))
    best = {name: min(seconds) for name, seconds in times.items()}
    assert best["door"] < 0.3
    assert best["door"] < best["numpy"]
    assert best["house"] < 2 * best["numpy"], best


def test_the_front_door_loads_nothing_heavy():
    script = "import sys, cs231n_lite; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    assert not HEAVY & set(child(script).split())
