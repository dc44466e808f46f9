"""Running plans: one in this process (``session``), many at once in children (``pool``)."""
