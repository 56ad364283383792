"""What a name of a person's own choosing may look like: an account, a campaign."""

import re

is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch
