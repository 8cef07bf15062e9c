"""`jupyter-book` with several pages read at a time, for which its command has no option.

Sphinx can do it, and all extensions in use say that they bear it.
Run: python site/book.py build FOLDER, with the command's own options.
"""

import os
from functools import partial

import jupyter_book.sphinx
from jupyter_book.cli.main import main

if __name__ == "__main__":
    # The command looks the function up when it runs, so that it finds this one.
    jupyter_book.sphinx.build_sphinx = partial(
        jupyter_book.sphinx.build_sphinx, jobs=os.cpu_count()
    )
    main()
