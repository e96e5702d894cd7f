"""Say plainly when the address that a server is about to listen on cannot be had."""

import errno
import socket
import sys

host, port = sys.argv[1], sys.argv[2]
if not port.isdigit() or not 0 < int(port) < 65536:
    sys.exit(f"PORT={port} is no port: choose a number from 1 to 65535, e.g. make run PORT=8001")
family = socket.AF_INET6 if ":" in host else socket.AF_INET
with socket.socket(family) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is taken by another program. Choose one: make run PORT=8001")
        sys.exit(f"Cannot listen on {host}:{port}: {refused.strerror}.")
