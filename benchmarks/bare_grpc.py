"""What does a call cost before anybody looks at it? grpcio's server doing nothing.

    python benchmarks/bare_grpc.py PORT THREADS

The base line of grpc_calls.py, as bare.py is that of rest.py.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(int(sys.argv[2])))
    answer = grpc.unary_unary_rpc_method_handler(lambda _body, _context: bytes(600))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("qdrant.Points", {"Query": answer}),)
    )
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()
