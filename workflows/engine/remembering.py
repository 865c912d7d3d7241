"""What is there before a change, read and kept with it where taking the change back needs it (`undoing.Rule.remember`).

It is only reading, and it holds nothing up: what cannot be read within ten seconds is not kept, and the change is made.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from integrations import registry
from integrations.context import Context, Order
from integrations.errors import ServiceError
from integrations.spec import Action
from orchestrator_site.lib.json import clean_value, dumps
from workflows.engine import dry
from workflows.engine.calls import set_deadline
from workflows.engine.effects import Remember

log = logging.getLogger(__name__)

AT_MOST = 10.0
MOST_KEPT = 512 * 1024


def remembering(action: Action, context: Context[Any], timeout: float) -> Remember | None:
    """How the ledger learns what a change of this action replaces; None where no undo needs it."""
    rules = {change.op: registry.undo_rule(action.service, change.op) for change in action.changes}
    wanted = {op for op, rule in rules.items() if rule is not None and rule.remember and op in action.foretell}
    if not wanted:
        return None

    async def remember(order: Order) -> tuple[Any, Any]:
        if order.op not in wanted:
            return None, None
        seconds = min(timeout, AT_MOST)
        set_deadline(seconds)
        try:
            async with asyncio.timeout(seconds):
                with dry.reading(action.service):
                    told = await action.foretell[order.op](context, order)
        except (ServiceError, TimeoutError):
            return None, None
        except Exception:
            log.exception("what %s would replace could not be read", action.name)
            return None, None
        return _kept(told.before, told.after)

    return remember


def _kept(before: Any, after: Any) -> tuple[Any, Any]:
    """Both as they are, or neither: half a text would restore half a text."""
    both = [clean_value(value, repair=True, field="before") for value in (before, after)]
    return (None, None) if len(dumps(both)) > MOST_KEPT else (both[0], both[1])
