"""Makes the runs that are written by hand for the verdicts known here too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "verdicts"))
