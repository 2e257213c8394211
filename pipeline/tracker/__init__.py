"""How the issue tracker is brought to what it should say: markers, ownership, and the plan.

What should stand there is held against what stands there; the difference is a list of steps. Every
write is found again by its marker, so a plan that was cut short anywhere is simply made again.
"""
