"""Which cells bear on a verdict: the release's demonstrations are run only where they are used.

A chapter's demonstrations take many times as long as its tests, and earn nothing.
"""

import ast
import re
import warnings
from types import CodeType

from IPython.core.inputtransformer2 import TransformerManager

LONGEST_CELL, MOST_MAGICS = 20_000, 20  # IPython's transformation takes long for more
LONGEST_NOTEBOOK = 400_000  # characters of code that are looked at
MAGIC = re.compile(r"[%!?]")


def needed_cells(notebook, release):
    """The notebook's code cells without those demonstrations that no other cell builds on.

    A demonstration is an unlabelled cell that still is as it was released. It is kept when it
    defines a name that a later kept cell uses, so that answers run as in the student's notebook.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if sum(len(cell.source) for cell in code) > LONGEST_NOTEBOOK:
        return code
    released = {cell.id: cell.source for cell in release.cells if "nbgrader" not in cell.metadata}
    kept, used = [], set()
    for cell in reversed(code):
        if released.get(cell.id) != cell.source or used & _defined(cell.source):
            kept.append(cell)
            used |= _used(cell.source)
    return kept[::-1]


def _used(source):
    """The global names that a cell reads, and names of attributes; none if it cannot run.

    Every word of a cell that is too long or too odd to be looked at.
    """
    if len(source) > LONGEST_CELL or len(MAGIC.findall(source)) > MOST_MAGICS:
        return set(re.findall(r"\w+", source))
    try:
        python = TransformerManager().transform_cell(source)
        with warnings.catch_warnings(action="ignore"):  # a warning may quote what steers a terminal
            names = _names(compile(python, "<cell>", "exec"))
    except (SyntaxError, ValueError):
        return set()
    except (RecursionError, MemoryError, RuntimeError):
        return set(re.findall(r"\w+", source))
    if "get_ipython" in names:  # a magic may use any name that it holds
        names |= set(re.findall(r"\w+", source))
    return names


def _names(code):
    nested = (part for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*map(_names, nested))


def _defined(source):
    """The names that a demonstration may bind."""
    names = set()
    for node in ast.walk(ast.parse(TransformerManager().transform_cell(source))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names
