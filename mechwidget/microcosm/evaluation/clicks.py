"""The promises about one click: which heads carry induction, and that others do not."""

import operator
from typing import Any

from mechwidget.microcosm.evaluation.ablations import Roles

_RELATIONS = {"<": operator.lt, ">=": operator.ge}


def clicks(roles: Roles, ablations: dict[str, Any]) -> list[dict[str, Any]]:
    """Each promise with the number that keeps or breaks it."""
    previous = ablations["single"][str(roles.previous_token)]
    induction = ablations["induction_heads"]["values"]
    groups = [group["values"]["induction"] for group in ablations["random_groups"]]
    taken = {str(head) for head in roles.all()}
    others = [
        values["induction"] for head, values in ablations["single"].items() if head not in taken
    ]
    table = (
        ("induction without the previous-token head", previous["induction"], "<", 0.5),
        ("capitals without the previous-token head", previous["capital"], ">=", 0.9),
        ("induction without all induction heads", induction["induction"], "<", 0.1),
        ("induction without any one head that has no role, worst case", min(others), ">=", 0.5),
        ("induction without as many random heads, worst of the draws", min(groups), ">=", 0.5),
    )
    return [
        {
            "claim": claim,
            "value": value,
            "relation": relation,
            "bound": bound,
            "passed": _RELATIONS[relation](value, bound),
        }
        for claim, value, relation, bound in table
    ]
