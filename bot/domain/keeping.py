"""What became of the sessions that were held at an endpoint: through one outage, and since the order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.attempts import Outcome
from bot.domain.base import Value
from bot.domain.held import PATIENCE, Session, Standstill, longest, sessions
from bot.domain.outage import Outage
from bot.domain.unobserved import Unobserved
from bot.domain.ways import Use, Way

BEFORE: Final = timedelta(seconds=30)  # the answers before the order from which one knows how long one takes


class Fate(StrEnum):
    """`moved`: the connection survived, and another process serves it.

    `lost`: nobody knows, for whoever held it is gone or has let go of it, or it has not answered yet.
    """

    SURVIVED = "survived"
    MOVED = "moved"
    DROPPED = "dropped"
    LOST = "lost"


class KeptSession(Value):
    """One session of a held lane, from 1. Its standstill is the longest since the order, or in the outage that is told.

    It was dropped after `last_ok_at`, the start of its last answer, and by `dropped_by`, the end of the use that found it
    gone; `outcome`, `sqlstate` and `detail` are what that was told. While it was `unobserved` nobody used it. `served_by` as
    in `Session`. Older ones have neither.
    """

    lane: int
    fate: Fate
    since: datetime
    last_ok_at: datetime
    longest: Standstill | None = None
    dropped_by: datetime | None = None
    outcome: Outcome | None = None
    sqlstate: str = ""
    detail: str = ""
    served_by: tuple[str, ...] = ()
    unobserved: tuple[Unobserved, ...] = ()


def kept_since(
    uses: Iterable[Use], ordered_at: datetime, stood_still: Sequence[Unobserved] = ()
) -> tuple[KeptSession, ...]:
    """Every session that was held at the order or after it, by lane and in order."""
    return tuple(
        _kept(number, each, ordered_at, is_last=each is found[-1])
        for number, lane in _lanes(uses).items()
        for found in [_recent(lane, ordered_at, stood_still)]
        for each in found
        if max(each.last_ok.start, each.dropped.end if each.dropped else each.last_ok.start) >= ordered_at
    )


def _recent(lane: Sequence[Use], ordered_at: datetime, stood_still: Sequence[Unobserved]) -> tuple[Session, ...]:
    return sessions((each for each in lane if each.attempt.start >= ordered_at - BEFORE), stood_still)


def kept_through(
    uses: Iterable[Use], over: Outage, stood_still: Sequence[Unobserved] = ()
) -> tuple[KeptSession, ...] | None:
    """What became of those that were held as this outage began; None while one of them may yet answer."""
    found: list[KeptSession] = []
    for number, lane in _lanes(uses).items():
        all_of_it = sessions(lane, stood_still)
        held = [each for each in all_of_it if _was_held(each, over)]
        if not held:
            continue
        if held[-1] is all_of_it[-1] and _may_yet_answer(held[-1], over):
            return None
        began, is_last = over.last_ok_at or over.began_by, held[-1] is all_of_it[-1]
        found.append(_kept(number, held[-1], began, until=over.ended_by, is_last=is_last))
    return tuple(found)


def _was_held(session: Session, over: Outage) -> bool:
    began = over.last_ok_at or over.began_by
    gone_by = session.dropped.end if session.dropped else None
    return session.since <= over.began_by and (gone_by is None or gone_by >= began)


def _may_yet_answer(session: Session, over: Outage) -> bool:
    return session.dropped is None and over.ended_by is not None and session.last_ok.start < over.ended_by


def _lanes(uses: Iterable[Use]) -> Mapping[int, list[Use]]:
    found: dict[int, list[Use]] = {}
    for each in uses:
        if each.lane.way is Way.HELD:
            found.setdefault(each.lane.number, []).append(each)
    return dict(sorted(found.items()))


def _kept(lane: int, session: Session, since: datetime, until: datetime | None = None, *, is_last: bool) -> KeptSession:
    gone = session.dropped
    stills = [each for each in session.stills if each.until >= since and (until is None or each.since <= until)]
    fate = _fate(session, is_last=is_last, until=until)
    told = gone if fate is Fate.DROPPED else None
    return KeptSession(
        lane=lane,
        fate=fate,
        since=session.since,
        last_ok_at=session.last_ok.start,
        longest=longest(stills),
        dropped_by=told and told.end,
        outcome=told and told.outcome,
        sqlstate=told.sqlstate if told else "",
        detail=told.detail if told else "",
        served_by=session.served_by,
        unobserved=session.unobserved,
    )


def _fate(session: Session, *, is_last: bool, until: datetime | None) -> Fate:
    """What came `until` then: what became of a session that answered afterwards is of no interest.

    A time-out says that a session was dropped only to those who wait long enough; who took over did not hear its answer.
    Nor does anybody know of one that was not dropped when another followed it: it was let go.
    """
    gone = session.dropped
    if until and session.last_ok.start >= until:
        return _survived(session)
    if gone and gone.outcome is Outcome.TIMEOUT and not is_last and gone.end - session.last_ok.start < PATIENCE:
        return Fate.LOST
    if gone:
        return Fate.DROPPED
    return _survived(session) if is_last and not session.is_waiting else Fate.LOST


def _survived(session: Session) -> Fate:
    return Fate.SURVIVED if len(session.served_by) == 1 else Fate.MOVED


def within(kept: Iterable[KeptSession], since: datetime, until: datetime) -> tuple[KeptSession, ...]:
    """What these instants came to for the sessions that were held at the first of them.

    A standstill elsewhere that was longer hides the one between them, of which nothing is known then.
    """
    held = {each.lane: each for each in kept if each.since <= since}  # of each lane the last one
    there = [each for each in held.values() if each.dropped_by is None or each.dropped_by >= since]
    return tuple(each.model_copy(update=_within(each, since, until)) for each in there)


def _within(kept: KeptSession, since: datetime, until: datetime) -> dict[str, object]:
    still = kept.longest if kept.longest and kept.longest.until >= since and kept.longest.since <= until else None
    if kept.last_ok_at >= until:
        return {"fate": Fate.MOVED if kept.fate is Fate.MOVED else Fate.SURVIVED, "longest": still}
    return {"fate": Fate.DROPPED if kept.fate is Fate.DROPPED else Fate.LOST, "longest": still}


class Keeping(Value):
    """All of some sessions together. `at_most` is how long one of them stood still at most; None: none did noticeably."""

    survived: int
    moved: int
    dropped: int
    lost: int
    at_least: timedelta | None
    at_most: timedelta | None

    @property
    def preserved(self) -> int:
        """Their connections survived, whatever process serves them now."""
        return self.survived + self.moved

    @property
    def held(self) -> int:
        return self.preserved + self.dropped + self.lost


def in_all(kept: Sequence[KeptSession]) -> Keeping:
    fates = [each.fate for each in kept]
    stills = [each.longest for each in kept if each.longest]
    return Keeping(
        survived=fates.count(Fate.SURVIVED),
        moved=fates.count(Fate.MOVED),
        dropped=fates.count(Fate.DROPPED),
        lost=fates.count(Fate.LOST),
        at_least=max((each.at_least for each in stills), default=None),
        at_most=max((each.at_most for each in stills), default=None),
    )


def first_of_each(kept: Iterable[KeptSession]) -> Iterator[KeptSession]:
    """The sessions that were held first: at the order, unless their lane had none then."""
    seen: set[int] = set()
    for each in kept:
        if each.lane not in seen:
            seen.add(each.lane)
            yield each
