"""When things happen: every lease, interval and back-off of the engine, in seconds, with where it comes from.

Time-outs nest, because each order was seen to fail the other way round: a vendor's HTTP call (60) < a lease (120) < an
RQ job (settings.RQ_QUEUES: 180 and 1800); a lease that is renewed may be shorter.
"""

LEASE = 120  # a submit that has not reported back by then is taken to be dead
TRANSFER_LEASE = 30  # short, so that a killed transfer is soon repeated; a living one renews it
RENEWAL = 10  # ... this often, three chances a lease
REHINT = 15  # a hint that has had no effect by then is sent again: Redis may have lost it
UNHEARD = 5  # ... by then a worker with a free thread takes the job from the table (engine.unclaimed); below REHINT
LOOK_EVERY = 3  # between two reads of the table by a worker, a half more or less; each reads an index, `jobs_due`

SUBMIT_BACKOFF = (5, 15, 45, 120, 300)  # while the provider surely does not accept; then the job fails
# A quota that the provider names as used up has been checked before the work: such a refusal is sure, costs nothing,
# and may last; the last back-off is repeated for so many tries, two hours in all, which no other limit counts.
LASTING_SUBMITS = len(SUBMIT_BACKOFF) + 22
# A refusal that names none is most likely one, but has been seen after an acceptance (docs/decisions/16-…): after so
# many the job ends. The pause is longer than the minute by which limits are counted, or what the provider asks for.
DOUBTFUL_SUBMITS, DOUBTFUL_PAUSE, PAUSE_MOST = 2, 90, 900
NO_MORE_SUBMITS = len(SUBMIT_BACKOFF)  # attempts of a job that must not be sent again, whatever becomes of it

TICK = 1.0  # between two looks of the sweeper at the table; 1.1 ms of CPU each where nothing is due (measured)
POLL_EVERY = 5  # the shortest interval, and the default after the first look
POLL_SLOWER_AFTER, POLL_SLOWER = 360, 10  # Google names six minutes as the longest that a video takes
POLL_SLOWEST_AFTER, POLL_SLOWEST = 1200, 60  # past the 20 minutes that a user is told
STORE_TRIES = 10  # of a look's outcome that no database takes: eight minutes and more, then the job fails
POLL_GIVE_UP = 48 * 3600  # Google keeps a finished file for two days

TRANSFER_BACKOFF = (5, 15, 60, 300, 900, 3600)  # the last one goes on until TRANSFER_GIVE_UP
TRANSFER_LATE = 600  # after the provider was done; a video that can't be stored by then is a finding for staff
TRANSFER_GIVE_UP = 48 * 3600  # after the provider was done; then the file is gone there too
# ... but not before so many tries: workers may have been away, or staff has taken the job up again that late.
TRANSFER_TRIES = len(TRANSFER_BACKOFF)
# The same broken bytes so often, over so long, are what the provider has, and no accident on the way.
BROKEN_TIMES, BROKEN_SECONDS = 3, 300


def poll_interval(elapsed: float, failures: int) -> float:
    """Seconds to the next look at an operation that has run for `elapsed` seconds, after so many failed looks.

    A look that PROVIDER_POLLS_PER_MINUTE has no room for comes later (videos.engine.quota).
    """
    if elapsed >= POLL_SLOWEST_AFTER:
        return POLL_SLOWEST
    usual = POLL_SLOWER if elapsed >= POLL_SLOWER_AFTER else POLL_EVERY
    return min(usual * (1 << min(failures, 4)), POLL_SLOWEST)


def transfer_backoff(attempts: int) -> int:
    """Seconds to wait after so many failed transfers."""
    return TRANSFER_BACKOFF[min(attempts, len(TRANSFER_BACKOFF)) - 1]
