"""`jupyter-book` with several pages read at a time, for which its command has no option.

Sphinx can do it, and all extensions in use say that they bear it, but for one that does not say.
Run: python site/book.py build FOLDER, with the command's own options.
"""

import os
import warnings
from functools import partial

import jupyter_book.sphinx
import sphinx.builders
import sphinx_multitoc_numbering
from jupyter_book.cli.main import main


def numbering_for_parallel_reading(app, setup=sphinx_multitoc_numbering.setup):
    """The extension's own setup: it numbers sections once all pages are read."""
    return {**(setup(app) or {}), "parallel_read_safe": True}


def one_by_one(pages, _):
    """Sphinx's batches of pages: of neighbours in the alphabet, one batch would last longest."""
    return [[page] for page in pages]


if __name__ == "__main__":
    # Sphinx's table of contents looks at every object in memory, and torch minds.
    warnings.filterwarnings("ignore", message="`torch.distributed.reduce_op` is deprecated")
    # All three are looked up when the command runs, so that it finds these.
    sphinx_multitoc_numbering.setup = numbering_for_parallel_reading
    sphinx.builders.make_chunks = one_by_one
    jupyter_book.sphinx.build_sphinx = partial(
        jupyter_book.sphinx.build_sphinx,
        jobs=os.cpu_count(),
    )
    main()
