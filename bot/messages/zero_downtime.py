"""What stands in the way of zero downtime, in words for the card."""

from bot.domain.timeline import Forecast
from bot.domain.zero_downtime import NOT_OBSERVABLE, sessions_dropped
from bot.messages.markup import plain, when

ROOM = 1500  # characters for the obstacles
TIME = "{time}"


def forecast(told: Forecast) -> str:
    """One paragraph: how many sessions, who, and what nobody could see."""
    outlook = told.outlook
    named = "; ".join(each.text for each in outlook.obstacles)
    more = f"; and {outlook.more} more" if outlook.more else ""
    obstacles = f": {plain(named, ROOM)}{more}" if named else ""
    unread = f" · Not seen: {plain('; '.join(outlook.unread), ROOM // 2)}" if outlook.unread else ""
    return (
        f"Zero downtime on the writer, as of {when(told.at, TIME)}: {sessions_dropped(outlook.dropped)}{obstacles}"
        f"{unread} · Not observable: {NOT_OBSERVABLE}."
    )
