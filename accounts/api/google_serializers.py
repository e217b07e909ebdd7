"""The input of a sign-in with Google."""

from studio.api.field_names import Spelled
from studio.api.fields import Text
from studio.api.input_serializers import Input

ID_TOKEN_MAX = 4096  # characters; Google's have about 1,200
# What the frontend of the previous system sends.
FORMER_NAMES = {"google_id_token": "idToken", "googleIdToken": "idToken"}


class GoogleSignInForm(Input):
    """An ID token of Google."""

    idToken = Text(
        source="id_token",
        write_only=True,
        max_length=ID_TOKEN_MAX,
        help_text="The `credential` that Google's button hands to the page. `google_id_token` is accepted, too.",
    )

    def find(self, spelling: str) -> Spelled | None:
        """Also knows the names of the previous system."""
        return super().find(FORMER_NAMES.get(spelling, spelling))
