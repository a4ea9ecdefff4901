"""Control of a running session from outside: who may do what, and a socket that answers even when the trader does not.

Rights. The socket is reachable by the user who owns the session, and by no other (mode 0600 in a folder of mode 0700).
That user is the local admin, unless ``darwin token require on`` was said. Whoever presents a token has the token's
role, whoever they are; a token that is wrong gives nothing. Tokens say who acted and keep a dashboard or a script
from doing more than it should; they are no wall against the user himself, who owns the process and its files.
"""

from __future__ import annotations
