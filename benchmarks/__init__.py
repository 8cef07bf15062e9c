"""Speed, measured as ratios side by side in one run."""

import sys
from pathlib import Path

# Last, so that its build.py hides no package of that name.
sys.path.append(str(Path(__file__).resolve().parent.parent / "site"))
