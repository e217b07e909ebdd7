"""The roles of the back office as groups; `accounts.roles` says what each is for.

Django makes permissions only after the last migration, so what is not there yet is made here: it finds them then.
Permissions of other apps are named by text: this app does not know them.
"""

from django.db import migrations

LOOKED_AT = {
    "accounts": ("user", "tokenaccount", "ledgerentry", "signin"),
    "looks": ("look", "lookshare", "lookvideo", "product"),
    "videos": ("videojob", "joblog", "jobinput", "videomodel", "upstream"),
}
SUPPORT = [
    *(f"{app}.view_{model}" for app, models in LOOKED_AT.items() for model in models),
    "videos.refund_videojob",
]
OPERATOR = [
    *SUPPORT,
    "accounts.adjust_tokens",
    "looks.change_look",
    "looks.delete_look",
    "videos.delete_videojob",
    "videos.operate_videojob",
    *(f"videos.{action}_{model}" for model in ("videomodel", "upstream") for action in ("add", "change", "delete")),
]
# What an admin can do comes from being a superuser, which is given with the role. The group is there to be seen.
ROLES = {"support": SUPPORT, "operator": OPERATOR, "admin": []}
OF_A_MODEL = {"adjust_tokens": "tokenaccount"}  # the permissions whose codename does not end with it
NAMES = {
    "adjust_tokens": "Can grant tokens and correct balances",
    "refund_videojob": "Can give the tokens of a video job back, within a day's limit",
    "operate_videojob": "Can retry, stop, hurry and adopt video jobs, and refund them without limit",
}


def make(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for role, permissions in ROLES.items():
        row, _ = group.objects.get_or_create(name=role)
        row.permissions.add(*(permission(apps, name) for name in permissions))
    for user in apps.get_model("accounts", "User").objects.filter(is_superuser=True, is_staff=True):
        user.groups.add(group.objects.get(name="admin"))


def permission(apps, name):
    app, codename = name.split(".")
    action, _, model = codename.partition("_")
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app, model=OF_A_MODEL.get(codename, model)
    )
    row, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename=codename,
        defaults={"name": NAMES.get(codename, f"Can {action} {model}")},
    )
    return row


def remove(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_back_office"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, remove)]
