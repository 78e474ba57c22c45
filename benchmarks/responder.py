"""What does the generator of overload.py add to what it measures? A server that does nothing.

    python benchmarks/responder.py PORT

Answers whatever comes in one packet with the same few bytes, from one thread, without an event
loop. What /readyz seems to take beside it is the machine, the generator and the watch.
"""

import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


def main() -> None:
    """Serve until killed."""
    door = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    door.setblocking(False)
    poll = select.epoll()
    poll.register(door.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for number, _ in poll.poll():
            connection = connections.get(number)
            if connection is None:
                accept(door, poll, connections)
                continue
            try:
                is_open = connection.recv(1 << 20)
            except ConnectionResetError:
                is_open = b""
            if is_open:
                connection.send(ANSWER)
            else:
                poll.unregister(number)
                connections.pop(number).close()


def accept(door: socket.socket, poll: select.epoll, connections: dict[int, socket.socket]) -> None:
    """Take all connections that wait."""
    while True:
        try:
            connection, _ = door.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)


if __name__ == "__main__":
    main()
