"""What goes wrong in a rule or in a call of the host becomes an answer, and not a trap.

The host takes one kind of failure from a plug-in, those of the contract (`Failure_…`). Anything else
that is raised ends the call with a trap, which says little and is a defect of the plug-in.
"""

import functools

from componentize_py_types import Err
from wit_world.imports.common import Failure, Failure_Internal, Failure_Unavailable


def told(answer):
    """Wraps a method that the host calls, so that all it raises is a failure of the contract."""

    @functools.wraps(answer)
    def asked(*arguments):
        try:
            return answer(*arguments)
        except Err as raised:
            raise Err(failure(raised.value)) from None
        except Exception as mistake:
            raise Err(Failure_Internal(placed(mistake))) from None

    return asked


def tested(test):
    """Wraps the self-test: what goes wrong in it is told in words, and keeps the plug-in out."""

    @functools.wraps(test)
    def asked(*arguments):
        try:
            return test(*arguments)
        except Err as raised:
            said = raised.value
            raise Err(said if isinstance(said, str) else repr(said)) from None
        except Exception as mistake:
            raise Err(placed(mistake)) from None

    return asked


def placed(mistake):
    """A mistake in words, with the line that made it."""
    at = mistake.__traceback__
    while at.tb_next is not None:
        at = at.tb_next
    return f"{mistake!r} in {at.tb_frame.f_code.co_filename}:{at.tb_lineno}"


def failure(value):
    """What an `Err` holds as a failure. A rule raises one of the contract's; a call of the host that
    failed raises an `Err` too, with an error of the interface that was called."""
    if isinstance(value, Failure):
        return value
    text = f"a call of the host failed: {value!r}"
    if type(value).__name__.endswith(("_Unavailable", "_Timeout")):
        return Failure_Unavailable(text)
    return Failure_Internal(text)
