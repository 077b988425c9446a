"""From files, arguments and what lies in a project to settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Literal

from ..errors import UserError
from ..ids import DEFAULT_PROFILE, LOCAL, HostName
from ..settings import Profile, Settings
from .build import Built, Common, build_profile
from .choose import choose_source
from .hosts import known_hosts, named_hosts, place_profiles, read_hosts
from .interpreter import Found, candidates, default_python, expanded, provides
from .layers import COMMAND_LINE, DEFAULT, Layers
from .overrides import Overrides
from .places import default_repository, project_folder, repository_at
from .profiles import ProfileSpec, choose, default_names, profile_specs
from .project import read_project
from .source import Source
from .tables import Table
from .user import read_user

_AT_ONCE = 8  # interpreters started at a time


def load_settings(
    cwd: Path,
    overrides: Overrides,
    environ: Mapping[str, str],
    *,
    survey: bool = False,
    stored: bool = False,
) -> Settings:
    """Return the settings of a run that is started in ``cwd``.

    The command line wins over the project's own settings, these over testr's or stestr's
    configuration, and that over the user's; keys and theme are the user's first.
    Interpreters of configured profiles are started, to see whether they work: a profile whose
    interpreter does not is left out and told among ``problems``. With ``survey`` all configured
    profiles are looked at instead of those that would run, and none has to work. With ``stored``
    nothing is to run, only what is stored is looked at: no interpreter is looked for, and profiles
    have their names and tags only.

    Raises:
        UserError: a file, key, type or value is wrong, or no profile can run.
    """
    cwd = cwd.absolute()
    root = project_folder(cwd)
    file = _config_file(cwd, overrides, environ)
    project, told = read_project(
        root, file if file is not None and file.suffix == ".toml" else None
    )
    user = read_user(environ)
    python = _named_python(root, cwd, overrides, project, environ)
    default = cache(partial(default_python, root, environ))
    source = _source(root, file, project, overrides, environ, python, default)
    layers = Layers(overrides, project, source, user)
    origins = layers.origins
    origins["suite"] = source.origin
    problems = [*told, *source.problems]
    # hosts that are named for this once take the place of instances
    provision = "" if overrides.hosts else source.instance_provision
    instances = bool(provision)

    folder, form, origins["repository"] = _repository(
        root, cwd, overrides, project, source, environ
    )
    lanes, lanes_command = layers.concurrency()
    origins["repository_format"] = origins["repository"]
    origins["concurrency_command"] = origins["concurrency"] if lanes_command else DEFAULT
    settings = Settings(
        root=str(root),
        profiles=(),
        repository=folder,
        repository_format=form,
        concurrency=lanes,
        concurrency_command=lanes_command,
        group_regex=layers.group_regex(),
        plan=_plan(layers, root, cwd, overrides, environ),
        timeout=layers.seconds("timeout", overrides.timeout, 0.0) or None,
        grace=layers.seconds("grace", overrides.grace, 2.0),
        load_timeout=layers.seconds("load_timeout", overrides.load_timeout, 600.0),
        memory_limit=layers.memory_limit(),
        slow_after=layers.seconds("slow_after", overrides.slow_after, 10.0),
        retries=layers.whole("retries", overrides.retries, 0),
        max_fail=layers.whole("max_fail", overrides.max_fail, 0),
        flaky=layers.flaky(),
        leaks=layers.leaks(),
        leaks_allow=layers.regexes("leaks_allow"),
        isolated=layers.flag("isolated", overrides.isolated, False),
        fresh=layers.flag("fresh", overrides.fresh, False),
        native=layers.flag("native", overrides.native, True) and not instances,
        shuffle=overrides.shuffle,
        filter_tags=layers.said("filter_tags", source.filter_tags),
        keys=layers.keys(),
        theme=layers.theme(),
        instance_provision=layers.said("instance_provision", provision),
        instance_execute=layers.said("instance_execute", source.instance_execute),
        instance_dispose=layers.said("instance_dispose", source.instance_dispose),
        instance_timeout=layers.seconds("instance_timeout", None, 600.0),
        hosts=_hosts(layers, overrides),
        known_flaky=layers.regexes("known_flaky"),
        watch_ignore=layers.pick("watch_ignore", None, Table.texts, ()),
        watch_poll=layers.flag("watch_poll", None, False),
        watch_rest=layers.flag("watch_rest", None, False),
        watch_memory=layers.whole("watch_memory", None, 0),
        watch_red=layers.pick("watch_red", None, Table.text, ""),
        watch_green=layers.pick("watch_green", None, Table.text, ""),
    )
    origins["shuffle"] = DEFAULT if overrides.shuffle is None else COMMAND_LINE

    specs, told = profile_specs(project, source, root, environ)
    problems += told
    usual = _usual(specs, project, source, root, environ)
    chosen = usual
    if overrides.profiles:
        chosen = choose(specs, overrides.profiles, overrides.profiles_by)
    if survey and specs:
        chosen = specs
    common = Common(
        root=root,
        environ=environ,
        source=source,
        python=python,
        default=lambda: default()[0],
        env=layers.pick("env", None, Table.environment, {}),
        args=(*layers.pick("args", None, Table.texts, ()), *overrides.args),
        places=_places(project, overrides),
        native=settings.native,
        hosts=settings.hosts,
    )
    if stored:
        built = [Built(Profile(spec.name, tags=spec.tags)) for spec in chosen]
    else:
        built = _build(chosen, common, check=bool(specs))
    problems += [each.problem for each in built]
    if default.cache_info().currsize:
        problems.append(default()[1])
    profiles = tuple(each.profile for each in built if each.profile is not None)
    hosts = settings.hosts if overrides.hosts else named_hosts(profiles, settings.hosts)
    known = read_hosts(environ) if hosts != (LOCAL,) else {}
    hosts, unknown = known_hosts(
        hosts, origins["hosts"], known, environ, strict=bool(overrides.hosts)
    )
    problems += unknown
    if not survey and len(profiles) < len(built) and (overrides.strict_profiles or not profiles):
        wrong = [each.problem for each in built if each.profile is None]
        rest = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise UserError(
            f"{wrong[0][0].upper()}{wrong[0][1:].rstrip('.')}{rest}.",
            hint="`testlanes profiles` shows what each of them needs.",
        )
    if not survey and not stored:
        profiles, hosts, told = place_profiles(profiles, hosts)
        if told and overrides.strict_profiles:
            raise UserError(
                f"{told[0][0].upper()}{told[0][1:]}",
                hint="Name a host that is known, or configure it.",
            )
        problems += told
    for each in built:
        if each.profile is not None:
            origins[f"profiles.{each.profile.name}.python"] = each.origin
    return replace(
        settings,
        profiles=profiles,
        hosts=hosts,
        reach={host: known[host] for host in hosts if host in known},
        all_profiles=tuple(spec.name for spec in specs),
        default_profiles=tuple(spec.name for spec in usual),
        missing_profiles={
            spec.name: each.problem
            for spec, each in zip(chosen, built, strict=True)
            if each.profile is None
        },
        origins=origins,
        problems=tuple(dict.fromkeys(filter(None, problems))),
    )


def _config_file(cwd: Path, overrides: Overrides, environ: Mapping[str, str]) -> Path | None:
    if not overrides.config_file:
        return None
    file = cwd / expanded(overrides.config_file, environ)
    if not file.is_file():
        raise UserError(f"There is no file {file}.", hint="It was given as the configuration.")
    return file


def _named_python(
    root: Path,
    cwd: Path,
    overrides: Overrides,
    project: Table | None,
    environ: Mapping[str, str],
) -> Found | None:
    word = overrides.python
    origin = "--python"
    configured = project.text("python") if project is not None else None
    if not word and project is not None and configured is not None:
        word, origin = configured, project.origin("python")
    if not word:
        return None
    found = next(candidates(word, cwd if overrides.python else root, environ), None)
    if found is None:
        raise UserError(
            f"{origin}: there is no Python called {word}.",
            hint="Give the path of an interpreter, or a name as in python3.12.",
        )
    return Found(found.python, origin)


def _source(
    root: Path,
    file: Path | None,
    project: Table | None,
    overrides: Overrides,
    environ: Mapping[str, str],
    python: Found | None,
    default: Callable[[], tuple[Found, str]],
) -> Source:
    def without_pytest() -> str:
        found = python or default()[0]
        return "" if provides(found.python, "pytest", root, environ) else found.python

    ini = file if file is not None and file.suffix != ".toml" else None
    return choose_source(root, project, overrides, ini, environ, without_pytest)


def _repository(
    root: Path,
    cwd: Path,
    overrides: Overrides,
    project: Table | None,
    source: Source,
    environ: Mapping[str, str],
) -> tuple[str, Literal["testr", "stestr"], str]:
    configured = project.text("repository") if project is not None else None
    if overrides.repository:
        return *repository_at(overrides.repository, cwd, environ), COMMAND_LINE
    if project is not None and configured is not None:
        return *repository_at(configured, root, environ), project.origin("repository")
    return default_repository(root, source.repository_format)


def _plan(
    layers: Layers, root: Path, cwd: Path, overrides: Overrides, environ: Mapping[str, str]
) -> str:
    text = layers.pick("plan", overrides.plan or None, Table.text, "")
    base = cwd if overrides.plan else root
    return str(base / expanded(text, environ)) if text else ""


def _hosts(layers: Layers, overrides: Overrides) -> tuple[HostName, ...]:
    given = tuple(word for text in overrides.hosts for word in text.split(",") if word)
    names = layers.pick("hosts", given or None, Table.texts, ())
    return tuple(map(HostName, dict.fromkeys(names))) or (LOCAL,)


def _places(project: Table | None, overrides: Overrides) -> dict[str, str]:
    """Return what is said of ``start``, ``pattern`` and ``top``, the command line's first."""
    places: dict[str, str] = {}
    given = {"start": overrides.start, "pattern": overrides.pattern, "top": overrides.top}
    for key, value in given.items():
        text = value or (project.text(key) if project is not None else None)
        if text:
            places[key] = text
    return places


def _usual(
    specs: Sequence[ProfileSpec],
    project: Table | None,
    source: Source,
    root: Path,
    environ: Mapping[str, str],
) -> Sequence[ProfileSpec]:
    """Return the profiles that run when none is named."""
    named = default_names(project, source, root, environ)
    if named is not None:
        return choose(specs, *named)
    return specs or (ProfileSpec(DEFAULT_PROFILE),)


def _build(specs: Sequence[ProfileSpec], common: Common, *, check: bool) -> list[Built]:
    if not check or len(specs) == 1:
        return [build_profile(spec, common, check=check) for spec in specs]
    from concurrent.futures import ThreadPoolExecutor  # milliseconds, before the suite is loaded

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(partial(build_profile, common=common, check=check), specs))
