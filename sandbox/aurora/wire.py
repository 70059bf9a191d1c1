"""The RDS wire protocol, spoken by moto's server: parameters in, XML out, errors as botocore knows them."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from socket import SHUT_RDWR
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import moto.rds.urls
from botocore.model import OperationNotFoundError
from moto.core.common_types import TYPE_RESPONSE
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError
from moto.rds.responses import RDSResponse
from moto.server import ThreadedMotoServer

from .asking import Answer, AwsError, Call, CutOff

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REFUSAL: Final = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)
UNSIGNED: Final = ("403 Forbidden", "MissingAuthenticationToken", "Request is missing Authentication Token")
MALFORMED: Final = (
    "400 Bad Request",
    "IncompleteSignature",
    "Authorization header requires a Credential of the form KEY/DATE/REGION/rds/aws4_request.",
)
CREDENTIAL: Final = re.compile(r"Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]+)/rds/aws4_request\b")
UNMODELLED: Final = (
    "InvalidAction", "AccessDenied", "MissingParameter", "Throttling", "ThrottlingException", "ExpiredToken",
    "InternalFailure",
)  # fmt: skip
MOST_WRITTEN: Final = 256
# What an operation's answer is on the wire: to write XML is most of the work, and most answers say what another said.
WRITTEN: Final[MutableMapping[tuple[str, str], TYPE_RESPONSE]] = {}
# By the port it is served on, because moto's routes are global.
ANSWERS: Final[MutableMapping[str, Callable[[Call], Answer]]] = {}


class AuroraResponse(RDSResponse):
    """Takes the place of moto's RDS: its wire, but none of its state."""

    params: Any = MappingProxyType({})  # moto parses nothing where there is no Action
    unreadable: AwsError | None = None
    PROTOCOL_PARSER_MAP_TYPE: Any = dict  # names as in the API, where moto would have them in snake_case

    def parse_parameters(self, request: Any) -> None:
        self.params = {}
        try:
            super().parse_parameters(request)
        except OperationNotFoundError:
            return
        except ValueError as error:  # a number or a moment that is none
            self.unreadable = AwsError("InvalidParameterValue", f"The request cannot be read: {error}")

    def call_action(self) -> Any:
        answer = ANSWERS[self.normalized_request.environ["SERVER_PORT"]]
        result: object
        other_status: int | None = None
        try:
            if self.unreadable:
                raise self.unreadable
            result = answer(Call(self._get_action(), self.signed_region(), self.params))
        except AwsError as error:
            result, other_status = RDSClientError(error.code, error.message), error.status
        except CutOff:
            self.normalized_request.environ["werkzeug.socket"].shutdown(SHUT_RDWR)
            result = {}
        status, headers, body = self.serialized(ActionResult(result))
        headers, body = self._enrich_response(headers, body)
        return other_status or status, headers, body

    def serialized(self, action_result: ActionResult) -> TYPE_RESPONSE:
        if isinstance(action_result.result, Exception):
            return super().serialized(action_result)
        answer = self._get_action(), repr(action_result.result)
        if answer not in WRITTEN:
            if len(WRITTEN) >= MOST_WRITTEN:
                WRITTEN.clear()
            WRITTEN[answer] = super().serialized(action_result)
        status, headers, body = WRITTEN[answer]
        return status, {**headers, **self.response_headers}, body

    def signed_region(self) -> str:
        signed = CREDENTIAL.search(str(self.headers["Authorization"]))
        assert signed is not None, "nobody gets past the guard without"
        return signed["region"]


def signed_only(app: "WSGIApplication") -> "WSGIApplication":
    """Without a whole signature there is no service and no Region, and moto would take the request for one to S3."""

    def guarded(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        signature = environ.get("HTTP_AUTHORIZATION")
        if signature and CREDENTIAL.search(signature):
            return app(environ, start)
        status, code, message = MALFORMED if signature else UNSIGNED
        start(status, [("Content-Type", "text/xml")])
        return [REFUSAL.format(code=code, message=message).encode()]

    return guarded


@contextmanager
def served(answer: Callable[[Call], Answer]) -> Iterator[str]:
    """Serve a control plane's `answer` on a free port; yields its URL."""
    COMMON_ERROR_CODES.extend(set(UNMODELLED) - set(COMMON_ERROR_CODES))  # otherwise moto warns of each
    moto.rds.urls.url_paths["{0}/$"] = AuroraResponse.dispatch
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    ANSWERS[str(port)] = answer
    assert server._server is not None
    server._server.app = signed_only(server._server.app)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        del ANSWERS[str(port)]
