"""A connection string becomes a target, or a sentence that says what is wrong with it and never the password in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from bot.adapters.postgres import Target
from bot.domain.errors import Refused
from bot.domain.ids import Region

SHAPE: Final = "postgresql://user@host:5432/database?sslmode=verify-full&sslrootcert=bundle.pem"
HERE: Final = Region("here")
_OURS: Final = (  # what the measurement itself decides
    "host", "hostaddr", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "gssencmode",
    "target_session_attrs", "load_balance_hosts", "application_name", "fallback_application_name", "connect_timeout",
)  # fmt: skip
_SSLMODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Endpoint:
    """`name` is how it is called in lines and recordings; it holds no secret."""

    name: str
    target: Target


def endpoint(dsn: str) -> Endpoint:
    """Refused for a DSN that cannot work. What it leaves open comes from libpq's environment variables, such as PGPASSWORD."""
    told = _defaults() | _parsed(dsn)
    host, port = told.get("host", ""), told.get("port", "5432")
    if not host:
        raise Refused(f"The DSN names no host. It looks like {SHAPE}.")
    if "," in host or "," in port or "hostaddr" in told:
        raise Refused("The DSN must name one host, without hostaddr. Give --dsn once for each endpoint to watch.")
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Refused("The port of the DSN is no number from 1 to 65535.")
    if told.get("sslmode", "prefer") not in _SSLMODES:
        raise Refused(f"The sslmode of the DSN is none of {', '.join(_SSLMODES)}. For RDS it is verify-full.")
    root = told.get("sslrootcert")
    if root and root != "system" and not Path(root).is_file():
        raise Refused(f"There is no file {root}, which the DSN names as sslrootcert. For RDS it is global-bundle.pem.")
    user = told.get("user", "")
    dbname = told.get("dbname") or user
    target = Target(
        host=host,
        port=int(port),
        dbname=dbname,
        user=user,
        password=told.get("password", ""),
        region=HERE,
        sslrootcert=Path(root) if root else None,
        sslmode=told.get("sslmode", "prefer"),
        more={name: value for name, value in told.items() if name not in _OURS},
    )
    return Endpoint(f"{host}:{port}/{dbname}", target)


def _defaults() -> dict[str, str]:
    found = Conninfo.get_defaults()
    return {each.keyword.decode(): each.val.decode() for each in found if each.val and each.dispchar != b"D"}


def _parsed(dsn: str) -> dict[str, str]:
    """Not with libpq's own words: they quote the part that it does not understand, which may be the password."""
    try:
        return {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    except psycopg.Error:
        raise Refused(
            f"The DSN cannot be read. It looks like {SHAPE}, and in it the characters %, /, @, : and ? of a password are "
            "written as %25, %2F, %40, %3A, %3F; or leave the password out and set PGPASSWORD."
        ) from None
