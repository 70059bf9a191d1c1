"""Upgrades in Redis: each change is one atomic commit of record, timeline and indices."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.adapters import redis_scripts as scripts
from bot.adapters.attempt_rows import packed, unpacked
from bot.adapters.redis import RedisServer, claimed, key
from bot.adapters.redis_freezes import FREEZES, milliseconds, scope_of
from bot.domain.attempts import Attempt
from bot.domain.buttons import Button
from bot.domain.chain import BEGINNING, Chain, Link, person, seal, written
from bot.domain.errors import Conflict, Frozen, Unavailable
from bot.domain.ids import START, Account, Position, UpgradeId
from bot.domain.moves import saved as as_saved
from bot.domain.timeline import ENTRY, Entry, Intended
from bot.domain.unobserved import by_start
from bot.domain.upgrade import Upgrade
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.ports.upgrades import Claim, Recorded, Told

RETENTION: Final = timedelta(days=180)
DURABLE_WITHIN: Final = timedelta(seconds=2)
OVERTAKEN: Final = 500  # so often an append may meet another of the same timeline, each time one of them gets through
PAGE: Final = 250  # what is read, and parsed, before anybody else of this process has their turn
OPEN: Final = key("open")  # account/cluster → the id of its open upgrade
UNFINISHED: Final = key("unfinished")  # the ids of those that still need turns
ALL: Final = key("all")  # every id by the time of its proposal
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_UPGRADE: Final = TypeAdapter(Upgrade)
_TOLD: Final = TypeAdapter(Told)
_BUTTON: Final = TypeAdapter(Button)

T = TypeVar("T")
logger: Final = logging.getLogger(__name__)


class RedisUpgrades:
    """The store. An entry or record that this version cannot read is Unavailable("Redis", "unreadable", its key)."""

    def __init__(self, server: RedisServer, retention: timedelta = RETENTION, role: str = "bot") -> None:
        """`role` is who wrote the entries in which no person acted."""
        self._server = server
        self._role = role
        self._keep = int(retention.total_seconds())

    async def get(self, id: UpgradeId) -> Upgrade | None:
        return (await self._records([id]))[0]

    async def open_for(self, account: Account, cluster: str) -> Upgrade | None:
        holder = await self._server.read(self._server.reads.hget(OPEN, _field(account, cluster)))
        return None if holder is None else await self.get(UpgradeId(holder))

    async def latest(self, limit: int = 20, cluster: str | None = None) -> tuple[Upgrade, ...]:
        index = ALL if cluster is None else _of(cluster)
        ids = await self._server.read(self._server.reads.zrevrange(index, 0, limit - 1)) if limit > 0 else []
        return tuple((await self._readable(ids))[0])

    async def unfinished(self) -> tuple[Upgrade, ...]:
        upgrades, _ = await self._readable(await self._unfinished_ids())
        return tuple(sorted(upgrades, key=lambda each: (each.proposed_at, each.id)))

    async def damaged(self) -> tuple[UpgradeId, ...]:
        return tuple((await self._readable(await self._unfinished_ids()))[1])

    async def _unfinished_ids(self) -> list[str]:
        return sorted(await self._server.read(self._server.reads.smembers(UNFINISHED)))

    async def _readable(self, ids: Sequence[str]) -> tuple[list[Upgrade], list[UpgradeId]]:
        """Those that can be read, and the names of those that cannot: one damaged record must not hide the others."""
        upgrades, damaged = list[Upgrade](), list[UpgradeId]()
        for each, text in zip(ids, await self._texts(ids), strict=True):
            try:
                upgrades += [_parsed(_UPGRADE, _record(each), text)] if text is not None else []
            except Unavailable as error:
                logger.error("An upgrade is left out: %s", error)
                damaged.append(UpgradeId(each))
        return upgrades, damaged

    async def create(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if upgrade.revision != 0:
            raise ValueError(f"{upgrade.id} has been saved before")
        return await self._commit(upgrade, entries)

    async def save(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if upgrade.revision == 0:
            raise ValueError(f"{upgrade.id} has not been created yet")
        return await self._commit(upgrade, entries)

    async def _commit(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        saved = as_saved(upgrade, entries)
        intents = [each.at for each in entries if isinstance(each, Intended)]
        head = BEGINNING if upgrade.revision == 0 or not entries else await self._head(upgrade.id)
        answer = await self._append(
            scripts.INTEND if intents else scripts.COMMIT,
            [
                _record(upgrade.id), _timeline(upgrade.id), _once(upgrade.id), _told(upgrade.id),
                OPEN, UNFINISHED, ALL, _of(upgrade.cluster),
                *(_attempts(upgrade.id, endpoint.key) for endpoint in upgrade.plan.endpoints),
                *(FREEZES for _ in intents),
            ],
            [
                *(each for at in intents for each in (scope_of(upgrade.cluster), milliseconds(at))),
                upgrade.revision, saved.model_dump_json(), int(upgrade.status.is_final), self._keep,
                upgrade.id, _field(upgrade.plan.account, upgrade.cluster), str(upgrade.proposed_at.timestamp()),
            ],
            head,
            [(person(entry, upgrade.team) or self._role, written(entry)) for entry in entries],
        )  # fmt: skip
        match answer.partition(":"):
            case "saved", _, _:
                return saved
            case "frozen", _, scope:
                raise Frozen(f"{upgrade.cluster if scope != '*' else 'every cluster'} was frozen in this very moment")
            case "open", _, other:
                raise Conflict(f"{upgrade.cluster} has an open upgrade already: {other}")
            case _:
                raise Conflict(f"{upgrade.id} is not at revision {upgrade.revision} any more")

    async def _append(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[str | int],
        head: str,
        entries: Sequence[tuple[str, str]],
    ) -> str:
        """One atomic step with these entries after `head`, which is sent once. Whoever was overtaken links them anew."""
        for _ in range(OVERTAKEN):
            links = seal(head, entries)
            after = links[-1].hash if links else head
            given = [text for link in links for text in (link.entry, str(link.who), str(link.prev))]
            answer = str(await self._server.run(script, keys, *arguments, head, after, *given))
            if not answer.startswith(scripts.HEAD):
                return answer
            head = answer.removeprefix(scripts.HEAD)
        raise Unavailable("Redis", "busy", f"others kept appending to {keys[1]}")

    async def make_durable(self) -> bool:
        """With `appendfsync everysec` a power cut takes the last second; WAITAOF (Redis 7.2) waits until it is on disk."""
        try:
            on_disk, _ = await self._server.do("WAITAOF", 1, 0, DURABLE_WITHIN // _MS)
        except Unavailable as trouble:
            if "WAITAOF" not in trouble.detail:
                raise
            return False  # an older server, or one that does not persist: said at the start
        return bool(on_disk)

    async def append_once(self, id: UpgradeId, key: str, entry: Entry, claim: Claim | None = None) -> bool:
        keys, holder = [_record(id), _timeline(id), _once(id)], ""
        if claim:
            keys, holder = [*keys, claimed(id, claim.endpoint)], claim.holder
        pipeline = self._server.reads.pipeline(transaction=False)
        pipeline.hget(_record(id), "head")
        pipeline.sismember(_once(id), key)
        head, is_there = await self._server.read(pipeline.execute())
        if is_there and claim is None:  # as most are that a watcher hears of: nothing to write
            return False
        answer = await self._append(
            scripts.APPEND_ONCE, keys, [key, holder], head or BEGINNING, [(self._role, written(entry))]
        )
        if answer.startswith("taken:"):
            raise Conflict(f"{id}: this endpoint is measured by {answer.removeprefix('taken:')} now")
        return answer == "added"

    async def timeline(
        self, id: UpgradeId, after: Position = START, *, readable_only: bool = False
    ) -> tuple[Recorded, ...]:
        told = list[Recorded]()
        async for at, fields in self._stream(_timeline(id), after):
            try:
                entry = _parsed(ENTRY, f"{_timeline(id)} at {at}", fields.get("entry", ""))
            except Unavailable as error:
                if not readable_only:
                    raise
                logger.error("An entry is left out: %s", error)
            else:
                told.append(Recorded(Position(at), _written_at(at), entry))
        return tuple(told)

    async def news(self, id: UpgradeId, after: Position, within: timedelta) -> None:
        block = within // timedelta(milliseconds=1)
        if block > 0:  # 0 is for ever
            await self._server.read(self._server.reads.xread({_timeline(id): after}, count=1, block=block))

    async def last(self, id: UpgradeId) -> Entry | None:
        for at, fields in await self._server.read(self._server.reads.xrevrange(_timeline(id), count=1)):
            return _parsed(ENTRY, f"{_timeline(id)} at {at}", fields.get("entry", ""))
        return None

    async def ids(self) -> tuple[UpgradeId, ...]:
        """Every upgrade that is kept, oldest first, readable or not."""
        ids = await self._server.read(self._server.reads.zrange(ALL, 0, -1))
        pipeline = self._server.reads.pipeline(transaction=False)
        for each in ids:
            pipeline.exists(_record(each), _timeline(each))
        kept = await self._server.read(pipeline.execute())
        return tuple(UpgradeId(each) for each, keys in zip(ids, kept, strict=True) if keys)

    async def chain(self, id: UpgradeId) -> tuple[Chain, tuple[Position, ...]]:
        """The timeline as it is kept, readable or not, and where its entries are. Read anew while others append."""
        for _ in range(OVERTAKEN):
            head = await self._head(id)
            kept = [each async for each in self._stream(_timeline(id), START)]
            if head == await self._head(id):
                links = (
                    Link(who=each.get("who"), prev=each.get("prev"), entry=each.get("entry", "")) for _, each in kept
                )
                return Chain(upgrade=id, links=tuple(links), head=head), tuple(Position(at) for at, _ in kept)
        raise Unavailable("Redis", "busy", f"others kept appending to {_timeline(id)}")

    async def _head(self, id: UpgradeId) -> str:
        return await self._server.read(self._server.reads.hget(_record(id), "head")) or BEGINNING

    async def told(self, id: UpgradeId) -> Told:
        text = await self._server.read(self._server.reads.get(_told(id)))
        return Told() if text is None else _parsed(_TOLD, _told(id), text)

    async def set_told(self, id: UpgradeId, told: Told) -> Told:
        saved = replace(told, revision=told.revision + 1)
        answer = await self._server.run(
            scripts.SET_TOLD, [_record(id), _told(id)], _TOLD.dump_json(saved).decode(), self._keep, told.revision
        )
        if answer != "saved":
            raise Conflict(f"{id} is told by another narrator")
        return saved

    async def keep_buttons(self, buttons: Mapping[str, Button]) -> None:
        """Keeping them again changes nothing, but how long they are kept from now on."""
        if buttons:
            keys = [_button(token) for token in buttons]
            await self._server.run(
                scripts.KEEP, keys, self._keep, *(each.model_dump_json() for each in buttons.values())
            )

    async def button(self, token: str) -> Button | None:
        text = await self._server.read(self._server.reads.get(_button(token)))
        return None if text is None else _parsed(_BUTTON, _button(token), text)

    async def close(self, id: UpgradeId) -> None:
        await self._server.do("SREM", UNFINISHED, id)

    async def add_attempts(
        self,
        id: UpgradeId,
        endpoint: str,
        vantage: str,
        attempts: Sequence[Attempt],
        others: Sequence[Use] = (),
        claim: Claim | None = None,
    ) -> None:
        """A batch given again, because the answer to the first try was lost, counts once."""
        if claim and any(each.lane == CONTROL for each in others) and await self._is_taken(id, claim):
            others = [each for each in others if each.lane != CONTROL]
        if attempts or others:
            rows = packed([each.to_row() for each in attempts])
            alike = sorted(others, key=lambda use: use.lane.name)  # together
            beside = packed([each.to_row() for each in alike]) if alike else "[]"
            await self._server.run(scripts.ADD_ATTEMPTS, [_attempts(id, endpoint)], vantage, rows, self._keep, beside)

    async def _is_taken(self, id: UpgradeId, claim: Claim) -> bool:
        holder = await self._server.read(self._server.reads.get(claimed(id, claim.endpoint)))
        return holder not in (None, claim.holder)

    async def forget_attempts(self, upgrade: Upgrade, endpoint: str, older_than: timedelta) -> None:
        keys = [_record(upgrade.id), _attempts(upgrade.id, endpoint)]
        await self._server.run(scripts.FORGET_ATTEMPTS, keys, upgrade.revision, older_than // _MS)

    async def attempts(self, id: UpgradeId, endpoint: str) -> tuple[tuple[str, ...], tuple[Attempt, ...]]:
        vantages, uses = await self.uses(id, endpoint)
        return vantages, tuple(each.attempt for each in uses if each.lane.way is Way.CONNECT)

    async def uses(self, id: UpgradeId, endpoint: str) -> tuple[tuple[str, ...], tuple[Use, ...]]:
        stream, connect = _attempts(id, endpoint), Lane(endpoint=endpoint, way=Way.CONNECT)
        found: dict[tuple[str, Use], None] = {}
        async for at, fields in self._stream(stream, START):
            try:
                uses = [Use(lane=connect, attempt=Attempt.from_row(row)) for row in unpacked(fields["rows"])]
                beside = unpacked(fields.get("others", "[]"))
                uses += [Use.from_row(endpoint, row) for row in beside if _is_known(row)]
                found |= dict.fromkeys((fields["vantage"], each) for each in uses)
            except (LookupError, TypeError, ValueError) as error:
                raise _unreadable(f"{stream} at {at}", error) from error
        vantages = tuple(dict.fromkeys(vantage for vantage, _ in found))
        return vantages, tuple(sorted((each for _, each in found), key=lambda each: by_start(each.attempt)))

    async def _records(self, ids: Sequence[str]) -> list[Upgrade | None]:
        texts = await self._texts(ids)
        return [text and _parsed(_UPGRADE, _record(each), text) for each, text in zip(ids, texts, strict=True)]

    async def _texts(self, ids: Sequence[str]) -> list[Any]:
        """The records as they are written; None for one whose retention is over."""
        pipeline = self._server.reads.pipeline(transaction=False)
        for each in ids:
            pipeline.hget(_record(each), "saved")
        return list(await self._server.read(pipeline.execute()))

    async def _stream(self, stream: str, after: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
        """All after that position, read page by page, so that no single answer is large."""
        while True:
            page = await self._server.read(self._server.reads.xrange(stream, min=f"({after}", count=PAGE))
            for each in page:
                yield each
            if len(page) < PAGE:
                return
            after = page[-1][0]


def _of(cluster: str) -> str:
    """RDS identifiers are not case-sensitive."""
    return key("all", cluster.lower())


def _record(id: str) -> str:
    return key("upgrade", id)


def _timeline(id: str) -> str:
    return key("timeline", id)


def _once(id: str) -> str:
    return key("once", id)


def _told(id: str) -> str:
    return key("told", id)


def _button(token: str) -> str:
    return key("button", token)


def _attempts(id: str, endpoint: str) -> str:
    return key("attempts", id, endpoint)


def _is_known(row: Any) -> bool:
    """Ways that another version of the bot knows are left alone: no verdict needs them."""
    return str(row[0]).partition("-")[0] in tuple(Way)


def _field(account: Account, cluster: str) -> str:
    """RDS identifiers are not case-sensitive."""
    return f"{account}/{cluster.lower()}"


def _written_at(position: str) -> datetime:
    """A stream's ids begin with the milliseconds of Redis's clock."""
    return _EPOCH + int(position.partition("-")[0]) * _MS


def _parsed(adapter: TypeAdapter[T], where: str, text: str) -> T:
    """Fields that another version of the bot has written are left alone."""
    try:
        return adapter.validate_json(text, extra="ignore")
    except ValidationError as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: Exception) -> Unavailable:
    why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return Unavailable("Redis", "unreadable", f"{where} is damaged, or of another version of the bot: {why}")
