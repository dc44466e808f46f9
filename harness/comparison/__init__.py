"""Two runs of one plan side by side: where and when they first part. Pure.

``compare.compare`` takes a plan and the records of two runs, of two backends or of one, and gives a
``model.Comparison``.
"""
