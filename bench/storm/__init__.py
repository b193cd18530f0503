"""`make storm`: sixteen troubles of a provider, any gateway, the plain OpenAI SDK, and what a careful engineer would ask of each.

Sees nothing of a gateway but what its client sees, what two providers saw, and its books where it keeps any. Never forgives: a
bound is written down beside its reason (`table.py`) and is not bent to fit a run.

    table -> play (providers, door, ask) -> evidence -> judge -> report
"""
