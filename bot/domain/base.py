"""What every value of the domain has in common: frozen, strict about its fields, and JSON both ways."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value; a changed one is a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float")
