"""What a service declares: its integration, its actions and their effects. Pure: no Django, no SDK.

An action is an async function with a pydantic input and output model and a docstring; from that one declaration
come the editor's form, the catalogue card, JSON Schema, OpenAPI, docs page, retry policy, the checks of later
references and a suite of contract tests.

    class CreateIssueInput(Model):
        repository: str = target("Repository", help="owner/name", example="octocat/hello")
        title: str = content("Title")

    @github.action("create_issue", kind=Kind.EFFECT, input=CreateIssueInput, output=Issue,
                   title="Create an issue", verb="creates issue", changes=[Change("issue", look=True)])
    async def create_issue(context: Context[GithubClient], values: CreateIssueInput) -> Issue: ...
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from integrations.rehearsal import Foretell, rehearsed
from integrations.trigger_spec import Event, Hook, Polled, Signature, Trigger, declare_trigger

__all__ = [
    "NAME", "Action", "Change", "Event", "Hook", "Integration", "Kind", "Limit", "Model", "OAuthLevel", "OAuthSpec",
    "Polled", "SecretField", "Signature", "Trigger", "check_action", "choices_of", "content", "role_of", "setting",
    "target",
]  # fmt: skip

NAME = re.compile(r"^[a-z][a-z0-9_]{0,47}$")


class Model(BaseModel):
    """Base of inputs and outputs: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Kind(StrEnum):
    """What a call does outside: nothing, reads, asks a model, or changes something."""

    PURE = "pure"
    READ = "read"
    MODEL = "model"
    EFFECT = "effect"


def content(
    label: str,
    *,
    default: Any = ...,
    help: str = "",
    example: Any = None,
    widget: str = "",
    choices: str = "",
    depends: Sequence[str] = (),
    **rules: Any,
) -> Any:
    """An input that text from outside may fill (a body, a title). `widget`: text, long, markdown, code, choice.

    `choices` names a list that the form offers from the connection itself (models, repositories): the client's
    `async choices(name, q, given) -> Sequence[Choice]` gives it; `depends` are the inputs it must know (`given`).
    """
    return _input("content", label, default, help, example, widget, rules, choices, depends)


def target(
    label: str,
    *,
    default: Any = ...,
    help: str = "",
    example: Any = None,
    widget: str = "",
    choices: str = "",
    depends: Sequence[str] = (),
    **rules: Any,
) -> Any:
    """An input that says where something goes (repository, page, address): tainted text may never fill it."""
    return _input("target", label, default, help, example, widget, rules, choices, depends)


def setting(
    label: str,
    *,
    default: Any = ...,
    help: str = "",
    example: Any = None,
    widget: str = "",
    choices: str = "",
    depends: Sequence[str] = (),
    literal: bool = False,
    **rules: Any,
) -> Any:
    """An input that only tunes the call (a limit, a temperature); tainted values are treated like content.

    `literal`: it is written down in the step and holds no placeholders (an expression that the action itself evaluates:
    what comes from a run must never become part of one).
    """
    return _input("setting", label, default, help, example, widget, rules, choices, depends, literal)


def _input(
    role: str,
    label: str,
    default: Any,
    help: str,
    example: Any,
    widget: str,
    rules: dict[str, Any],
    choices: str,
    depends: Sequence[str],
    literal: bool = False,
) -> Any:
    extra = {"x-role": role, "x-widget": widget, "x-example": example, "x-choices": choices, "x-depends": list(depends)}
    extra["x-literal"] = literal or None
    shown = {name: value for name, value in extra.items() if value not in ("", None, [])}
    return Field(default, title=label, description=help or None, json_schema_extra=shown, **rules)


@dataclass(frozen=True)
class Change:
    """One kind of change an effect action makes: what it is called, whether it can be looked up, how it is undone.

    `thing` is what a person calls what is changed ("mail", "page"), empty for a step on the way that nobody sees (an
    upload before it is shown). `weight` says how hard it is to take back: 0 not at all (what was sent), 100 nothing.
    """

    op: str
    look: bool
    undo: str = ""
    set_semantics: bool = False
    thing: str = "change"
    weight: int = 50


@dataclass(frozen=True)
class SecretField:
    """One write-only field of a connection; `shown` is stored like one and is no secret (a user name, a header).

    `options` are the only values that are taken (a setting of the connection); each with what a person reads.
    """

    name: str
    label: str
    required: bool = True
    help: str = ""
    prefixes: tuple[str, ...] = ()
    multiline: bool = False
    shown: bool = False
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Limit:
    """A rate that a service asks for: at most `amount` calls in any window of `seconds`, `burst` of them at once.

    `changes`: it counts only calls that change something.
    """

    amount: int
    seconds: float
    burst: int = 1
    changes: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.burst <= self.amount or self.seconds <= 0:
            raise ValueError(f"a limit of {self.amount} in {self.seconds:g} s, {self.burst} at once, makes no sense")

    @property
    def name(self) -> str:
        """What it is stored under."""
        return f"{self.amount}/{self.seconds:g}{' changes' if self.changes else ''}"

    @property
    def words(self) -> str:
        """For people: "80 changes a minute"."""
        each = {1: "a second", 60: "a minute", 3600: "an hour"}.get(int(self.seconds), f"in {self.seconds:g} seconds")
        return f"{self.amount} {'changes' if self.changes else 'calls'} {each}"


@dataclass(frozen=True)
class OAuthLevel:
    """How much is asked for: what the level is called, its scopes, and in which words they are explained."""

    name: str
    title: str
    scopes: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class GuideStep:
    """One tick of what a person does once in a provider's console: what, how, and texts to copy there (label, text).

    `redirect`: our redirect address is shown with it.
    """

    title: str
    text: str
    copies: tuple[tuple[str, str], ...] = ()
    redirect: bool = False


@dataclass(frozen=True)
class Trial:
    """A state of the provider's project in which a sign-in ends after some days; the person ticks that it is in it."""

    label: str
    help: str
    days: int
    text: str


@dataclass(frozen=True)
class OAuthSpec:
    """A consent page instead of pasted secrets: whose it is, what is asked for, and in which words it is explained.

    `provider` names the endpoints (settings GOOGLE_AUTH_URL, GOOGLE_TOKEN_URL …); `scopes` are shown before consent.
    `guide` leads a person who brings a client of their own; `console` says where.
    """

    provider: str
    scopes: tuple[str, ...]
    scope_words: tuple[str, ...] = ()
    button: str = "Connect with Google"
    levels: tuple[OAuthLevel, ...] = ()
    console: str = ""
    guide: tuple[GuideStep, ...] = ()
    trial: Trial | None = None

    def at(self, level: str) -> OAuthSpec:
        """The same with the scopes of one of the levels; unchanged for a name that is none."""
        found = next((one for one in self.levels if one.name == level), None)
        return replace(self, scopes=found.scopes, scope_words=found.words) if found else self


@dataclass(frozen=True)
class Action:
    """A declared action; `name` is `<service>.<verb>`.

    `plan(context, inputs)` tells a dry run what the action would change: a list of `context.Plan`, one for each change
    in order, or a `rehearsal.Rehearsal`. It may read, over the same client, and sends nothing. A dry run stops at an
    effect that has none.
    `most(client, inputs)` is what one call costs at most in US dollars (None: not known), told before it is made.
    `role` is what the engine itself looks for: "turn" is the action by which an agent asks its model.
    `lists` is the verb of the same service that lists what its first target may name, each with the JSON Schema of the
    input called `arguments`: so an agent knows how the tool of another server is called.
    """

    name: str
    service: str
    kind: Kind
    title: str
    description: str
    input: type[BaseModel]
    output: type[BaseModel]
    run: Callable[[Any, Any], Awaitable[BaseModel]]
    verb: str = ""
    icon: str = ""
    changes: tuple[Change, ...] = ()
    needs: str = ""
    timeout: int = 60
    tainted: bool = True
    keywords: tuple[str, ...] = ()
    plan: Callable[[Any, Any], Awaitable[Any]] | None = None
    most: Callable[[Any, Any], float | None] | None = None
    role: str = ""
    lists: str = ""
    foretell: Mapping[str, Foretell] = field(default_factory=dict, hash=False, compare=False)

    @property
    def is_effect(self) -> bool:
        """Whether the action changes something outside."""
        return self.kind is Kind.EFFECT

    def change(self, op: str) -> Change | None:
        """The declared change of that name."""
        return next((change for change in self.changes if change.op == op), None)

    @property
    def can_look(self) -> bool:
        """Whether every change of the action can be looked up when its answer is lost."""
        return bool(self.changes) and all(change.look or change.set_semantics for change in self.changes)

    @property
    def default_retries(self) -> int:
        """design.md §3: 2 for read and model, 3 for an effect that was refused or absent, none for pure."""
        return {Kind.PURE: 0, Kind.READ: 2, Kind.MODEL: 2, Kind.EFFECT: 3}[self.kind]


@dataclass
class Integration:
    """A service: one folder, found by the registry, no edit elsewhere.

    `provides` names what its connections can be used for beyond its own actions (e.g. "model"); an action with
    `needs="model"` runs over any connection that provides it. `client` and `sandbox` are dotted paths to factories
    `(ConnectionInfo, Calls) -> client`, imported when first used, so that no SDK is loaded by the web process.
    `secret_sets` are alternatives of which one must be complete (a token, or the three parts of an app). `rank` decides
    where several services could serve one need: the lower comes first.
    `connection`: "needed"; "optional", where a step may also run without one (then no key leaves, and the default
    connection is not used); "none", where there is nothing to connect to and `client` opens for the workspace alone.
    `check_address` is a dotted path to `(text) -> address` for services whose address is no https URL;
    `base_url_required` where there is no usual one.
    `asks` are paths that change nothing though they are asked by POST (searches, answers of a model, a token for our
    own key), with * for any part: nothing else but GET and HEAD leaves in a dry run.
    `overlay` is a dotted path to `(client, Foreseen) -> client`: a client that shows what a dry run has planned as if
    it were there.
    `undo` is a dotted path to a table: op → `undoing.Rule`, how each kind of change is taken back.


    `signature` says how the service signs what it delivers to an address of ours.
    `limits` are the rates the service asks for at its usual address; all workers together keep them, connection by
    connection.
    """

    slug: str
    title: str
    description: str = ""
    secrets: tuple[SecretField, ...] = ()
    provides: frozenset[str] = frozenset()
    client: str = ""
    sandbox: str = ""
    base_url: str = ""
    base_url_help: str = ""
    base_url_required: bool = False
    check_address: str = ""
    connection: Literal["needed", "optional", "none"] = "needed"
    oauth: OAuthSpec | None = None
    secret_sets: tuple[tuple[str, ...], ...] = ()
    rank: int = 100
    keywords: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    asks: tuple[str, ...] = ()
    overlay: str = ""
    undo: str = ""
    folder: Path | None = None
    actions: dict[str, Action] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    signature: Signature | None = None

    def __post_init__(self) -> None:
        if not NAME.match(self.slug):
            raise ValueError(f"integration slug {self.slug!r}: use {NAME.pattern}")

    @property
    def needs_connection(self) -> bool:
        """Whether its steps run over a connection only."""
        return bool(self.client) and self.connection == "needed"

    @property
    def takes_connection(self) -> bool:
        """Whether one can connect to it, and its steps may name a connection."""
        return bool(self.client) and self.connection != "none"

    def action(
        self,
        verb: str,
        *,
        kind: Kind,
        input: type[BaseModel],
        output: type[BaseModel],
        title: str,
        phrase: str = "",
        changes: Sequence[Change] = (),
        needs: str = "",
        timeout: int = 60,
        tainted: bool | None = None,
        keywords: Sequence[str] = (),
        icon: str = "",
        plan: Callable[[Any, Any], Awaitable[Any]] | None = None,
        foretell: Mapping[str, Foretell] | None = None,
        most: Callable[[Any, Any], float | None] | None = None,
        role: str = "",
        lists: str = "",
    ) -> Callable[[Callable[[Any, Any], Awaitable[Any]]], Callable[[Any, Any], Awaitable[Any]]]:
        """Declare an action of this service. Bad declarations raise ValueError when the module is loaded.

        A dry run needs a plan: `plan` itself, or `foretell`, which says for each of the changes what it would do; the
        action is then gone through with these answers instead of the service's (integrations.rehearsal).
        """

        def declare(run: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
            if foretell is not None and {change.op for change in changes} - set(foretell):
                raise ValueError(f"{self.slug}.{verb}: each of its changes has to be foretold")
            declared = Action(
                name=f"{self.slug}.{verb}",
                service=self.slug,
                kind=kind,
                title=title,
                description=inspect.cleandoc(run.__doc__ or ""),
                input=input,
                output=output,
                run=run,
                verb=phrase,
                icon=icon,
                changes=tuple(changes),
                needs=needs,
                timeout=timeout,
                tainted=kind is not Kind.PURE if tainted is None else tainted,
                keywords=tuple(keywords),
                plan=plan if foretell is None else rehearsed(run, foretell),
                most=most,
                role=role,
                lists=lists,
                foretell=dict(foretell or {}),
            )
            check_action(declared)
            if verb in self.actions:
                raise ValueError(f"{declared.name} is declared twice")
            self.actions[verb] = declared
            return run

        return declare

    def trigger(
        self,
        what: str,
        *,
        config: type[BaseModel],
        event: type[BaseModel],
        title: str,
        every: int = 60,
        hook: Hook | None = None,
        sample: Mapping[str, Any] = {},
        keywords: Sequence[str] = (),
    ) -> Callable[[Callable[..., Awaitable[Polled]]], Callable[..., Awaitable[Polled]]]:
        """Declare a trigger of this service, in its folder's `triggers.py` (integrations.trigger_spec says how)."""

        def declare(poll: Callable[..., Awaitable[Polled]]) -> Callable[..., Awaitable[Polled]]:
            if what in self.triggers:
                raise ValueError(f"{self.slug}.{what} is declared twice")
            self.triggers[what] = declare_trigger(
                self.slug, what, poll, config=config, event=event, title=title, every=every, hook=hook,
                sample=sample, keywords=tuple(keywords),
            )  # fmt: skip
            return poll

        return declare


def check_action(action: Action) -> None:
    """Refuse a bad declaration at the door. Raises ValueError with the action's name and what is wrong."""
    wrong = None
    if not re.match(r"^[a-z][a-z0-9_]{0,47}\.[a-z][a-z0-9_]{0,47}$", action.name):
        wrong = "the name must be service.verb in lower case"
    elif not inspect.iscoroutinefunction(action.run):
        wrong = "the function must be async"
    elif not action.description:
        wrong = "the function needs a docstring"
    elif action.is_effect != bool(action.changes):
        wrong = "an effect names its changes, and nothing else does"
    elif action.plan is not None and not (action.is_effect and inspect.iscoroutinefunction(action.plan)):
        wrong = "a plan is an async function of an effect"
    elif not 1 <= action.timeout <= 3600:
        wrong = "the timeout must be 1 to 3600 seconds"
    else:
        extras = {name: info.json_schema_extra for name, info in action.input.model_fields.items()}
        unmarked = [name for name, extra in extras.items() if not isinstance(extra, dict) or "x-role" not in extra]
        if unmarked:
            wrong = f"inputs without content(), target() or setting(): {', '.join(unmarked)}"
    if wrong:
        raise ValueError(f"{action.name}: {wrong}")


def role_of(model: type[BaseModel], name: str) -> str:
    """content, target or setting: the mark of one input field."""
    return str(_mark(model, name, "x-role", "content"))


def choices_of(model: type[BaseModel], name: str) -> tuple[str, tuple[str, ...]]:
    """The list that a field offers from its connection ('' for none), and the inputs that the list depends on."""
    depends = _mark(model, name, "x-depends", [])
    return str(_mark(model, name, "x-choices", "")), tuple(depends if isinstance(depends, list) else ())


def _mark(model: type[BaseModel], name: str, mark: str, usual: Any) -> Any:
    extra = model.model_fields[name].json_schema_extra
    return extra.get(mark, usual) if isinstance(extra, dict) else usual
