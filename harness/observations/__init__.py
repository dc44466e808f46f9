"""What a run saw: the records, their file, and the index that verdicts are made from."""
