"""Where settings come from: files, arguments and what lies in the project; the result is settings.Settings."""
