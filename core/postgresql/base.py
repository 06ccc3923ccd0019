"""Django's PostgreSQL, with a look at the socket where Django would ask the server at each request whether it is still there."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is let go, and opened anew, where the server has closed it: after a restart no request fails."""

    health_check_enabled: bool
    health_check_done: bool

    def close_if_health_check_failed(self) -> None:
        """Close what the server closed. An idle connection has nothing to read but that, or a warning that it comes."""
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        readable, _, _ = select.select([self.connection.fileno()], [], [], 0)
        if readable and not self.is_usable():
            self.close()
        self.health_check_done = True
