"""The forms of the staff actions on jobs."""

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from videos import staff_actions
from videos.limits import VIDEO_PRICE_TOKENS
from videos.models import OPERATION_MAX


class ConfirmForm(forms.Form):
    """A confirmation without fields."""


class ReasonForm(forms.Form):
    """The reason."""

    reason = forms.CharField(
        max_length=staff_actions.REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The owner reads it in the ledger, so write it for the owner. Your name is not shown.",
    )


class RetryForm(forms.Form):
    """Whether the owner pays."""

    payment = forms.ChoiceField(
        label="Who pays for the new video",
        choices=(
            ("free", "No one: it is free of charge"),
            ("charge", f"The owner: {VIDEO_PRICE_TOKENS} tokens, like any new video"),
        ),
        widget=UnfoldAdminRadioSelectWidget,
        help_text="The owner already has any refunded tokens of the failed job.",
    )


class AdoptForm(forms.Form):
    """The operation that the job continues from."""

    operation = forms.CharField(
        max_length=OPERATION_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text="Its name, as the provider spells it: v1_abc or models/veo-3.1-generate-preview/operations/abc123.",
    )
