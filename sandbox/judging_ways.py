"""The judge of what a report says beside new connections: of held sessions, of writes, and of RDS's claims about both.

A session is found in the truth by its process. Nothing is claimed of one that is `lost`. Where an outage that was ordered
ran into a restart, the door does not know which of them befell a session. How far behind a reader was is not known here, so of that
only what cannot be is called.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox.aurora import Down, Fate
from sandbox.aurora.truth import RESTART, ZERO_DOWNTIME
from sandbox.judging import CUT, NOTHING, WRITER_REGION, Json, is_inside, of_the_upgrade, untruths_of

NOTICED: Final = timedelta(seconds=0.25)  # a shorter standstill is not told
NEXT_USE: Final = timedelta(seconds=2)  # by then a session that was dropped has been used again, and found gone
OLD: Final = timedelta(seconds=1)  # who came this long before is no longer on its way in


@dataclass(frozen=True)
class Truth:
    """By Region what befell its sessions, and when it took no connections; when the writer took no writes.

    `instances` are those whose endpoints were to be measured, by Region and identifier; `writes` whether they were. `late` is
    when the doors did not get on themselves, so that for their clients the server was slow.
    """

    fates: Mapping[str, Sequence[Fate]]
    downs: Sequence[Down] = ()
    unwritable: Sequence[Down] = ()
    instances: Sequence[tuple[str, str]] = ()
    writes: bool = False
    late: Sequence[tuple[datetime, datetime]] = ()

    def is_crossed(self, region: str) -> bool:
        """Whether an outage of another kind overlapped one there."""
        return any(each.region == region and len(each.kinds) > 1 for each in self.downs)


def untruths(truth: Truth, told: Json) -> Iterator[str]:
    """In sentences."""
    yield from _missing(truth, told)
    for endpoint in told["endpoints"]:
        if not truth.is_crossed(endpoint["region"]):
            yield from _of_sessions(endpoint, truth, told)
        if writes := endpoint.get("writes"):
            name = f"{endpoint['region']} {endpoint['endpoint']}, for writes,"
            yield from untruths_of(name, writes, of_the_upgrade(truth.unwritable, told))
        if lag := endpoint.get("lag"):
            yield from _of_lag(lag, told)
    yield from _of_claims(truth, told)


def _missing(truth: Truth, told: Json) -> Iterator[str]:
    """What was to be measured and is not in the report at all, though its endpoint answered."""
    endpoints = {(each["region"], each["endpoint"]): each for each in told["endpoints"]}
    for region, name in truth.instances:
        if (region, name) not in endpoints:
            yield f"the endpoint of the instance {name} in {region} is not in the report"
    writer = endpoints.get((WRITER_REGION, "writer"))
    if truth.writes and writer and writer["at_least"] is not None and not writer.get("writes"):
        yield "the report says nothing of writes"


# --- Held sessions ------------------------------------------------------------------------------------------------------


def _of_sessions(endpoint: Json, truth: Truth, told: Json) -> Iterator[str]:
    region = endpoint["region"]
    downs = [each for each in of_the_upgrade(truth.downs, told) if each.region == region]
    for session in endpoint.get("held", ()):
        its = [each for each in truth.fates.get(region, ()) if _is_of(session, each)]
        told_of = f"the session {session['served_by'][0]} at {region} {endpoint['endpoint']}"
        wrongs = (*_of_end(session, endpoint, its, downs, told), *_of_rest(session, endpoint, its, told, truth.late))
        yield from (f"{told_of} {wrong}" for wrong in (*wrongs, *_unknown(session, its, downs)))


def _is_of(session: Json, fate: Fate) -> bool:
    """A process of that number may have been another's before."""
    return session["served_by"][0] == str(fate.pid) and fate.until >= _at(session["since"]) - CUT


def _of_end(session: Json, endpoint: Json, fates: Sequence[Fate], downs: Sequence[Down], told: Json) -> Iterator[str]:
    """It was dropped exactly when the truth has it; the door notes no drop in a restart that came without the server's last words."""
    last_ok = _at(session["last_ok_at"])
    drops = [each for each in fates if not each.is_preserved]
    if session["fate"] == "dropped":
        by = _at(session["dropped_by"])
        wordless = not any(each.until >= last_ok - CUT and each.stood_still_from <= by + CUT for each in fates) and any(
            RESTART in each.kinds and each.down_from <= by + CUT and each.down_until >= last_ok - CUT for each in downs
        )
        if not wordless and not any(
            each.until >= last_ok - CUT and each.stood_still_from <= by + CUT for each in drops
        ):
            yield f"was not dropped between {last_ok} and {by}"
    for each in drops:
        if each.until < last_ok - CUT:
            yield f"was dropped by {each.until}, and not in use at {last_ok}"
        elif session["fate"] in ("survived", "moved") and _should_be_known(each, endpoint, told):
            yield f"was dropped by {each.until} ({each.dropped_because}), and did not survive"


def _should_be_known(fate: Fate, endpoint: Json, told: Json) -> bool:
    """Not so when that came just before the end, or nobody looked then."""
    used_by = fate.until + NEXT_USE
    return used_by < _at(told["finished_at"]) and not _nobody_looked(fate.stood_still_from, used_by, endpoint)


def _of_rest(
    session: Json, endpoint: Json, fates: Sequence[Fate], told: Json, late: Sequence[tuple[datetime, datetime]]
) -> Iterator[str]:
    """The longest time that it stood still lies in the bounds; the report tells no other."""
    ordered = _at(told["ordered_at"] or told["finished_at"])
    stills = [
        each
        for each in fates
        if each.is_preserved and each.until >= ordered and each.stood_still_from <= _at(session["last_ok_at"])
    ]
    since, until = session["stood_still_since"], session["stood_still_until"]
    at_most = timedelta(seconds=session["stood_still_at_most"] or 0)
    unseen = max(at_most + CUT, NOTICED + timedelta(seconds=endpoint["resolution"] or 0))
    for each in stills:
        lasted = each.until - each.stood_still_from
        is_seen = since is not None and is_inside(each.stood_still_from, each.until, since, until)
        if not (is_seen or lasted <= unseen or _nobody_looked(each.stood_still_from, each.until, endpoint)):
            yield f"stood still for {lasted.total_seconds():.3f} s from {each.stood_still_from}, and at most {at_most}"
    if since is not None:
        amid = [each for each in stills if each.until >= _at(since) and each.stood_still_from <= _at(until)]
        doubt = sum((max(NOTHING, min(b, _at(until)) - max(a, _at(since))) for a, b in late), NOTHING)
        if timedelta(seconds=session["stood_still_at_least"]) > (longest := _span(amid)) + doubt:
            yield f"stood still for {longest.total_seconds():.3f} s, not {session['stood_still_at_least']} s at least"


def _span(stills: Sequence[Fate]) -> timedelta:
    """Until the first answer: what comes before that is no client's to tell from standing still."""
    if not stills:
        return NOTHING
    return max(each.answered_at or each.until for each in stills) - min(each.stood_still_from for each in stills)


def _unknown(session: Json, fates: Sequence[Fate], downs: Sequence[Down]) -> Iterator[str]:
    """Nothing comes through a time down without something having befallen it."""
    for down in downs:
        went_through = _at(session["since"]) < down.down_from - OLD and _at(session["last_ok_at"]) > down.down_until
        if went_through and not any(
            each.until >= down.down_from and each.stood_still_from <= down.down_until for each in fates
        ):
            yield f"was in use before {down.down_from} and after {down.down_until}, and nobody knows of it"


def _nobody_looked(since: datetime, until: datetime, endpoint: Json) -> bool:
    return endpoint["at_least"] is None or any(
        (each["until"] is None or since <= _at(each["until"])) and until >= _at(each["since"])
        for each in endpoint["unobserved"]
    )


# --- The rest -----------------------------------------------------------------------------------------------------------


def _of_lag(lag: Json, told: Json) -> Iterator[str]:
    if lag["at_least"] < 0 or lag["reads"] < 1 or (lag["at"] is None) != (lag["at_least"] == 0):
        yield f"no reader can have been behind like this: {lag}"
    elif lag["at"] and _at(lag["at"]) > _at(told["finished_at"]):
        yield f"a reader was behind at {lag['at']}, after the end"


def _of_claims(truth: Truth, told: Json) -> Iterator[str]:
    """RDS tells the truth in this world, once. So what was measured agrees with it, unless something else came at the same time."""
    for claim in told["zero_downtime"]:
        zero = [each for each in truth.fates.get(claim["region"], ()) if each.kind == ZERO_DOWNTIME]
        kept = sum(each.is_preserved for each in zero)
        if (claim["preserved"], claim["dropped"]) != (kept, len(zero) - kept):
            yield (
                f"{kept} sessions were preserved and {len(zero) - kept} dropped,"
                f" not {claim['preserved']} and {claim['dropped']}"
            )
        if claim["agreement"] == "disagrees" and not truth.is_crossed(claim["region"]):
            yield f"the report disagrees with RDS, which tells the truth: {'; '.join(claim['why'])}"


def _at(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
