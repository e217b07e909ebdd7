"""Every way a job can fail: its stable code, the sentence for the owner, and the refund policy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """One way to fail.

    `undelivered`: the provider certainly never accepted the job, or we lost its video; refunded by the default policy.
    `adoptable`: the provider may have generated and billed the video, so staff can adopt its operation
    (videos.recovery.adoption). `resumable`: the video was generated and billed, and only storing it
    failed, so staff can resume it (videos.recovery.resumption).
    """

    message: str
    undelivered: bool
    adoptable: bool = False
    resumable: bool = False


FAILURES: dict[str, Failure] = {
    "provider_refused": Failure("The video service did not accept this request. Try another prompt or image.", True),
    "provider_busy": Failure("The video service was too busy to accept this request. Please try again later.", True),
    "provider_misconfigured": Failure("Video generation is misconfigured. Our team has been notified.", True),
    "provider_quota": Failure("The video service has no capacity left for us today. Please try again later.", True),
    "model_unavailable": Failure("This video model is no longer available. Please choose another one.", True),
    "submission_unknown": Failure(
        "We lost contact with the video service while it took on this video.", True, adoptable=True
    ),
    "input_missing": Failure("An image of this request could not be read. Please upload it again.", True),
    "content_filtered": Failure("The video service's safety filter declined this video. Try another prompt.", False),
    "generation_failed": Failure("The video service could not generate this video. Please try again.", False),
    "not_in_region": Failure("The video service does not generate this video in our region.", True),
    "operation_lost": Failure("The video service no longer knew this video when we asked for it.", True),
    "generation_stalled": Failure(
        "The video service stopped working on this video. Our team has been notified.", True, adoptable=True
    ),
    "result_unreadable": Failure(
        "The video service finished this video, but we could not read its response. Our team has been notified.",
        True,
        adoptable=True,
    ),
    "generation_timeout": Failure("The video service did not finish this video within two days.", True, adoptable=True),
    "result_expired": Failure("The finished video was no longer there when we fetched it.", True),
    "invalid_video": Failure("The video service delivered a file that cannot be played.", True, adoptable=True),
    "storage_failed": Failure("The finished video could not be stored.", True, resumable=True),
    # refunded while it is queued (videos.engine.cancellation)
    "cancelled": Failure("This video was cancelled.", False),
    "cancelled_by_staff": Failure("Our staff cancelled this video.", True),
    # jobs imported from another system (operations.legacy_import)
    "unfinished_at_move": Failure("This video was not finished when the service moved. Please create it again.", True),
    "lost_before_move": Failure("The file of this video was lost before the service moved.", False),
    "cancelled_before_move": Failure("This video was cancelled.", False),
    "internal_error": Failure("Something went wrong on our side.", True),
}


def cost_of_attempt(*, charged: int, refunded: int) -> str:
    """A sentence on what a failed job cost its owner; "" for a job without a charge."""
    if not charged:
        return ""
    if not refunded:
        return f"The attempt cost {charged} tokens."
    return (
        f"Your {refunded} tokens were returned."
        if refunded == charged
        else f"{refunded} of your {charged} tokens were returned."
    )


ADOPTABLE = frozenset(code for code, failure in FAILURES.items() if failure.adoptable)
CANCELLED = frozenset({"cancelled", "cancelled_by_staff"})
RESUMABLE = frozenset(code for code, failure in FAILURES.items() if failure.resumable)


def is_refunded(code: str, *, policy: str, was_accepted: bool = True) -> bool:
    """Whether the policy (unstarted, failed or never) returns the tokens of a job that failed with this code.

    `was_accepted` is False if the provider certainly did not accept the job, whatever the code. The deletion of a
    queued job refunds it too (`videos.deletion`).
    """
    return policy == "failed" or (policy == "unstarted" and (FAILURES[code].undelivered or not was_accepted))
