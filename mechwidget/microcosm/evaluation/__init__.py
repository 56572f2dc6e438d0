"""The evaluation: what the checkpoint does, by which heads, and what is left without them.

Flow: `questions` (held-out prompts) -> `measures` -> `behaviours` (the claims) -> `heads` and
`ablations` (the circuits) -> `report` (`phenomena.json`) -> `card` (`MODEL_CARD.md`).
"""
