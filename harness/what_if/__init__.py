"""What if: the product of settings laid over one variant, predicted, and a table of what comes of it.

Paths and values are text of the user's (``paths``, ``values``); a question is all of them together
(``question``); answering it is predicting every setting (``answer``); ``table`` says it. Changes no file.
"""
