// What a refusal means to a person. The API says it in English, with a code; the frequent codes have texts here.

import { n, number, t } from "./text.js";

const TEXTS = {
  offline: () => t("The server cannot be reached. Check your connection, and try again."),
  server_error: () => t("Something went wrong on our side. Please try again later."),
  throttled: (error) => t("Too many requests. {wait}", { wait: wait(error) }),
  too_busy: (error) => t("The server is busy. {wait}", { wait: wait(error) }),
  locked_out: (error) => t("Too many wrong passwords. {wait}", { wait: wait(error) }),
  no_active_account: () => t("The e-mail address or the password is wrong."),
  wrong_password: () => t("The password is wrong."),
  email_taken: () => t("An account with this address already exists. Sign in instead."),
  email_unverified: () => t("Open the link in the mail that we sent you, then sign in."),
  registration_closed: () => t("New accounts are created by the staff of this server."),
  back_office_only: () => t("This account is for the back office. Use another one here."),
  link_invalid: () => t("This link has expired, or was used before. Request a new one."),
  no_mail: () => t("This server sends no mails. Ask its staff for help."),
  session_ended: () => t("Your session has ended. Sign in again."),
  confirmation_needed: () => t("Enter your password to confirm."),
  insufficient_tokens: ({ body }) =>
    t("This video costs {price} tokens, and you have {balance}.", {
      price: number(body.price),
      balance: number(body.balance),
    }),
  too_many_jobs: () => t("Three videos are being made already. Wait for one, or cancel one."),
  no_provider: () => t("No provider is set up for this model. Choose a test video, or another model."),
  nothing_to_show: () => t("Describe the video, choose a look, or add a first frame."),
  already_finished: () => t("This video is finished."),
  already_retried: () => t("This video was made again before."),
  pictures_gone: () => t("The pictures of this video are deleted. Send them again, as a new video."),
  storage_full: () => t("The server has no space left. Nothing was changed."),
  too_large: () => t("This file is too large."),
  too_many_keys: () => t("You have 50 usable keys. Revoke one first."),
  email_unverified_account: () => t("An account has this address and has not verified it. Sign in with its password."),
  last_admin: () => t("This is the last admin. Make another user an admin first."),
  forbidden: () => t("This belongs to another account."),
  not_found: () => t("It is not there any more."),
};

function wait({ retryAfter }) {
  if (!retryAfter) return t("Try again later.");
  if (retryAfter < 90) return n("Try again in {count} second.", "Try again in {count} seconds.", retryAfter);
  const minutes = Math.ceil(retryAfter / 60);
  return n("Try again in {count} minute.", "Try again in {count} minutes.", minutes);
}

/** A sentence for the person. */
export const sentence = (error) => TEXTS[error.code]?.(error) ?? error.message;
