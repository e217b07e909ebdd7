"""Every `code` of the API's error responses with its meaning; the schema shows this list.

Programs depend on codes, so a code never changes its meaning. Tests compare the list with the source, and with every
response of the test suite.
"""

MEANINGS = {
    # 400
    "invalid": "a field or a parameter has a value that is not valid; `errors` names it",
    "unknown_field": "a field or a parameter has a name that the API does not know; `errors` suggests the nearest one",
    "parse_error": "the body is not valid JSON, or not a valid form",
    "bad_request": "the request is malformed",
    "incomplete_body": "the body ended before its announced length; nothing was done, so send the request again",
    "email_taken": "an account with this e-mail address already exists",
    "invalid_look": "`lookId` is not the id of one of your looks",
    "nothing_to_show": "a video job needs a prompt, an initial image, or a look with an image",
    "not_linked": "the video was not made for this look",
    "unknown_cursor": "you have no video job with the id in `before`",
    "link_invalid": "the token of a mailed link is wrong, used or expired; request a new mail",
    # 401
    "not_authenticated": "the request has no access token",
    "token_malformed": "the `Authorization` header is malformed; write `Authorization: Bearer <access>`",
    "token_expired": "the token has expired; exchange the refresh token for a new pair, or sign in",
    "token_invalid": "the token is incomplete, or not from this server; sign in",
    "refresh_token_used_as_access": "a refresh token was sent as `Authorization`; send the access token",
    "access_token_used_as_refresh": "an access token was sent as `refresh`; send the refresh token",
    "session_ended": "the token's session was ended, or its refresh token was used before; sign in again",
    "no_active_account": "the e-mail address or the password is wrong",
    "user_not_found": "the token's account no longer exists",
    "account_inactive": "the account is deactivated",
    "google_token_invalid": "the text is no ID token of Google for this server, or it has expired; sign in again",
    "password_changed": "the password has changed since the token was issued; sign in again",
    "ticket_invalid": "the ticket is unknown, used or expired; `POST /video-jobs/events/ticket` issues another",
    "key_revoked": "the API key was revoked",
    "key_expired": "the API key has expired",
    "signed_out": "all sessions of this account were ended; sign in again",
    # 402
    "insufficient_tokens": "the balance is lower than the price; `balance` and `price` say both",
    # 403
    "forbidden": "you may not do this, or the object belongs to another account",
    "registration_closed": "this server takes no new accounts",
    "wrong_password": "the password is wrong",
    "confirmation_needed": "this needs the password, or a sign-in within the last 10 minutes",
    "back_office_only": "this account may use the back office only",
    "key_scope": "the API key lacks the scope that `WWW-Authenticate` names; without one, no key may do this",
    "email_unverified": "the e-mail address has to be verified first: open the link of `auth/email/verify`",
    "google_email_unverified": "Google has not verified the address of the Google account",
    "google_domain_refused": "only Google accounts of one organisation may sign in here",
    # 404, 405
    "not_found": "no object has this id",
    "no_such_endpoint": "no endpoint has this path",
    "method_not_allowed": "the endpoint does not support this method",
    "not_live": "the live process serves this URL; `POST /video-jobs/events/ticket` returns where it is",
    # 409
    "conflict": "the object is in a state that does not permit this",
    "too_many_keys": "you have 50 usable API keys; revoke one",
    "too_many_webhooks": "you have 10 webhooks; delete one",
    "webhook_disabled": 'the webhook is disabled; enable it with `{"status": "active"}`',
    "too_many_links": "the look has 20 usable links; revoke one",
    "email_unverified_account": "an account has the Google account's address, but has not verified it; sign in with "
    "the password, then open the link of `auth/email/verify`; or reset the password",
    "other_google_account": "the account of this address belongs to another Google account",
    "not_ready": "the video is not finished; poll its job",
    "idempotency_key_reused": "the `Idempotency-Key` belongs to a different request",
    "idempotent_look_deleted": "the look of this `Idempotency-Key` was deleted; use a new key",
    "idempotent_job_deleted": "the job of this `Idempotency-Key` was deleted; use a new key",
    "already_finished": "the video job has succeeded, or failed for another reason, and cannot be cancelled",
    "not_failed": "only a video job that has FAILED can be retried",
    "already_retried": "the failed video job was retried before, as the job in `retriedBy`",
    "pictures_gone": "the pictures of the failed video job are deleted; send them again, in a new job",
    "last_admin": "this is the last admin; make another user an admin first",
    "export_too_large": "the export is larger than 50 MiB; ask the operator for it",
    # 411, 413, 414, 415, 416, 431
    "length_required": "the request has no `Content-Length`",
    "too_large": "the body, a file or the number of parts exceeds the limit",
    "uri_too_long": "the URL is too long",
    "unsupported_media_type": "the endpoint does not support this `Content-Type`",
    "unsupported_encoding": "the body is compressed; send it uncompressed",
    "range_not_satisfiable": "the `Range` lies outside the file",
    "headers_too_large": "the request's headers are too large",
    # 429
    "throttled": "too many requests; wait for `Retry-After` seconds",
    "too_many_jobs": "you have 3 unfinished video jobs; wait until one is finished",
    "uploads_in_progress": "you have 8 uploads in progress; wait until one has finished",
    "too_many_streams": "you have 20 streams of events; close one",
    "limit_reached": "too many requests; wait for `Retry-After` seconds",
    "locked_out": "too many wrong passwords; wait for `Retry-After` seconds",
    # 5xx
    "server_error": "an error of the server; it is logged",
    "no_provider": "no provider is configured for this model; use `mockMode=true` or another model",
    "no_mail": "this server sends no mails, so it can neither reset a password nor verify an address",
    "google_unavailable": "Google's keys cannot be fetched; retry after `Retry-After` seconds",
    "unavailable": "a part of the server is not available; retry later",
    "database_failed": "the database is not available; retry after `Retry-After` seconds",
    "storage_failed": "files cannot be stored or read; retry after `Retry-After` seconds",
    "storage_full": "a disk of the server is full; nothing was done; retry after `Retry-After` seconds",
    "storage_unreadable": "the stored video cannot be read at the moment; retry later",
    "look_image_unreadable": "the look's image cannot be read at the moment; retry later",
    "input_unreadable": "a picture of the failed video job cannot be read at the moment; retry later",
    "pictures_busy": "too many images are being processed; retry after `Retry-After` seconds",
    "too_many_uploads": "the server is receiving too many uploads; retry after `Retry-After` seconds",
    "too_busy": "the server has too many requests in progress; retry after `Retry-After` seconds",
    "too_many_listeners": "the server has as many streams of events as it can hold; poll, or retry later",
    "too_many_downloads": "the server is sending too many files; retry after `Retry-After` seconds",
}


def table(meanings: dict[str, str]) -> str:
    """Codes and meanings as Markdown, for a description in the schema."""
    return "\n".join(f"* `{code}`: {meaning}" for code, meaning in meanings.items())
