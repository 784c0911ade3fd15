"""Every ending of a job, as a list of cases, and the server of bare sockets that brings each about."""

from endings.connections import CASES as CONNECTIONS
from endings.replies import CASES as REPLIES
from endings.statuses import CASES as STATUSES
from endings.verbs import CASES as VERBS

CASES = [*STATUSES, *REPLIES, *CONNECTIONS, *VERBS]
