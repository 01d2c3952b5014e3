"""Rows of an export's rows.py for questions [step, batch, n, seed] in a JSON file: python3 ask-rows.py EXPORT QUESTIONS."""

import json
import sys

sys.path.insert(0, sys.argv[1])
from rows import rows_of_step  # noqa: E402

print(json.dumps([rows_of_step(*question).tolist() for question in json.load(open(sys.argv[2]))]))
