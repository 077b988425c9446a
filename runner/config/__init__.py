"""Where settings come from: files, arguments and what lies in the project; the result is settings.Settings."""

from .load import load_settings as load_settings
from .overrides import Overrides as Overrides
