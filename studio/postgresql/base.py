"""The module that Django looks for in a database backend's package."""

import select

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus, TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the socket before a kept connection is used, and the server only where the socket is no proof.

    A server that ends a connection says so, or closes it: either can be read. Django sends `SELECT 1` ahead of every
    request's first statement, a fifth of what the list of jobs takes.
    """

    def is_usable(self) -> bool:
        """Whether the connection can be used. One whose other end vanished without a word looks well, as to TCP."""
        assert self.connection is not None
        server = self.connection.pgconn
        if server.status == ConnStatus.OK and server.transaction_status == TransactionStatus.IDLE:
            socket = select.poll()
            socket.register(server.socket, select.POLLIN)
            if not socket.poll(0):
                return True
        return super().is_usable()
