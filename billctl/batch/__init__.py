"""Many changes as one thing: rows → plan → review → apply.

`rows` reads and checks a file, `planning` reads every object and freezes what would be done, `plan_file`
is the file that is reviewed, `apply` does exactly that through `billctl.actions`, `report` keeps what came
of it.
"""
