"""Tell whether a skipped cell could have made a difference to an answer.

Grading skips cells tagged ``explore``. They are the instructor's, and touch other cells only through the
names they bind. So where none of these names is used by what the student wrote, and the student did not
change the cells, running them cannot change a verdict.
"""

import symtable
from collections.abc import Iterable, Iterator, Sequence

from autograder import notebook

MAX_SOURCE = 200_000  # characters; parsing takes a hundred times as many bytes, and this is a stranger's text
# Whoever uses these can reach any name without writing it.
REACHES_ALL = frozenset({"eval", "exec", "globals", "locals", "vars", "get_ipython", "__import__", "importlib", "sys"})


def may_matter(frame: notebook.Notebook, book: notebook.Notebook) -> bool:
    """Whether any answer in a restored notebook may depend on its ``explore`` cells; True when in doubt.

    Parameters
    ----------
    frame : dict
        The instructor's notebook.
    book : dict
        The student's answers on it, as `restore.restore` gives them.
    """
    written = {cell["id"]: notebook.source_of(cell) for cell in frame["cells"]}
    code = notebook.code_of(book)
    skipped = [cell for cell in code if notebook.explores(cell)]
    if not skipped:
        return False
    # A solution cell may be tagged too (one that trains, say); that one is the student's to write.
    if any(cell["source"] != written.get(cell["id"]) for cell in skipped if not notebook.is_solution(cell)):
        return True
    if sum(len(cell["source"]) for cell in code) > MAX_SOURCE:
        return True
    try:
        return bool(shared(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def shared(code: Sequence[notebook.Cell]) -> set[str]:
    """Name what ``explore`` cells bind and other cells look up, and what reaches every name.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        If a cell cannot be parsed, or binds names that are not written down.
    """
    bound = set(_bound(notebook.source_of(cell) for cell in code if notebook.explores(cell)))
    used = set(_used(notebook.source_of(cell) for cell in code if not notebook.explores(cell)))
    return used & (bound | REACHES_ALL)


def _bound(sources: Iterable[str]) -> Iterator[str]:
    """Give every name the cells bind for others to see."""
    for table in _tables(sources):
        for symbol in table.get_symbols():
            is_outer = table.get_type() == "module" or symbol.is_declared_global()
            if is_outer and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                yield symbol.get_name()


def _used(sources: Iterable[str]) -> Iterator[str]:
    """Give every name the cells look up outside the function it stands in."""
    for table in _tables(sources):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                yield symbol.get_name()


def _tables(sources: Iterable[str]) -> Iterator[symtable.SymbolTable]:
    for source in sources:
        if "import *" in source:
            raise ValueError("what a star import binds is not written down")
        waiting: list[symtable.SymbolTable] = [symtable.symtable(without_magics(source), "cell", "exec")]
        while waiting:
            table = waiting.pop()
            waiting += table.get_children()
            yield table


def without_magics(source: str) -> str:
    """Give a cell's text as plain Python: IPython's magic and shell lines are left empty."""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())
