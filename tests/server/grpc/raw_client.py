"""A client that says exactly what it is told, in HTTP/2, and hears everything."""

import socket
import struct

import ngh2

HEAD = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"localhost"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)


class RawClient:
    """One connection. `fields` and `data` are what came, by the number of the call."""

    def __init__(self, port: int, settings=None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.http = ngh2.Connection(
            ngh2.Role.CLIENT, ngh2.Configuration(max_send_header_block_length=2**20)
        )
        self.http.initiate_connection(settings)
        self.fields: dict[int, dict[bytes, bytes]] = {}
        self.data: dict[int, bytes] = {}
        self.closed: dict[int, int] = {}
        self.pongs = 0
        self.is_over = False
        self.push()

    def push(self) -> None:
        """Send what there is."""
        while text := self.http.data_to_send():
            self.socket.sendall(text)

    def begin(self, path: bytes, *more, end_stream: bool = False, **other) -> int:
        """Begin a call; `other` takes the place of fields of the same name."""
        other = {name.replace("_", "-").encode(): value for name, value in other.items()}
        other = {b":method" if name == b"method" else name: v for name, v in other.items()}
        fields = [*HEAD, *more, (b":path", path)]
        fields = [(name, other.get(name, value)) for name, value in fields]
        fields.sort(key=lambda each: not each[0].startswith(b":"))
        number = self.http.send_request(fields, end_stream=end_stream)
        self.push()
        return number

    def send(self, number: int, data: bytes, *, end_stream: bool = True) -> None:
        """Send bytes of a call's body."""
        self.http.send_data(number, data, end_stream=end_stream)
        self.push()

    def call(self, path: bytes, *messages: bytes, **fields) -> dict[bytes, bytes]:
        """Return what came of a whole call."""
        number = self.begin(path, **fields)
        self.send(number, b"".join(framed(each) for each in messages))
        return self.answer(number)

    def answer(self, number: int) -> dict[bytes, bytes]:
        """Wait until a call has ended; return its fields."""
        while number not in self.closed and not self.is_over:
            self.hear()
        return self.fields.get(number, {})

    def hear(self) -> None:
        """Take what comes next."""
        try:
            text = self.socket.recv(65536)
        except ConnectionError:
            text = b""
        if not text:
            self.is_over = True
            return
        self.http.receive_data(text)
        for event in self.http.events():
            match event:
                case ngh2.ResponseReceived() | ngh2.TrailersReceived():
                    self.fields.setdefault(event.stream_id, {}).update(event.headers)
                case ngh2.DataReceived():
                    before = self.data.get(event.stream_id, b"")
                    self.data[event.stream_id] = before + event.data
                case ngh2.StreamClosed():
                    self.closed[event.stream_id] = event.error_code
                case ngh2.PingAcknowledged():
                    self.pongs += 1
        self.push()

    def hear_the_end(self) -> None:
        """Wait until the server has closed the connection."""
        while not self.is_over:
            self.hear()

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def framed(message: bytes, flag: int = 0) -> bytes:
    """Return a message behind its prefix."""
    return struct.pack(">BI", flag, len(message)) + message
