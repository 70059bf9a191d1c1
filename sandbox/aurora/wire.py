"""The RDS wire protocol, spoken by moto's server: parameters in, XML out, errors as botocore knows them."""

import logging
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import moto.rds.urls
from botocore.model import OperationNotFoundError
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError
from moto.rds.responses import RDSResponse
from moto.server import ThreadedMotoServer

from .asking import Answer, AwsError, Call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

UNSIGNED: Final = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>"
    b"<Message>Request is missing Authentication Token</Message></Error></ErrorResponse>"
)
UNMODELLED: Final = ("InvalidAction", "AccessDenied", "Throttling", "ThrottlingException")
# By the port it is served on, because moto's routes are global.
ANSWERS: Final[MutableMapping[str, Callable[[Call], Answer]]] = {}


class AuroraResponse(RDSResponse):
    """Takes the place of moto's RDS: its wire, but none of its state."""

    PROTOCOL_PARSER_MAP_TYPE: Any = dict  # names as in the API, where moto would have them in snake_case

    def parse_parameters(self, request: Any) -> None:
        try:
            super().parse_parameters(request)
        except OperationNotFoundError:
            self.params = {}

    def call_action(self) -> Any:
        answer = ANSWERS[self.normalized_request.environ["SERVER_PORT"]]
        result: object
        try:
            result = answer(Call(self._get_action(), self.signed_region(), self.params))
        except AwsError as error:
            result = RDSClientError(error.code, error.message)
        status, headers, body = self.serialized(ActionResult(result))
        headers, body = self._enrich_response(headers, body)
        return status, headers, body

    def signed_region(self) -> str:
        """`Credential=KEY/20260411/us-east-1/rds/aws4_request`"""
        return str(self.headers["Authorization"]).split("/")[2]


def signed_only(app: "WSGIApplication") -> "WSGIApplication":
    """Without a signature there is no service and no Region, and moto would take the request for one to S3."""

    def guarded(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if "HTTP_AUTHORIZATION" in environ:
            return app(environ, start)
        start("403 Forbidden", [("Content-Type", "text/xml")])
        return [UNSIGNED]

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
