"""What staff is asked before it acts on jobs by hand."""

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from videos import staff_actions
from videos.limits import VIDEO_JOB_TOKENS
from videos.models import OPERATION_MAX


class NothingToAsk(forms.Form):
    """A plain yes."""


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        max_length=staff_actions.REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The owner reads it beside the tokens in their ledger, so write it for them. Your name stays here.",
    )


class RetryForm(forms.Form):
    """At whose expense."""

    payment = forms.ChoiceField(
        label="Who pays for the new video",
        choices=(
            ("free", "Nobody: it is free of charge"),
            ("charge", f"The owner: {VIDEO_JOB_TOKENS} tokens, like any new video"),
        ),
        widget=UnfoldAdminRadioSelectWidget,
        help_text="Where the failed video's tokens were given back, the owner has them again.",
    )


class AdoptForm(forms.Form):
    """Which operation a job shall continue from."""

    operation = forms.CharField(
        max_length=OPERATION_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text="Its name, as the provider spells it: v1_abc or models/veo-3.1-generate-preview/operations/abc123.",
    )
