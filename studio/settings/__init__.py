"""Every setting of the project, by subject. The environment is read here, through `studio.env`, and nowhere else.

`base` loads `.env`; the other files import it before they read a variable.
"""

from studio.settings.api import *
from studio.settings.apps import *
from studio.settings.back_office import *
from studio.settings.base import *
from studio.settings.database import *
from studio.settings.files import *
from studio.settings.google_sign_in import *
from studio.settings.live import *
from studio.settings.mail import *
from studio.settings.middleware import *
from studio.settings.observability import *
from studio.settings.redis import *
from studio.settings.sign_in import *
from studio.settings.videos import *
from studio.settings.web import *
