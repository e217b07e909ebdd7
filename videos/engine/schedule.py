"""Every lease, interval and back-off of the engine, in seconds, each with its source.

Time-outs nest, because every other order was seen to fail: a vendor's HTTP call (60) < a lease (120) < an RQ job
(settings.RQ_QUEUES: 180 and 1800). A lease that is renewed may be shorter.
"""

LEASE = 120  # a submit that has not reported back by then counts as dead
TRANSFER_LEASE = 30  # short, so that a killed transfer is soon repeated; a running one renews it
RENEWAL = 10  # ... this often, three chances a lease
REHINT = 15  # the sweeper resends a hint without effect then: Redis may have lost it
TAKE_AFTER = 5  # ... and a worker with a free thread takes the job from the table (engine.unclaimed); below REHINT
SCAN_EVERY = 3  # between two scans of the table by a worker, a half more or less; each reads the index `jobs_due`

SUBMIT_BACKOFF = (5, 15, 45, 120, 300)  # after refusals that surely accepted nothing; then the job fails
# A provider that names a used-up quota has checked it before the work: the refusal is sure, costs nothing and may last.
# So the last back-off is repeated, two hours in all, and these tries count for no other limit.
LASTING_SUBMITS = len(SUBMIT_BACKOFF) + 22
# A refusal that names no quota is most likely sure too, but once followed an acceptance (docs/decisions/16-…), so the
# job ends after two. The pause is longer than the minute by which limits count, or as long as the provider asks for.
DOUBTFUL_SUBMITS, DOUBTFUL_PAUSE, PAUSE_MOST = 2, 90, 900
NO_MORE_SUBMITS = len(SUBMIT_BACKOFF)  # attempts of a job that must never be submitted again

TICK = 1.0  # between two scans of the table by the sweeper; 1.1 ms of CPU each where nothing is due (measured)
FIRST_POLL = 15  # the latest first poll of our adapters; a planned one comes no sooner (videos.engine.poll_times)
POLL_EVERY = 5  # after the first poll, where no plan is known
POLL_SLOWER_AFTER, POLL_SLOWER = 360, 10  # Google names six minutes as the longest that a video takes
POLL_SLOWEST_AFTER, POLL_SLOWEST = 1200, 60  # past the 20 minutes that the API promises
STORE_TRIES = 10  # to store the result of a poll: eight minutes and more, then the job fails
POLL_GIVE_UP = 48 * 3600  # Google keeps a finished file for two days

TRANSFER_BACKOFF = (5, 15, 60, 300, 900, 3600)  # the last one is repeated until TRANSFER_GIVE_UP
TRANSFER_LATE = 600  # after the provider finished; a video that is not stored by then is reported to staff
TRANSFER_GIVE_UP = 48 * 3600  # after the provider finished; then it has deleted the file
# A transfer has this many tries at least: workers may have been down, or staff may have resumed the job late.
TRANSFER_TRIES = len(TRANSFER_BACKOFF)
# The same broken bytes this often, over this many seconds, are the provider's file and not a transmission error.
BROKEN_TIMES, BROKEN_SECONDS = 3, 300


def poll_interval(elapsed: float, failures: int) -> float:
    """Seconds to the next poll of an operation that has run for `elapsed` seconds, after so many failed polls.

    Without failures, a plan by known durations goes first (videos.engine.poll_times). A poll over the limit
    PROVIDER_POLLS_PER_MINUTE comes later (videos.engine.quota).
    """
    if elapsed >= POLL_SLOWEST_AFTER:
        return POLL_SLOWEST
    usual = POLL_SLOWER if elapsed >= POLL_SLOWER_AFTER else POLL_EVERY
    return min(usual * (1 << min(failures, 4)), POLL_SLOWEST)


def transfer_backoff(attempts: int) -> int:
    """Seconds to wait after so many failed transfers."""
    return TRANSFER_BACKOFF[min(attempts, len(TRANSFER_BACKOFF)) - 1]
