"""How agents learn: examples from recorded runs, a split by time, a trainer, an honest table, a signed version.

`task` is what an agent plugin says of its problem and `trainer` what a trainer is; `probing` shows a run's candidates
to an agent-to-be, `examples` are those with their outcomes, `splitting` cuts them by time; `choosing` turns scores into
actions, the same in training and in service; `measuring` is the table, `trials` remembers who has looked at the test
window, `teaching` is the whole way, `publishing` its end, and `policy` what an agent plugin loads.

No learning library is imported here: trainers are a plugin.
"""
