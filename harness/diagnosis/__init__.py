"""What measured and read facts mean: which causes fit, what speaks for and against them, what would tell.

Pure, standard library only. ``facts`` are what a probe or a reader found; ``diagnose`` weighs causes by the
rules of ``rules``; ``closing`` says it in the sentences at the end of a probe tool's output.
"""

from harness.diagnosis.causes import Cause, Evidence
from harness.diagnosis.closing import closing
from harness.diagnosis.diagnose import diagnose, verdict

__all__ = ["Cause", "Evidence", "closing", "diagnose", "verdict"]
