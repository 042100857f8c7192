"""The IPython kernel as it runs in a forked process: stock ipykernel on sockets that were handed to it."""

import sys
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from traitlets.config import Config

from autograder.sandbox.zygotes import MAX_MESSAGE

_KEPT = 200_000  # characters of each text in a message that is too large


class CappedSession(Session):
    """Makes no message that the grader would refuse to receive."""

    def serialize(self, msg: dict[str, Any], ident: Any = None) -> list[bytes]:
        """Turn a message into its parts, its texts cut where there is too much of them."""
        parts = super().serialize(msg, ident)
        if sum(len(part) for part in parts) > MAX_MESSAGE:
            parts = super().serialize(msg | {"content": _cut(msg["content"])}, ident)
        return parts


def _cut(content: dict[str, Any]) -> dict[str, Any]:
    """Shorten whatever is long in an output, an error or a reply."""
    data = content.get("data")
    if isinstance(data, dict):
        kept = {mime: value for mime, value in data.items() if len(str(value)) <= _KEPT}
        return {"data": kept or {"text/plain": "(an output too large to show)"}, "metadata": {}}
    short = {key: value for key, value in content.items() if len(str(value)) <= _KEPT}
    for key in ("text", "evalue"):
        if key not in short and isinstance(content.get(key), str):
            short[key] = content[key][:_KEPT] + "\n... cut here: too much at once.\n"
    return {"traceback": ["(a message too large to show)"]} | short if "ename" in content else short


class ForkedKernelApp(IPKernelApp):
    """ipykernel without what a forked, confined kernel has no use for: files, a heartbeat, a profile.

    Parameters
    ----------
    key : bytes
        Signs the messages.
    sockets : dict of str to int
        Listening sockets by channel: ``"shell"`` and ``"iopub"``.
    """

    def __init__(self, key: bytes, sockets: dict[str, int]) -> None:
        super().__init__(config=Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}}))
        self._sockets = sockets
        self.session = CappedSession(parent=self, key=key, username="student")
        self.transport = "ipc"
        self.capture_fd_output = False
        self.quiet = True

    def init_connection_file(self, **kwargs: Any) -> None:
        """Do nothing, here and in each step below."""

    write_connection_file = init_heartbeat = log_connection_info = init_poller = init_connection_file
    init_crash_handler = init_pdb = load_config_files = init_connection_file
    _ports: dict[str, int] = {}

    def parse_command_line(self, argv: Any = None) -> None:
        """Do nothing: there is no command line."""

    def _bind_socket(self, socket: Any, port: int) -> int:
        """Listen on the socket that was handed over; a channel without one listens nowhere."""
        channel = {zmq.XPUB: "iopub"}.get(socket.type, "shell")
        if channel in self._sockets:
            socket.setsockopt(zmq.USE_FD, self._sockets.pop(channel))
            socket.bind("ipc://" + channel)
        # What is made after the shell's: a debugger's client, which must not try to reach it again and again, and the
        # outputs, of which none may be dropped while the grader is busy. They wait here, within our own memory.
        context: Any = self.context
        context.setsockopt(zmq.RECONNECT_IVL, -1)
        context.setsockopt(zmq.SNDHWM, 0)
        return port

    def init_iopub(self, context: Any) -> None:
        """Publish outputs without the pipe for child processes, which would need a network socket."""
        self.iopub_socket = context.socket(zmq.XPUB)
        self._bind_socket(self.iopub_socket, 0)
        self.configure_tornado_logger()
        self.iopub_thread = IOPubThread(self.iopub_socket, pipe=False, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket


def run(key: bytes, sockets: dict[str, int]) -> None:
    """Be a kernel, until killed."""
    app = ForkedKernelApp.instance(key=key, sockets=sockets)
    app.initialize([])
    sys.path.insert(0, "")
    app.start()
